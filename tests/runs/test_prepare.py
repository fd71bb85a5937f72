"""A request becomes a plan, or one clear error, and nothing is started."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crew_actors.config import Settings
from crew_actors.model import GOAL_LIMIT
from crew_actors.places import Places, Project
from crew_actors.resources import (
    Catalog,
    InvalidWorkflow,
    UnknownResource,
    load_catalog,
)
from crew_actors.runs import (
    BadRequest,
    FilesInTheWay,
    NoAgentProgram,
    Prepared,
    ProgramsMissing,
    RunRequest,
    prepare,
)
from crew_actors.runs._prepare import DEFAULT_LIMIT


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(config=tmp_path / "config", data=tmp_path / "data")


@pytest.fixture
def catalog(places: Places) -> Catalog:
    return load_catalog(places, None)


@pytest.fixture
def programs(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Make an environment in which just the named programs are found."""

    def make(*names: str) -> dict[str, str]:
        folder = tmp_path / "programs"
        folder.mkdir()
        for name in names:
            program = folder / name
            program.write_text("#!/bin/sh\n")
            program.chmod(0o755)
        return {"PATH": str(folder)}

    return make


Programs = Callable[..., dict[str, str]]


def _prepare(
    catalog: Catalog,
    environ: dict[str, str],
    settings: Settings | None = None,
    **fields: Any,
) -> Prepared:
    values: dict[str, Any] = {"goal": "do it", **fields}
    request = RunRequest(**values)
    return prepare(
        catalog,
        request,
        settings=settings or Settings(),
        workspace=Path.cwd(),
        environ=environ,
    )


def test_without_an_agent_cli_the_survey_is_run_and_one_line_says_so(
    catalog: Catalog, programs: Programs
) -> None:
    prepared = _prepare(catalog, programs())
    assert prepared.plan.team == "survey"
    assert prepared.note == "No team named and no agent program found: using 'survey'."


def test_with_an_agent_cli_the_default_team_is_run_by_it(
    catalog: Catalog, programs: Programs
) -> None:
    prepared = _prepare(catalog, programs("claude", "gemini"))
    assert prepared.plan.team == "default"
    assert prepared.note == "No team named: using 'default' with claude."
    for task in prepared.plan.tasks:
        assert task.command is not None
        assert task.command.argv[0] == "claude"


def test_the_user_may_choose_the_team_and_the_agent_cli_for_good(
    catalog: Catalog, programs: Programs
) -> None:
    settings = Settings(team="review", agent_runtime="gemini", limit=7)
    prepared = _prepare(catalog, programs("claude", "gemini"), settings)
    assert prepared.plan.team == "review"
    assert prepared.note is None
    commands = [task.command for task in prepared.plan.tasks]
    assert {command.argv[0] for command in commands if command} == {"gemini"}


def test_a_request_wins_over_the_settings(catalog: Catalog, programs: Programs) -> None:
    settings = Settings(team="review", agent_runtime="gemini")
    environ = programs("claude", "gemini")
    prepared = _prepare(
        catalog, environ, settings, team="research", agent_runtime="claude", limit=9
    )
    assert prepared.plan.team == "research"
    assert prepared.plan.limit == 9
    assert prepared.plan.tasks[0].command is not None
    assert prepared.plan.tasks[0].command.argv[0] == "claude"


def test_a_team_that_needs_an_agent_cli_is_refused_without_one(
    catalog: Catalog, programs: Programs
) -> None:
    environ = programs()
    with pytest.raises(NoAgentProgram) as missing:
        _prepare(catalog, environ, team="fast-fix")
    text = str(missing.value)
    assert "executor, explorer, verifier" in text
    assert "none of pi, claude, codex, gemini, opencode is on your PATH" in text
    assert "--team survey" in text
    with pytest.raises(NoAgentProgram, match="'codex' is not on your PATH"):
        _prepare(catalog, environ, team="fast-fix", agent_runtime="codex")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"goal": " \n"}, "goal: it is empty"),
        ({"goal": "x" * (GOAL_LIMIT + 1)}, r"goal: it has 1,048,577 bytes; at most"),
        ({"limit": 0}, "limit: it must be at least 1, not 0"),
        ({"agent_runtime": "cluade"}, "'cluade' is not known; use one of pi, claude"),
    ],
)
def test_a_field_that_cannot_be_is_named(
    catalog: Catalog, programs: Programs, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadRequest, match=message):
        _prepare(catalog, programs(), **fields)


