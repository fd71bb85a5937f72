"""A command line is made of whole values, never of shell text."""

import sys
from pathlib import Path

import attrs
import pytest
from hypothesis import given, strategies as st
from tests.support.plans import task

from crew_actors.model import CommandSpec, TaskInput
from crew_actors.runtimes import (
    AGENT_PROGRAMS,
    find_agent_program,
    parse_agent_runtime,
    runner_of,
)
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
    assert find_agent_program(lambda _: None) is None
    assert find_agent_program(lambda name: name if name != "pi" else None) == "claude"


def test_each_agent_program_is_a_runtime_with_a_command() -> None:
    for name, spec in AGENT_PROGRAMS.items():
        chosen = parse_agent_runtime(name)
        assert (chosen.runtime, chosen.command) == (name, spec)
        assert runner_of(attrs.evolve(task("x"), runtime=name, command=spec))


def test_any_acp_agent_can_be_named_with_its_arguments() -> None:
    chosen = parse_agent_runtime("acp:my-agent --model 'a b'")
    assert chosen.runtime == "acp"
    assert chosen.command is not None
    assert chosen.command.argv == ("my-agent", "--model", "a b")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("acp:", "it names no program"),
        ("acp:'x", "is no command line"),
        ("cobol", "use one of pi, claude"),
    ],
)
def test_what_is_no_agent_runtime_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_agent_runtime(text)
