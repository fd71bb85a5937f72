"""Turns of real agent programs that speak ACP: Gemini CLI, and opencode once."""

from pathlib import Path

import pytest
import trio
from tests.real.agents.conftest import FOLDER, A, real, until

from crew_actors.model import RunStatus, TaskStatus
from crew_actors.runs import Run

LIMIT = 120.0
"""Seconds. They are started much more slowly than others."""


def _needs(name: str) -> pytest.MarkDecorator:
    why = f"{name} is not installed: `.ci/agents FOLDER` does it, where it can be had"
    there = bool(FOLDER) and Path(FOLDER, name).exists()
    return pytest.mark.skipif(not there, reason=why)


gemini = _needs("gemini")
opencode = _needs("opencode")


def result_of(run: Run) -> str:
    result = run.state.tasks[A].result
    assert result is not None, run.state
    return (run.folder.path / result.path).read_text()


@pytest.mark.parametrize(
    "name",
    [pytest.param("gemini", marks=gemini), pytest.param("opencode", marks=opencode)],
)
async def test_a_turn_in_acp_has_its_result_and_leaves_nothing(
    name: str, tmp_path: Path
) -> None:
    with trio.fail_after(LIMIT):
        async with real(name, tmp_path) as agent:
            run = await agent.start("[[say:well done]]")
            state = await run.wait()
            assert state.status is RunStatus.COMPLETED, state.tasks[A].failure
            assert result_of(run).strip() == "well done"
            assert agent.left_of(run) == []


@gemini
async def test_an_interrupt_breaks_off_a_turn_in_acp(tmp_path: Path) -> None:
    with trio.fail_after(LIMIT):
        async with real("gemini", tmp_path) as agent:
            run = await agent.start("[[hang:I think]]")
            await agent.llm.until_asked(1)
            await until(lambda: any(one.asked for one in agent.llm.requests))
            sent = await run.send("a", "[[say:other things]]", kind="interrupt")
            assert sent.outcome in {"delivered", "queued"}
            state = await run.wait()
            assert state.tasks[A].status is TaskStatus.COMPLETED, state.tasks[A].failure
            assert result_of(run).strip() == "other things"
            assert agent.left_of(run) == []


@gemini
async def test_a_cancelled_turn_in_acp_leaves_nothing(tmp_path: Path) -> None:
    with trio.fail_after(LIMIT):
        async with real("gemini", tmp_path) as agent:
            run = await agent.start("[[hang:I think]]")
            await agent.llm.until_asked(1)
            run.cancel("enough")
            state = await run.wait()
            assert state.status is RunStatus.CANCELLED
            assert agent.left_of(run) == []
