"""Keys that are kept, but that no runtime obeys, are reported: nobody relies on them."""

import pytest
from tests.resources._house import UNHEEDED, House, source_file, told

from crew_actors.resources._agents import parse_agent
from crew_actors.resources._problems import Findings
from crew_actors.resources._workflows import parse_workflow


def _of_agent(text: str) -> list[str]:
    file = source_file("agent", text)
    findings = Findings(file.source.path)
    parse_agent(file, findings)
    return told(findings.problems, unheeded=True)


@pytest.mark.parametrize("runtime", ["command\ncommand: [x]", "external"])
def test_an_agent_that_limits_its_tools_is_told_that_nobody_obeys(
    runtime: str,
) -> None:
    keys = "model: big\ntools: read, grep\nmaxTurns: 3"
    (problem,) = _of_agent(f"---\nname: x\n{keys}\nruntime: {runtime}\n---\n")
    assert problem == (
        "x.md:3: warning: model, tools, maxTurns: are not passed on to the agent, "
        "and are without effect"
    )


@pytest.mark.parametrize(
    ("runtime", "unheeded"),
    [
        ("command\ncommand: [x]", "keys: is"),
        ("external", "keys, home: are"),
        ("llm", "keys: is"),
    ],
)
def test_who_has_no_program_of_ours_is_told_that_keys_are_not_chosen(
    runtime: str, unheeded: str
) -> None:
    keys = "keys: A_KEY\nhome: own"
    (problem,) = _of_agent(f"---\nname: x\n{keys}\nruntime: {runtime}\n---\n")
    assert f"{unheeded} not passed on to the agent" in problem


def test_an_agent_program_obeys_all() -> None:
    text = "---\nname: x\nmodel: big\ntools: read\nskills: one\nmaxTurns: 3\n---\n"
    assert _of_agent(text) == []


def test_skills_are_told_to_each_agent() -> None:
    text = "---\nname: x\nskills: one\nruntime: command\ncommand: [x]\n---\n"
    assert _of_agent(text) == []


@pytest.mark.parametrize(
    "line", ["model: false", "model: inherit", "tools:", 'model: ""', "skills: false"]
)
def test_a_key_that_asks_for_nothing_is_no_news(line: str) -> None:
    assert _of_agent(f"---\nname: x\n{line}\n---\n") == []


def test_a_file_with_errors_has_enough_to_say() -> None:
    problems = _of_agent("---\nname: x\nmodel: big\nmaxTurns: many\n---\n")
    assert not [problem for problem in problems if UNHEEDED in problem]


def test_a_step_is_told_as_well() -> None:
    text = "---\nname: x\n---\n\n## a\nmodel: big\nskills: one\nreads: x\nverify: true\n\nDo.\n"
    file = source_file("workflow", text)
    findings = Findings(file.source.path)
    parse_workflow(file, findings)
    (problem,) = told(findings.problems, unheeded=True)
    assert "reads, verify: are not passed on to the agent" in problem


def test_what_is_built_in_brings_no_warning(house: House) -> None:
    assert told(house.load().problems, unheeded=True) == []
