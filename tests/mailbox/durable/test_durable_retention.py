"""Archives are kept for good, unless the mailbox was given a bound for them."""

import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from crew_mailbox import (
    DurableEvent,
    DurableMailbox,
    Letter,
    MailboxDamaged,
    MailboxDiskFull,
    MailboxMissing,
    find_letter,
    newest_letters,
    open_durable_mailbox,
    read_letters,
    repair_mailbox,
    validate_mailbox,
)
from crew_mailbox.durable import (
    ArchiveDropped,
    Record,
    StoredLetter,
    _archive,
    _letters,
    _readers,
    _tables,
)
from crew_mailbox.durable._disk import MailboxFolder
from crew_mailbox.durable._rules import archives_to_drop


@given(st.lists(st.integers(1, 1000)), st.integers(0, 5000))
def test_the_oldest_archives_go_until_the_rest_fits(
    sizes: list[int], limit: int
) -> None:
    count = archives_to_drop(sizes, limit)
    left = sizes[count:]
    assert sum(left) <= limit or len(left) == 1
    assert count == 0 or sum(sizes[count - 1 :]) > limit
    assert bool(left) == bool(sizes)


async def fill(
    path: Path, count: int = 60, *, keep: int | None = None, archive_at: int = 2000
) -> list[DurableEvent]:
    """Send *count* letters and acknowledge them; the first one stays open."""
    events: list[DurableEvent] = []
    async with open_durable_mailbox(
        path,
        capacity=1000,
        archive_at=archive_at,
        keep_archives=keep,
        on_event=events.append,
    ) as box:
        start = box.statistics().accepted
        for number in range(start, start + count):
            await box.send(Letter(id=f"id-{number}", to="ann"))
            if number:
                await box.acknowledge(f"id-{number}")
    return events


def archives(path: Path) -> set[str]:
    return {file.stem for file in (path / "archives").iterdir()}


async def test_the_oldest_archives_are_dropped_and_said_to_be(path: Path) -> None:
    events = await fill(path, keep=1500)
    dropped = [each for each in events if isinstance(each, ArchiveDropped)]
    assert dropped
    assert not any(each.archive.exists() for each in dropped)
    async with open_durable_mailbox(path, capacity=9, keep_archives=1500) as box:
        now = box.statistics()
        assert now.archive_bytes <= 1500
        assert now.dropped == sum(each.letters for each in dropped)
        assert now.archives == len(archives(path))
        assert (now.accepted, now.acknowledged, now.queued) == (60, 59, 1)
    seqs = [each.seq for each in read_letters(path)]
    assert len(seqs) == 60 - now.dropped
    assert (seqs[0], seqs[-1]) == (1, 60)
    assert [each.seq for each in newest_letters(path, 60)] == seqs
    assert find_letter(path, "id-2") is None
    assert validate_mailbox(path) == ()


async def test_a_dropped_id_is_remembered_as_long_as_an_archived_one(
    path: Path,
) -> None:
    await fill(path, keep=0)
    async with open_durable_mailbox(path, capacity=9) as box:
        assert (await box.send(Letter(id="id-2", to="ann"))).duplicate


async def test_without_a_bound_no_archive_is_dropped(path: Path) -> None:
    await fill(path)
    assert len(archives(path)) > 5
    assert len(read_letters(path)) == 60


async def test_a_lower_bound_counts_from_the_next_archive_on(path: Path) -> None:
    await fill(path)
    await fill(path, 10, keep=0)
    assert len(archives(path)) == 1
    assert validate_mailbox(path) == ()


