"""What can be read of a damaged run is kept, and what cannot is said."""

import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
import trio

from crew_actors.journal import (
    AfterGap,
    JournalCorrupt,
    JournalFull,
    JournalMissing,
    Lease,
    LeaseHeld,
    NewerJournal,
    RunFolder,
    _repair,
    open_journal,
    read_events,
    read_lease,
    read_state,
    repair_journal,
)
from crew_actors.model import Progress, RunCreated, RunStarted

Progresses = Callable[[int], Progress]


@pytest.fixture
def written(
    folder: RunFolder, lease: Lease, created: RunCreated, progress: Progresses
) -> RunFolder:
    """A run with 200 events, whose owner put it down."""

    async def write() -> None:
        async with open_journal(folder, lease=lease, create=True) as journal:
            await journal.post(created)
            await journal.post(RunStarted())
            for number in range(3, 201):
                await journal.post(progress(number))

    trio.run(write)
    return folder


def _change(folder: RunFolder, statement: str) -> None:
    db = sqlite3.connect(folder.database, isolation_level=None)
    try:
        db.execute(statement)
    finally:
        db.close()


def _files(folder: RunFolder) -> set[str]:
    return {path.name for path in folder.path.iterdir()}


def test_a_journal_that_is_well_is_left_as_it_is(written: RunFolder) -> None:
    before = written.database.read_bytes()
    report = repair_journal(written, now=1.0)
    assert (report.problems, report.kept, report.lost) == ((), 200, ())
    assert report.aside is None
    assert written.database.read_bytes() == before
    assert _files(written) == {"run.db"}


async def test_a_damaged_event_is_lost_and_the_run_goes_on(
    written: RunFolder, lease: Lease
) -> None:
    _change(written, "UPDATE events SET body = replace(body, '50', '5O')")
    before = written.database.read_bytes()
    with pytest.raises(JournalCorrupt, match="event 50 is not what was written"):
        list(read_events(written))
    report = repair_journal(written, now=1.0)
    assert report.lost == ((50, 50), (150, 150))
    assert report.kept == 198
    assert report.aside is not None
    assert report.aside.read_bytes() == before
    events = {each.seq: each for each in read_events(written)}
    assert len(events) == 198
    after = events[151]
    assert isinstance(after, AfterGap)
    assert (after.lost, after.compacted) == (1, 0)
    assert read_state(written).seq == 200
    async with open_journal(written, lease=lease) as journal:
        assert (await journal.append(RunStarted())).seq == 201
    assert repair_journal(written, now=1.0).problems == ()


def test_a_missing_event_becomes_one_that_is_said_to_be_lost(
    written: RunFolder,
) -> None:
    _change(written, "DELETE FROM events WHERE seq BETWEEN 7 AND 9")
    report = repair_journal(written, now=1.0)
    assert report.problems == ("events 7 to 9 are missing",)
    assert report.lost == ((7, 9),)
    assert read_state(written).seq == 200


def test_the_lease_survives_a_repair(written: RunFolder) -> None:
    before = read_lease(written)
    _change(written, "DELETE FROM events WHERE seq = 7")
    repair_journal(written, now=1.0)
    assert read_lease(written) == before


def test_each_repair_keeps_what_it_found(written: RunFolder) -> None:
    asides: list[Path | None] = []
    for number in (7, 9):
        _change(written, f"DELETE FROM events WHERE seq = {number}")
        asides.append(repair_journal(written, now=1.0).aside)
    assert [path.name for path in asides if path] == [
        "run.db.damaged-1",
        "run.db.damaged-2",
    ]


async def test_the_run_of_a_live_owner_is_not_touched(
    folder: RunFolder, lease: Lease, created: RunCreated
) -> None:
    async with open_journal(folder, lease=lease, create=True) as journal:
        await journal.append(created)
        with pytest.raises(LeaseHeld):
            repair_journal(folder, now=1.0)


async def test_the_log_of_a_killed_owner_is_read_and_kept(
    folder: RunFolder, lease: Lease, created: RunCreated, progress: Progresses
) -> None:
    dead = attrs.evolve(lease, create_time=lease.create_time - 100)
    killed = RunFolder(folder.path.with_name("20260101-000000-0123456780"))
    async with open_journal(folder, lease=dead, create=True) as journal:
        await journal.append(created)
        await journal.append(progress(2))
        await journal.append(RunStarted())
        _change(folder, "DELETE FROM events WHERE seq = 2")
        shutil.copytree(folder.path, killed.path)
    assert killed.path.joinpath("run.db-wal").stat().st_size
    report = repair_journal(killed, now=1.0)
    assert (report.kept, report.lost) == (2, ((2, 2),))
    assert killed.path.joinpath("run.db.damaged-1-wal").stat().st_size
    assert [each.seq for each in read_events(killed)] == [1, 3]


