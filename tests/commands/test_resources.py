"""`crew list`, `crew show`, `crew validate`."""

from pathlib import Path

import pytest

from crew_actors.commands import Context, load_action
from crew_actors.commands._list import Listing, ListParameters, list_resources
from crew_actors.commands._show import Shown, ShowParameters, show_resource
from crew_actors.commands._validate import ValidateParameters, Validation, validate
from crew_actors.resources import InvalidResource, UnknownResource

BUILDER = """\
---
name: builder
description: Builds\tthings.
runtime: command
command: [make, "{task}", "all\\u00e4"]
input: argument
output: jsonl
env: [CI_TOKEN]
timeout: 60
silence: 1.5
model: small
fallbackModels: tiny, tinier
tools: read, bash
skills: careful
maxTurns: 3
colour: blue
---

Build it.

    indented

"""
TEAM = """\
---
name: duo
description: two of them
workflow: pair
maxConcurrency: 2
---

- build: agent=builder makes it
- check: agent=verifier
"""
WORKFLOW = """\
---
name: pair
description: one after the other
maxConcurrency: 1
---

## build

Make {goal}.

## check
dependsOn: build
output: report.md

Look at it.
"""


def write(context: Context, kind: str, name: str, text: str) -> Path:
    folder = context.project.crew_dir / kind
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def files(context: Context) -> None:
    write(context, "agents", "builder.md", BUILDER)
    write(context, "teams", "duo.team.md", TEAM)
    write(context, "workflows", "pair.workflow.md", WORKFLOW)


def listing(context: Context, kind: str | None = None) -> Listing:
    parameters = ListParameters(kind=kind)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - any kind
    return list_resources(parameters, context)


def test_without_files_the_built_in_resources_are_listed(context: Context) -> None:
    found = listing(context)
    assert found.teams is not None
    assert "survey" in [team.name for team in found.teams]
    assert found.errors == 0
    text = load_action("list").text(found)
    assert text.startswith("Teams\n  default")
    assert "\nWorkflows\n" in text
    assert "\nAgents\n" in text


@pytest.mark.usefixtures("files")
def test_a_listing_tells_whose_each_resource_is(context: Context) -> None:
    found = listing(context)
    assert found.agents is not None
    assert found.workflows is not None
    builder = next(one for one in found.agents if one.name == "builder")
    assert (builder.tier, builder.detail) == ("project", "command")
    pair = next(one for one in found.workflows if one.name == "pair")
    assert pair.detail == "2 steps"


def test_one_kind_can_be_listed_alone(context: Context) -> None:
    found = listing(context, "workflows")
    assert (found.agents, found.teams) == (None, None)
    assert load_action("list").text(found).startswith("Workflows\n")


def test_a_listing_tells_of_files_that_are_not_used(context: Context) -> None:
    write(context, "teams", "broken.team.md", "---\nname: broken\n---\n")
    found = listing(context, "teams")
    assert found.errors == 1
    last = load_action("list").text(found).splitlines()[-1]
    assert last == "1 error in files that are not used: see crew validate"


def shown(context: Context, kind: str, name: str) -> str:
    parameters = ShowParameters(kind=kind, name=name)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - any kind
    found = show_resource(parameters, context)
    assert isinstance(found, Shown)
    text = load_action("show").text(found)
    assert isinstance(text, str)
    return text


@pytest.mark.usefixtures("files")
def test_an_agent_is_shown_with_all_that_it_says(context: Context) -> None:
    lines = [line.strip() for line in shown(context, "agent", "builder").splitlines()]
    facts = {line.partition("  ")[0]: line.rpartition("  ")[2] for line in lines}
    assert lines[0] == "agent builder"
    assert facts["from"].endswith("builder.md (project)")
    assert facts["runtime"] == "command"
    assert facts["command"] == "make '{task}' 'allä'"
    assert facts["input"] == "argument"
    assert facts["output"] == "jsonl"
    assert facts["variables"] == "CI_TOKEN"
    assert facts["timeout"] == "60 s"
    assert facts["silence"] == "1.5 s"
    assert facts["model"] == "small"
    assert facts["else"] == "tiny, tinier"
    assert facts["tools"] == "read, bash"
    assert facts["skills"] == "careful"
    assert facts["max turns"] == "3"
    assert facts["colour"] == "blue (has no effect here)"
    assert lines[-5:] == ["", "prompt", "Build it.", "", "indented"]


