"""A run that is killed, interrupted or cancelled leaves no process behind."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tests.real.conftest import Crew

SLOW = """\
import json, os, subprocess, sys, time, signal
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
other = subprocess.Popen(
    [sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True
)
pids = [os.getpid(), child.pid, other.pid]
print(json.dumps({"type": "progress", "text": json.dumps(pids)}), flush=True)
time.sleep(60)
"""

AGENT = """\
---
name: slow
description: Starts children and sleeps
runtime: command
command: ["{python}", "tools/slow.py"]
output: jsonl
---
"""

TEAM = """\
---
name: slow
description: One slow agent and one that waits for it
defaultWorkflow: slow
---

- slow: agent=slow
"""

WORKFLOW = """\
---
name: slow
description: Two steps
---

## first
role: slow

Sleep.

## second
role: slow
dependsOn: first

Sleep again.
"""


@pytest.fixture
def slow(repository: Path) -> Path:
    """Add a team of slow agents to the repository."""
    for path, text in {
        ".crew/agents/slow.md": AGENT,
        ".crew/teams/slow.team.md": TEAM,
        ".crew/workflows/slow.workflow.md": WORKFLOW,
        "tools/slow.py": SLOW,
    }.items():
        target = repository / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return repository


class Started:
    """A run in another process, whose agent is at work."""

    def __init__(self, crew: Crew, project: Path) -> None:
        args = ("run", "sleep", "--team", "slow", "--trust", "--json")
        self.process = crew.start(*args, cwd=project)
        self.events: list[dict[str, object]] = []
        self.agents: list[psutil.Process] = []
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event = json.loads(line)
            self.events.append(event)
            if event["kind"] == "attempt.progress":
                self.agents = [psutil.Process(n) for n in json.loads(event["text"])]
                break
        assert self.process.stderr is not None
        assert self.agents, self.process.stderr.read()
        self.run = self._run_id(project)

    def _run_id(self, project: Path) -> str:
        (folder,) = (project / ".crew" / "runs").glob("2*")
        return folder.name

    def finish(self) -> tuple[int, list[dict[str, object]], str]:
        """Wait for its end; return exit code, all events and standard error."""
        out, err = self.process.communicate(timeout=30)
        more = [json.loads(line) for line in out.splitlines()]
        return self.process.returncode, self.events + more, err

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate(timeout=30)
        for agent in self.agents:
            if agent.is_running():
                agent.kill()


@pytest.fixture
def started(crew: Crew, slow: Path) -> Iterator[Started]:
    run = Started(crew, slow)
    yield run
    run.close()


def _survivors(
    agents: list[psutil.Process], within: float = 5.0
) -> list[psutil.Process]:
    _, alive = psutil.wait_procs(agents, timeout=within)
    return [p for p in alive if p.status() != psutil.STATUS_ZOMBIE]


def test_a_killed_runtime_leaves_no_process_and_an_interrupted_run(
    crew: Crew, slow: Path, started: Started
) -> None:
    os.kill(started.process.pid, signal.SIGKILL)
    assert _survivors(started.agents) == []
    status = crew.run("status", started.run, "--json", cwd=slow)
    assert json.loads(status.stdout)["status"] == "interrupted"
    assert "interrupted" in crew.run("status", cwd=slow).stdout
    cancelled = crew.run("cancel", started.run, cwd=slow)
    assert cancelled.returncode == 2
    assert "is not running: it is interrupted" in cancelled.stderr


def test_asking_for_the_status_changes_nothing(
    crew: Crew, slow: Path, started: Started
) -> None:
    os.kill(started.process.pid, signal.SIGKILL)
    started.process.wait()
    before = crew.run("events", started.run, "--json", cwd=slow).stdout
    crew.run("status", started.run, cwd=slow)
    assert crew.run("events", started.run, "--json", cwd=slow).stdout == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_the_run_and_everything_of_it(
    started: Started, number: signal.Signals
) -> None:
    os.kill(started.process.pid, number)
    code, events, _ = started.finish()
    assert code == 130
    assert _survivors(started.agents, 0) == []
    assert events[-1]["kind"] == "summary"
    assert events[-1]["status"] == "cancelled"
    assert events[-1]["tasks"] == {"first": "cancelled", "second": "cancelled"}
    (ended,) = [event for event in events if event["kind"] == "process.ended"]
    assert ended["survivors"] == []


def test_crew_cancel_stops_a_run_of_another_process(
    crew: Crew, slow: Path, started: Started
) -> None:
    done = crew.run("cancel", started.run, "--reason", "not needed", cwd=slow)
    assert done.returncode == 0, done.stderr
    assert _survivors(started.agents, 0) == []
    code, events, _ = started.finish()
    assert code == 1
    assert events[-1]["status"] == "cancelled"
    assert events[-1]["why"] == "not needed"


def test_what_a_repository_brings_is_not_executed_without_consent(
    crew: Crew, slow: Path
) -> None:
    refused = crew.run("run", "sleep", "--team", "slow", cwd=slow)
    assert refused.returncode == 2
    assert "tools/slow.py" in refused.stderr
    assert "crew trust" in refused.stderr
    assert not (slow / ".crew" / "runs").exists()


def test_consent_is_void_when_the_content_changes(crew: Crew, slow: Path) -> None:
    quick = 'print(\'{"type": "result", "text": "done"}\')'
    (slow / "tools" / "slow.py").write_text(quick)
    assert crew.run("trust", "slow", "--yes", cwd=slow).returncode == 0
    assert crew.run("run", "go", "--team", "slow", cwd=slow).returncode == 0
    (slow / "tools" / "slow.py").write_text(quick + "\n")
    refused = crew.run("run", "go", "--team", "slow", cwd=slow)
    assert refused.returncode == 2
    assert "tools/slow.py" in refused.stderr


def test_a_closed_output_does_not_end_a_run(crew: Crew, repository: Path) -> None:
    process = crew.start("run", "look", "--team", "survey", cwd=repository)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    process.stderr.close()
    assert process.wait(timeout=60) == 0


def test_output_that_nobody_reads_does_not_reach_the_agents(
    crew: Crew, repository: Path
) -> None:
    done = subprocess.run(
        f"{crew.program} run look --team survey | head -n 1",
        shell=True,
        cwd=repository,
        env=crew.environ(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    listed = crew.run("status", "latest", "--json", cwd=repository)
    assert json.loads(listed.stdout)["status"] == "completed"


def test_what_an_agent_changes_during_a_run_is_not_executed(
    crew: Crew, slow: Path
) -> None:
    """The first task rewrites the program that the second one would run."""
    rewriting = (
        "import pathlib, json\n"
        "own = pathlib.Path('tools/slow.py')\n"
        "own.write_text('print(1)')\n"
        "print(json.dumps({'type': 'result', 'text': 'rewritten'}))\n"
    )
    (slow / "tools" / "slow.py").write_text(rewriting)
    done = crew.run("run", "go", "--team", "slow", "--trust", cwd=slow)
    assert done.returncode == 1
    assert "what agent slow would run has changed since it was agreed to" in done.stdout
    assert "first: completed" in done.stdout
