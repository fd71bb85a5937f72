"""What a user may say about a run: limits, approval, worktrees."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest
from tests.real.conftest import Crew
from tests.real.test_detached import until

AGENT = """\
---
name: doer
description: Does what its file says
runtime: command
command: ["{python}", "tools/doer.py"]
output: jsonl
---
"""

# The first word of the goal says what to do.
DOER = """\
import json, os, pathlib, sys, time

def say(**what):
    print(json.dumps(what), flush=True)

goal = json.loads(pathlib.Path(os.environ["CREW_INPUTS"]).read_text())["goal"]
if goal == "sleep":
    say(type="progress", text="asleep")
    time.sleep(60)
elif goal == "spend":
    say(type="usage", input=600, output=600, cost=2.5)
    time.sleep(60)
elif goal == "most":
    say(type="usage", input=450, output=400)
elif goal == "mute":
    say(type="progress", text="the last word")
    time.sleep(60)
elif goal == "fail":
    sys.exit(3)
elif goal == "write":
    pathlib.Path(os.environ["CREW_WORKSPACE"], "new.txt").write_text("new")
say(type="result", text="done")
"""

TEAM = """\
---
name: do
description: One agent
defaultWorkflow: do
---

- doer: agent=doer
"""

WORKFLOW = """\
---
name: do
description: One step
---

## first
role: doer

