"""Real agent programs that are started ahead of their attempts."""

from pathlib import Path

import pytest
import trio
from tests.real.agents.conftest import (
    LIMIT,
    PROGRAMS,
    A,
    answer_all,
    processes_of,
    real,
)

from crew_actors.model import ProcessDiscarded, ProcessStarted, RunStatus
from crew_actors.runtimes import Completed, Job, Outcome, Port

READY = 3.0
"""Seconds in which any of them is ready. No harm is done if one is not."""

WRITES = "[[run:echo made > made.txt]] then [[say:well done]]"


@pytest.mark.parametrize("name", [*PROGRAMS, "gemini", "opencode"])
async def test_a_warm_program_does_its_turn(name: str, tmp_path: Path) -> None:
    async def waits(job: Job, port: Port) -> Outcome:
        await trio.sleep(READY)
        return Completed(text="that is before")

    with trio.fail_after(LIMIT):
        async with (
            real(name, tmp_path, before=waits) as agent,
            trio.open_nursery() as nursery,
        ):
            run = await agent.start(WRITES)
            nursery.start_soon(answer_all, run, "allow")
            state = await run.wait()
            told = [(one.at, one.event) async for one in run.events()]
            nursery.cancel_scope.cancel()
    assert state.status is RunStatus.COMPLETED, state
    assert (agent.project / "made.txt").exists()
    assert state.tasks[A].usage.output > 0
    ((at, made),) = (
        (at, one.create_time) for at, one in told if isinstance(one, ProcessStarted)
    )
    assert made < at - READY / 2, "it was there before"
    assert not any(isinstance(one, ProcessDiscarded) for _, one in told)
    assert agent.left_of(run) == []


@pytest.mark.parametrize("name", [*PROGRAMS, "gemini", "opencode"])
async def test_a_warm_program_that_nobody_needs_leaves_nobody(
    name: str, tmp_path: Path
) -> None:
    alive = 0

    async def fails(job: Job, port: Port) -> Outcome:
        nonlocal alive
        await trio.sleep(READY)
        alive = len(processes_of(run))
        raise RuntimeError

    with trio.fail_after(LIMIT):
        async with real(name, tmp_path, before=fails) as agent:
            run = await agent.start(WRITES)
            await run.wait()
            assert alive >= 1
            assert agent.left_of(run) == []
            (ended,) = [
                one.event
                async for one in run.events()
                if isinstance(one.event, ProcessDiscarded)
            ]
            assert ended.survivors == ()
            assert agent.llm.generations == []
