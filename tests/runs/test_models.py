"""Which model an agent asks: by what is asked now, the step, the role, the agent."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from tests.support.command_line import CommandLine

from crew_actors.config import Settings, user_file
from crew_actors.journal import read_state
from crew_actors.model import McpServer, PlannedTask, Provider, TaskId, TaskStatus
from crew_actors.places import Places, find_project
from crew_actors.resources import load_catalog
from crew_actors.runs import NoModel, RunRequest, prepare

PROVIDERS = (
    Provider(
        name="fake", api="chat", base_url="http://localhost/v1", models=("one", "two")
    ),
    Provider(name="dear", api="chat", base_url="http://localhost/v1", key_env="DEAR"),
)

WORKFLOW = """\
---
name: w
---

## plain
role: plain

Do it.

## chosen
role: chosen
model: fake/step

Do it.
"""
TEAM = """\
---
name: w
---

- plain: agent=worker
- chosen: agent=worker model=fake/role
- role: agent=worker model=fake/role
"""


@pytest.fixture
def fake_llm() -> Iterator[str]:
    """Serve a fake LLM in a process of its own; its address."""
    argv = [sys.executable, "-m", "crew_actors.testing.llm"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
        process.kill()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return tmp_path / "project"


def agent(project: Path, *lines: str) -> None:
    """Write the file of an agent."""
    text = "\n".join(["---", "name: worker", "description: x", *lines, "---", "", "."])
    for path, content in (
        ("agents/worker.md", text),
        ("workflows/w.workflow.md", WORKFLOW),
        ("teams/w.team.md", TEAM),
    ):
        file = project / ".crew" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)


def planned(
    project: Path,
    settings: Settings | None = None,
    environ: Mapping[str, str] = MappingProxyType({"PATH": ""}),
    **fields: Any,
) -> dict[str, PlannedTask]:
    """Plan a run of the team, and return its tasks."""
    asked: dict[str, Any] = {"goal": "x", "team": "w", **fields}
    places = Places(config=project / "config", data=project / "data")
    catalog = load_catalog(places, find_project(project))
    assert not [one for one in catalog.problems if one.severity == "error"]
    prepared = prepare(
        catalog,
        RunRequest(**asked),
        settings=settings or Settings(providers=PROVIDERS),
        workspace=project,
        environ=environ,
    )
    return {task.id: task for task in prepared.plan.tasks}


def test_the_step_stands_above_the_role_and_the_role_above_the_agent(
    project: Path,
) -> None:
    agent(project, "runtime: llm", "model: fake/agent")
    tasks = planned(project)
    assert tasks["plain"].model == "fake/agent"
    assert tasks["chosen"].model == "fake/step"


@pytest.mark.parametrize(
    "asked", [{"model": "fake/now"}, {"agent_runtime": "llm:fake/now"}]
)
def test_what_is_asked_for_now_stands_above_all(
    project: Path, asked: dict[str, str]
) -> None:
    agent(project, "model: fake/agent")
    fields: dict[str, Any] = {"agent_runtime": "llm", **asked}
    for task in planned(project, **fields).values():
        assert (task.runtime, task.model) == ("llm", "fake/now")


def test_what_is_set_is_for_agents_that_name_nothing(project: Path) -> None:
    agent(project)
    settings = Settings(providers=PROVIDERS, agent_runtime="llm:fake/set")
    tasks = planned(project, settings)
    assert tasks["plain"].model == "fake/set"
    assert tasks["chosen"].model == "fake/step"
    assert tasks["chosen"].fallback_models == ("fake/set",)


def test_an_agent_that_is_live_stays_it_whatever_the_others_are(project: Path) -> None:
    agent(project, "runtime: llm", "model: tw")
    settings = Settings(providers=PROVIDERS, agent_runtime="llm:fake/set")
    assert planned(project, settings)["plain"].model == "fake/two"


def test_a_model_that_cannot_be_had_is_passed_over_and_told(project: Path) -> None:
    agent(
        project,
        *("runtime: llm", "model: dear/x"),
        "fallbackModels: nonsense, fake/one",
    )
    assert planned(project)["plain"].model == "fake/one"


@pytest.mark.parametrize(
    ("runtime", "model", "left"),
    [
        ("codex", "sonnet", None),
        ("claude", "gpt-5", None),
        ("claude", "sonnet", "sonnet"),
        ("codex", "my-own", "my-own"),
        ("pi", "sonnet", "sonnet"),
    ],
)
def test_a_program_is_not_told_a_model_that_only_others_have(
    project: Path, tmp_path: Path, runtime: str, model: str, left: str | None
) -> None:
    agent(project, f"runtime: {runtime}", f"model: {model}")
    program = tmp_path / "bin" / runtime
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    path = {"PATH": str(program.parent)}
    assert planned(project, environ=path)["plain"].model == left
    asked = planned(project, environ=path, model=model)["plain"].model
    assert asked == model, "who asks for it now knows why"


def test_a_server_that_is_not_there_is_told_before_the_run(project: Path) -> None:
    agent(project, "runtime: llm", "model: fake/one", "mcpServers: box, far")
    settings = Settings(providers=PROVIDERS, mcp=(McpServer(name="box", url="u"),))
    assert planned(project, settings)["plain"].mcp == ("box", "far")
    places = Places(config=project / "config", data=project / "data")
    note = prepare(
        load_catalog(places, find_project(project)),
        RunRequest(goal="x", team="w"),
        settings=settings,
        workspace=project,
        environ={"PATH": ""},
    ).note
    assert note is not None
    (line,) = note.splitlines()
    assert line.startswith("worker: there is no MCP server 'far'; [mcp.far] in your")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("model: dear/x", "there is no key for dear: set DEAR"),
        ("model: nonsense", "there is no model 'nonsense'"),
        ("model: false", "it names none"),
    ],
)
def test_a_live_agent_without_a_model_is_refused_by_name(
    project: Path, line: str, why: str
) -> None:
    agent(project, "runtime: llm", line)
    workflow = project / ".crew" / "workflows" / "w.workflow.md"
    workflow.write_text(WORKFLOW.replace("model: fake/step\n", ""))
    team = project / ".crew" / "teams" / "w.team.md"
    team.write_text(TEAM.replace(" model=fake/role", ""))
    with pytest.raises(NoModel, match=f"agent worker has no model: .*{why}"):
        planned(project)


@pytest.mark.parametrize(
    ("lines", "needs"),
    [
        (("runtime: llm", "model: fake/one"), True),
        (("model: fake/one", "tools: read, bash"), True),
        (("runtime: llm", "model: fake/one", "tools: read, edit"), False),
    ],
)
def test_a_live_agent_of_a_project_with_a_shell_needs_consent(
    project: Path, lines: tuple[str, ...], needs: bool
) -> None:
    agent(project, *lines)
    task = planned(project, agent_runtime="llm")["plain"]
    assert (task.consent is not None) == needs


def test_a_live_agent_of_a_project_is_refused_until_it_is_trusted(
    project: Path, fake_llm: str, tmp_path: Path
) -> None:
    agent(project)
    crew = CommandLine(project)
    _name_provider(tmp_path, fake_llm)
    command = ("run", "[[say:Well.]]", "--agent", "worker")
    runtime = ("--agent-runtime", "llm:fake/one")
    refused = crew(*command, *runtime)
    assert refused.code == 2
    assert "worker: bash" in refused.err
    assert crew(*command, *runtime, "--trust").code == 0
    assert crew(*command, *runtime).code == 0
    agent(project, "maxTurns: 3")
    assert crew(*command, *runtime).code == 2


def _name_provider(folder: Path, url: str) -> None:
    settings = user_file(Places(config=folder / "config", data=folder / "data"))
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(f'[providers.fake]\napi = "chat"\nbase_url = "{url}/v1"\n')


def test_a_live_agent_is_run_from_the_command_line(
    project: Path, fake_llm: str, tmp_path: Path
) -> None:
    agent(project)
    crew = CommandLine(project)
    _name_provider(tmp_path, fake_llm)
    said = crew(
        *("run", '[[tool:find {"pattern": "*"}]] [[say:Well done.]]'),
        *("--agent", "worker", "--agent-runtime", "llm:fake/one", "--trust"),
    )
    assert said.code == 0, said.err
    (folder,) = crew.runs()
    task = read_state(folder).tasks[TaskId("worker")]
    assert task.status is TaskStatus.COMPLETED
    assert (task.plan.runtime, task.plan.model) == ("llm", "fake/one")
    shown = crew("output", "latest", "worker")
    assert "> find: *" in shown.out
    assert "Well done." in shown.out
