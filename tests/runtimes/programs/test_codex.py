"""What is particular to Codex."""

from pathlib import Path

import pytest
from tests.support.program_bench import ProgramBench, text_of

from crew_actors.peers import Notification
from crew_actors.runtimes._seen import Did, Does
from crew_actors.runtimes.programs import Codex
from crew_actors.runtimes.programs._codex_events import CodexReader


@pytest.fixture
def codex(tmp_path: Path) -> ProgramBench:
    return ProgramBench(tmp_path, "codex", Codex)


async def test_it_looks_for_no_plugins_on_the_network(codex: ProgramBench) -> None:
    argv = text_of(await codex.run("[[argv]]"))
    assert argv == '["app-server", "--disable", "plugins"]'


@pytest.mark.parametrize(
    ("item", "begun", "ended"),
    [
        (
            {"type": "fileChange", "changes": [{"path": "a.py"}, {"path": "b.py"}]},
            Does("i", "edit", "a.py, b.py"),
            Did("i"),
        ),
        (
            {"type": "mcpToolCall", "server": "crew", "tool": "team", "arguments": {}},
            Does("i", "crew.team"),
            Did("i"),
        ),
        (
            {"type": "commandExecution", "command": "false", "exitCode": 1},
            Does("i", "shell", "false"),
            Did("i", ok=False, why="exit 1"),
        ),
    ],
)
def test_each_use_of_a_tool_is_seen(
    item: dict[str, object], begun: Does, ended: Did
) -> None:
    reader = CodexReader()
    told = {"item": {"id": "i", **item}}
    assert list(reader.take(Notification("item/started", told))) == [begun]
    assert list(reader.take(Notification("item/completed", told))) == [ended]


@pytest.mark.parametrize(("reply", "end"), [("allow", "done"), ("deny", "failed")])
async def test_a_tool_of_a_server_needs_leave(
    codex: ProgramBench, reply: str, end: str
) -> None:
    codex.port.reply = reply
    await codex.run("[[tool:mcp-open]]")
    assert codex.port.asked == [("box: Open it?", ("allow", "deny"), None, True)]
    assert any(line.startswith(f"< shell: {end}") for line in codex.shown)


async def test_a_form_of_a_server_is_declined_and_told(codex: ProgramBench) -> None:
    await codex.run("[[tool:mcp-form]]")
    assert codex.port.asked == []
    assert "(MCP server box asks for what cannot be filled in here)" in codex.shown