Do it.
"""

DO = ("--team", "do", "--trust", "--json")


@pytest.fixture
def project(repository: Path) -> Path:
    for path, text in {
        ".crew/agents/doer.md": AGENT.replace("{python}", sys.executable),
        ".crew/teams/do.team.md": TEAM,
        ".crew/workflows/do.workflow.md": WORKFLOW,
        "tools/doer.py": DOER,
    }.items():
        target = repository / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return repository


def last(out: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(out.splitlines()[-1])
    return found


@pytest.mark.parametrize(
    ("goal", "limit", "told"),
    [
        ("sleep", ("--time-limit", "1"), "its budget of time is spent"),
        ("spend", ("--token-limit", "1000"), "its budget of tokens is spent"),
        ("spend", ("--cost-limit", "2"), "its budget of cost is spent"),
    ],
)
def test_a_limit_ends_the_run_and_is_named(
    crew: Crew, project: Path, goal: str, limit: tuple[str, ...], told: str
) -> None:
    done = crew.run("run", goal, *DO, *limit, cwd=project)
    assert done.returncode == 1, done.stderr
    report = last(done.stdout)
    assert report["status"] == "failed"
    assert told in str(report["why"])


@pytest.mark.parametrize("attempts", [1, 2])
def test_so_many_attempts_are_made_as_are_allowed(
    crew: Crew, project: Path, attempts: int
) -> None:
    done = crew.run("run", "fail", *DO, "--attempts", str(attempts), cwd=project)
    assert done.returncode == 1
    begun = [line for line in done.stdout.splitlines() if '"attempt.started"' in line]
    assert len(begun) == attempts


def test_a_worktree_keeps_the_project_as_it_is(crew: Crew, project: Path) -> None:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    for args in (("add", "-A"), (*identity, "commit", "-q", "-m", "Bring a doer")):
        subprocess.run(["/usr/bin/env", "git", *args], cwd=project, check=True)
    done = crew.run("run", "write", *DO, "--workspace", "worktree", cwd=project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (project / "new.txt").exists()
    run = str(last(done.stdout)["run"])
    told = last(crew.run("status", run, "--json", cwd=project).stdout)
    (kept,) = cast("list[dict[str, str]]", told["kept"])
    assert kept["branch"].startswith(f"crew/{run}/")
    assert kept["branch"] in crew.run("status", run, cwd=project).stdout


def test_without_a_repository_there_are_no_worktrees(
    crew: Crew, project: Path, tmp_path: Path
) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    (project / ".crew").rename(plain / ".crew")
    (project / "tools").rename(plain / "tools")
    done = crew.run("run", "write", *DO, "--workspace", "worktree", cwd=plain)
    assert done.returncode == 2, done.stderr
    assert "run `git init` and commit" in done.stderr
    assert not list((plain / ".crew").glob("runs/2*"))


def test_nothing_is_written_before_somebody_has_agreed(
    crew: Crew, project: Path
) -> None:
    def start() -> str:
        started = crew.run("run", "write", *DO, "--approve", "--detach", cwd=project)
        assert started.returncode == 0, started.stderr
        run = str(last(started.stdout)["run"])
        shown = ("status", run)
        until(
            lambda: "waits for `crew approve`" in crew.run(*shown, cwd=project).stdout,
            "nobody was asked",
        )
        assert not (project / "new.txt").exists()
        return run

    rejected = start()
    assert crew.run("reject", rejected, "--reason", "no", cwd=project).returncode == 0
    assert crew.run("wait", rejected, cwd=project).returncode == 1
    approved = start()
    assert crew.run("approve", approved, cwd=project).returncode == 0
    assert crew.run("wait", approved, cwd=project).returncode == 0
    assert (project / "new.txt").exists()
    again = crew.run("approve", approved, cwd=project)
    assert again.returncode == 2
    assert "is not running: it is completed" in again.stderr


def test_a_run_inside_of_too_many_runs_is_refused(
    crew: Crew, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREW_DEPTH", "3")
    done = crew.run("run", "write", *DO, cwd=project)
    assert done.returncode == 2, done.stdout
    assert not list((project / ".crew").glob("runs/2*"))


def test_most_of_a_budget_is_told_and_leaves_the_run_alone(
    crew: Crew, project: Path
) -> None:
    done = crew.run("run", "most", *DO, "--token-limit", "1000", cwd=project)
    assert done.returncode == 0, done.stderr
    assert '"run.budget_warned"' in done.stdout
    assert '"run.budget_spent"' not in done.stdout


def test_a_run_stops_a_little_before_its_limit(crew: Crew, project: Path) -> None:
    # The agent reports 1,200 tokens: 95 percent of 1,260 is 1,197.
    done = crew.run("run", "spend", *DO, "--token-limit", "1260", cwd=project)
    assert done.returncode == 1, done.stdout
    assert "1,200 tokens of 1,260" in str(last(done.stdout)["why"])


def test_an_agent_that_says_nothing_any_more_is_stopped(
    crew: Crew, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREW_LIMITS_SILENCE", "1")
    done = crew.run("run", "mute", *DO, "--attempts", "1", cwd=project)
    assert done.returncode == 1, done.stdout
    report = last(done.stdout)
    assert cast("float", report["took"]) < 30
    told = crew.run("events", str(report["run"]), cwd=project).stdout
    assert "no output for longer than allowed" in told


def test_a_budget_is_kept_when_the_run_is_taken_up(crew: Crew, project: Path) -> None:
    limit = ("--token-limit", "2000", "--cost-limit", "100")
    started = crew.run("run", "spend", *DO, *limit, "--detach", cwd=project)
    run = str(last(started.stdout)["run"])
    until(
        lambda: "used 600 in" in crew.run("events", run, cwd=project).stdout,
        "it used nothing",
    )
    assert crew.run("cancel", run, cwd=project).returncode == 0
    again = crew.run("resume", run, "--json", cwd=project)
    assert again.returncode == 1, again.stdout
    assert "2,400 tokens of 2,000" in str(last(again.stdout)["why"])
    more = ("--time-limit", "1", "--token-limit", "100000")
    longer = crew.run("resume", run, *more, "--json", cwd=project)
    assert "its budget of time is spent" in str(last(longer.stdout)["why"])


def test_a_script_that_is_not_committed_is_named(crew: Crew, project: Path) -> None:
    done = crew.run("run", "write", *DO, "--workspace", "worktree", cwd=project)
    assert done.returncode == 1, done.stdout
    run = str(last(done.stdout)["run"])
    told = crew.run("events", run, cwd=project).stdout
    assert "runs tools/doer.py, which is not in " in told
    assert "a worktree holds what is committed; commit it" in told


def waiting(crew: Crew, project: Path) -> str:
    """Start a run that waits for an approval, and let its owner be killed."""
    started = crew.run("run", "write", *DO, "--approve", "--detach", cwd=project)
    told = last(started.stdout)
    run = str(told["run"])
    until(
        lambda: (
            "waits for `crew approve`" in crew.run("status", run, cwd=project).stdout
        ),
        "nobody was asked",
    )
    os.kill(cast("int", told["pid"]), signal.SIGKILL)
    until(
        lambda: "interrupted" in crew.run("status", run, cwd=project).stdout,
        "its owner lives on",
    )
    return run


def test_a_plan_is_judged_also_when_the_owner_of_its_run_is_gone(
    crew: Crew, project: Path
) -> None:
    rejected = waiting(crew, project)
    done = crew.run("reject", rejected, "--reason", "no", cwd=project)
    assert done.returncode == 0, done.stderr
    assert "the plan is rejected; the run is cancelled" in done.stdout
    shown = last(crew.run("status", rejected, "--json", cwd=project).stdout)
    assert "no" in str(shown["why"])
    assert not (project / "new.txt").exists()

    approved = waiting(crew, project)
    done = crew.run("approve", approved, cwd=project)
    assert done.returncode == 0, done.stderr
    assert "completed" in done.stdout
    assert (project / "new.txt").exists()

    approved = waiting(crew, project)
    done = crew.run("approve", approved, "--detach", cwd=project)
    assert "goes on in process" in done.stdout
    assert crew.run("wait", approved, cwd=project).returncode == 0


def attached(crew: Crew, project: Path, *options: str) -> tuple[str, str, int, str]:
    """Attach to a run that sleeps, press Ctrl-C; return the run and what was said."""
    started = crew.run("run", "sleep", *DO, "--detach", cwd=project)
    run = str(last(started.stdout)["run"])
    watcher = crew.start("attach", run, *options, cwd=project)
    assert watcher.stdout is not None
    while "asleep" not in watcher.stdout.readline():
        pass
    watcher.send_signal(signal.SIGINT)
    out, err = watcher.communicate(timeout=30)
    status = last(crew.run("status", run, "--json", cwd=project).stdout)["status"]
    return run, str(status), watcher.returncode, out + err


def test_who_stops_watching_is_told_that_the_run_goes_on(
    crew: Crew, project: Path
) -> None:
    run, status, code, said = attached(crew, project)
    assert (status, code) == ("running", 130)
    assert f"The run goes on. Stop it: crew cancel {run}" in said
    assert crew.run("cancel", run, cwd=project).returncode == 0


def test_who_watches_can_stop_the_run_with_ctrl_c(crew: Crew, project: Path) -> None:
    _, status, code, said = attached(crew, project, "--cancel-on-interrupt")
    assert (status, code) == ("cancelled", 130)
    assert "Stopping. Press Ctrl-C again to stop at once." in said
    assert "interrupted by the user" in said
