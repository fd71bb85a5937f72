# Virtual time: the clock stands still while any task can run, and then jumps.
#
# 1. A run depends on its seed only: the order of tasks, and the jitter of supervisors
#    that were opened by `open_test_supervisor`.
# 2. A run that waits for ever is over at its limit, within milliseconds of real time,
#    and says who waits where.
# 3. Virtual time does not mix with threads, sockets and processes: the clock jumps while
#    they work.
"""Runs on virtual time."""

import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Final, TypeVar, TypeVarTuple, Unpack

import trio
import trio.testing

from ._errors import StillWaiting
from ._private import seeded_scheduling, tear_out

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_TRIO: Final = Path(trio.__file__).parent
DAY: Final = 86_400.0
_ROUNDS: Final = 1_000  # one for each thing that a task still waits for on its way out

SEED: Final[ContextVar[int]] = ContextVar("crew_supervisors_seed", default=0)
"""The seed of the virtual run."""


def run_virtual(
    async_fn: Callable[[Unpack[Ts]], Awaitable[T]],
    *args: *Ts,
    seed: int = 0,
    limit: float = DAY,
) -> T:
    """Run ``async_fn(*args)`` on virtual time, and return what it returns.

    Like ``trio.run``, with trio's `MockClock` that jumps whenever all tasks wait. The
    same *seed* gives the same run; try some hundred of them. What comes out has a note
    with the seed. In a test that pytest-trio runs already, use its ``autojump_clock``.

    Raises:
      StillWaiting: *limit* virtual seconds were not enough; every task was ended.
      RuntimeWarning: as a warning, if this trio cannot be seeded.
    """
    clock = trio.testing.MockClock(autojump_threshold=0)
    stacks: list[str] = []

    async def main() -> T:
        SEED.set(seed)
        task = trio.lowlevel.current_task()
        trio.lowlevel.spawn_system_task(_end_at, limit, task, stacks)
        return await async_fn(*args)

    try:
        with seeded_scheduling(seed):
            answer = trio.run(main, clock=clock)
    except BaseException as error:  # whatever it was: the seed makes it again
        if stacks:
            raise StillWaiting(limit, seed, stacks[0]) from error
        error.add_note(f"in a virtual run with seed={seed}")
        raise
    if stacks:
        raise StillWaiting(limit, seed, stacks[0])
    return answer


async def settle() -> None:
    """Return when every other task waits, and none is about to go on. A checkpoint."""
    await trio.testing.wait_all_tasks_blocked()


def tasks_below(root: trio.lowlevel.Task) -> Iterator[trio.lowlevel.Task]:
    """Yield *root*, the tasks in its nurseries, and so on."""
    pending = [root]
    while pending:
        task = pending.pop()
        yield task
        for nursery in task.child_nurseries:
            pending.extend(nursery.child_tasks)


def describe(task: trio.lowlevel.Task) -> str:
    """Return the name of *task*, and where it stands, without the inside of trio."""
    stack = traceback.StackSummary.extract(task.iter_await_frames())
    lines = [
        f"  {frame.filename}:{frame.lineno} in {frame.name}: {frame.line}\n"
        for frame in stack
        if not Path(frame.filename).is_relative_to(_TRIO)
    ]
    return f"{task.name}\n{''.join(lines)}"


async def _end_at(limit: float, main: trio.lowlevel.Task, stacks: list[str]) -> None:
    """Be the system task that ends a run which is over its limit."""
    await trio.sleep(limit)
    stacks.append("".join(describe(task) for task in tasks_below(main)))
    for _ in range(_ROUNDS):
        for task in tuple(tasks_below(main)):
            tear_out(task)
        await trio.testing.wait_all_tasks_blocked()
