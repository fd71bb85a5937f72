"""Attempts in worktrees: isolated, joined along the graph, and nothing lost."""

import subprocess
from pathlib import Path

import attrs
import pytest
import trio
from tests.support.crews import crew_in
from tests.support.plans import plan, task

from crew_actors.journal import read_events
from crew_actors.model import (
    Failure,
    FailureKind,
    PlannedTask,
    RunPlan,
    RunStatus,
    TaskId,
    WorkspaceReleased,
)
from crew_actors.runs import Run
from crew_actors.runtimes import Completed, Failed, Job, Outcome, Port
from crew_actors.worktrees import NotARepository

A, B, C = TaskId("a"), TaskId("b"), TaskId("c")


def git(folder: Path, *args: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@t", *args],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "code.py").write_text("one\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def isolated(*tasks: PlannedTask) -> RunPlan:
    return attrs.evolve(plan(*tasks), workspace="worktree")


async def writes(job: Job, port: Port) -> Outcome:
    """Write a file named after the task, and tell which were there."""
    found = sorted(path.name for path in job.workspace.glob("[!.]*"))
    await trio.Path(job.workspace / f"{job.task.id}.txt").write_text(job.task.id)
    return Completed(text=" ".join(found))


async def said(run: Run, name: TaskId) -> str:
    result = run.state.tasks[name].result
    assert result is not None
    return (run.folder.path / result.path).read_text()


async def test_each_attempt_sees_what_its_dependencies_wrote_and_no_more(
    project: Path,
) -> None:
    tasks = (task("a"), task("b"), task("c", "a"), task("d", "c", "b"))
    async with crew_in(project, worker=writes) as crew:
        run = await crew.start(isolated(*tasks))
        state = await run.wait()
    assert state.status is RunStatus.COMPLETED
    assert await said(run, A) == "code.py"
    assert await said(run, B) == "code.py"
    assert await said(run, C) == "a.txt code.py"
    assert await said(run, TaskId("d")) == "a.txt b.txt c.txt code.py"
    assert git(project, "status", "--porcelain") == ""
    assert not list((project / ".crew" / "worktrees" / run.id).glob("*"))
    branch = state.tasks[TaskId("d")].branch
    assert branch is not None
    assert branch == f"crew/{run.id}/d.1"
    git(project, "merge", "-q", branch)
    assert (project / "d.txt").read_text() == "d"


async def test_what_a_failed_attempt_wrote_stays_and_is_an_artifact(
    project: Path,
) -> None:
    async def work(job: Job, port: Port) -> Outcome:
        await trio.Path(job.workspace / "half.bin").write_bytes(bytes(range(256)))
        return Failed(failure=Failure(kind=FailureKind.EXIT, message="no"))

    async with crew_in(project, worker=work) as crew:
        run = await crew.start(isolated(task("a")))
        state = await run.wait()
    assert state.status is RunStatus.FAILED
    place = state.tasks[A].workspace
    assert place is not None
    assert (Path(place) / "half.bin").read_bytes() == bytes(range(256))
    (released,) = (
        one.event
        for one in read_events(run.folder)
        if isinstance(one.event, WorkspaceReleased)
    )
    assert released.kept
    assert released.patch is not None
    patch = (run.folder.path / released.patch.path).read_text()
    assert "GIT binary patch" in patch


async def test_an_attempt_that_changed_nothing_leaves_nothing(project: Path) -> None:
    async def look(job: Job, port: Port) -> Outcome:
        return Completed(text="nothing to do")

    async with crew_in(project, worker=look) as crew:
        run = await crew.start(isolated(task("a")))
        await run.wait()
    assert git(project, "branch", "--list", "crew/*") == ""
    assert run.state.tasks[A].branch is None


async def test_changes_that_do_not_fit_fail_the_task_that_needs_both(
    project: Path,
) -> None:
    async def work(job: Job, port: Port) -> Outcome:
        await trio.Path(job.workspace / "code.py").write_text(f"{job.task.id}\n")
        return Completed(text="x")

    tasks = (task("a"), task("b"), task("c", "a", "b"))
    async with crew_in(project, worker=work) as crew:
        run = await crew.start(isolated(*tasks))
        state = await run.wait()
    failure = state.tasks[C].failure
    assert failure is not None
    assert "cannot be merged" in failure.message
    assert failure.kind is FailureKind.START


async def test_a_stopped_attempt_keeps_its_worktree(project: Path) -> None:
    begun = trio.Event()

    async def work(job: Job, port: Port) -> Outcome:
        await trio.Path(job.workspace / "half.txt").write_text("half")
        begun.set()
        await trio.sleep_forever()
        raise AssertionError

    with trio.fail_after(20):
        async with crew_in(project, worker=work) as crew:
            run = await crew.start(isolated(task("a")))
            await begun.wait()
            run.cancel("enough")
            state = await run.wait()
    place = state.tasks[A].workspace
    assert place is not None
    assert (Path(place) / "half.txt").read_text() == "half"


async def test_there_is_no_silent_way_back_to_the_main_checkout(
    tmp_path: Path,
) -> None:
    async with crew_in(tmp_path, worker=writes) as crew:
        with pytest.raises(NotARepository):
            await crew.start(isolated(task("a")))
    assert not list((tmp_path / ".crew" / "runs").glob("2*"))
