"""A run's folder on disk, events to put there, and other processes that do so."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from crew_actors.journal import Lease, RunFolder, _lease
from crew_actors.model import (
    AttemptId,
    PlannedTask,
    Progress,
    RunCreated,
    RunId,
    RunPlan,
    TaskId,
)

RUN = RunId("20260101-000000-0123456789")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project without any run."""
    root = tmp_path / "project"
    root.mkdir()
    return root


@pytest.fixture
def folder(project: Path) -> RunFolder:
    """The folder of a run that has no database yet."""
    return RunFolder.create(project, RUN)


@pytest.fixture(autouse=True)
def no_lease_was_put_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the leases of other tests, which are the same."""
    monkeypatch.setattr(_lease, "_put_down", set[Lease]())


@pytest.fixture
def lease() -> Lease:
    """The lease of this process."""
    return Lease.mine(now=1000.0, control_port=4711, token="secret")


@pytest.fixture
def created() -> RunCreated:
    """The first event of a run with one task."""
    task = PlannedTask(
        id=TaskId("scan"), step="scan", role="scout", agent="scout", title="Look around"
    )
    plan = RunPlan(goal="Find risks", team="survey", workflow="survey", tasks=(task,))
    return RunCreated(run=RUN, workspace="/project", plan=plan)


@pytest.fixture
def progress() -> Callable[[int], Progress]:
    """Makes events that say their number."""

    def make(number: int) -> Progress:
        return Progress(
            task=TaskId("scan"), attempt=AttemptId("scan.1"), text=f"step {number}"
        )

    return make


@pytest.fixture
def python() -> Callable[..., subprocess.Popen[str]]:
    """Starts another interpreter on some code; the caller waits for it."""

    def start(code: str, *args: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", code, *map(str, args)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start
