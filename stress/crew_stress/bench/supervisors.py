# Ratios, not speeds: machines differ, and so does one machine from minute to minute.
#
# 1. Ours and the bare way are measured in turns, each in a trio run of its own. The
#    fastest turn of each counts: what disturbs a turn makes it slower, never faster.
#    A stall counts in whatever turn it was.
# 2. Time is processor time of this process: what other programs do counts less. So a
#    stall is the processor time between two moments at which trio looks for I/O and
#    deadlines; with nothing else to do on the machine that is what everybody waits.
# 3. The bare way is what one writes with trio alone to get the same thing done: a task
#    with a cancel scope, started with a checkpoint as `start` is one; a nursery for each
#    crash that is caught. Without that checkpoint a bare start takes some 14 µs instead
#    of 20; a task that catches its own error takes 10 µs. Failures are not logged here.
"""What supervision costs, compared with bare tasks: start, restart, stop, idling."""

import gc
import math
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from time import process_time
from typing import Final, Literal, final

import attrs
import trio

from crew_supervisors import ChildSpec, open_supervisor

Strategy = Literal["one_for_one", "dynamic"]
STRATEGIES: Final[tuple[Strategy, ...]] = ("one_for_one", "dynamic")

STALL_LIMIT: Final = 0.020
"""Seconds that the loop may be busy at a time while many children are stopped."""


@final
@attrs.frozen(kw_only=True)
class Sizes:
    """How much is measured."""

    turns: int = 5
    many: int = 10_000
    few: int = 100
    restarts: int = 2_000
    idle: float = 1.0
    """Seconds."""


@final
@attrs.frozen
class Life:
    """What one turn of starting, and then stopping, some children took."""

    start: float
    """Seconds for each child, until all run."""
    stop: float
    """Seconds for each child, until none is left."""
    stall: float
    """Seconds that the loop was busy at most, while they were stopped."""


@final
@attrs.frozen
class Figure:
    """One measured number, and the one that it must reach."""

    what: str
    value: float
    unit: str
    limit: float
    at_least: bool = False
    detail: str = ""

    @property
    def is_reached(self) -> bool:
        if self.at_least:
            return self.value >= self.limit
        return self.value <= self.limit

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        verdict = "ok  " if self.is_reached else "MISS"
        number = f"{self.value:8.2f} {self.unit:3}"
        limit = f"({sign} {self.limit:g})"
        return f"{verdict} {self.what:44}{number} {limit:9} {self.detail}".rstrip()


