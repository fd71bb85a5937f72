"""Programs that do not know their protocol are run for one prompt."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.program_bench import FAKES, ProgramBench, kind_of, text_of

from crew_actors.model import FailureKind, MessageKind, Usage
from crew_actors.peers import Notification
from crew_actors.runtimes import Completed, Failed
from crew_actors.runtimes._seen import (
    Did,
    Does,
    Notes,
    Says,
    Seen,
    Tries,
    TurnEnds,
    Uses,
)
from crew_actors.runtimes.programs import Claude, Codex, Pi, Program
from crew_actors.runtimes.programs._codex_exec import CodexExecReader

PROGRAMS: dict[str, Callable[[], Program]] = {
    "claude": Claude,
    "pi": Pi,
    "codex": Codex,
}


def old(folder: Path, name: str) -> ProgramBench:
    program = PROGRAMS[name.rpartition("-")[2]]
    argv = (sys.executable, str(FAKES / "old.py"), name)
    return ProgramBench(folder, name, program, argv=argv)


@pytest.fixture(params=PROGRAMS)
def once(request: pytest.FixtureRequest, tmp_path: Path) -> ProgramBench:
    """Make a bench for each program in turn."""
    name: str = request.param
    return old(tmp_path, name)


async def test_it_is_done_all_the_same_and_people_are_told_why(
    once: ProgramBench,
) -> None:
    outcome = await once.run("[[say:here I am]]")
    assert text_of(outcome) == "here I am"
    assert len(once.port.started) == len(once.port.ended) == 2
    assert all(how.report.survivors == () for how in once.port.ended)
    note, *_ = once.shown
    assert note == (
        "(it does not speak its protocol, and hears one prompt only: "
        "error: unknown option)"
    )


async def test_what_it_does_and_uses_is_seen(once: ProgramBench) -> None:
    await once.run("[[tool:look]] [[say:seen]]")
    assert any("run look" in line for line in once.shown)
    (used,) = once.port.used
    assert (used.input, used.output) == (15, 7)


async def test_an_error_of_its_provider_has_its_class(once: ProgramBench) -> None:
    assert kind_of(await once.run("[[fail:429]]")) is FailureKind.RATE_LIMIT


async def test_an_end_without_a_last_word_is_a_failure(once: ProgramBench) -> None:
    outcome = await once.run("[[say:I begin]] [[exit:0]]")
    assert kind_of(outcome) is FailureKind.EXIT


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("steer", "rejected"), ("interrupt", "rejected"), ("follow_up", "queued")],
)
async def test_it_hears_nothing_while_it_works(
    once: ProgramBench, kind: MessageKind, expected: str
) -> None:
    once.port.say_after("word 0", "[[say:no]]", kind)
    outcome = await once.run("[[slow:4:0.1]] [[say:done]]")
    assert text_of(outcome) == "done"
    ((_, settled, why),) = once.port.settled
    assert settled == expected
    assert "hears nothing while it works" in why


async def test_a_program_without_threads_is_run_once_too(tmp_path: Path) -> None:
    codex = old(tmp_path, "refusing-codex")
    assert text_of(await codex.run("[[say:here]]")) == "here"
    assert "one prompt only: Invalid request (-32600))" in codex.shown[0]


async def test_a_program_that_is_killed_is_not_run_once(tmp_path: Path) -> None:
    pi = old(tmp_path, "dying-pi")
    assert kind_of(await pi.run("[[say:here]]")) is FailureKind.KILLED
    assert len(pi.port.started) == 1


async def test_a_program_that_fails_both_ways_has_failed(tmp_path: Path) -> None:
    pi = ProgramBench(tmp_path, "pi", Pi, argv=(sys.executable, "-c", "exit(3)"))
    outcome = await pi.run("[[say:here]]")
    assert isinstance(outcome, Failed)
    assert outcome.failure.kind is FailureKind.EXIT
    assert len(pi.port.started) == 2


async def test_who_is_to_change_nothing_is_kept_from_it(once: ProgramBench) -> None:
    outcome = await once.run("[[argv]]", writes=False, model="m")
    assert isinstance(outcome, Completed)
    argv = json.loads(outcome.text)
    limit = {
        "claude": "--disallowedTools=Edit,MultiEdit,Write,NotebookEdit",
        "pi": "--exclude-tools edit,write",
        "codex": "--sandbox read-only",
    }
    assert limit[once.fake] in " ".join(argv)
    assert "--model m" in " ".join(argv)


async def test_an_old_claude_is_forbidden_what_it_cannot_be_limited_to(
    tmp_path: Path,
) -> None:
    outcome = await old(tmp_path, "claude").run("[[argv]]", tools=("read", "bash"))
    assert isinstance(outcome, Completed)
    argv = json.loads(outcome.text)
    assert not [one for one in argv if one.startswith("--tools")]
    (denied,) = (one for one in argv if one.startswith("--disallowedTools="))
    names = denied.partition("=")[2].split(",")
    assert {"Edit", "Write", "WebFetch", "Task"} <= set(names)
    assert not {"Read", "Bash"} & set(names)


def item(when: str, **fields: object) -> Notification:
    return Notification(f"item.{when}", {"item": {"id": "i", **fields}})


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        (
            item(
                "completed",
                type="file_change",
                changes=[{"path": "a.py", "kind": "add"}],
                status="completed",
            ),
            [Does("i", "edit", "a.py"), Did("i")],
        ),
        (
            item(
                "started",
                type="mcp_tool_call",
                server="box",
                tool="open",
                arguments={"path": "lid"},
            ),
            [Does("i", "box.open", "lid")],
        ),
        (
            item("completed", type="command_execution", command="ls", exit_code=2),
            [Does("i", "shell", "ls"), Did("i", ok=False, why="exit 2")],
        ),
        (item("completed", type="error", message="odd"), [Notes("odd")]),
        (item("completed", type="agent_message", text="hi"), [Says("hi\n")]),
        (item("completed", type="reasoning", text="hm"), []),
        (Notification("error", {"message": "odd"}), [Notes("odd")]),
        (
            Notification("error", {"message": "Reconnecting... 1/5"}),
            [Tries("Reconnecting... 1/5")],
        ),
        (Notification("turn.completed", {}), [TurnEnds()]),
        (Notification("new.thing", {}), []),
    ],
)
def test_each_event_of_codex_exec_is_seen(told: Notification, seen: list[Seen]) -> None:
    assert list(CodexExecReader().take(told)) == seen


def test_the_beginning_of_a_use_is_told_once() -> None:
    reader = CodexExecReader()
    use = {"type": "command_execution", "command": "ls"}
    assert list(reader.take(item("started", **use))) == [Does("i", "shell", "ls")]
    assert list(reader.take(item("completed", **use, exit_code=0))) == [Did("i")]


def test_the_last_words_of_codex_are_its_answer() -> None:
    reader = CodexExecReader()
    for text in ("I look.", "It is so."):
        list(reader.take(item("completed", type="agent_message", text=text)))
    usage = {"usage": {"input_tokens": 3, "output_tokens": 1}}
    assert list(reader.take(Notification("turn.completed", usage))) == [
        Uses(Usage(input=3, output=1)),
        TurnEnds(text="It is so."),
    ]
