"""A task that somebody outside does, and an owner of the run that is killed meanwhile."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.real.conftest import Crew

FILES = {
    ".crew/agents/desk.md": """\
---
name: desk
description: Tries it by hand
runtime: external
---

Write down what you have seen.
""",
    ".crew/teams/desk.team.md": """\
---
name: desk
description: Has it tried by hand
defaultWorkflow: desk
---

- checker: agent=desk
""",
    ".crew/workflows/desk.workflow.md": """\
---
name: desk
description: Two tries
---

## one
role: checker

Try {goal}.

## two
role: checker
dependsOn: one

Try it again.
""",
}


@pytest.fixture
def desk(repository: Path) -> Path:
    """Add a team whose agent is somebody outside."""
    for path, text in FILES.items():
        target = repository / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return repository


@pytest.fixture
def started(crew: Crew, desk: Path) -> Iterator[tuple[str, int]]:
    """Start a run in a process of its own; stop it at the end."""
    done = crew.run("run", "the lamp", "--team", "desk", "--detach", "--json", cwd=desk)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    yield str(told["run"]), int(told["pid"])
    crew.run("cancel", told["run"], cwd=desk)


def _status(crew: Crew, desk: Path, run: str) -> str:
    return str(json.loads(crew.run("status", run, "--json", cwd=desk).stdout)["status"])


def _wait_for(crew: Crew, desk: Path, run: str, status: str) -> None:
    until = time.monotonic() + 30
    while _status(crew, desk, run) != status:
        assert time.monotonic() < until, crew.run("status", run, cwd=desk).stdout
        time.sleep(0.1)


def test_a_claim_outlives_the_kill_of_the_owner(
    crew: Crew, desk: Path, started: tuple[str, int]
) -> None:
    run, owner = started
    _wait_for(crew, desk, run, "waiting")
    claimed = crew.run("claim", run, "--owner", "ann", "--json", cwd=desk)
    assert claimed.returncode == 0, claimed.stderr
    claim = json.loads(claimed.stdout)
    assert "Try the lamp." in claim["prompt"]
    assert _status(crew, desk, run) == "running"
    os.kill(owner, signal.SIGKILL)
    _wait_for(crew, desk, run, "interrupted")

    token = ("--token", claim["token"])
    end = ("transition", run, "one", *token, "--status", "completed")
    early = crew.run(*end, "--result", "it works", cwd=desk)
    assert early.returncode == 2
    assert f"`crew resume {run}` takes it up again" in early.stderr

    assert crew.run("resume", run, "--detach", cwd=desk).returncode == 0
    _wait_for(crew, desk, run, "running")
    wrong = crew.run(*end, "--token", "other", "--result", "mine", cwd=desk)
    assert (wrong.returncode, "claim of ann" in wrong.stderr) == (2, True)
    done = crew.run(*end, "--result", "it works", cwd=desk)
    assert done.returncode == 0, done.stderr
    _wait_for(crew, desk, run, "waiting")
    task = json.loads(crew.run("task", run, "one", "--json", cwd=desk).stdout)
    assert [one["outcome"] for one in task["attempts"]] == ["completed"]
    assert task["result"]["text"] == "it works"

    second = json.loads(
        crew.run("claim", run, "--owner", "bob", "--json", cwd=desk).stdout
    )
    assert (second["task"], "it works" in second["prompt"]) == ("two", True)
    failed = ("transition", run, "two", "--token", second["token"])
    crew.run(*failed, "--status", "failed", "--why", "it broke", cwd=desk)
    _wait_for(crew, desk, run, "failed")
