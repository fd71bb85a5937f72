"""A disk that is full under `crew run`: all ends, nothing is lost, the run goes on."""

from pathlib import Path

import pytest
from tests.support.command_line import CommandLine
from tests.support.processes import living

from crew_actors.journal import RunFolder, effective_status, owner_state, read_state
from crew_actors.model import RunStatus, TaskId, TaskStatus

A, B = TaskId("a"), TaskId("b")

AGENT = """
cd "$CREW_WORKSPACE"
if [ "$CREW_TASK" = b ] && [ ! -e room ]; then
    sleep 300 &
    echo $$ $! >> pids
    cat /dev/zero > .crew/filler 2> /dev/null
    while :; do
        head -c 3000 /dev/zero | tr '\\\\0' x
        echo
        cat /dev/zero >> .crew/filler 2> /dev/null
        sleep 0.01
    done
fi
echo "$CREW_TASK is done"
"""


@pytest.fixture
def crew(project: Path, small_disk: Path) -> CommandLine:
    """A project on a small disk, whose agent of task b fills it until there is room."""
    line = CommandLine(project)
    line.team(AGENT)
    return line


def _pids(crew: CommandLine) -> list[int]:
    return [int(word) for word in (crew.project / "pids").read_text().split()]


def _make_room(crew: CommandLine) -> None:
    (crew.project / ".crew" / "filler").unlink()
    (crew.project / "room").touch()


def _stands_as_it_was_told(folder: RunFolder) -> None:
    state = read_state(folder)
    assert effective_status(folder) is RunStatus.INTERRUPTED, state.why
    assert owner_state(folder) != "held"
    assert state.tasks[A].status is TaskStatus.COMPLETED
    assert state.tasks[B].status is not TaskStatus.COMPLETED


def _goes_on(crew: CommandLine, folder: RunFolder) -> None:
    _make_room(crew)
    done = crew("resume", folder.run, "--json")
    assert done.code == 0, done.err
    state = read_state(folder)
    assert state.status is RunStatus.COMPLETED
    assert state.tasks[A].attempts == 1, "what had completed is not done again"
    assert living(_pids(crew)) == []


def test_a_run_whose_disk_fills_says_so_and_ends_and_is_resumed(
    crew: CommandLine,
) -> None:
    broken = crew("run", "try it", "--team", "duo", "--trust", "--attempts", "1")
    assert broken.code == 1, broken.err
    assert "no room" in broken.err.lower()
    assert "Traceback" not in broken.err
    assert living(_pids(crew)) == []
    (folder,) = crew.runs()
    _stands_as_it_was_told(folder)
    _goes_on(crew, folder)


def test_a_detached_runner_whose_disk_fills_ends_and_its_run_is_resumed(
    crew: CommandLine,
) -> None:
    begun = crew("run", "try it", "--team", "duo", "--trust", "--detach", "--json")
    assert begun.code == 0, begun.err
    (folder,) = crew.runs()
    assert folder.run == begun.value["run"]
    waited = crew("wait", folder.run, "--timeout", "30")
    assert waited.code == 1, waited.out
    assert living([begun.value["pid"], *_pids(crew)]) == []
    _stands_as_it_was_told(folder)
    _goes_on(crew, folder)