@final
class Stalls(trio.abc.Instrument):
    """Measures how long the loop is busy at a time, and costs nothing for each step."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._busy_since = 0.0

    def begin(self) -> None:
        """Forget what was before."""
        self.longest = 0.0
        self._busy_since = process_time()

    def after_io_wait(self, timeout: float) -> None:  # noqa: ARG002  # trio's signature
        self._busy_since = process_time()

    def before_io_wait(self, timeout: float) -> None:  # noqa: ARG002  # trio's signature
        self.longest = max(self.longest, process_time() - self._busy_since)


@final
class Steps(trio.abc.Instrument):
    """Counts the steps of tasks."""

    def __init__(self) -> None:
        self.count = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:  # noqa: ARG002  # trio's signature
        self.count += 1


# --- the ways to start and stop ---


async def supervised(strategy: Strategy, count: int, stalls: Stalls) -> Life:
    """Start *count* children one by one, and leave the block."""
    spec = ChildSpec("child", trio.sleep_forever)
    async with open_supervisor(strategy=strategy, on_event=_heed_nothing) as sup:
        begin = process_time()
        for number in range(count):
            await sup.start(spec.named(f"child {number}"))
        started = process_time()
        gc.collect()
        stalls.begin()
        leaving = process_time()
    return _life(count, begin, started, leaving, stalls)


async def bare(count: int, stalls: Stalls) -> Life:
    """Start *count* tasks with a scope each, one by one, and cancel each scope."""
    scopes: list[trio.CancelScope] = []
    async with trio.open_nursery() as nursery:
        begin = process_time()
        for _ in range(count):
            scope = trio.CancelScope()
            scopes.append(scope)
            nursery.start_soon(_sleep_in, scope)
            await trio.lowlevel.checkpoint()
        started = process_time()
        gc.collect()
        stalls.begin()
        leaving = process_time()
        for scope in scopes:
            scope.cancel()
    return _life(count, begin, started, leaving, stalls)


async def _sleep_in(scope: trio.CancelScope) -> None:
    with scope:
        await trio.sleep_forever()


def _heed_nothing(event: object) -> None:
    """Take an event; so nothing is logged."""


def _life(
    count: int, begin: float, started: float, leaving: float, stalls: Stalls
) -> Life:
    start, stop = started - begin, process_time() - leaving
    return Life(start / count, stop / count, stalls.longest)


def live(way: Callable[[int, Stalls], Awaitable[Life]], count: int, runs: int) -> Life:
    """Do *way* in *runs* runs of its own; return the means, and the worst stall."""
    lives: list[Life] = []
    for _ in range(runs):
        gc.collect()
        stalls = Stalls()
        lives.append(trio.run(way, count, stalls, instruments=[stalls]))
    return Life(
        sum(life.start for life in lives) / runs,
        sum(life.stop for life in lives) / runs,
        max(life.stall for life in lives),
    )


def best(lives: list[Life]) -> Life:
    """Return the best times, and the worst stall: there must be none at all."""
    return Life(
        min(life.start for life in lives),
        min(life.stop for life in lives),
        max(life.stall for life in lives),
    )


def start_and_stop(sizes: Sizes) -> list[Figure]:
    """Measure starting and stopping of many children, and of few."""
    small_runs = max(1, sizes.many // sizes.few // 10)
    plain: list[Life] = []
    many: dict[Strategy, list[Life]] = {strategy: [] for strategy in STRATEGIES}
    few: dict[Strategy, list[Life]] = {strategy: [] for strategy in STRATEGIES}
    for _ in range(sizes.turns):
        plain.append(live(bare, sizes.many, 1))
        for strategy in STRATEGIES:
            way = partial(supervised, strategy)
            many[strategy].append(live(way, sizes.many, 1))
            few[strategy].append(live(way, sizes.few, small_runs))
    rival = best(plain)
    figures: list[Figure] = []
    for strategy in STRATEGIES:
        ours, small = best(many[strategy]), best(few[strategy])
        figures += [
            Figure(
                f"start, {strategy}: bare / supervised",
                rival.start / ours.start,
                "x",
                0.4,
                at_least=True,
                detail=_pair(ours.start, rival.start),
            ),
            Figure(
                f"stop of {sizes.many:,}, {strategy}: supervised / bare",
                ours.stop / rival.stop,
                "x",
                1.3,
                detail=_pair(ours.stop, rival.stop),
            ),
            Figure(
                f"  the loop is busy at a time, {strategy}",
                ours.stall * 1e3,
                "ms",
                STALL_LIMIT * 1e3,
                detail=f"bare {rival.stall * 1e3:.1f} ms",
            ),
            Figure(
                f"  each of {sizes.many:,} / each of {sizes.few}, {strategy}",
                ours.stop / small.stop,
                "x",
                3.0,
                detail=_pair(ours.stop, small.stop, "of few"),
            ),
        ]
    return figures


def _pair(ours: float, rival: float, name: str = "bare") -> str:
    return f"ours {ours * 1e6:.1f} µs, {name} {rival * 1e6:.1f} µs"


# --- restart ---


async def restart_supervised(count: int) -> float:
    """Let a child fail *count* times; return the seconds for each restart."""
    lives = 0
    done = trio.Event()

    async def fail() -> None:
        nonlocal lives
        lives += 1
        if lives > count:
            done.set()
            await trio.sleep_forever()
        raise ValueError

    async with open_supervisor(max_restarts=count, on_event=_heed_nothing) as sup:
        begin = process_time()
        await sup.start(ChildSpec("child", fail))
        await done.wait()
        return (process_time() - begin) / count


async def restart_bare(count: int) -> float:
    """Let a task fail in a nursery, and catch it, *count* times."""

    async def fail() -> None:
        raise ValueError

    begin = process_time()
    for _ in range(count):
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(fail)
        except* ValueError:
            pass
    return (process_time() - begin) / count


def restart(sizes: Sizes) -> list[Figure]:
    """Measure a restart against crash and catch."""
    ours = rival = math.inf
    for _ in range(sizes.turns):
        gc.collect()
        rival = min(rival, trio.run(restart_bare, sizes.restarts))
        gc.collect()
        ours = min(ours, trio.run(restart_supervised, sizes.restarts))
    detail = _pair(ours, rival)
    return [Figure("restart: supervised / bare", ours / rival, "x", 3.0, detail=detail)]


# --- idling ---


async def idle_steps(
    strategy: Strategy, count: int, seconds: float, steps: Steps
) -> int:
    """Return the steps of all tasks while nothing happens for *seconds*."""
    spec = ChildSpec("child", trio.sleep_forever)
    async with open_supervisor(strategy=strategy, on_event=_heed_nothing) as sup:
        for number in range(count):
            await sup.start(spec.named(f"child {number}"))
        for _ in range(10):
            await trio.lowlevel.checkpoint()  # let those that just started come to rest
        steps.count = 0
        await trio.sleep(seconds)
        return steps.count - 1  # the last step is the one that counts


def idling(sizes: Sizes) -> list[Figure]:
    """Count what wakes up in an idle supervisor."""
    figures: list[Figure] = []
    for strategy in STRATEGIES:
        steps = Steps()
        way = partial(idle_steps, strategy, sizes.many, sizes.idle, steps)
        found = trio.run(way, instruments=[steps])
        what = f"idle for {sizes.idle:g} s, {strategy}: wake-ups"
        figures.append(Figure(what, found, "", 0, detail=f"{sizes.many:,} children"))
    return figures


def measure(sizes: Sizes) -> list[Figure]:
    """Measure all figures."""
    return [*start_and_stop(sizes), *restart(sizes), *idling(sizes)]


def main(sizes: Sizes | None = None) -> int:
    """Print a table; return 1 if a figure was missed."""
    figures = measure(sizes or Sizes())
    for figure in figures:
        print(figure)
    return 0 if all(figure.is_reached for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
