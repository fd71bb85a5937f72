"""What the journal promises to those who write."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from crew_actors.journal import (
    BadEvent,
    Journal,
    JournalClosed,
    JournalExists,
    JournalMissing,
    JournalStuck,
    Lease,
    RunFolder,
    _writer,
    newest_events,
    open_journal,
    owner_state,
    read_events,
)
from crew_actors.journal._database import Database, NewRow
from crew_actors.model import Progress, Recorded, RunCreated, RunFailed

Progresses = Callable[[int], Progress]


def _seqs(folder: RunFolder) -> list[int]:
    return [recorded.seq for recorded in read_events(folder)]


class Groups:
    """The sizes of the groups that were committed, and a gate before each."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sizes: list[int] = []
        write = Database.write

        def recorded(database: Database, rows: list[NewRow]) -> None:
            self.sizes.append(len(rows))
            write(database, rows)

        monkeypatch.setattr(Database, "write", recorded)


async def test_an_acknowledged_event_is_on_disk(
    folder: RunFolder, lease: Lease, created: RunCreated
) -> None:
    async with open_journal(
        folder, lease=lease, create=True, clock=lambda: 12.5
    ) as journal:
        recorded = await journal.append(created)
        assert recorded == Recorded(1, 12.5, created)
        assert list(read_events(folder)) == [recorded]
        assert journal.last == 1


async def test_a_lone_append_is_not_kept_waiting_for_company(
    folder: RunFolder,
    lease: Lease,
    progress: Progresses,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_writer, "GROUP_SECONDS", 60)
    async with open_journal(folder, lease=lease, create=True) as journal:
        with trio.fail_after(10):
            for number in range(3):
                await journal.append(progress(number))


async def test_posted_events_are_committed_without_anybody_waiting(
    folder: RunFolder, lease: Lease, progress: Progresses
) -> None:
    async with open_journal(folder, lease=lease, create=True) as journal:
        await journal.post(progress(1))
        assert journal.last == 0
        with trio.fail_after(10):
            await anext(journal.events())
        assert journal.last == 1


