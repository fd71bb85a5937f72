"""Runs with a process of their own, and what other processes tell them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import cast

import attrs
import psutil
import pytest
from tests.real.conftest import Crew

AGENT = """\
---
name: talker
description: Asks, and does as it is told
runtime: command
command: ["{python}", "tools/talker.py"]
input: stdin
output: jsonl
control: stdin
---
"""

# It asks, says who it is, and acknowledges messages until somebody has answered.
TALKER = """\
import json, os, sys

def say(**what):
    print(json.dumps(what), flush=True)

task = json.loads(sys.stdin.readline())
assert task["type"] == "task", task
if "left" in task["text"].partition("Which way?")[2]:
    say(type="result", text="went left, as it was told before")
    sys.exit()
say(type="progress", text=f"pid {os.getpid()}")
say(type="question", id="q", text="Which way?", choices=["left", "right"])
heard = []
for line in sys.stdin:
    told = json.loads(line)
    if told["type"] == "answer":
        say(type="result", text=f"went {told['text']}; {heard}")
        break
    heard.append(f"{told['type']}: {told['text']}")
    say(type="received", id=told["id"])
"""

TEAM = """\
---
name: talk
description: One agent that asks
defaultWorkflow: talk
---

- talker: agent=talker
"""

WORKFLOW = """\
---
name: talk
description: One step
---

## first
role: talker

Choose a way.
"""


@pytest.fixture
def project(repository: Path) -> Path:
    for path, text in {
        ".crew/agents/talker.md": AGENT.replace("{python}", sys.executable),
        ".crew/teams/talk.team.md": TEAM,
        ".crew/workflows/talk.workflow.md": WORKFLOW,
        "tools/talker.py": TALKER,
    }.items():
        target = repository / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return repository


def until(true: Callable[[], object], what: str) -> None:
    """Wait for something that other processes do."""
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@attrs.define
class Detached:
    """A detached run whose agent waits for an answer."""

    crew: Crew
    project: Path
    run: str
    runner: psutil.Process

    def call(self, *args: str) -> "subprocess.CompletedProcess[str]":
        return self.crew.run(*args, cwd=self.project)

    def told(self, *args: str) -> dict[str, object]:
        """Return the result of a command that goes well."""
        done = self.call(*args, "--json")
        assert done.returncode == 0, done.stderr
        last: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
        return last

    def status(self) -> dict[str, object]:
        return self.told("status", self.run)

    def agent(self) -> psutil.Process:
        (line,) = (
            one
            for one in self.call("events", self.run).stdout.splitlines()
            if "pid " in one and "process" not in one
        )
        return psutil.Process(int(line.rpartition("pid ")[2]))


@pytest.fixture
def detached(crew: Crew, project: Path) -> Iterator[Detached]:
    args = ("run", "choose", "--team", "talk", "--trust", "--detach", "--json")
    terminal = crew.start(*args, cwd=project)
    out, err = terminal.communicate(timeout=60)
    assert terminal.returncode == 0, err
    told = json.loads(out.splitlines()[-1])
    with suppress(ProcessLookupError):
        os.killpg(terminal.pid, signal.SIGKILL)  # whatever is left of the terminal
    run = Detached(crew, project, told["run"], psutil.Process(told["pid"]))
    until(lambda: run.status()["questions"], "the agent did not ask")
    yield run
    if run.runner.is_running():
        run.runner.kill()


def test_a_detached_run_outlives_its_terminal_and_is_nobodys_zombie(
    detached: Detached,
) -> None:
    assert detached.runner.is_running()
    assert detached.runner.ppid() != os.getpid()
    assert os.getsid(detached.runner.pid) != os.getsid(0)
    late = detached.call("wait", detached.run, "--timeout", "0.2")
    assert late.returncode == 1
    assert "has not ended within 0.2 seconds" in late.stderr
    watcher = detached.crew.start("attach", detached.run, cwd=detached.project)
    time.sleep(1.0)
    os.killpg(watcher.pid, signal.SIGINT)
    watcher.communicate(timeout=20)
    assert watcher.returncode == 130
    assert detached.status()["status"] == "waiting"
    assert detached.told("respond", detached.run, "left")["task"] == detached_task(
        detached
    )
    assert detached.told("wait", detached.run)["status"] == "completed"
    attached = detached.call("attach", detached.run)
    assert attached.returncode == 0
    assert "completed" in attached.stdout
    until(lambda: not psutil.pid_exists(detached.runner.pid), "the runner is left")


def detached_task(run: Detached) -> str:
    tasks = cast("list[dict[str, str]]", run.status()["tasks"])
    return tasks[0]["task"]


def test_messages_from_other_processes_reach_the_agent(detached: Detached) -> None:
    task = detached_task(detached)
    for action in ("steer", "follow-up"):
        told = detached.told(action, detached.run, task, f"by {action}")
        assert told["outcome"] == "delivered"
    wrong = detached.call("respond", detached.run, "up")
    assert wrong.returncode == 2
    assert "left, right" in wrong.stderr
    twice = detached.call("respond", detached.run, "left", "--question", "nothing")
    assert twice.returncode == 2
    unknown = detached.call("steer", detached.run, "nobody", "x")
    assert unknown.returncode == 2
    assert "there is no task 'nobody'" in unknown.stderr
    detached.told("respond", detached.run, "right")
    assert detached.told("wait", detached.run)["status"] == "completed"
    over = detached.call("respond", detached.run, "right")
    assert over.returncode == 2
    assert "is not running: it is completed" in over.stderr


def test_a_killed_runner_leaves_no_agent_and_its_run_can_be_answered(
    detached: Detached,
) -> None:
    agent = detached.agent()
    assert agent.is_running()
    detached.runner.kill()
    until(lambda: not agent.is_running(), "the agent has survived")
    assert detached.status()["status"] == "interrupted"
    shown = detached.call("status", detached.run).stdout
    assert "Which way? (left | right)" in shown
    assert f"crew respond {detached.run} ANSWER --question" in shown
    assert detached.call("respond", detached.run, "up").returncode == 2
    done = detached.call("respond", detached.run, "left")
    assert done.returncode == 0, done.stderr
    (result,) = (detached.project / ".crew" / "runs" / detached.run).rglob("result.md")
    assert result.read_text() == "went left, as it was told before"
    assert detached.call("resume", detached.run).returncode == 2


def test_an_answer_can_have_the_run_go_on_in_a_process_of_its_own(
    detached: Detached,
) -> None:
    detached.runner.kill()
    until(lambda: detached.status()["status"] == "interrupted", "it goes on")
    told = detached.told("respond", detached.run, "left", "--detach")
    assert told["kind"] == "detached"
    assert detached.told("wait", detached.run)["status"] == "completed"
