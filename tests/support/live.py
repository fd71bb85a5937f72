"""Crews with live agents, whose model is the fake one."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import attrs
import trio

from crew_actors.config import Settings
from crew_actors.model import (
    Limits,
    PlannedTask,
    Progress,
    Provider,
    QuestionAsked,
    RunPlan,
    RunState,
    TaskFailed,
    TaskId,
)
from crew_actors.places import Places, find_project
from crew_actors.runs import Crew, Run, open_crew
from crew_actors.testing.llm import FakeLlm, open_fake_llm

LIMIT = 30.0
"""Seconds in which a test must have ended. It takes much less."""

A = TaskId("a")


def fake_provider(url: str, name: str = "fake", **more: Any) -> Provider:
    """Make a provider of the fake LLM at *url*."""
    given: dict[str, Any] = {"api": "chat", "base_url": f"{url}/v1", **more}
    return Provider(name=name, **given)


def live(prompt: str, name: str = "a", **more: Any) -> PlannedTask:
    """Plan a task of a live agent that may write."""
    given: dict[str, Any] = {
        "role": "executor",
        "model": "fake/one",
        "runtime": "llm",
        **more,
    }
    return PlannedTask(
        id=TaskId(name),
        step=name,
        agent="live",
        title=name.title(),
        prompt=prompt,
        **given,
    )


@attrs.frozen(eq=False)
class Live:
    """A crew of live agents."""

    crew: Crew
    llm: FakeLlm
    project: Path

    async def start(self, *tasks: PlannedTask, **limits: Any) -> Run:
        """Start a run of *tasks*."""
        plan = RunPlan(
            goal="work",
            team="live",
            workflow="live",
            tasks=tasks,
            limits=Limits(**{"attempts": 1, **limits}),
        )
        return await self.crew.start(plan)

    async def finish(self, *tasks: PlannedTask, **limits: Any) -> tuple[Run, RunState]:
        """Run *tasks* to their end."""
        run = await self.start(*tasks, **limits)
        return run, await run.wait()

    async def failure(self, task: PlannedTask) -> Any:
        """Run *task* to its end, and return its failure."""
        run, state = await self.finish(task)
        async for one in run.events():
            if isinstance(one.event, TaskFailed):
                return one.event.failure
        raise AssertionError(state)

    def body(self, number: int = -1) -> dict[str, Any]:
        """Return the body of one request."""
        return cast("dict[str, Any]", self.llm.requests[number].body)

    def heard(self) -> str:
        """Return the last message that the model was told."""
        return str(self.body()["messages"][-1]["content"])

    def told(self, number: int = -1) -> str:
        """Return what the model was told, all of its messages, in one request."""
        return str(self.llm.requests[number].body)


@asynccontextmanager
async def live_crew(
    folder: Path,
    *,
    environ: dict[str, str] | None = None,
    providers: Callable[[str], tuple[Provider, ...]] | None = None,
    **provider: Any,
) -> AsyncGenerator[Live]:
    """Open a crew in *folder*, with a fake LLM that is provider `fake`."""
    project = folder / "project"
    project.mkdir()
    places = Places(config=folder / "config", data=folder / "data")
    with trio.fail_after(LIMIT):
        async with open_fake_llm() as llm:
            mine = (fake_provider(llm.url, **provider),)
            settings = Settings(providers=providers(llm.url) if providers else mine)
            async with open_crew(
                find_project(project),
                places=places,
                settings=settings,
                environ=environ,
                slots=256,
            ) as crew:
                yield Live(crew, llm, project)


def result_of(run: Run, state: RunState, task: str = "a") -> str:
    """Return the result of *task*."""
    result = state.tasks[TaskId(task)].result
    assert result is not None, state
    return (run.folder.path / result.path).read_text()


async def said(run: Run, text: str) -> None:
    """Wait until an agent of *run* has told *text* as its progress."""
    async for one in run.events():
        if isinstance(one.event, Progress) and text in one.event.text:
            return


async def asked(run: Run) -> QuestionAsked:
    """Wait until an agent of *run* asks."""
    async for one in run.events():
        if isinstance(one.event, QuestionAsked):
            return one.event
    raise AssertionError