def test_a_goal_of_a_megabyte_is_well(catalog: Catalog, programs: Programs) -> None:
    goal = "x" * (1 << 20)
    assert _prepare(catalog, programs(), goal=goal).plan.goal == goal


def test_an_unknown_team_or_workflow_is_named(
    catalog: Catalog, programs: Programs
) -> None:
    environ = programs()
    with pytest.raises(UnknownResource, match="survey"):
        _prepare(catalog, environ, team="survye")
    with pytest.raises(UnknownResource, match="research"):
        _prepare(catalog, environ, team="survey", workflow="reserch")


def test_a_workflow_that_the_team_cannot_run_is_refused(
    catalog: Catalog, programs: Programs
) -> None:
    with pytest.raises(InvalidWorkflow, match="role"):
        _prepare(catalog, programs(), team="survey", workflow="review")


def test_the_limit_is_the_teams_own_unless_somebody_says_otherwise(
    catalog: Catalog, programs: Programs
) -> None:
    team = catalog.team("survey")
    workflow = catalog.workflow("survey")
    expected = team.max_concurrency or workflow.max_concurrency or DEFAULT_LIMIT
    assert _prepare(catalog, programs()).plan.limit == expected


def test_a_goal_that_makes_the_plan_too_large_is_refused(
    catalog: Catalog, programs: Programs
) -> None:
    environ = programs("claude")
    goal = "x" * (1 << 20)
    with pytest.raises(BadRequest, match="the prompts of the 4 tasks have"):
        _prepare(catalog, environ, team="default", goal=goal)


def test_a_program_that_the_repository_brings_is_not_taken_for_an_agent_program(
    catalog: Catalog,
    programs: Programs,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = programs("claude")["PATH"]
    monkeypatch.chdir(folder)
    relative = {"PATH": f".{os.pathsep}{os.pathsep}bin"}
    assert _prepare(catalog, relative).plan.team == "survey"
    inside = prepare(
        catalog,
        RunRequest(goal="g"),
        settings=Settings(),
        workspace=tmp_path,
        environ={"PATH": folder},
    )
    assert inside.plan.team == "survey"


AGENT = "---\nname: one\nruntime: command\ncommand: [{program}]\n---\n"
TEAM = "---\nname: mine\n---\n\n- one: agent=one\n"
FLOW = "---\nname: mine\n---\n\n## a\nrole: one\n\nDo.\n"


def _project(root: Path, program: str) -> Project:
    for name, text in {
        "agents/one.md": AGENT.format(program=program),
        "teams/mine.team.md": TEAM,
        "workflows/mine.workflow.md": FLOW,
    }.items():
        path = root / ".crew" / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return Project(root, is_repository=False)


def test_a_program_that_is_not_there_is_told_before_anything_starts(
    places: Places, programs: Programs, tmp_path: Path
) -> None:
    project = _project(tmp_path / "p", "no-such-program")
    with pytest.raises(ProgramsMissing) as missing:
        _prepare(load_catalog(places, project), programs(), team="mine")
    assert "agent one: " in str(missing.value)
    assert "no-such-program" in str(missing.value)
    again = pickle.loads(pickle.dumps(missing.value))
    assert str(again) == str(missing.value)


def test_what_a_project_brings_needs_the_consent_of_its_user(
    places: Places, programs: Programs, tmp_path: Path
) -> None:
    project = _project(tmp_path / "p", '"{python}"')
    prepared = _prepare(load_catalog(places, project), programs(), team="mine")
    (planned,) = prepared.plan.tasks
    assert planned.consent is not None
    assert planned.consent.agent_file == str(project.crew_dir / "agents" / "one.md")
    assert len(planned.consent.sha256) == 64
    builtin = _prepare(load_catalog(places, project), {"PATH": ""}, team="survey")
    assert [task.consent for task in builtin.plan.tasks] == [None] * 5


def test_files_with_errors_that_are_in_the_way_are_named(
    places: Places, programs: Programs, tmp_path: Path
) -> None:
    project = _project(tmp_path / "p", '"x"')
    (project.crew_dir / "agents" / "one.md").write_text("---\nname: ../one\n---\n")
    with pytest.raises(FilesInTheWay, match=r"one\.md:2: error") as files:
        _prepare(load_catalog(places, project), programs(), team="mine")
    again = pickle.loads(pickle.dumps(files.value))
    assert str(again) == str(files.value)
