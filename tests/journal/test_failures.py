"""A full disk, a damaged file, a locked one and a missing one are told apart."""

import os
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio

from crew_actors.journal import (
    Journal,
    JournalClosed,
    JournalCorrupt,
    JournalFull,
    JournalIO,
    JournalLocked,
    JournalMissing,
    JournalReadOnly,
    Lease,
    NewerJournal,
    RunFolder,
    _database,
    _schema,
    newest_events,
    open_journal,
    owner_state,
    read_events,
    read_lease,
    read_state,
)
from crew_actors.model import Progress, RunCreated, RunId

Progresses = Callable[[int], Progress]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    argv = [mount or "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if (
        mount is None
        or subprocess.run(argv, check=False, capture_output=True).returncode
    ):
        pytest.skip("only root can mount a small file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def _make_read_only(place: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)


@pytest.fixture
def written(
    folder: RunFolder, lease: Lease, created: RunCreated, progress: Progresses
) -> RunFolder:
    """A run with 200 events, whose owner put it down."""

    async def write() -> None:
        async with open_journal(folder, lease=lease, create=True) as journal:
            await journal.post(created)
            for number in range(2, 201):
                await journal.post(progress(number))

    trio.run(write)
    return folder


async def test_a_full_disk_fails_each_caller_and_keeps_what_was_acknowledged(
    small_disk: Path, lease: Lease, progress: Progresses
) -> None:
    folder = RunFolder.create(small_disk, RunId("full"))
    acknowledged: list[int] = []
    refused: list[str] = []

    async def fill(journal: Journal) -> None:
        try:
            while True:
                event = progress(1)
                recorded = await journal.append(
                    Progress(task=event.task, attempt=event.attempt, text="x" * 5000)
                )
                acknowledged.append(recorded.seq)
        except JournalFull as error:
            refused.append(str(error))

    with pytest.raises(JournalFull, match="free some space"):
        async with open_journal(folder, lease=lease, create=True) as journal:
            async with trio.open_nursery() as nursery:
                for _ in range(4):
                    nursery.start_soon(fill, journal)
            with pytest.raises(JournalFull):
                await journal.append(progress(1))
            with pytest.raises(JournalFull):
                await journal.post(progress(1))
            with pytest.raises(JournalFull):
                await journal.flush()
    assert len(refused) == 4
    stored = [recorded.seq for recorded in read_events(folder)]
    assert stored == list(range(1, len(stored) + 1))
    assert set(acknowledged) <= set(stored)


async def test_a_file_size_limit_counts_as_a_full_disk(
    folder: RunFolder, lease: Lease, progress: Progresses
) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    text = "x" * 50_000
    with pytest.raises(JournalFull):
        async with open_journal(folder, lease=lease, create=True) as journal:
            await journal.append(progress(1))
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
            try:
                one = progress(2)
                for _ in range(10):
                    await journal.append(
                        Progress(task=one.task, attempt=one.attempt, text=text)
                    )
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert next(read_events(folder)).event == progress(1)


async def test_events_that_nobody_waited_for_are_not_lost_silently(
    folder: RunFolder,
    lease: Lease,
    progress: Progresses,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(database: _database.Database, rows: object) -> None:
        raise JournalFull(database.path, "no space")

    with pytest.raises(JournalFull):
        async with open_journal(folder, lease=lease, create=True) as journal:
            monkeypatch.setattr(_database.Database, "write", full)
            await journal.post(progress(1))


async def test_the_loss_is_told_even_when_the_run_is_cancelled(
    folder: RunFolder,
    lease: Lease,
    progress: Progresses,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(database: _database.Database, rows: object) -> None:
        raise JournalFull(database.path, "no space")

    with pytest.raises(JournalFull), trio.CancelScope() as scope:
        async with open_journal(folder, lease=lease, create=True) as journal:
            monkeypatch.setattr(_database.Database, "write", full)
            await journal.post(progress(1))
            scope.cancel()
            await trio.lowlevel.checkpoint()


async def test_an_error_of_the_block_mentions_that_the_journal_failed(
    folder: RunFolder,
    lease: Lease,
    progress: Progresses,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(database: _database.Database, rows: object) -> None:
        raise JournalFull(database.path, "no space")

    with pytest.raises(ZeroDivisionError) as caught:
        async with open_journal(folder, lease=lease, create=True) as journal:
            monkeypatch.setattr(_database.Database, "write", full)
            await journal.post(progress(1))
            raise ZeroDivisionError
    assert "no room" in caught.value.__notes__[0]


async def test_a_defect_in_the_writer_leaves_nobody_waiting(
    folder: RunFolder,
    lease: Lease,
    progress: Progresses,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(database: _database.Database, rows: object) -> None:
        raise ZeroDivisionError

    async def append(journal: Journal) -> None:
        with pytest.raises(JournalClosed):
            await journal.append(progress(1))

    opened: list[Journal] = []

    async def use(nursery: trio.Nursery) -> None:
        async with open_journal(folder, lease=lease, create=True) as journal:
            opened.append(journal)
            nursery.start_soon(append, journal)
            await trio.sleep_forever()

    monkeypatch.setattr(_database.Database, "write", broken)
    async with trio.open_nursery() as nursery:
        with pytest.RaisesGroup(ZeroDivisionError):
            await use(nursery)
    opened[0]._writer._database.close()


async def test_a_lease_that_cannot_be_put_down_is_told(
    folder: RunFolder, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(database: _database.Database, work: object) -> None:
        raise JournalReadOnly(database.path, "remounted")

    with pytest.raises(JournalReadOnly):
        async with open_journal(folder, lease=lease, create=True):
            monkeypatch.setattr(_database.Database, "transaction", read_only)
    lease_on_disk = read_lease(folder)
    assert lease_on_disk is not None
    assert lease_on_disk.released_at is None
    assert owner_state(folder) == "gone"  # this process knows better than the disk


async def test_a_damaged_page_is_corrupt_and_the_file_stays_as_it_is(
    written: RunFolder, lease: Lease
) -> None:
    content = bytearray(written.database.read_bytes())
    for at in range(8192, len(content)):
        content[at] ^= 0x5A
    written.database.write_bytes(content)
    with pytest.raises(JournalCorrupt, match="damaged"):
        list(read_events(written))
    assert written.database.read_bytes() == content


def test_one_damaged_byte_of_an_event_is_corrupt(written: RunFolder) -> None:
    content = written.database.read_bytes()
    assert content.count(b'step 150"') == 1
    written.database.write_bytes(content.replace(b'step 150"', b"step 150'"))
    with pytest.raises(JournalCorrupt, match="event 150"):
        list(read_events(written))


def test_a_missing_event_is_corrupt(written: RunFolder) -> None:
    _change(written, "DELETE FROM events WHERE seq = 7")
    with pytest.raises(JournalCorrupt, match="event 7 is missing"):
        list(read_events(written))


def test_an_event_that_does_not_fit_is_corrupt(written: RunFolder) -> None:
    body = '{"kind":"attempt.progress","task":"other","attempt":"other.1","text":""}'
    _change(written, f"UPDATE events SET body = '{body}', crc = NULL WHERE seq = 7")
    with pytest.raises(JournalCorrupt, match="no task 'other'"):
        read_state(written)


def test_a_kind_of_event_from_the_future_names_itself(written: RunFolder) -> None:
    body = '{"kind":"run.forked"}'
    _change(written, f"UPDATE events SET body = '{body}', crc = NULL WHERE seq = 7")
    with pytest.raises(NewerJournal, match=r"run\.forked"):
        list(read_events(written))


async def test_a_schema_from_the_future_is_refused_and_left_alone(
    written: RunFolder, lease: Lease
) -> None:
    _change(written, "PRAGMA user_version = 99")
    before = written.database.read_bytes()
    with pytest.raises(NewerJournal, match="schema 99"):
        list(read_events(written))
    with pytest.raises(NewerJournal, match="schema 99"):
        async with open_journal(written, lease=lease):
            pass
    assert written.database.read_bytes() == before


async def test_the_database_of_another_program_is_refused(
    written: RunFolder, lease: Lease
) -> None:
    _change(written, "PRAGMA application_id = 1")
    with pytest.raises(JournalCorrupt, match="another program"):
        async with open_journal(written, lease=lease):
            pass
    _change(written, "PRAGMA application_id = 0")
    _change(written, "PRAGMA user_version = 0")
    with pytest.raises(JournalCorrupt, match="another program"):
        newest_events(written, 1)


async def test_a_text_file_is_no_journal(folder: RunFolder, lease: Lease) -> None:
    folder.database.write_text("Dear diary, today nothing happened. " * 50)
    with pytest.raises(JournalCorrupt):
        newest_events(folder, 1)
    with pytest.raises(JournalCorrupt):
        async with open_journal(folder, lease=lease):
            pass


def test_a_journal_without_its_tables_is_corrupt(written: RunFolder) -> None:
    _change(written, "DROP TABLE events")
    with pytest.raises(JournalCorrupt, match="no such table"):
        newest_events(written, 1)


def test_a_database_whose_creation_was_cut_short_is_no_run(folder: RunFolder) -> None:
    folder.database.touch()
    with pytest.raises(JournalMissing, match="cut short"):
        newest_events(folder, 1)


async def test_a_creation_that_fails_leaves_no_connection(
    folder: RunFolder, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_schema, "_FIRST", ("CREATE TABLE broken",))
    with pytest.raises(JournalCorrupt):
        async with open_journal(folder, lease=lease, create=True):
            pass


async def test_a_database_that_another_program_locks_is_locked_not_corrupt(
    written: RunFolder, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_database, "BUSY_SECONDS", 0.01)
    other = sqlite3.connect(written.database, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalLocked, match="another program"):
            async with open_journal(written, lease=lease):
                pass
        assert newest_events(written, 1)[0].seq == 200
    finally:
        other.close()
    async with open_journal(written, lease=lease) as journal:
        assert journal.last == 200


async def test_a_database_that_is_removed_under_its_owner_is_missing(
    folder: RunFolder, lease: Lease, progress: Progresses
) -> None:
    with pytest.raises(JournalMissing, match="removed"):
        async with open_journal(folder, lease=lease, create=True) as journal:
            await journal.append(progress(1))
            for file in folder.path.iterdir():
                file.unlink()
            with pytest.raises(JournalMissing):
                await journal.append(progress(2))


async def test_a_read_only_disk_can_be_read_but_not_written(
    small_disk: Path, lease: Lease, created: RunCreated
) -> None:
    folder = RunFolder.create(small_disk, RunId("kept"))
    async with open_journal(folder, lease=lease, create=True) as journal:
        await journal.append(created)
    _make_read_only(small_disk)
    assert [recorded.event for recorded in read_events(folder)] == [created]
    assert owner_state(folder) == "released"
    with pytest.raises(JournalReadOnly):
        async with open_journal(folder, lease=lease):
            pass
    other = RunFolder(small_disk)
    with pytest.raises(JournalReadOnly):
        async with open_journal(other, lease=lease, create=True):
            pass


async def test_a_killed_run_on_a_read_only_disk_can_be_read(
    small_disk: Path, lease: Lease, created: RunCreated
) -> None:
    folder = RunFolder.create(small_disk, RunId("killed"))
    async with open_journal(folder, lease=lease, create=True) as journal:
        await journal.append(created)
        shutil.copytree(folder.path, small_disk / "copy")
    copy = RunFolder(small_disk / "copy")
    _make_read_only(small_disk)
    assert [recorded.event for recorded in read_events(copy)] == [created]


def test_a_file_that_may_not_be_looked_at_is_an_io_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(tmp_path / ("x" * 300))
    with pytest.raises(JournalIO, match="too long"):
        newest_events(folder, 1)


@pytest.mark.parametrize(
    ("code", "removed", "expected"),
    [
        (sqlite3.SQLITE_IOERR_READ, False, JournalIO),
        (sqlite3.SQLITE_CANTOPEN, False, JournalIO),
        (sqlite3.SQLITE_NOMEM, False, JournalIO),
        (sqlite3.SQLITE_READONLY_DBMOVED, False, JournalMissing),
        (sqlite3.SQLITE_READONLY, False, JournalReadOnly),
        (sqlite3.SQLITE_CORRUPT, False, JournalCorrupt),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, False, JournalLocked),
        (sqlite3.SQLITE_IOERR_WRITE, True, JournalMissing),
    ],
)
def test_each_code_of_sqlite_has_its_meaning(
    written: RunFolder, code: int, removed: bool, expected: type[Exception]
) -> None:
    error = sqlite3.OperationalError("no luck")
    error.sqlite_errorcode = code
    if removed:
        written.database.unlink()
    with pytest.raises(expected), _database.told(written.database):
        raise error


def test_a_file_that_changes_under_a_reader_is_read_again(
    written: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = 0
    ask = _database._ask

    def changing(path: Path, query: object, *, immutable: bool) -> object:
        nonlocal changes
        changes += 1
        if changes < 3:
            os.utime(path, ns=(changes, changes))
        if changes == 2:
            raise JournalCorrupt(path, "seen while it was being written")
        return ask(path, query, immutable=immutable)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  passed through

    monkeypatch.setattr(_database, "_ask", changing)
    assert newest_events(written, 1)[0].seq == 200
    assert changes == 3


async def test_a_log_that_vanishes_under_a_reader_is_no_error(
    folder: RunFolder,
    lease: Lease,
    created: RunCreated,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ask = _database._ask
    ways: list[bool] = []

    def vanishing(path: Path, query: object, *, immutable: bool) -> object:
        ways.append(immutable)
        if not immutable:
            path.with_name("run.db-wal").write_bytes(b"")
            raise JournalIO(path, "the log was folded into the file just now")
        return ask(path, query, immutable=immutable)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  passed through

    async with open_journal(folder, lease=lease, create=True) as journal:
        await journal.append(created)
    folder.path.joinpath("run.db-wal").write_bytes(b"there is a log")
    monkeypatch.setattr(_database, "_ask", vanishing)
    assert newest_events(folder, 1)[0].seq == 1
    assert ways == [False, True]


def test_a_file_that_never_stands_still_is_locked(
    written: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter(range(1, 1000))

    def changing(path: Path, query: object, *, immutable: bool) -> None:
        moment = next(moments)
        os.utime(path, ns=(moment, moment))

    monkeypatch.setattr(_database, "_ask", changing)
    with pytest.raises(JournalLocked, match="all the time"):
        newest_events(written, 1)


def _change(folder: RunFolder, statement: str) -> None:
    connection = sqlite3.connect(folder.database, isolation_level=None)
    try:
        connection.execute(statement)
    finally:
        connection.close()
