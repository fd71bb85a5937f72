# Each load is written twice: as a run of a crew, and as one does the same by hand.
"""Loads for runs, and the same loads without them."""

import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter, process_time
from typing import Final

import attrs
import psutil
import trio
import trio.testing

from crew_actors.config import Settings
from crew_actors.model import (
    CommandSpec,
    Limits,
    PlannedTask,
    RunPlan,
    RunStatus,
    TaskId,
)
from crew_actors.places import Places, find_project
from crew_actors.runs import Crew, open_crew
from crew_actors.runtimes import AgentFunction, Completed, Job, Outcome, Port

AGENT: Final = "worker"
SAYS: Final = ("echo", "done")
"""What a command agent runs: the cheapest that has a result."""


@attrs.frozen
class Cost:
    """What something took, in seconds."""

    wall: float
    cpu: float
    """Of this process alone."""

    def each(self, count: int) -> "Cost":
        """Tell what one of *count* took."""
        return Cost(self.wall / count, self.cpu / count)

    def over(self, bare: "Cost") -> "Cost":
        """Tell what it took beyond *bare*."""
        return Cost(self.wall - bare.wall, self.cpu - bare.cpu)


def best(costs: list[Cost]) -> Cost:
    """Tell the least of each: of the rounds in which nobody else was busy."""
    return Cost(min(one.wall for one in costs), min(one.cpu for one in costs))


class Stopwatch:
    """Measures from when it is made."""

    def __init__(self) -> None:
        self._wall, self._cpu = perf_counter(), process_time()

    def cost(self) -> Cost:
        """Tell what it took until now."""
        return Cost(perf_counter() - self._wall, process_time() - self._cpu)


def flat_plan(count: int, limit: int, argv: tuple[str, ...] = ()) -> RunPlan:
    """Plan *count* tasks that wait for nothing but a place."""
    tasks = tuple(
        PlannedTask(
            id=TaskId(f"t{number}"),
            step=f"t{number}",
            role=AGENT,
            agent=AGENT,
            title=f"Task {number}",
            command=CommandSpec(argv=argv) if argv else None,
        )
        for number in range(count)
    )
    return RunPlan(
        goal="be measured",
        team="bench",
        workflow="bench",
        tasks=tasks,
        limit=limit,
        limits=Limits(attempts=1, tasks=count),
    )


@asynccontextmanager
async def bench_crew(
    home: Path, slots: int, functions: Mapping[str, AgentFunction] | None = None
) -> AsyncGenerator[Crew]:
    """Open a crew in a new folder below *home*, which stays.

    Who removes it should have measured everything before: where many folders were
    removed a moment ago, ext4 takes ten times as long to make one.
    """
    root = Path(tempfile.mkdtemp(dir=home))
    (root / "project").mkdir()
    async with open_crew(
        find_project(root / "project"),
        places=Places(config=root / "config", data=root / "data"),
        functions=functions,
        slots=slots,
        settings=Settings(),
    ) as crew:
        yield crew


async def run_plan(crew: Crew, plan: RunPlan) -> Cost:
    """Run *plan* to its end; everything in it must complete."""
    watch = Stopwatch()
    run = await crew.start(plan)
    state = await run.wait()
    cost = watch.cost()
    if state.status is not RunStatus.COMPLETED:
        msg = f"the run ended as {state.status}: {state.why}"
        raise RuntimeError(msg)
    return cost


async def say_done(job: Job, port: Port) -> Outcome:  # noqa: ARG001  # what agents are called with
    """Complete at once."""
    return Completed(text="done")


async def run_functions(home: Path, count: int, limit: int) -> Cost:
    """Run *count* tasks of a function."""
    async with bench_crew(home, limit, {AGENT: say_done}) as crew:
        return await run_plan(crew, flat_plan(count, limit))


async def call_functions(count: int, job: Job, port: Port) -> Cost:
    """Call the function *count* times."""
    watch = Stopwatch()
    for _ in range(count):
        await say_done(job, port)
    return watch.cost()


async def run_commands(home: Path, count: int, limit: int) -> Cost:
    """Run *count* tasks of a command."""
    async with bench_crew(home, limit) as crew:
        return await run_plan(crew, flat_plan(count, limit, SAYS))


async def spawn_by_hand(count: int, limit: int) -> Cost:
    """Start the command *count* times, read what it says, and reap it."""
    room = trio.CapacityLimiter(limit)

    async def one() -> None:
        async with room:
            done = await trio.run_process(
                SAYS, stdin=subprocess.DEVNULL, capture_stdout=True, capture_stderr=True
            )
        assert done.stdout == b"done\n"

    watch = Stopwatch()
    async with trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(one)
    return watch.cost()


async def most_at_once(home: Path, count: int, limit: int) -> int:
    """Run *count* tasks; tell how many agents were at work at the same time at most.

    Nobody goes on before as many as may were at work, if they come within a few seconds.
    """
    working = most = 0
    full = trio.Event()

    async def work(job: Job, port: Port) -> Outcome:  # noqa: ARG001  # what agents are called with
        nonlocal working, most
        working += 1
        most = max(most, working)
        if working == limit:
            full.set()
        with trio.move_on_after(5):
            await full.wait()
        await trio.sleep(0.001)  # in which one too many would be seen
        working -= 1
        return Completed(text="done")

    async with bench_crew(home, count, {AGENT: work}) as crew:
        await run_plan(crew, flat_plan(count, limit))
    return most


@attrs.frozen
class Held:
    """What this process holds."""

    tasks: int
    files: int
    threads: int
    bytes: int

    @classmethod
    def now(cls) -> "Held":
        me = psutil.Process()
        if sys.platform == "win32":
            files = me.num_handles()
        else:
            files = me.num_fds()
        return cls(
            tasks=trio.lowlevel.current_statistics().tasks_living,
            files=files,
            threads=threading.active_count(),
            bytes=me.memory_info().rss,
        )


async def _settled(patience: float) -> Held:
    """Look when trio's idle threads have ended, or after *patience* seconds."""
    await trio.testing.wait_all_tasks_blocked(0.01)
    with trio.move_on_after(patience):
        while threading.active_count() > 1:  # noqa: ASYNC110  # no thread tells its end
            await trio.sleep(0.2)
    return Held.now()


async def short_runs(
    home: Path, count: int, warm_up: int, patience: float
) -> tuple[Held, Held]:
    """Make *count* runs one after the other; tell what is held before and after."""
    plan = flat_plan(1, 1)
    async with bench_crew(home, 1, {AGENT: say_done}) as crew:
        for _ in range(warm_up):
            await run_plan(crew, plan)
        before = await _settled(patience)
        for _ in range(count):
            await run_plan(crew, plan)
        return before, await _settled(patience)