async def test_posted_events_share_a_commit_with_the_append_behind_them(
    folder: RunFolder,
    lease: Lease,
    progress: Progresses,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    groups = Groups(monkeypatch)
    monkeypatch.setattr(_writer, "GROUP_SECONDS", 60)
    async with open_journal(folder, lease=lease, create=True) as journal:
        for number in range(9):
            await journal.post(progress(number))
        with trio.fail_after(10):
            await journal.append(progress(10))
        assert groups.sizes == [10]


async def test_a_group_has_256_events_at_most(
    folder: RunFolder,
    lease: Lease,
    progress: Progresses,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    groups = Groups(monkeypatch)
    async with open_journal(folder, lease=lease, create=True) as journal:
        for number in range(1000):
            await journal.post(progress(number))
        await journal.flush()
    assert max(groups.sizes) == 256
    assert sum(groups.sizes) == 1000


async def test_numbers_follow_the_order_of_the_calls_without_a_gap(
    folder: RunFolder,
    lease: Lease,
    progress: Progresses,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_writer, "QUEUE_EVENTS", 3)
    given: dict[int, list[str]] = {}

    async def produce(journal: Journal, name: int) -> None:
        for number in range(100):
            make = journal.append if number % 10 == 0 else journal.post
            recorded = await make(progress(1000 * name + number))
            assert isinstance(recorded.event, Progress)
            given.setdefault(name, []).append(recorded.event.text)

    async with (
        open_journal(folder, lease=lease, create=True) as journal,
        trio.open_nursery() as nursery,
    ):
        for name in range(8):
            nursery.start_soon(produce, journal, name)
    stored = list(read_events(folder))
    assert [each.seq for each in stored] == list(range(1, 801))
    for name in range(8):
        texts = [each.event.text for each in stored if isinstance(each.event, Progress)]
        mine = [text for text in texts if int(text.split()[1]) // 1000 == name]
        assert mine == given[name]


class Stalled:
    """A disk that takes its time until it is told to go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.busy = threading.Event()
        self.go = threading.Event()
        write = Database.write

        def stalled(database: Database, rows: list[NewRow]) -> None:
            self.busy.set()
            assert self.go.wait(20)
            write(database, rows)

        monkeypatch.setattr(Database, "write", stalled)

    async def until_busy(self) -> None:
        assert await trio.to_thread.run_sync(self.busy.wait, 10)


async def test_a_full_queue_makes_its_senders_wait_in_order(
    folder: RunFolder,
    lease: Lease,
    progress: Progresses,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_writer, "QUEUE_EVENTS", 1)
    disk = Stalled(monkeypatch)
    async with (
        open_journal(folder, lease=lease, create=True) as journal,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(journal.append, progress(0))
        await disk.until_busy()
        await journal.post(progress(1))  # fills the queue
        for number in range(2, 8):
            nursery.start_soon(journal.post, progress(number))
            await wait_all_tasks_blocked()
        disk.go.set()
    assert [each.event for each in read_events(folder)] == [
        progress(number) for number in range(8)
    ]


async def test_a_cancelled_call_that_waits_for_room_uses_no_number(
    folder: RunFolder,
    lease: Lease,
    progress: Progresses,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_writer, "QUEUE_EVENTS", 1)
    disk = Stalled(monkeypatch)
    async with open_journal(folder, lease=lease, create=True) as journal:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal.append, progress(1))
            await disk.until_busy()
            await journal.post(progress(2))  # fills the queue
            async with trio.open_nursery() as hopeless:
                hopeless.start_soon(journal.append, progress(-1))
                hopeless.start_soon(journal.post, progress(-2))
                await wait_all_tasks_blocked()
                hopeless.cancel_scope.cancel()
            disk.go.set()
        recorded = await journal.append(progress(3))
        assert recorded.seq == 3
    assert [each.event for each in read_events(folder)] == [
        progress(number) for number in (1, 2, 3)
    ]


async def test_a_call_cancelled_while_it_waits_for_the_disk_is_written(
    folder: RunFolder,
    lease: Lease,
    progress: Progresses,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    disk = Stalled(monkeypatch)
    async with open_journal(folder, lease=lease, create=True) as journal:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal.append, progress(1))
            await disk.until_busy()
            nursery.cancel_scope.cancel()
        disk.go.set()
    assert _seqs(folder) == [1]


async def test_closing_writes_what_is_queued(
    folder: RunFolder, lease: Lease, progress: Progresses
) -> None:
    async with open_journal(folder, lease=lease, create=True) as journal:
        for number in range(700):
            await journal.post(progress(number))
    assert _seqs(folder) == list(range(1, 701))
    assert owner_state(folder) == "released"


async def test_a_cancelled_run_still_has_its_queue_written(
    folder: RunFolder, lease: Lease, progress: Progresses
) -> None:
    with trio.CancelScope() as scope:
        async with open_journal(folder, lease=lease, create=True) as journal:
            for number in range(700):
                await journal.post(progress(number))
            scope.cancel()
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert _seqs(folder) == list(range(1, 701))
    assert owner_state(folder) == "released"


async def test_an_error_of_the_block_comes_out_as_it_is(
    folder: RunFolder, lease: Lease, progress: Progresses
) -> None:
    with pytest.raises(ZeroDivisionError):
        async with open_journal(folder, lease=lease, create=True) as journal:
            await journal.post(progress(1))
            raise ZeroDivisionError
    assert _seqs(folder) == [1]


async def test_a_closed_journal_says_so(
    folder: RunFolder, lease: Lease, progress: Progresses
) -> None:
    async with open_journal(folder, lease=lease, create=True) as journal:
        await journal.append(progress(1))
    for write in (journal.append, journal.post):
        with pytest.raises(JournalClosed):
            await write(progress(2))
    with pytest.raises(JournalClosed):
        await journal.flush()
    assert _seqs(folder) == [1]


async def test_flush_waits_for_what_was_queued_before(
    folder: RunFolder, lease: Lease, progress: Progresses
) -> None:
    async with open_journal(folder, lease=lease, create=True) as journal:
        await journal.flush()
        for number in range(300):
            await journal.post(progress(number))
        await journal.flush()
        assert journal.last == 300
        assert [each.seq for each in newest_events(folder, 1)] == [300]


async def test_an_event_that_cannot_be_stored_harms_nobody_else(
    folder: RunFolder, lease: Lease, progress: Progresses
) -> None:
    async with open_journal(folder, lease=lease, create=True) as journal:
        with pytest.raises(BadEvent):
            await journal.append(RunFailed(why="\ud800"))
        recorded = await journal.append(progress(1))
        assert recorded.seq == 1


async def test_numbers_go_on_where_the_last_owner_stopped(
    folder: RunFolder, lease: Lease, progress: Progresses
) -> None:
    async with open_journal(folder, lease=lease, create=True) as journal:
        await journal.append(progress(1))
    async with open_journal(folder, lease=lease) as journal:
        assert journal.last == 1
        assert (await journal.append(progress(2))).seq == 2
    assert _seqs(folder) == [1, 2]


async def test_a_run_is_created_once(folder: RunFolder, lease: Lease) -> None:
    async with open_journal(folder, lease=lease, create=True):
        pass
    with pytest.raises(JournalExists):
        async with open_journal(folder, lease=lease, create=True):
            pass


async def test_a_run_that_does_not_exist_cannot_be_opened(
    folder: RunFolder, lease: Lease, tmp_path: Path
) -> None:
    with pytest.raises(JournalMissing):
        async with open_journal(folder, lease=lease):
            pass
    nowhere = RunFolder(tmp_path / "nowhere")
    with pytest.raises(JournalMissing):
        async with open_journal(nowhere, lease=lease, create=True):
            pass


async def test_a_disk_that_hangs_does_not_keep_the_journal_open_for_ever(
    folder: RunFolder,
    lease: Lease,
    progress: Progresses,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_writer, "CLOSE_SECONDS", 0.05)
    disk = Stalled(monkeypatch)
    stuck: list[bool] = []
    opened: list[Journal] = []

    async def wait(journal: Journal) -> None:
        with pytest.raises(JournalStuck):
            await journal.append(progress(1))
        stuck.append(True)

    async def use(nursery: trio.Nursery) -> None:
        async with open_journal(folder, lease=lease, create=True) as journal:
            opened.append(journal)
            nursery.start_soon(wait, journal)
            await disk.until_busy()
            await journal.post(progress(2))

    async with trio.open_nursery() as nursery:
        with pytest.raises(JournalStuck, match="does not answer"):
            await use(nursery)
        with pytest.raises(JournalStuck):
            await opened[0].append(progress(3))
    assert stuck == [True]
    disk.go.set()
    await _until_idle(opened[0])


async def _until_idle(journal: Journal) -> None:
    """Let the thread that hung finish, then close what it left open."""
    writer = journal._writer
    async with writer.thread:
        writer._database.close()


async def test_a_call_that_is_cancelled_when_room_comes_wrote_nothing(
    folder: RunFolder,
    lease: Lease,
    progress: Progresses,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_writer, "QUEUE_EVENTS", 1)
    disk = Stalled(monkeypatch)
    async with (
        open_journal(folder, lease=lease, create=True) as journal,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(journal.append, progress(1))
        await disk.until_busy()
        await journal.post(progress(2))  # fills the queue
        async with trio.open_nursery() as hopeless:
            hopeless.start_soon(journal.post, progress(-1))
            await wait_all_tasks_blocked()
            hopeless.cancel_scope.cancel()
            assert not journal._writer._waiting  # whatever comes first now
        disk.go.set()
    assert _seqs(folder) == [1, 2]


async def test_a_flush_that_waits_for_room_waits_for_what_came_before_it_only(
    folder: RunFolder,
    lease: Lease,
    progress: Progresses,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_writer, "QUEUE_EVENTS", 1)
    monkeypatch.setattr(_writer, "GROUP_EVENTS", 1)
    disk = Stalled(monkeypatch)
    async with (
        open_journal(folder, lease=lease, create=True) as journal,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(journal.append, progress(1))
        await disk.until_busy()
        await journal.post(progress(2))  # fills the queue
        nursery.start_soon(journal.flush)
        await wait_all_tasks_blocked()
        for number in range(3, 9):
            nursery.start_soon(journal.post, progress(number))
        await wait_all_tasks_blocked()
        disk.go.set()
    assert _seqs(folder) == list(range(1, 9))


async def test_who_waits_for_room_is_told_when_the_journal_closes(
    folder: RunFolder,
    lease: Lease,
    progress: Progresses,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_writer, "QUEUE_EVENTS", 1)
    disk = Stalled(monkeypatch)
    told: list[type[Exception]] = []

    async def wait(journal: Journal) -> None:
        with pytest.raises(JournalClosed) as caught:
            await journal.post(progress(-1))
        told.append(caught.type)

    async with (
        trio.open_nursery() as nursery,
        open_journal(folder, lease=lease, create=True) as journal,
    ):
        nursery.start_soon(journal.append, progress(1))
        await disk.until_busy()
        await journal.post(progress(2))  # fills the queue
        nursery.start_soon(wait, journal)
        await wait_all_tasks_blocked()
        disk.go.set()
    assert told == [JournalClosed]
    assert _seqs(folder) == [1, 2]
