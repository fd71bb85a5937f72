"""What is sent is on disk when the sender is told so, once, and within bounds."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
import trio
import trio.testing

from crew_mailbox import (
    BadLetter,
    DurableMailbox,
    DurableMailboxFull,
    DurableStatistics,
    Letter,
    LetterIdTaken,
    MailboxDown,
    Receipt,
    open_durable_mailbox,
    read_letters,
)
from crew_mailbox.durable import _database, _writer

Letters = Callable[..., Letter]


def adds_up(now: DurableStatistics) -> bool:
    """Tell whether each accepted letter is in one state."""
    open_ones = now.queued + now.in_hand + now.awaiting
    settled = now.acknowledged + now.replied + now.expired + now.dead
    return now.accepted == open_ones + settled + now.lost


async def test_a_sent_letter_is_on_disk(path: Path, letter: Letters) -> None:
    async with open_durable_mailbox(path, capacity=10) as box:
        assert await box.send(letter(1)) == Receipt(1, "id-1", duplicate=False)
        assert [each.letter for each in read_letters(path)] == [letter(1)]


async def test_commits_wait_for_the_disk(path: Path) -> None:
    async with open_durable_mailbox(path, capacity=10) as box:
        writer = box._writer
        assert writer is not None
        pragmas = {
            name: writer.database.connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous")
        }
        assert pragmas == {"journal_mode": "wal", "synchronous": 2}


async def test_letters_are_numbered_in_the_order_of_the_sends(
    path: Path, letter: Letters
) -> None:
    receipts: list[Receipt] = []

    async def send(box: DurableMailbox, number: int) -> None:
        receipts.append(await box.send(letter(number)))

    async with open_durable_mailbox(path, capacity=100) as box:
        for number in range(1, 4):
            await send(box, number)
        async with trio.open_nursery() as nursery:
            for number in range(4, 50):
                nursery.start_soon(send, box, number)
    numbers = [receipt.seq for receipt in receipts]
    assert sorted(numbers) == list(range(1, 50))
    assert numbers[:3] == [1, 2, 3]


async def test_concurrent_sends_share_a_commit(
    path: Path, letter: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups: list[int] = []
    write = _database.Database.write

    def counted(self: _database.Database, letters: list[object], rest: object) -> None:
        groups.append(len(letters))
        write(self, letters, rest)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  passed through

    monkeypatch.setattr(_database.Database, "write", counted)
    async with (
        open_durable_mailbox(path, capacity=1000) as box,
        trio.open_nursery() as nursery,
    ):
        for number in range(600):
            nursery.start_soon(box.send, letter(number))
    assert sum(groups) == 600
    assert len(groups) <= 4
    assert max(groups) <= _writer.GROUP_JOBS


async def test_a_commit_is_bounded_in_bytes(
    path: Path, letter: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_writer, "GROUP_BYTES", 100)
    async with (
        open_durable_mailbox(path, capacity=1000) as box,
        trio.open_nursery() as nursery,
    ):
        for number in range(20):
            nursery.start_soon(box.send, letter(number, body=bytes(70)))
    assert len(read_letters(path)) == 20


async def test_a_letter_that_is_sent_twice_is_stored_once(
    path: Path, letter: Letters
) -> None:
    async with open_durable_mailbox(path, capacity=2) as box:
        first = await box.send(letter(1))
        again = await box.send(letter(1))
        assert (first.seq, first.duplicate) == (1, False)
        assert (again.seq, again.duplicate) == (1, True)
        assert (await box.send(letter(2))).seq == 2
        now = box.statistics()
        assert (now.accepted, now.queued, now.duplicates) == (2, 2, 1)
        assert adds_up(now)


async def test_copies_in_one_commit_are_one_letter(path: Path, letter: Letters) -> None:
    receipts: list[Receipt] = []

    async def send(box: DurableMailbox) -> None:
        receipts.append(await box.send(letter(1)))

    async with open_durable_mailbox(path, capacity=10) as box:
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(send, box)
        assert [receipt.seq for receipt in receipts] == [1] * 5
        assert sum(not receipt.duplicate for receipt in receipts) == 1


@pytest.mark.parametrize("settled", ["open", "acknowledged", "archived", "reopened"])
async def test_a_copy_is_known_whatever_became_of_the_letter(
    path: Path, letter: Letters, settled: str
) -> None:
    archive_at = 1 if settled == "archived" else 1 << 20
    async with open_durable_mailbox(path, capacity=5, archive_at=archive_at) as box:
        await box.send(letter(1))
        if settled in {"acknowledged", "archived"}:
            await box.acknowledge("id-1")
        if settled != "reopened":
            assert (await box.send(letter(1))).duplicate
            assert box.statistics().archives == (settled == "archived")
    async with open_durable_mailbox(path, capacity=5) as box:
        assert (await box.send(letter(1))).duplicate
        with pytest.raises(LetterIdTaken):
            await box.send(letter(1, body=b"other"))
        assert adds_up(box.statistics())


async def test_an_archived_id_is_forgotten_when_enough_letters_came_after_it(
    path: Path, letter: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_database, "REMEMBERED", 3)
    async with open_durable_mailbox(path, capacity=5, archive_at=1) as box:
        for number in range(1, 6):
            await box.send(letter(number))
            await box.acknowledge(f"id-{number}")
        assert (await box.send(letter(3))).duplicate
        assert not (await box.send(letter(1))).duplicate


async def test_another_letter_under_a_known_id_is_refused(
    path: Path, letter: Letters
) -> None:
    async with open_durable_mailbox(path, capacity=10) as box:
        await box.send(letter(1))
        with pytest.raises(LetterIdTaken, match="number 1") as caught:
            await box.send(letter(1, body=b"other"))
        assert caught.value.seq == 1
        assert box.statistics().pending == 0
        assert (await box.send(letter(2))).seq == 2


async def test_a_full_mailbox_refuses_and_takes_again_when_a_letter_is_settled(
    path: Path, letter: Letters
) -> None:
    async with open_durable_mailbox(path, capacity=2) as box:
        await box.send(letter(1))
        await box.send(letter(2))
        with pytest.raises(DurableMailboxFull, match="2 of 2 letters") as caught:
            await box.send(letter(3))
        assert caught.value.capacity == 2
        assert box.statistics().refused == 1
        await box.acknowledge("id-1")
        assert (await box.send(letter(3))).seq == 3


async def test_letters_on_their_way_to_the_disk_take_room(
    path: Path, letter: Letters
) -> None:
    refused: list[Letter] = []

    async def send(box: DurableMailbox, number: int) -> None:
        try:
            await box.send(letter(number))
        except DurableMailboxFull:
            refused.append(letter(number))

    async with open_durable_mailbox(path, capacity=4) as box:
        async with trio.open_nursery() as nursery:
            for number in range(10):
                nursery.start_soon(send, box, number)
        assert len(refused) == 6
        assert box.statistics().queued == 4


async def test_a_mailbox_is_bounded_in_bytes(path: Path, letter: Letters) -> None:
    async with open_durable_mailbox(path, capacity=10, capacity_bytes=100) as box:
        await box.send(letter(1, body=bytes(60)))
        with pytest.raises(DurableMailboxFull, match="60 of 100 bytes"):
            await box.send(letter(2, body=bytes(41)))
        await box.send(letter(3, body=bytes(40)))
        assert box.statistics().open_bytes == 100


async def test_a_body_is_bounded(path: Path, letter: Letters) -> None:
    async with open_durable_mailbox(path, capacity=10, max_body=5) as box:
        await box.send(letter(1, body=b"12345"))
        with pytest.raises(BadLetter, match="6 bytes, the limit is 5"):
            await box.send(letter(2, body=b"123456"))


async def test_a_cancelled_send_may_have_stored_its_letter_and_can_be_repeated(
    path: Path, letter: Letters
) -> None:
    async with open_durable_mailbox(path, capacity=10) as box:
        with trio.CancelScope() as scope:
            scope.cancel()
            await box.send(letter(1))
        assert scope.cancelled_caught
        assert (await box.send(letter(1))).duplicate
        assert box.statistics().accepted == 1


async def test_what_is_queued_is_committed_when_the_mailbox_is_cancelled(
    path: Path, letter: Letters
) -> None:
    with trio.CancelScope() as scope:
        async with (
            open_durable_mailbox(path, capacity=1000) as box,
            trio.open_nursery() as nursery,
        ):
            for number in range(700):
                nursery.start_soon(box.send, letter(number))
            await trio.testing.wait_all_tasks_blocked()
            scope.cancel()
    assert len(read_letters(path, limit=1000)) == 700


async def test_a_mailbox_that_does_not_run_takes_nothing(
    path: Path, letter: Letters
) -> None:
    async with open_durable_mailbox(path, capacity=10) as box:
        pass
    with pytest.raises(MailboxDown, match="not open"):
        await box.send(letter(1))
    with pytest.raises(MailboxDown):
        box.receive("ann")
    with pytest.raises(MailboxDown):
        box.statistics()


async def test_a_closing_mailbox_takes_nothing(path: Path, letter: Letters) -> None:
    async with open_durable_mailbox(path, capacity=10) as box:
        writer = box._writer
        assert writer is not None
        writer.close()
        with pytest.raises(MailboxDown, match="closed"):
            await box.send(letter(1))


@pytest.mark.parametrize(
    "name", ["capacity", "capacity_bytes", "archive_at", "max_deliveries"]
)
def test_a_bound_that_bounds_nothing_is_refused(path: Path, name: str) -> None:
    bounds = {"capacity": 1, name: 0}
    with pytest.raises(ValueError, match=name):
        DurableMailbox(path=path, **bounds)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  numbers


async def test_free_pages_are_given_back_after_an_archive(
    path: Path, letter: Letters
) -> None:
    async with open_durable_mailbox(path, capacity=500, archive_at=3 << 20) as box:
        for number in range(40):
            await box.send(letter(number, body=bytes(100_000)))
            await box.acknowledge(f"id-{number}")
        assert box.statistics().archives == 1
    assert (path / "letters.db").stat().st_size < 4_500_000
    with sqlite3.connect(path / "letters.db") as db:
        assert db.execute("PRAGMA freelist_count").fetchone()[0] <= 256 + 64
    db.close()


def test_statistics_are_all_documented() -> None:
    page = Path(__file__).parents[3] / "docs" / "reference" / "durable-mailbox.md"
    text = page.read_text(encoding="utf-8")
    for field in attrs.fields(DurableStatistics):
        assert f"`{field.name}`" in text