async def test_a_crash_before_the_file_is_removed_is_mended_by_the_next_opening(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(path)

    def crash(*_: object) -> None:
        raise MailboxDiskFull(path, "as good as a crash")

    with monkeypatch.context() as broken, pytest.raises(MailboxDiskFull):
        async with open_durable_mailbox(
            path, capacity=9, archive_at=600, keep_archives=0
        ) as box:
            broken.setattr(_archive, "remove", crash)
            await box.send(Letter(to="ann"))
    before = archives(path)
    (problem,) = validate_mailbox(path)
    assert (problem.severity, problem.message) == (
        "warning",
        "it was dropped: it is not needed",
    )
    async with open_durable_mailbox(path, capacity=9):
        assert len(archives(path)) == len(before) - 1
    assert validate_mailbox(path) == ()


async def test_a_repair_remembers_what_was_dropped(path: Path) -> None:
    await fill(path, keep=1500)
    left = [each.seq for each in read_letters(path)]
    (path / "archives" / "notes.txt").write_text("hello")
    assert repair_mailbox(path).lost == ()
    assert [each.seq for each in read_letters(path)] == left
    async with open_durable_mailbox(path, capacity=9) as box:
        now = box.statistics()
        assert (now.accepted, now.acknowledged, now.queued) == (60, 59, 1)
        assert now.dropped
    assert validate_mailbox(path) == ()


async def test_an_archive_that_is_dropped_under_a_reader_is_passed_over(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(path)
    folder = MailboxFolder(path)
    seen = _readers.snapshot(folder, _tables.select_archives)
    await fill(path, 10, keep=0)
    reader = _readers.Reader(folder)
    assert reader._archived(seen[0]) == []


async def test_an_archive_that_somebody_else_removed_is_damage(path: Path) -> None:
    await fill(path)
    next((path / "archives").iterdir()).unlink()
    with pytest.raises(MailboxDamaged, match="gone"):
        read_letters(path)


async def test_what_might_not_fit_in_one_archive_goes_into_several(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_archive, "LARGEST", 25_000)
    async with open_durable_mailbox(path, capacity=9, archive_at=1 << 20) as box:
        for number in range(20):
            await box.send(Letter(id=f"id-{number}", to="ann", body=b"\0" * 900))
            await box.acknowledge(f"id-{number}")
    async with open_durable_mailbox(path, capacity=9, archive_at=20_000) as box:
        await box.send(Letter(to="ann"))
        now = box.statistics()
        assert (now.archives, now.archived) == (2, 4)
    assert [each.seq for each in read_letters(path)] == list(range(1, 22))
    assert validate_mailbox(path) == ()


def test_a_letter_of_the_largest_size_fits_in_an_archive(path: Path) -> None:
    with pytest.raises(ValueError, match="max_body"):
        DurableMailbox(path=path, capacity=1, max_body=_letters.LARGEST_BODY + 1)
    with pytest.raises(ValueError, match="max_deliveries"):
        DurableMailbox(path=path, capacity=1, max_deliveries=1_000_001)
    records = (Record("delivered", 1700000000.123456, None),) * 1000
    letter = Letter(to="ann", body=b"\0" * 100_000)
    heads, each = _archive._NAMES, _archive._RECORD
    stored = StoredLetter(seq=1 << 60, letter=letter, sent_at=1e9 / 3, records=records)
    text = json.dumps(_archive._to_json(stored))
    assert len(text) <= 6 * (100_000 + heads) + 1000 * each
    largest = 6 * (_letters.LARGEST_BODY + heads) + 1_000_000 * each
    assert largest <= _archive.LARGEST


async def test_a_removed_lock_ends_the_mailbox(path: Path) -> None:
    with pytest.raises(MailboxMissing, match="owner"):
        async with open_durable_mailbox(path, capacity=9) as box:
            await box.send(Letter(id="first", to="ann"))
            (path / "owner").unlink()
            async with open_durable_mailbox(path, capacity=9) as other:
                assert other.statistics().queued == 1
                with pytest.raises(MailboxMissing, match="owner"):
                    await box.send(Letter(id="second", to="ann"))
                assert (await other.send(Letter(id="third", to="ann"))).seq == 2
    assert [each.letter.id for each in read_letters(path)] == ["first", "third"]
