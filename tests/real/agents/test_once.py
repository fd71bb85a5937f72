"""Real agent programs that do not know their protocol are run for one prompt."""

from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from tests.real.agents.conftest import FOLDER, LIMIT, PROGRAMS, A, Real, real, until

from crew_actors.model import FailureKind, RunPlan, RunStatus

OLD = "claude-2.0.0"
"""One that is as old as that: it knows not all of the options of its protocol."""

CHANGES = {"Bash", "Edit", "Write", "NotebookEdit"}

_LIKE_OLD = """\
#!/bin/sh
case " $* " in
*" --input-format "* | *" rpc "* | *" app-server "*)
    echo "error: unknown option" >&2
    exit 2
    ;;
esac
exec {program} "$@"
"""


def with_old(*values: object) -> object:
    """Make the parameters of a test of the old one, where it is installed."""
    there = bool(FOLDER) and Path(FOLDER, OLD).exists()
    why = f"{OLD} is not installed: `.ci/agents FOLDER` does it"
    return pytest.param(OLD, *values, marks=pytest.mark.skipif(not there, reason=why))


def plan(agent: Real, name: str, folder: Path, prompt: str, **fields: Any) -> RunPlan:
    """Plan a task of a program that is as it is, or acts as if it were old."""
    program = Path(FOLDER, name)
    if name != OLD:
        script = folder / "old"
        script.write_text(_LIKE_OLD.format(program=program))
        script.chmod(0o755)
        program = script
    made = agent.plan(prompt)
    (task,) = made.tasks
    assert task.command is not None
    command = attrs.evolve(task.command, argv=(str(program),))
    return attrs.evolve(made, tasks=(attrs.evolve(task, command=command, **fields),))


@pytest.mark.parametrize("name", [*PROGRAMS, with_old()])
async def test_its_turn_has_its_result_and_its_usage(name: str, tmp_path: Path) -> None:
    with trio.fail_after(LIMIT):
        async with real(name.partition("-")[0], tmp_path) as agent:
            prompt = "[[run:echo hi]] [[say:once]]"
            run = await agent.crew.start(plan(agent, name, tmp_path, prompt))
            state = await run.wait()
            assert agent.left_of(run) == []
    assert state.status is RunStatus.COMPLETED, state.tasks[A].failure
    result = state.tasks[A].result
    assert result is not None
    assert (run.folder.path / result.path).read_text().strip() == "once"
    asked = sum(
        one.asked is not None and bool(one.asked.tools) for one in agent.llm.requests
    )
    used = state.tasks[A].usage
    assert (used.input, used.output) == (100 * asked, 10 * asked)


@pytest.mark.parametrize(
    ("name", "status", "kind"),
    [
        ("claude", 400, FailureKind.REPORTED),
        with_old(400, FailureKind.REPORTED),
        ("codex", 401, FailureKind.AUTH),
        ("pi", 401, FailureKind.AUTH),
    ],
)
async def test_an_error_of_the_provider_has_its_class(
    name: str, status: int, kind: FailureKind, tmp_path: Path
) -> None:
    with trio.fail_after(LIMIT):
        async with real(name.partition("-")[0], tmp_path) as agent:
            prompt = f"[[error:{status}:no such thing]]"
            run = await agent.crew.start(plan(agent, name, tmp_path, prompt))
            state = await run.wait()
            assert agent.left_of(run) == []
    failure = state.tasks[A].failure
    assert failure is not None
    assert failure.kind is kind, failure


@pytest.mark.parametrize("name", ["claude", with_old()])
async def test_a_tool_that_is_not_meant_is_not_there(name: str, tmp_path: Path) -> None:
    with trio.fail_after(LIMIT):
        async with real("claude", tmp_path) as agent:
            prompt = "[[run:touch made.txt]] [[say:once]]"
            tools = ("read", "grep", "find")
            made = plan(agent, name, tmp_path, prompt, tools=tools, writes=False)
            state = await (await agent.crew.start(made)).wait()
    assert state.status is RunStatus.COMPLETED, state.tasks[A].failure
    assert not (agent.project / "made.txt").exists()
    offered = [one.asked.tools for one in agent.llm.requests if one.asked]
    assert not [one for tools in offered for one in tools if one.name in CHANGES]


@pytest.mark.parametrize("name", [*PROGRAMS, with_old()])
async def test_a_cancelled_one_leaves_nothing(name: str, tmp_path: Path) -> None:
    with trio.fail_after(LIMIT):
        async with real(name.partition("-")[0], tmp_path) as agent:
            run = await agent.crew.start(plan(agent, name, tmp_path, "[[hang:I wait]]"))
            await until(lambda: bool(agent.llm.requests))
            run.cancel("enough")
            state = await run.wait()
            assert agent.left_of(run) == []
    assert state.status is RunStatus.CANCELLED
