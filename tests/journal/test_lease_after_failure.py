"""A journal that failed keeps its lease: what it had started may be there still."""

import sys

import pytest
import trio
import trio.testing

from crew_actors.journal import (
    JournalFull,
    Lease,
    LeaseHeld,
    RunFolder,
    _database,
    open_journal,
    owner_state,
    read_events,
)
from crew_actors.model import RunCreated, RunStarted

LOOK = """
import sys
from pathlib import Path
from crew_actors.journal import RunFolder, owner_state
print(owner_state(RunFolder(Path(sys.argv[1]))))
"""


async def test_a_failed_journal_keeps_its_lease_until_its_block_is_left(
    folder: RunFolder,
    lease: Lease,
    created: RunCreated,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(database: _database.Database, _rows: object) -> None:
        raise JournalFull(database.path, "no space")

    with pytest.raises(JournalFull):
        async with open_journal(folder, lease=lease, create=True) as journal:
            await journal.append(created)
            with monkeypatch.context() as broken:
                broken.setattr(_database.Database, "write", full)
                with pytest.raises(JournalFull):
                    await journal.append(created)
            with pytest.raises(JournalFull):
                await anext(journal.events(1))
            await trio.testing.wait_all_tasks_blocked(0.01)
            assert owner_state(folder) == "held"  # its agents may be there still
            with pytest.raises(LeaseHeld):
                async with open_journal(folder, lease=lease):
                    pass
    assert owner_state(folder) == "released"
    assert [each.seq for each in read_events(folder)] == [1]


async def test_a_lease_that_cannot_be_put_down_ends_here_and_stays_for_others(
    folder: RunFolder,
    lease: Lease,
    created: RunCreated,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(database: _database.Database, _work: object) -> None:
        raise JournalFull(database.path, "no space")

    with monkeypatch.context() as broken, pytest.raises(JournalFull):
        async with open_journal(folder, lease=lease, create=True) as journal:
            await journal.append(created)
            broken.setattr(_database.Database, "transaction", full)
            broken.setattr(_database.Database, "write", full)
            with pytest.raises(JournalFull):
                await journal.append(RunStarted())
            assert owner_state(folder) == "held"
    assert owner_state(folder) == "gone"
    done = await trio.run_process(
        [sys.executable, "-c", LOOK, folder.path], capture_stdout=True
    )
    assert done.stdout == b"held\n"
    async with open_journal(folder, lease=lease) as journal:
        await journal.append(RunStarted())
