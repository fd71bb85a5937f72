"""A process that is killed between a result and the end of its task does it once."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trio
from tests.support.crews import crew_in

from crew_actors.journal import RunFolder, read_events, read_state
from crew_actors.model import (
    AttemptStarted,
    ResultStored,
    RunStatus,
    TaskCompleted,
    TaskId,
    TaskStatus,
    Workspace,
    WorkspaceReleased,
)
from crew_actors.runtimes import Completed, Job, Outcome, Port

A = TaskId("a")

# Its process is killed when everything but the end of the task is on disk.
PROGRAM = """
import os, signal, sys
from pathlib import Path

import attrs
import trio
from tests.support.crews import crew_in
from tests.support.plans import plan, task

from crew_actors.journal import RunFolder, read_state
from crew_actors.model import TaskCompleted, TaskId
from crew_actors.runs import _port
from crew_actors.runtimes import Completed

root, workspace = Path(sys.argv[1]), sys.argv[2]
report = _port.AttemptPort.report


def is_on_disk():
    (folder,) = root.glob(".crew/runs/2*")
    task = read_state(RunFolder(folder)).tasks[TaskId("a")]
    return task.stored and (workspace == "shared" or task.branch is not None)


async def killed_before_the_end(port, event):
    if isinstance(event, TaskCompleted):
        while not is_on_disk():
            await trio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)
    await report(port, event)


async def write(job, port):
    (job.workspace / "new.txt").write_text("new")
    return Completed(text="the first result", data={"of": 1})


async def main():
    _port.AttemptPort.report = killed_before_the_end
    async with crew_in(root, worker=write) as crew:
        mine = attrs.evolve(plan(task("a"), task("b", "a")), workspace=workspace)
        await (await crew.start(mine)).wait()


trio.run(main)
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    for args in (
        ("init", "-q"),
        (*identity, "commit", "-q", "--allow-empty", "-m", "Begin"),
    ):
        subprocess.run(["/usr/bin/env", "git", *args], cwd=root, check=True)
    return root


def only_run(root: Path) -> RunFolder:
    (path,) = root.glob(".crew/runs/2*")
    return RunFolder(path)


@pytest.mark.parametrize("workspace", ["shared", "worktree"])
async def test_a_result_on_disk_is_taken_and_its_attempt_not_made_again(
    root: Path, workspace: Workspace
) -> None:
    command = [sys.executable, "-c", PROGRAM, str(root), workspace]
    top = Path(__file__).parents[2]
    done = await trio.run_process(command, cwd=top, check=False, capture_stderr=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    folder = only_run(root)
    left = read_state(folder).tasks[A]
    assert left.status is TaskStatus.RUNNING
    assert left.stored

    worked: list[str] = []

    async def note(job: Job, port: Port) -> Outcome:
        worked.append(job.task.id)
        result = job.dependencies["a"]
        assert (result.text, result.data) == ("the first result", {"of": 1})
        assert (job.workspace / "new.txt").read_text() == "new"
        return Completed(text="the second")

    async with crew_in(root, worker=note) as crew:
        state = await (await crew.resume(folder)).wait()
    assert state.status is RunStatus.COMPLETED, state.why
    assert worked == ["b"]
    assert state.tasks[A].attempts == 1
    mine = [
        one.event
        for one in read_events(folder)
        if isinstance(
            one.event,
            AttemptStarted | ResultStored | WorkspaceReleased | TaskCompleted,
        )
        and one.event.task == A
    ]
    kinds = [type(event) for event in mine]
    released = [WorkspaceReleased] if workspace == "worktree" else []
    assert kinds == [AttemptStarted, ResultStored, *released, TaskCompleted]
