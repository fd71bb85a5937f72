# 1. A figure is counted when somebody wants to know it, from what is there anyway.
#    Nothing is counted for nobody.
# 2. Only what changed is told: a line goes on where it was.
"""Figures of a server, and the feed of them over time."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Final, final

import attrs
import trio

from crew_actors.console._counts import Sample
from crew_actors.console.feeds._feed import Feed
from crew_actors.console.feeds._nodes import restarts_in
from crew_actors.model import RunStatus, TaskStatus
from crew_actors.runs import Crew

POINTS: Final = 600
"""The newest points of a figure that are kept."""

EVERY: Final = 1.0
"""Seconds between two points of a figure, at least."""

LAG_EVERY: Final = 0.1
"""Seconds between two measurements of how late this process wakes up."""

LAG_STEP: Final = 0.005
"""Seconds by which lags are told apart: less is noise, and noise is no news."""

LAGS: Final = 100
"""The newest of these measurements that count."""


_OURS: Final = frozenset({"console_frames_out", "console_bytes_out", "console_updates"})
"""What changes by being told of. By itself it is no news."""


def samples_of(crew: Crew) -> Iterator[Sample]:
    """Count what goes on in *crew* and what has been done. Not a checkpoint."""
    runs = crew.roster.at_work()
    states = [run.state for run in runs]
    for status in RunStatus:
        if not status.ended:
            found = sum(state.status is status for state in states)
            yield _gauge(f"runs_{status.value}", "runs", "Runs at work", found)
    for task in TaskStatus:
        found = sum(state.board.of(task).bit_count() for state in states)
        name = f"tasks_{task.value}"
        yield _gauge(
            name, "tasks", f"Tasks that are {task.value}, of runs at work", found
        )
    running = (state.board.of(TaskStatus.RUNNING) for state in states)
    agents = sum(tasks.bit_count() for tasks in running)
    yield _gauge("agents_at_work", "agents", "Agents at work", agents)
    looks = [look for run in runs if (look := run.look()) is not None]
    queued = sum(box.queued for look in looks for box in look.mailboxes)
    yield _gauge("mailboxes_queued", "messages", "Messages that wait", queued)
    crew_look = crew.look()
    restarts = restarts_in(crew_look.tree)
    yield _gauge("restarts", "restarts", "Restarts of what is alive", restarts)
    yield from _totals(crew, crew_look.dead)


def _totals(crew: Crew, dead: int) -> Iterator[Sample]:
    totals = crew.roster.totals()
    for name, unit, told, value in (
        ("runs", "runs", "Runs that have begun here", totals.runs),
        ("events", "events", "Events of runs", totals.events),
        ("attempts", "attempts", "Attempts at tasks", totals.attempts),
        (
            "attempts_failed",
            "attempts",
            "Attempts that ended and did not complete their task",
            totals.failed,
        ),
        ("tokens_input", "tokens", "Tokens that agents were given", totals.input),
        ("tokens_output", "tokens", "Tokens that agents have made", totals.output),
        ("cost", "cost", "Costs as the agents report them", totals.cost),
        ("dead_letters", "messages", "Messages nobody handled", totals.dead + dead),
    ):
        yield Sample(name, "counter", unit, told, value)


def _gauge(name: str, unit: str, told: str, value: float) -> Sample:
    return Sample(name, "gauge", unit, told, value)


@final
@attrs.define(eq=False)
class Series:
    """One figure over time."""

    sample: Sample
    born: int
    """The revision that brought it."""
    points: deque[tuple[int, float, float]] = attrs.field(
        factory=lambda: deque[tuple[int, float, float]](maxlen=POINTS), init=False
    )
    """Each with the revision that brought it, and the moment."""

    def about(self) -> dict[str, object]:
        """Tell what the figure is."""
        sample = self.sample
        return {"kind": sample.kind, "unit": sample.unit, "help": sample.help}

    def newer(self, base: int) -> list[tuple[float, float]]:
        """Give the points after revision *base*."""
        return [(at, value) for rev, at, value in self.points if rev > base]


@final
@attrs.define(eq=False)
class MetricsFeed(Feed):
    """The figures of the server over time."""

    samples: Callable[[], Iterable[Sample]]
    clock: Callable[[], float]
    """Tells the seconds since 1970."""
    _series: dict[str, Series] = attrs.field(factory=dict[str, Series], init=False)
    _lags: deque[float] = attrs.field(init=False)
    _events: tuple[float, float] | None = attrs.field(default=None, init=False)
    """When events were counted last, and how many there were."""

    def __attrs_post_init__(self) -> None:
        Feed.__attrs_post_init__(self)
        self._lags = deque(maxlen=LAGS)

    async def keep_up(self) -> None:
        """Take note of each figure that changed, once in `EVERY` seconds."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._measure_lag)
            while True:
                self._take_note(self.clock(), self.rev + 1)
                self.ready.set()
                await trio.sleep(EVERY)

    def _take_note(self, now: float, rev: int) -> None:
        changed = False
        for sample in chain(self.samples(), self._rates(now)):
            series = self._series.get(sample.name)
            if series is None:
                series = self._series[sample.name] = Series(sample, rev)
            if not series.points or series.points[-1][2] != sample.value:
                series.points.append((rev, round(now, 3), sample.value))
                changed |= sample.name not in _OURS
        if changed:
            self.changed(rev)

    def _rates(self, now: float) -> Iterator[Sample]:
        """Give the figures that only a feed knows, since it looks again and again."""
        counted = self._series["events"].points[-1][2]
        at, before = self._events or (now, counted)
        rate = (counted - before) / (now - at) if now > at else 0.0
        self._events = (now, counted)
        yield _gauge(
            "events_per_second", "1/s", "Events of runs in a second", round(rate, 1)
        )
        lags = sorted(self._lags)
        lag = max(lags[len(lags) * 95 // 100], 0.0) if lags else 0.0
        told = "How late this process wakes up, at most in 95 of 100 cases"
        yield _gauge("loop_lag_p95", "s", told, round(lag // LAG_STEP * LAG_STEP, 3))

    async def _measure_lag(self) -> None:
        while True:
            before = trio.current_time()
            await trio.sleep(LAG_EVERY)
            self._lags.append(trio.current_time() - before - LAG_EVERY)

    def whole(self) -> object:
        """Give all figures with their points."""
        return {
            "series": {
                name: {**one.about(), "points": one.newer(0)}
                for name, one in self._series.items()
            }
        }

    def newer(self, base: int) -> object:
        """Give the points after *base*, by figure, and what figures are there now."""
        series = self._series
        points = {name: one.newer(base) for name, one in series.items()}
        changes: dict[str, object] = {
            "points": {name: found for name, found in points.items() if found}
        }
        born = {name: one.about() for name, one in series.items() if one.born > base}
        return changes | ({"series": born} if born else {})
