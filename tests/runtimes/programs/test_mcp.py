"""MCP servers in the words of each program, and no secret on a command line."""

import json
from pathlib import Path

import attrs
import pytest
from tests.support.plans import RUN, task
from tests.support.program_bench import ProgramBench

from crew_actors.model import McpServer, RunId, attempt_id
from crew_actors.runtimes import Job
from crew_actors.runtimes.programs._mcp import (
    for_acp,
    for_claude,
    for_codex,
    variables_of,
)

BOX = McpServer(name="box", command=("/bin/box", "--all"), env=("KEY", "MISSING"))
FAR = McpServer(name="far", url="https://example.com/mcp", token_env="TOKEN")
ENVIRON = {"KEY": "secret-key", "TOKEN": "secret-token", "OTHER": "x"}


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(
        run=RunId(RUN),
        task=task("try"),
        attempt=attempt_id(task("try").id, 1),
        goal="x",
        workspace=tmp_path,
        folder=tmp_path,
        dependencies={},
        environ=ENVIRON,
        mcp=(BOX, FAR),
    )


def test_a_program_gets_the_variables_of_its_servers_and_no_others(job: Job) -> None:
    assert variables_of(job) == {"KEY": "secret-key", "TOKEN": "secret-token"}


def test_claude_code_gets_its_servers_and_no_others(job: Job) -> None:
    flag, config, strict = for_claude(job)
    assert (flag, strict) == ("--mcp-config", "--strict-mcp-config")
    assert json.loads(config)["mcpServers"] == {
        "box": {
            "command": "/bin/box",
            "args": ["--all"],
            "env": {"KEY": "${KEY}", "MISSING": "${MISSING}"},
        },
        "far": {
            "type": "http",
            "url": "https://example.com/mcp",
            "headers": {"Authorization": "Bearer ${TOKEN}"},
        },
    }


def test_codex_gets_them_beside_its_own(job: Job) -> None:
    assert for_codex(job)[1::2] == (
        'mcp_servers.box.command="/bin/box"',
        'mcp_servers.box.args=["--all"]',
        'mcp_servers.box.env_vars=["KEY", "MISSING"]',
        'mcp_servers.far.url="https://example.com/mcp"',
        'mcp_servers.far.bearer_token_env_var="TOKEN"',
    )


def test_no_value_of_a_variable_stands_on_a_command_line(job: Job) -> None:
    assert "secret" not in " ".join((*for_claude(job), *for_codex(job)))


def test_an_acp_agent_gets_those_that_it_can_reach(job: Job) -> None:
    servers, missing = for_acp(job, http=False)
    assert missing == ["far"]
    assert servers == [
        {
            "name": "box",
            "command": "/bin/box",
            "args": ["--all"],
            "env": [{"name": "KEY", "value": "secret-key"}],
        }
    ]
    servers, missing = for_acp(job, http=True)
    assert missing == []
    token = {"name": "Authorization", "value": "Bearer secret-token"}
    assert servers[1]["headers"] == [token]


def test_without_servers_nothing_is_said(job: Job) -> None:
    none = attrs.evolve(job, mcp=())
    assert for_claude(none) == for_codex(none) == ()
    assert for_acp(none, http=True) == ([], [])


async def test_each_program_is_given_its_servers_or_says_that_it_cannot(
    bench: ProgramBench,
) -> None:
    bench.mcp = (BOX,)
    await bench.run("[[say:done]]")
    cannot = "(it cannot be given MCP servers)" in bench.shown
    assert cannot == (bench.fake == "pi")
