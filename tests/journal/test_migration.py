"""Databases of each version that there ever was are read, and brought to this one."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from crew_actors.journal import (
    JournalCorrupt,
    Lease,
    LeaseHeld,
    RunFolder,
    encode,
    newest_events,
    open_journal,
    read_events,
    read_lease,
    read_state,
    repair_journal,
)
from crew_actors.journal._schema import SCHEMA_VERSION, first_pages, version_of
from crew_actors.model import Progress, RunCreated, RunStarted, RunStatus

Progresses = Callable[[int], Progress]

# As the first version wrote it. This text never changes.
VERSION_1 = """
PRAGMA application_id = 1131570551;
PRAGMA user_version = 1;
CREATE TABLE events (
    seq INTEGER PRIMARY KEY,  -- 1, 2, 3, without a gap
    at REAL NOT NULL,         -- seconds since 1970
    body TEXT NOT NULL        -- JSON
) STRICT;
CREATE TABLE lease (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    pid INTEGER NOT NULL,
    create_time REAL NOT NULL,
    boot_id TEXT NOT NULL,
    host TEXT NOT NULL,
    acquired_at REAL NOT NULL,
    control_port INTEGER,
    token TEXT NOT NULL,
    released_at REAL
) STRICT;
INSERT INTO lease VALUES (1, 4242, 1.5, 'boot', 'host', 7.0, 4711, 'secret', 9.0);
"""


@pytest.fixture
def old(folder: RunFolder, created: RunCreated) -> RunFolder:
    """A run that the first version wrote, and put down."""
    db = sqlite3.connect(folder.database, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.executescript(VERSION_1)
    bodies = [encode(created).decode(), '{"kind":"run.started"}']
    rows = [(seq, float(seq), body) for seq, body in enumerate(bodies, start=1)]
    db.executemany("INSERT INTO events VALUES (?, ?, ?)", rows)
    db.close()
    return folder


def _version(folder: RunFolder) -> int:
    db = sqlite3.connect(folder.database)
    try:
        return version_of(db)
    finally:
        db.close()


def test_the_first_version_is_read_and_left_as_it_is(
    old: RunFolder, created: RunCreated
) -> None:
    before = old.database.read_bytes()
    assert [each.event for each in read_events(old)] == [created, RunStarted()]
    assert newest_events(old, 1)[0].seq == 2
    assert read_state(old).status is RunStatus.RUNNING
    lease = read_lease(old)
    assert lease is not None
    assert (lease.pid, lease.token, lease.released_at) == (4242, "secret", 9.0)
    assert old.database.read_bytes() == before


async def test_an_owner_brings_it_to_this_version_and_keeps_everything(
    old: RunFolder, lease: Lease, created: RunCreated, progress: Progresses
) -> None:
    async with open_journal(old, lease=lease) as journal:
        assert journal.last == 2
        assert (await journal.append(progress(3))).seq == 3
    assert _version(old) == SCHEMA_VERSION
    found = [each.event for each in read_events(old)]
    assert found == [created, RunStarted(), progress(3)]
    async with open_journal(old, lease=lease) as journal:
        assert journal.last == 3


async def test_whoever_may_not_own_the_run_does_not_change_its_version(
    old: RunFolder, lease: Lease
) -> None:
    db = sqlite3.connect(old.database, isolation_level=None)
    db.execute(
        "UPDATE lease SET pid = ?, create_time = ?, boot_id = ?, host = ?,"
        " released_at = NULL",
        (lease.pid, lease.create_time, lease.boot_id, lease.host),
    )
    db.close()
    with pytest.raises(LeaseHeld):
        async with open_journal(old, lease=lease):
            pass
    assert _version(old) == 1


async def test_a_migration_that_fails_changes_nothing(
    old: RunFolder, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = {2: ("CREATE TABLE gaps (a)", "CREATE TABLE broken")}
    with monkeypatch.context() as broken:
        broken.setattr("crew_actors.journal._schema._STEPS", steps)
        with pytest.raises(JournalCorrupt):
            async with open_journal(old, lease=lease):
                pass
    assert _version(old) == 1
    async with open_journal(old, lease=lease) as journal:
        assert journal.last == 2


@pytest.mark.parametrize("migrated", [False, True])
async def test_a_damaged_first_page_of_an_old_run_costs_no_event(
    old: RunFolder, lease: Lease, created: RunCreated, migrated: bool
) -> None:
    if migrated:
        async with open_journal(old, lease=lease):
            pass
    content = bytearray(old.database.read_bytes())
    content[3500:3600] = bytes(100)
    content[100:120] = bytes(20)
    old.database.write_bytes(content)
    with pytest.raises(JournalCorrupt):
        list(read_events(old))
    report = repair_journal(old, now=1.0)
    assert (report.kept, report.lost) == (2, ())
    assert [each.event for each in read_events(old)] == [created, RunStarted()]
    found = read_lease(old)
    assert found is not None


def test_each_kind_of_database_has_a_first_page_of_its_own(tmp_path: Path) -> None:
    assert len(set(first_pages())) == SCHEMA_VERSION + 1
