"""Crews with agents that are functions."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from crew_actors.model import Failure, FailureKind, RunPlan
from crew_actors.places import Places, find_project
from crew_actors.runs import Crew, Run, open_crew
from crew_actors.runtimes import (
    AgentFunction,
    Completed,
    Failed,
    Job,
    Outcome,
    Port,
)


@asynccontextmanager
async def crew_in(
    folder: Path, slots: int = 64, /, **functions: AgentFunction
) -> AsyncGenerator[Crew]:
    """Open a crew; `worker=f` makes *f* the agent of role worker."""
    places = Places(config=folder.parent / "config", data=folder.parent / "data")
    agents = {f"{role}-agent": function for role, function in functions.items()}
    async with open_crew(
        find_project(folder), places=places, functions=agents, slots=slots
    ) as crew:
        yield crew


async def finish(folder: Path, plan: RunPlan, **functions: AgentFunction) -> Run:
    """Run *plan* to its end."""
    async with crew_in(folder, **functions) as crew:
        run = await crew.start(plan)
        await run.wait()
        return run


async def echo(job: Job, port: Port) -> Outcome:
    """Complete at once."""
    return Completed(text=f"{job.task.id} did it")


async def fail(job: Job, port: Port) -> Outcome:
    """Fail at once."""
    return Failed(failure=Failure(kind=FailureKind.EXIT, message="exit code 1"))


async def sleep(job: Job, port: Port) -> Outcome:
    """Sleep until cancelled."""
    await port.progress("asleep")
    await trio.sleep_forever()
    raise AssertionError
