"""Real runs in real repositories, with agents that are functions."""

import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import attrs
import pytest
from tests.support.crews import fail, finish
from tests.support.plans import plan, task

from crew_actors.commands import Context
from crew_actors.journal import Registry, RunFolder
from crew_actors.model import RunPlan
from crew_actors.places import Places, find_project
from crew_actors.runtimes import AgentFunction, Completed, Job, Outcome, Port

Finish = Callable[..., Awaitable[RunFolder]]


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
    root = tmp_path.resolve() / "project"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    (root / "code.py").write_text("one\n")
    (root / ".gitignore").write_text("/.crew/\n")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")
    return root


@pytest.fixture
def places(project: Path) -> Places:
    return Places(config=project.parent / "config", data=project.parent / "data")


@pytest.fixture
def registry(places: Places) -> Registry:
    return Registry.of(places)


@pytest.fixture
def context(project: Path, places: Places) -> Context:
    return Context(
        project=find_project(project),
        places=places,
        environ={"PATH": "/bin", "MY_TOKEN": "hunter2hunter2"},
        now=lambda: 4_000_000_000.0,
    )


def in_worktrees(*names: str) -> RunPlan:
    """Plan tasks that work in worktrees; one called `bad` has an agent of its own."""
    tasks = (task(name, role=name if name == "bad" else "worker") for name in names)
    return attrs.evolve(plan(*tasks), workspace="worktree")


async def write(job: Job, port: Port) -> Outcome:
    """Write a file, and complete."""
    (job.workspace / f"{job.task.id}.py").write_text("made\n")
    return Completed(text="done")


async def idle(job: Job, port: Port) -> Outcome:
    """Complete, and write nothing."""
    return Completed(text="nothing to do")


async def break_off(job: Job, port: Port) -> Outcome:
    """Write a text and a binary file, and fail."""
    (job.workspace / "half.py").write_text("half\n")
    (job.workspace / "half.bin").write_bytes(bytes(range(256)))
    return await fail(job, port)


async def ran(project: Path, *names: str, worker: AgentFunction = write) -> RunFolder:
    """Run such tasks to their end; a task called `bad` breaks off."""
    run = await finish(project, in_worktrees(*names), worker=worker, bad=break_off)
    return run.folder


def branches(project: Path) -> list[str]:
    names = git(project, "for-each-ref", "--format=%(refname:short)", "refs/heads")
    return [name for name in names.splitlines() if name != "main"]
