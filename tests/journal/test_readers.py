"""Questions about a run have answers, and no effects."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from crew_actors.journal import (
    JournalMissing,
    Lease,
    RunFolder,
    _readers,
    effective_status,
    newest_events,
    open_journal,
    owner_state,
    read_events,
    read_lease,
    read_state,
)
from crew_actors.model import (
    Event,
    Progress,
    RunBlocked,
    RunCancelled,
    RunCreated,
    RunFailed,
    RunStarted,
    RunStatus,
)

Progresses = Callable[[int], Progress]


def _content(folder: RunFolder) -> dict[str, str]:
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.path.iterdir()
    }


async def _write(folder: RunFolder, lease: Lease, *events: Event) -> None:
    async with open_journal(folder, lease=lease, create=True) as journal:
        for event in events:
            await journal.post(event)


def _ask_everything(folder: RunFolder) -> None:
    list(read_events(folder))
    newest_events(folder, 5)
    read_state(folder)
    read_lease(folder)
    owner_state(folder)
    effective_status(folder)


async def test_asking_changes_nothing_in_the_folder_of_a_finished_run(
    folder: RunFolder, lease: Lease, created: RunCreated
) -> None:
    await _write(folder, lease, created, RunStarted())
    before = _content(folder)
    assert set(before) == {"run.db"}
    _ask_everything(folder)
    assert _content(folder) == before


async def test_asking_changes_neither_the_file_nor_the_log_of_a_live_run(
    folder: RunFolder, lease: Lease, created: RunCreated
) -> None:
    async with open_journal(folder, lease=lease, create=True) as journal:
        await journal.append(created)
        before = _content(folder)
        _ask_everything(folder)
        after = _content(folder)
        for name in ("run.db", "run.db-wal"):
            assert after[name] == before[name]
        assert (await journal.append(RunStarted())).seq == 2


@pytest.mark.parametrize(
    "case",
    [
        (0, None, range(1, 26)),
        (0, 3, range(1, 4)),
        (0, 12, range(1, 13)),
        (20, None, range(21, 26)),
        (20, 3, range(21, 24)),
        (5, 10, range(6, 16)),
        (25, None, range(0)),
        (99, 5, range(0)),
        (0, 0, range(0)),
    ],
)
async def test_events_are_read_from_a_number_on(
    folder: RunFolder,
    lease: Lease,
    progress: Progresses,
    monkeypatch: pytest.MonkeyPatch,
    case: tuple[int, int | None, range],
) -> None:
    since, limit, expected = case
    monkeypatch.setattr(_readers, "PAGE_EVENTS", 5)
    await _write(folder, lease, *map(progress, range(25)))
    assert [each.seq for each in read_events(folder, since, limit)] == list(expected)


@pytest.mark.parametrize(
    ("count", "expected"),
    [(3, [8, 9, 10]), (99, list(range(1, 11))), (0, []), (-1, [])],
)
async def test_the_newest_events_come_oldest_first(
    folder: RunFolder,
    lease: Lease,
    progress: Progresses,
    count: int,
    expected: list[int],
) -> None:
    await _write(folder, lease, *map(progress, range(10)))
    assert [each.seq for each in newest_events(folder, count)] == expected


async def test_a_reader_sees_what_is_written_while_it_pauses(
    folder: RunFolder,
    lease: Lease,
    progress: Progresses,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_readers, "PAGE_EVENTS", 2)
    async with open_journal(folder, lease=lease, create=True) as journal:
        for number in range(2):
            await journal.append(progress(number))
        events = read_events(folder)
        assert next(events).seq == 1
        await journal.append(progress(3))
        assert [each.seq for each in events] == [2, 3]


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        (RunStarted(), RunStatus.INTERRUPTED),
        (RunFailed(why="x"), RunStatus.FAILED),
        (RunBlocked(why="x"), RunStatus.BLOCKED),
        (RunCancelled(why="x"), RunStatus.CANCELLED),
    ],
)
async def test_a_run_without_an_owner_is_interrupted_unless_it_has_ended(
    folder: RunFolder,
    lease: Lease,
    created: RunCreated,
    ending: Event,
    status: RunStatus,
) -> None:
    await _write(folder, lease, created, ending)
    assert effective_status(folder) is status
    assert list(read_events(folder))[-1].event == ending


async def test_a_run_with_a_live_owner_keeps_its_status(
    folder: RunFolder, lease: Lease, created: RunCreated
) -> None:
    async with open_journal(folder, lease=lease, create=True) as journal:
        await journal.append(created)
        assert effective_status(folder) is RunStatus.QUEUED
        await journal.append(RunStarted())
        assert effective_status(folder) is RunStatus.RUNNING


async def test_the_state_is_the_fold_of_the_events(
    folder: RunFolder, lease: Lease, created: RunCreated
) -> None:
    await _write(folder, lease, created, RunStarted(), RunFailed(why="no luck"))
    state = read_state(folder)
    assert (state.seq, state.status, state.why) == (3, RunStatus.FAILED, "no luck")
    assert state.plan == created.plan


@pytest.mark.parametrize("ask", [read_state, effective_status, owner_state])
def test_a_run_that_is_not_there_is_missing(
    tmp_path: Path, ask: Callable[[RunFolder], object]
) -> None:
    with pytest.raises(JournalMissing):
        ask(RunFolder(tmp_path / "none"))
    assert not (tmp_path / "none").exists()


def test_importing_the_journal_does_not_import_what_only_events_need() -> None:
    code = (
        "import sys, crew_actors.journal\n"
        "print(sorted({'cattrs', 'msgspec', 'psutil'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
