"""What is particular to Claude Code."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.program_bench import ProgramBench, text_of

from crew_actors.runtimes.programs import Claude


@pytest.fixture
def claude(tmp_path: Path) -> ProgramBench:
    return ProgramBench(tmp_path, "claude", Claude)


async def _argv(claude: ProgramBench, **fields: Any) -> list[str]:
    found: list[str] = json.loads(text_of(await claude.run("[[argv]]", **fields)))
    return found


async def test_what_the_task_says_is_on_its_command_line(claude: ProgramBench) -> None:
    argv = await _argv(
        claude,
        model="opus",
        fallback_models=("sonnet", "haiku"),
        max_turns=3,
        tools=("read", "bash", "mcp__x__y"),
    )
    assert argv[argv.index("--model") + 1] == "opus"
    assert argv[argv.index("--fallback-model") + 1] == "sonnet,haiku"
    assert argv[argv.index("--max-turns") + 1] == "3"
    assert argv[argv.index("--permission-mode") + 1] == "acceptEdits"
    assert "--tools=Read,Bash,mcp__x__y" in argv


async def test_who_is_to_change_nothing_gets_no_tool_for_it(
    claude: ProgramBench,
) -> None:
    argv = await _argv(claude, writes=False)
    assert argv[argv.index("--permission-mode") + 1] == "default"
    assert "--disallowedTools=Edit,Write,NotebookEdit,MultiEdit" in argv


async def test_it_does_not_phone_home(claude: ProgramBench) -> None:
    name = "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"
    assert text_of(await claude.run(f"[[echo-env:{name}]]")) == f"{name}=1"
