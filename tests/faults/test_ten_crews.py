"""A program opens a crew ten times: each leaves it with what it had before."""

import gc
from collections.abc import Awaitable, Callable
from pathlib import Path

import attrs
import psutil
import pytest
import trio
from tests.conftest import Holdings
from tests.support.crews import crew_in, sleep
from tests.support.plans import plan, task
from tests.support.processes import living

from crew_actors.journal import owner_state, read_events, read_state
from crew_actors.model import CommandSpec, ProcessStarted, RunStatus
from crew_actors.runs import Run
from crew_supervisors.processes._zygote import FIRST_USE, Zygote

TIMES = 10

THREADS = 8
"""As many idle threads trio may keep. They serve whatever crew comes next."""


class Refused(Exception):
    """What a program raises inside of the block."""


@attrs.frozen
class Held:
    """What this program holds."""

    tasks: int
    threads: int
    others: Holdings

    @classmethod
    def now(cls) -> "Held":
        gc.collect()  # descriptors that garbage holds are not leaked
        return cls(
            tasks=trio.lowlevel.current_statistics().tasks_living,
            threads=psutil.Process().num_threads(),
            others=Holdings.now(),
        )


async def waits(run: Run) -> None:
    """Leave the block when the run has ended."""
    run.cancel("enough")
    await run.wait()


async def leaves(run: Run) -> None:
    """Leave the block while the run is at work."""


async def raises(run: Run) -> None:
    """Leave the block with an error."""
    raise Refused


async def is_cancelled(run: Run) -> None:
    """Leave the block because a deadline around it has come."""
    await trio.sleep_forever()


async def _crew(
    project: Path, leave: Callable[[Run], Awaitable[None]], scope: trio.CancelScope
) -> Run:
    """Open a crew, have a function and a process at work, and leave it."""
    process = CommandSpec(argv=("/bin/sh", "-c", "echo ready; exec sleep 300"))
    wanted = plan(task("a"), attrs.evolve(task("p", role="shell"), command=process))
    run: Run | None = None
    with scope:
        try:
            async with crew_in(project, worker=sleep) as crew:
                run = await crew.start(wanted)
                while not all(one.progress for one in run.state.tasks.values()):
                    await run.newer(run.state.seq)
                if leave is is_cancelled:
                    scope.cancel()
                await leave(run)
        except* Refused:
            assert leave is raises
    assert run is not None
    return run


async def _used_before(project: Path) -> Held:
    """Tell what the program holds that has used crews before.

    That is one process more, from which those of agents are forked: it is kept for as
    long as trio runs.
    """
    for _ in range(FIRST_USE):
        await _crew(project, leaves, trio.CancelScope())
    while Zygote.of_this_run().pid is None:  # noqa: ASYNC110 - nobody tells of it
        await trio.sleep(0.01)  # it starts in the background
    return Held.now()


@pytest.mark.parametrize("leave", [waits, leaves, raises, is_cancelled])
async def test_ten_crews_after_each_other_leave_nothing(
    project: Path, leave: Callable[[Run], Awaitable[None]]
) -> None:
    before = await _used_before(project)
    for number in range(TIMES):
        with trio.fail_after(20):
            run = await _crew(project, leave, trio.CancelScope())
        now = Held.now()
        assert now.tasks == before.tasks, number
        assert now.others.beyond(before.others) == Holdings({}, set(), {}), number
        assert now.threads <= before.threads + THREADS, number
        assert read_state(run.folder).status is RunStatus.CANCELLED
        assert owner_state(run.folder) == "released"
        events = [one.event for one in read_events(run.folder)]
        pids = [one.pid for one in events if isinstance(one, ProcessStarted)]
        assert len(pids) == 1
        assert living(pids) == []


async def test_ten_crews_at_once_leave_nothing(project: Path) -> None:
    before = await _used_before(project)
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for _ in range(TIMES):
                nursery.start_soon(_crew, project, leaves, trio.CancelScope())
    now = Held.now()
    assert now.tasks == before.tasks
    assert now.others.beyond(before.others) == Holdings({}, set(), {})
