"""A command line is made of whole values, never of shell text."""

import sys
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from crew_actors.model import CommandSpec, TaskInput
from crew_actors.runtimes import AGENT_CLIS, find_agent_cli
from crew_actors.runtimes._command_line import (
    ARGUMENT_LIMIT,
    CommandLine,
    command_line,
)

_FILE = Path("/run/task.md")


def _make(
    *argv: str, task_input: TaskInput = "none", prompt: str = "do it", goal: str = "g"
) -> CommandLine:
    return command_line(
        CommandSpec(argv=argv, input=task_input),
        prompt=prompt,
        goal=goal,
        task_file=_FILE,
        workspace=Path("/project"),
    )


def test_placeholders_are_filled_in() -> None:
    line = _make("{python}", "-C", "{workspace}/x", "{task_file}", "{goal}", "{other}")
    assert line == CommandLine(
        argv=(sys.executable, "-C", "/project/x", str(_FILE), "g", "{other}"),
        stdin=None,
    )


@pytest.mark.parametrize(
    ("task_input", "argv", "stdin"),
    [
        ("argument", ("x", "do it"), None),
        ("file", ("x", str(_FILE)), None),
        ("stdin", ("x",), b"do it"),
        ("none", ("x",), None),
    ],
)
def test_a_task_is_received_in_the_way_that_the_agent_says(
    task_input: TaskInput, argv: tuple[str, ...], stdin: bytes | None
) -> None:
    assert _make("x", task_input=task_input) == CommandLine(argv=argv, stdin=stdin)


def test_a_task_that_has_its_place_is_not_appended() -> None:
    assert _make("x", "{task}", "y", task_input="argument").argv == ("x", "do it", "y")
    assert _make("x", "-f={task_file}", task_input="file").argv == ("x", f"-f={_FILE}")


def test_a_prompt_too_long_for_an_argument_is_passed_by_its_file() -> None:
    line = _make("x", task_input="argument", prompt="ä" * ARGUMENT_LIMIT)
    assert (
        line.argv[1] == f"Your task is written in the file {_FILE}. Read it and do it."
    )


def test_an_argument_holds_no_nul() -> None:
    assert _make("x", task_input="argument", prompt="a\0b").argv == ("x", "ab")


@given(st.text(st.sampled_from("{}taskgol_file$`\"' ;&|\n")))
def test_what_a_value_holds_is_not_looked_into(goal: str) -> None:
    assert _make("x", "{goal}", goal=goal).argv == ("x", goal)


def test_the_first_agent_cli_that_is_there_is_found() -> None:
    assert find_agent_cli(lambda _: None) is None
    assert find_agent_cli(lambda name: name if name != "pi" else None) == "claude"


def test_each_agent_cli_is_given_its_task() -> None:
    for spec in AGENT_CLIS.values():
        assert "{task}" in spec.argv
        assert spec.input == "argument"