@pytest.mark.parametrize("seed", range(4))
def test_a_wrong_byte_is_survived_and_nothing_is_made_up(
    written: RunFolder, seed: int
) -> None:
    before = {each.seq: each.event for each in read_events(written)}
    chance = random.Random(seed)
    content = written.database.read_bytes()
    for _ in range(20):
        copy = RunFolder(written.path.with_name("20260101-000000-0123456780"))
        copy.path.mkdir()
        changed = bytearray(content)
        changed[chance.randrange(len(changed))] ^= chance.randrange(1, 256)
        copy.database.write_bytes(changed)
        try:
            report = repair_journal(copy, now=1.0)
        except NewerJournal:  # it was the number of the schema
            pass
        else:
            after = {each.seq: each.event for each in read_events(copy)}
            assert after.items() <= before.items()
            assert len(after) == report.kept
            lost = sum(last - first + 1 for first, last in report.lost)
            newest = max(after)
            assert len(after) + lost == newest
            assert newest == 200 or report.problems
            assert repair_journal(copy, now=1.0).problems == ()
        shutil.rmtree(copy.path)


@pytest.mark.parametrize("place", [3, 20, 70, 105, 3500, 4000])
def test_a_damaged_first_page_costs_no_event(written: RunFolder, place: int) -> None:
    before = list(read_events(written))
    content = bytearray(written.database.read_bytes())
    content[place] ^= 0xC1
    written.database.write_bytes(content)
    repair_journal(written, now=1.0)
    assert list(read_events(written)) == before


def test_where_nothing_can_be_read_nothing_is_changed(folder: RunFolder) -> None:
    folder.database.write_bytes(b"no database at all" * 1000)
    before = folder.database.read_bytes()
    with pytest.raises(JournalCorrupt, match="nothing can be read"):
        repair_journal(folder, now=1.0)
    assert folder.database.read_bytes() == before
    assert _files(folder) == {"run.db"}


def test_a_run_that_is_not_there_is_not_repaired(folder: RunFolder) -> None:
    with pytest.raises(JournalMissing):
        repair_journal(folder, now=1.0)
    assert not _files(folder)


def test_events_of_a_later_version_are_left_alone(written: RunFolder) -> None:
    body = '{"kind":"run.forked"}'
    _change(written, f"UPDATE events SET body = '{body}', crc = NULL WHERE seq = 7")
    before = written.database.read_bytes()
    with pytest.raises(NewerJournal, match="forked"):
        repair_journal(written, now=1.0)
    assert written.database.read_bytes() == before


def test_a_number_that_nothing_proves_is_not_believed(written: RunFolder) -> None:
    _change(written, "UPDATE events SET seq = 1 << 60, crc = NULL WHERE seq = 200")
    assert repair_journal(written, now=1.0).kept == 199
    assert read_state(written).seq == 199


async def test_a_repair_that_is_cut_short_is_finished_by_the_next_owner(
    written: RunFolder, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    _change(written, "DELETE FROM events WHERE seq = 7")

    def crash(folder: RunFolder) -> None:
        if folder.repaired.exists():
            raise JournalFull(folder.path, "as good as a crash")

    with monkeypatch.context() as broken, pytest.raises(JournalFull):
        broken.setattr(_repair, "finish_repair", crash)
        repair_journal(written, now=1.0)
    with pytest.raises(JournalCorrupt, match="7 is missing"):
        list(read_events(written))
    async with open_journal(written, lease=lease) as journal:
        assert journal.last == 200
    assert len(list(read_events(written))) == 199
    assert _files(written) == {"run.db", "run.db.damaged-1"}


def test_a_table_that_cannot_be_read_is_not_searched_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[int] = []

    class Failing:
        """A database of which no table can be read as a whole."""

        def execute(self, query: str, values: tuple[int, ...] = ()) -> "Failing":
            if "max(" in query:
                return self
            tried.extend(values)
            raise sqlite3.DatabaseError("malformed")

        def fetchone(self) -> tuple[int]:
            return (1 << 62,)

    monkeypatch.setattr(_repair, "STEPS", 50)
    found = _repair._Found()
    rows = _repair._rows(found, Failing(), "seq")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  stands in
    assert list(rows) == []
    assert tried == list(range(1, 51))
