"""The installed wheel surveys a real repository, through every layer."""

import json
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import cast

import pytest
from tests.real.conftest import Crew

GOAL = "What is in this repository, and what is risky in it?"
AGENTS = {"cartographer", "historian", "auditor", "tester"}


def _lines(output: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in output.splitlines()]


@pytest.fixture
def surveyed(crew: Crew, repository: Path) -> "subprocess.CompletedProcess[str]":
    return crew.run("run", GOAL, "--json", cwd=repository)


def test_a_survey_completes_and_ends_with_its_summary(
    surveyed: "subprocess.CompletedProcess[str]", repository: Path
) -> None:
    assert surveyed.returncode == 0, surveyed.stderr
    last = _lines(surveyed.stdout)[-1]
    assert last["kind"] == "summary"
    assert last["status"] == "completed"
    assert set(_tasks(last).values()) == {"completed"}
    summary = Path(str(last["summary"]))
    assert summary.name == "summary.md"
    assert summary.is_relative_to(repository / ".crew" / "runs")
    text = summary.read_text(encoding="utf-8")
    assert "Kiln fires clay in batches." in text
    assert "pkg/cli.py" in text
    assert ".env" in text
    assert "ABCDEFGHIJKLMNOP" not in text
    assert "pytest" in text
    assert "Ada" in text
    assert "ada@example.org" not in text
    picture = summary.parent / "repository.svg"
    assert f"({picture.name})" in text
    ET.parse(picture)


def _tasks(summary: dict[str, object]) -> dict[str, str]:
    tasks = summary["tasks"]
    assert isinstance(tasks, dict)
    return cast("dict[str, str]", tasks)


def test_its_events_have_no_gap_and_keep_the_order_of_the_workflow(
    surveyed: "subprocess.CompletedProcess[str]",
) -> None:
    events = _lines(surveyed.stdout)[:-1]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[0]["kind"] == "run.created"
    assert events[-1]["kind"] == "run.completed"
    started = {e["task"]: e["seq"] for e in events if e["kind"] == "attempt.started"}
    completed = {e["task"]: e["seq"] for e in events if e["kind"] == "task.completed"}
    assert set(started) == set(completed)
    (writer,) = set(started) - AGENTS - {"cartographer"}
    before_writer = [completed[task] for task in completed if task != writer]
    assert len(before_writer) == len(AGENTS)
    assert all(str(seq).isdigit() for seq in before_writer)
    assert max(map(int, map(str, before_writer))) < int(str(started[writer]))


def test_each_process_of_it_is_known_to_have_ended(
    surveyed: "subprocess.CompletedProcess[str]",
) -> None:
    events = _lines(surveyed.stdout)[:-1]
    started = {e["pid"] for e in events if e["kind"] == "process.started"}
    ended = [e for e in events if e["kind"] == "process.ended"]
    assert len(started) == 5
    assert {e["pid"] for e in ended} == started
    assert all(e["outcome"] == "exit 0" for e in ended)
    assert all(e["survivors"] == [] for e in ended)


def test_a_run_can_be_looked_at_when_its_process_is_gone(
    crew: Crew, repository: Path, surveyed: "subprocess.CompletedProcess[str]"
) -> None:
    run = str(_lines(surveyed.stdout)[-1]["run"])
    events = crew.run("events", run, "--json", cwd=repository)
    assert _lines(events.stdout)[:-1] == _lines(surveyed.stdout)[:-1]
    status = crew.run("status", run, cwd=repository)
    assert "completed" in status.stdout
    assert run in crew.run("status", cwd=repository).stdout
    assert run in crew.run("status", "--all", cwd=repository.parent).stdout
    artifacts = crew.run("artifacts", run, cwd=repository)
    assert "summary.md" in artifacts.stdout
    assert "repository.svg" in artifacts.stdout


def test_a_survey_of_the_same_repository_says_the_same(
    crew: Crew, repository: Path, surveyed: "subprocess.CompletedProcess[str]"
) -> None:
    again = crew.run("run", GOAL, "--team", "survey", "--json", cwd=repository)
    first, second = (
        Path(str(_lines(done.stdout)[-1]["summary"])).read_bytes()
        for done in (surveyed, again)
    )
    assert first == second


def test_plain_output_ends_with_the_path_of_the_summary(
    crew: Crew, repository: Path
) -> None:
    done = crew.run("run", GOAL, cwd=repository)
    assert done.returncode == 0, done.stderr
    last = done.stdout.strip().splitlines()[-1]
    assert last.endswith("summary.md")
    assert (repository / last.split()[-1]).is_file()
    assert "no agent program" in done.stdout + done.stderr


def test_a_survey_works_without_git_and_in_an_empty_folder(
    crew: Crew, tmp_path: Path
) -> None:
    done = crew.run("run", GOAL, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert _lines(done.stdout)[-1]["status"] == "completed"


def test_the_project_stays_clean_in_the_eyes_of_git(
    surveyed: "subprocess.CompletedProcess[str]", repository: Path
) -> None:
    assert surveyed.returncode == 0
    status = ["git", "status", "--porcelain"]
    done = subprocess.run(status, cwd=repository, check=True, capture_output=True)
    assert done.stdout == b""
