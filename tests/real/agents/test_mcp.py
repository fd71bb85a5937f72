"""Real agent programs are given an MCP server, and use its tool."""

import sys
from pathlib import Path

import attrs
import pytest
import trio
from tests.real.agents.conftest import FOLDER, A, answer_all, real

from crew_actors.model import McpServer, RunStatus

SERVER = Path(__file__).parents[2] / "support" / "programs" / "mcp_server.py"
BOX = McpServer(name="box", command=(sys.executable, str(SERVER)), env=("BOX",))
LIMIT = 60.0


def _program(name: str, tool: str) -> object:
    why = f"{name} is not installed: `.ci/agents FOLDER` does it"
    there = bool(FOLDER) and Path(FOLDER, name).exists()
    return pytest.param(name, tool, marks=pytest.mark.skipif(not there, reason=why))


@pytest.mark.parametrize(
    ("name", "tool"),
    [
        _program("claude", "mcp__box__open"),
        _program("codex", "open"),
        _program("gemini", "mcp_box_open"),
    ],
)
async def test_a_program_uses_the_tool_of_a_server_that_it_is_given(
    name: str, tool: str, tmp_path: Path
) -> None:
    with trio.fail_after(LIMIT):
        async with (
            real(name, tmp_path, mcp=(BOX,), BOX="a cat") as agent,
            trio.open_nursery() as nursery,
        ):
            plan = agent.plan(f"[[tool:{tool} {{}}]] [[say:seen]]")
            (task,) = plan.tasks
            mine = attrs.evolve(task, mcp=("box",))
            run = await agent.crew.start(attrs.evolve(plan, tasks=(mine,)))
            nursery.start_soon(answer_all, run, "allow")
            state = await run.wait()
            nursery.cancel_scope.cancel()
            assert state.status is RunStatus.COMPLETED, state.tasks[A].failure
            assert "in the box is a cat" in str(
                [one.body for one in agent.llm.requests]
            )
            assert agent.left_of(run) == []
