"""Subscribers get each event exactly once, whatever their pace."""

from collections.abc import Callable

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from crew_actors.journal import (
    Journal,
    JournalFull,
    Lease,
    RunFolder,
    _journal,
    _writer,
    follow_events,
    open_journal,
)
from crew_actors.journal._database import Database, NewRow
from crew_actors.model import Progress

Progresses = Callable[[int], Progress]


async def _collect(journal: Journal, since: int, into: list[int], pause: int) -> None:
    async for recorded in journal.events(since):
        into.append(recorded.seq)
        if pause and recorded.seq % pause == 0:
            await trio.sleep(0.005)


@pytest.mark.parametrize("tail", [16, 4096])
async def test_each_subscriber_gets_each_event_once_under_load(
    folder: RunFolder,
    lease: Lease,
    progress: Progresses,
    monkeypatch: pytest.MonkeyPatch,
    tail: int,
) -> None:
    monkeypatch.setattr(_writer, "TAIL_EVENTS", tail)
    monkeypatch.setattr(_journal, "PAGE_EVENTS", 32)
    got: dict[tuple[int, int], list[int]] = {}

    async def produce(journal: Journal) -> None:
        for number in range(500):
            await journal.post(progress(number))

    async with (
        trio.open_nursery() as readers,
        open_journal(folder, lease=lease, create=True) as journal,
    ):
        for since, pause in ((0, 0), (0, 7), (100, 50), (1990, 0), (2500, 0)):
            into = got.setdefault((since, pause), [])
            readers.start_soon(_collect, journal, since, into, pause)
        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(produce, journal)
    for (since, _), seqs in got.items():
        assert seqs == list(range(since + 1, 2001))


async def test_a_subscription_replays_what_an_earlier_owner_wrote(
    folder: RunFolder, lease: Lease, progress: Progresses
) -> None:
    async with open_journal(folder, lease=lease, create=True) as journal:
        for number in range(300):
            await journal.post(progress(number))
    got: list[int] = []
    async with (
        trio.open_nursery() as nursery,
        open_journal(folder, lease=lease) as journal,
    ):
        nursery.start_soon(_collect, journal, 0, got, 0)
        await journal.append(progress(301))
    assert got == list(range(1, 302))


async def test_a_subscriber_sees_only_what_is_on_disk(
    folder: RunFolder,
    lease: Lease,
    progress: Progresses,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_writer, "GROUP_SECONDS", 60)
    got: list[int] = []
    async with (
        open_journal(folder, lease=lease, create=True) as journal,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(_collect, journal, 0, got, 0)
        await journal.post(progress(1))
        await wait_all_tasks_blocked()
        assert got == []
        await journal.flush()
        await wait_all_tasks_blocked()
        assert got == [1]
        nursery.cancel_scope.cancel()


async def test_a_cancelled_wait_for_an_event_takes_nothing(
    folder: RunFolder, lease: Lease, progress: Progresses
) -> None:
    async with open_journal(folder, lease=lease, create=True) as journal:
        events = journal.events()
        with trio.move_on_after(0) as scope:
            await anext(events)
        assert scope.cancelled_caught
        await journal.append(progress(1))
        assert (await anext(events)).seq == 1


async def test_a_subscription_of_a_broken_journal_ends_with_the_reason(
    folder: RunFolder,
    lease: Lease,
    progress: Progresses,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(database: Database, rows: list[NewRow]) -> None:
        raise JournalFull(database.path, "no space")

    with pytest.raises(JournalFull):
        async with open_journal(folder, lease=lease, create=True) as journal:
            await journal.append(progress(1))
            events = journal.events()
            monkeypatch.setattr(Database, "write", full)
            with pytest.raises(JournalFull):
                await journal.append(progress(2))
            assert (await anext(events)).seq == 1
            await wait_all_tasks_blocked()
            with pytest.raises(JournalFull):
                await anext(events)


async def test_a_follower_from_outside_gets_each_event_once_and_then_ends(
    folder: RunFolder, lease: Lease, progress: Progresses
) -> None:
    got: list[int] = []
    caught_up = trio.Event()

    async def follow(since: int) -> None:
        async for recorded in follow_events(folder, since):
            got.append(recorded.seq)
            if recorded.seq == 49:
                caught_up.set()

    async with (
        trio.open_nursery() as nursery,
        open_journal(folder, lease=lease, create=True) as journal,
    ):
        await journal.append(progress(1))
        nursery.start_soon(follow, 1)
        for number in range(2, 50):
            await journal.append(progress(number))
        with trio.fail_after(10):
            await caught_up.wait()
        await journal.append(progress(50))
    assert got == list(range(2, 51))