def test_an_agent_without_a_command_is_shown(context: Context) -> None:
    text = shown(context, "agent", "planner")
    assert "runtime  the agent program that is found" in text
    assert "command" not in text.partition("prompt")[0]


def test_an_agent_without_a_prompt_is_shown(context: Context) -> None:
    text = '---\nname: bare\nruntime: command\ncommand: ["true"]\n---\n'
    write(context, "agents", "bare.md", text)
    assert "\nprompt" not in shown(context, "agent", "bare")


@pytest.mark.usefixtures("files")
def test_a_team_is_shown_with_its_roles(context: Context) -> None:
    lines = shown(context, "team", "duo").splitlines()
    assert lines[:2] == ["team duo", "  two of them"]
    assert "  workflow  pair" in lines
    assert "  at most   2" in lines
    assert lines[-3:] == [
        "  role   agent",
        "  build  builder   makes it",
        "  check  verifier",
    ]


@pytest.mark.usefixtures("files")
def test_a_workflow_is_shown_with_its_steps(context: Context) -> None:
    lines = shown(context, "workflow", "pair").splitlines()
    assert lines[-5:] == [
        "step build (role build)",
        "  Make {goal}.",
        "",
        "step check (role check, after build, writes report.md)",
        "  Look at it.",
    ]


def test_an_unknown_name_is_refused_with_the_nearest(context: Context) -> None:
    with pytest.raises(UnknownResource, match="did you mean 'survey'"):
        shown(context, "team", "survye")
    with pytest.raises(
        UnknownResource, match=r"no team is called .\.\./\.\./etc/passwd."
    ):
        shown(context, "team", "../../etc/passwd")


def test_a_broken_file_is_refused_with_its_problems(context: Context) -> None:
    path = write(context, "teams", "broken.team.md", "---\nname: broken\n---\n")
    with pytest.raises(InvalidResource, match="has no roles") as refused:
        shown(context, "team", "broken")
    assert str(path) in str(refused.value)


def validated(context: Context) -> Validation:
    return validate(ValidateParameters(), context)


def test_the_built_in_resources_are_valid(context: Context) -> None:
    found = validated(context)
    action = load_action("validate")
    assert found.problems == ()
    assert action.exit_code(found) == 0
    assert action.text(found).startswith("0 errors, 0 warnings. Usable: 15 agents")


def test_every_problem_is_told_at_once_with_its_place(context: Context) -> None:
    write(
        context, "agents", "builder.md", BUILDER.replace("Builds\t", "Builds \x1b[2J")
    )
    team = write(context, "teams", "duo.team.md", TEAM.replace("verifier", "verifyer"))
    flow = write(
        context,
        "workflows",
        "pair.workflow.md",
        WORKFLOW.replace("dependsOn: build", "dependsOn: buildx"),
    )
    found = validated(context)
    action = load_action("validate")
    assert action.exit_code(found) == 1
    assert found.errors >= 3
    text = action.text(found)
    assert f"{team}:9: error: check: " in text
    assert "(did you mean 'verifier'?)" in text
    assert f"{flow}:11: error: check: dependsOn: there is no step 'buildx'" in text
    assert "\x1b" not in text


@pytest.mark.usefixtures("files")
def test_warnings_alone_are_no_failure(context: Context) -> None:
    found = validated(context)
    assert (found.errors, found.warnings) == (0, 3)
    assert load_action("validate").exit_code(found) == 0
    text = load_action("validate").text(found)
    assert "maxTurns: are not passed on to the agent" in text
    assert "colour" in text
    assert "no skill is called 'careful'" in text


def test_skills_are_listed_and_shown(context: Context) -> None:
    found = listing(context, "skills")
    assert found.agents is None
    assert found.skills is not None
    assert [one.name for one in found.skills] == ["debugging", "evidence"]
    text = load_action("list").text(found)
    assert "Claim only what was seen, and show where." in text
    shown = show_resource(ShowParameters(kind="skill", name="evidence"), context)
    text = load_action("show").text(shown)
    assert text.startswith("skill evidence\n  Claim only what was seen")
    assert "For each claim give its evidence" in text
    with pytest.raises(UnknownResource):
        show_resource(ShowParameters(kind="skill", name="nope"), context)
