"""Figures of the server over time."""

import re
from collections.abc import Iterator
from pathlib import Path

import trio
import trio.testing
from tests.support.crews import crew_in, echo, fail
from tests.support.feeds import Gate, feeds_in, feeds_of, reading
from tests.support.plans import plan, task

from crew_actors.console._counts import Sample, exposition
from crew_actors.console.feeds import Feeds, Scope
from crew_actors.console.feeds._metrics import MetricsFeed
from crew_actors.model import Limits, Selection, TaskStatus


def values(feeds: Feeds) -> dict[str, float]:
    return {one.name: one.value for one in feeds.samples()}


async def test_the_figures_count_what_is_at_work_and_what_was_done(
    folder: Path,
) -> None:
    gate = Gate()
    async with crew_in(folder, worker=gate, loser=fail) as crew:
        feeds = Feeds(crew)
        assert set(values(feeds).values()) == {0}
        many = (task("a"), task("b", "a"), task("c", role="loser"))
        run = await crew.start(plan(*many, limits=Limits(attempts=1)))
        while not run.state.board.of(TaskStatus.FAILED):
            await run.newer(run.state.seq)
        found = values(feeds)
        assert found["runs_running"] == found["runs"] == 1
        assert (found["tasks_running"], found["tasks_queued"]) == (1, 1)
        assert (found["agents_at_work"], found["attempts"]) == (1, 2)
        gate.open.set()
        state = await run.wait()
        found = values(feeds)
        assert (found["runs_running"], found["runs"]) == (0, 1)
        assert (found["attempts"], found["attempts_failed"]) == (3, 1)
        assert (found["tokens_input"], found["tokens_output"]) == (6, 8)
        assert found["cost"] == 1
        assert found["events"] == state.seq


async def test_no_counter_falls_when_runs_end_and_are_forgotten(folder: Path) -> None:
    async with crew_in(folder, worker=echo, loser=fail) as crew:
        feeds = Feeds(crew)
        found = before = values(feeds)
        for _ in range(3):
            run = await crew.start(plan(task("a"), task("b", role="loser")))
            await run.wait()
            found = values(feeds)
            counters = [one.name for one in feeds.samples() if one.kind == "counter"]
            assert all(found[name] >= before[name] for name in counters)
            before = found
        assert (found["runs"], found["attempts"], found["attempts_failed"]) == (3, 6, 3)
        assert len(crew.roster._entries) == 1


async def test_what_a_run_had_used_up_elsewhere_is_not_counted_here(
    folder: Path,
) -> None:
    async with crew_in(folder, worker=fail) as crew:
        run = await crew.start(plan(task("a")))
        state = await run.wait()
    async with crew_in(folder, worker=echo) as crew:
        again = await crew.resume(run.folder, retry=Selection())
        ended = await again.wait()
        totals = crew.roster.totals()
        assert (totals.attempts, totals.failed) == (1, 0)
        assert totals.events == ended.seq - state.seq


async def test_only_what_changed_is_told_and_at_most_once_in_a_second(
    folder: Path,
) -> None:
    gate = Gate()
    async with feeds_in(folder, worker=gate) as (crew, feeds):
        scope = Scope("metrics")
        async with reading(feeds, scope) as client:
            series = client.known["series"]
            assert series["runs_running"]["unit"] == "runs"
            assert series["runs_running"]["help"]
            assert [value for _, value in series["runs_running"]["points"]] == [0]
            began = trio.current_time()
            await crew.start(plan(task("a")))
            changes = await client.step()
            if "runs_running" not in changes["points"]:  # the clock was between
                changes = await client.step()
            assert trio.current_time() - began > 0.5
            assert [value for _, value in changes["points"]["runs_running"]] == [1]
            assert "tasks_failed" not in changes["points"]
            gate.open.set()


async def test_figures_that_do_not_change_are_not_told(
    autojump_clock: trio.testing.MockClock,
) -> None:
    frames = iter(range(10_000))

    def samples() -> Iterator[Sample]:
        yield Sample("events", "counter", "events", "Events", 7)
        yield Sample("console_frames_out", "counter", "", "Frames", next(frames))

    feed = MetricsFeed(samples, trio.current_time)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(feed.keep_up)
        await trio.sleep(5)
        rev = feed.rev
        await trio.sleep(60)
        assert feed.rev == rev
        nursery.cancel_scope.cancel()


async def test_the_rate_of_events_and_the_lag_are_told(
    autojump_clock: trio.testing.MockClock,
) -> None:
    events = iter(range(0, 10_000, 50))

    def samples() -> Iterator[Sample]:
        yield Sample("events", "counter", "events", "Events", next(events))

    feed = MetricsFeed(samples, trio.current_time)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(feed.keep_up)
        await trio.sleep(3.5)
        nursery.cancel_scope.cancel()
    rates = [value for _, _, value in feed._series["events_per_second"].points]
    assert rates == [0.0, 50.0]
    assert [value for _, _, value in feed._series["loop_lag_p95"].points] == [0.0]
    assert len(feed._series["events"].points) == 4


async def test_a_figure_that_is_new_is_told_with_its_meaning(
    autojump_clock: trio.testing.MockClock,
) -> None:
    found = [Sample("events", "counter", "events", "Events", 0)]
    feed = MetricsFeed(lambda: found, trio.current_time)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(feed.keep_up)
        await trio.sleep(1.5)
        rev = feed.rev
        found.append(Sample("x", "gauge", "s", "An x", 2))
        await trio.sleep(1)
        assert feed.newer(rev) == {
            "points": {"x": [(2.0, 2)]},
            "series": {"x": {"kind": "gauge", "unit": "s", "help": "An x"}},
        }
        nursery.cancel_scope.cancel()


async def test_the_server_adds_its_own_and_prometheus_can_read_all(
    folder: Path,
) -> None:
    own = Sample("console_clients", "gauge", "", "Clients", 3.0)
    async with crew_in(folder) as crew, feeds_of(crew, own=lambda: [own]) as feeds:
        text = exposition(feeds.samples())
        assert "# TYPE crew_console_clients gauge\ncrew_console_clients 3.0\n" in text
        assert "# TYPE crew_events_total counter\n" in text
        values = scraped(text)
        assert values["crew_console_clients"] == ("gauge", 3.0)
        assert len(values) == len(list(feeds.samples()))


def scraped(text: str) -> dict[str, tuple[str, float]]:
    """Read *text* as strictly as Prometheus' format 0.0.4 and its linter want it."""
    assert text.endswith("\n")
    lines = iter(text.splitlines())
    found: dict[str, tuple[str, float]] = {}
    for first in lines:
        name, _, about = first.removeprefix("# HELP ").partition(" ")
        kind = next(lines).removeprefix(f"# TYPE {name} ")
        value = next(lines).removeprefix(f"{name} ")
        assert re.fullmatch("[a-z_][a-z0-9_]*", name), first
        assert about, first
        assert "\\" not in re.sub(r"\\[\\n]", "", about), first
        assert kind in {"gauge", "counter"}
        assert name.endswith("_total") is (kind == "counter")
        assert name not in found
        found[name] = kind, float(value)
    return found


def test_what_is_told_of_a_figure_cannot_break_its_line() -> None:
    odd = Sample("odd", "gauge", "", "two\nlines \\ and", float("inf"))
    text = exposition([odd])
    assert (
        text
        == "# HELP crew_odd two\\nlines \\\\ and\n# TYPE crew_odd gauge\ncrew_odd +Inf\n"
    )
    assert scraped(text) == {"crew_odd": ("gauge", float("inf"))}
