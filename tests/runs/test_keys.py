"""Which keys of its user the program of an agent sees."""

from collections.abc import Callable
from pathlib import Path

import pytest

from crew_actors.config import Settings
from crew_actors.places import Places, find_project
from crew_actors.resources import load_catalog
from crew_actors.runs import Prepared, RunRequest, prepare

Plan = Callable[[str, str], Prepared]


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Plan one task of an agent with the given lines, which comes with a tier."""
    project = tmp_path / "project"
    places = Places(config=tmp_path / "config", data=tmp_path / "data")
    program = tmp_path / "bin" / "pi"
    for name in ("pi", "other"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)

    def make(tier: str, lines: str) -> Prepared:
        agents = places.config if tier == "user" else project / ".crew"
        for path, text in (
            (agents / "agents" / "worker.md", f"---\nname: worker\n{lines}\n---\nx\n"),
            (project / ".crew/teams/w.team.md", "---\nname: w\n---\n- worker\n"),
            (
                project / ".crew/workflows/w.workflow.md",
                "---\nname: w\n---\n\n## worker\n\nDo.\n",
            ),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return prepare(
            load_catalog(places, find_project(project)),
            RunRequest(goal="x", team="w"),
            settings=Settings(agent_runtime="pi"),
            workspace=project,
            environ={"PATH": str(program.parent)},
        )

    return make


def keys(prepared: Prepared) -> list[str]:
    (task,) = prepared.plan.tasks
    assert task.command is not None
    return [name for name in task.command.env if name.endswith("_KEY")]


def test_without_a_word_it_sees_those_of_its_program(plan: Plan) -> None:
    found = keys(plan("user", ""))
    assert found == ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY"]


@pytest.mark.parametrize("tier", ["user", "project"])
def test_it_sees_only_those_that_its_file_names(plan: Plan, tier: str) -> None:
    prepared = plan(tier, "keys: OPENAI_API_KEY")
    assert keys(prepared) == ["OPENAI_API_KEY"]
    (task,) = prepared.plan.tasks
    assert task.command is not None
    assert "HTTPS_PROXY" in task.command.env, "what is no key stays"


def test_it_may_see_none(plan: Plan) -> None:
    assert keys(plan("user", "keys: []")) == []


def test_an_agent_of_the_user_may_see_others(plan: Plan) -> None:
    prepared = plan("user", "keys: GROQ_API_KEY")
    assert keys(prepared) == ["GROQ_API_KEY"]
    assert prepared.note is None


def test_an_agent_of_a_project_sees_no_others_and_the_run_says_so(plan: Plan) -> None:
    prepared = plan("project", "keys: BANK_KEY, GEMINI_API_KEY")
    assert keys(prepared) == ["GEMINI_API_KEY"]
    assert prepared.note is not None
    assert "worker: BANK_KEY is no key of pi, and an agent" in prepared.note
