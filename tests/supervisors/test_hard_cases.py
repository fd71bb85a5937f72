"""What others may do to a supervisor, and what must hold all the same."""

import dataclasses
import logging
from collections.abc import AsyncGenerator
from typing import Any

import pytest
import trio
from tests.support.children import forever, polite
from trio.testing import MockClock

from crew_supervisors import (
    FOREVER,
    Backoff,
    Child,
    ChildFailed,
    ChildSpec,
    ChildStarted,
    Event,
    Grace,
    State,
    StopErrors,
    SupervisorEnded,
    check_specs,
    open_supervisor,
)
from crew_supervisors._agenda import WAVE
from crew_supervisors._recorder import summary_of


class Unreadable(Exception):
    """Its text cannot be had."""

    def __str__(self) -> str:
        raise AttributeError("text")


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    """Nothing can be written on it."""

    code: int


async def settle() -> None:
    await trio.testing.wait_all_tasks_blocked()


# --- errors that are hard to handle ---


@pytest.mark.parametrize("number", [1, 2])
async def test_an_error_whose_text_raises_is_one_failure(number: int) -> None:
    events: list[Event] = []

    async def body() -> None:
        raise Unreadable

    async with open_supervisor(on_event=events.append) as sup:
        await sup.start(ChildSpec("other", forever))
        for each in range(number):
            await sup.start(ChildSpec(f"bad-{each}", body, restart="temporary"))
        await settle()
        found = [info.name for info in sup.children()]
    assert found == ["other"]
    failed = [e.summary for e in events if isinstance(e, ChildFailed)]
    assert failed == ["Unreadable: (its text cannot be read)"] * number


async def test_an_error_that_cannot_be_changed_comes_out_without_a_note() -> None:
    async def body() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise Frozen(3)

    with pytest.raises(ExceptionGroup) as out:
        async with open_supervisor(on_event=lambda _: None) as sup:
            await sup.start(ChildSpec("a", body))
            await settle()
    assert out.group_contains(Frozen)


def test_a_summary_of_groups_in_groups_has_a_bound() -> None:
    errors: list[Exception] = [ValueError("x" * 999)]
    for _ in range(2_000):
        errors = [ExceptionGroup("deep", errors)]
    (error,) = errors
    assert len(summary_of(error)) <= 301
    wide = ExceptionGroup("wide", [ValueError("y" * 30) for _ in range(10_000)])
    assert len(summary_of(wide)) <= 301


async def test_a_log_that_raises_breaks_nothing() -> None:
    class Broken(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            raise RuntimeError("filter")

    broken, logger = Broken(), logging.getLogger("crew_supervisors")
    crashes = [ValueError(), ValueError()]

    async def body() -> None:
        if crashes:
            raise crashes.pop()
        await trio.sleep_forever()

    logger.addFilter(broken)
    try:
        async with open_supervisor() as sup:
            await sup.start(ChildSpec("a", body))
            await settle()
            found = sup.children()[0]
    finally:
        logger.removeFilter(broken)
    assert (found.state, found.incarnation) == (State.RUNNING, 3)


async def test_what_a_stuck_child_raises_in_the_end_comes_out_too(
    autojump_clock: MockClock,
) -> None:
    async def body() -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(60)
        raise ValueError("late")

    events: list[Event] = []
    with pytest.raises(ExceptionGroup) as out:
        async with open_supervisor(on_event=events.append) as sup:
            await sup.start(ChildSpec("a", body, stop=Grace(0)))
            await settle()
    (errors,) = out.value.exceptions
    assert isinstance(errors, StopErrors)
    assert errors.exceptions[0].args == ("late",)
    (ended,) = [e for e in events if isinstance(e, SupervisorEnded)]
    assert ended.stuck == ("a",)


# --- the ordered stop ---


async def test_nobody_is_restarted_while_all_stop(autojump_clock: MockClock) -> None:
    """Its backoff ends while newer children still take their time."""
    events: list[Event] = []

    async def crash() -> None:
        raise ValueError

    async with open_supervisor(on_event=events.append) as sup:
        backoff = Backoff(first=1, jitter=0)
        await sup.start(ChildSpec("a", crash, backoff=backoff))
        await sup.start(ChildSpec("slow", polite, (3,)))
        await settle()
    assert trio.current_time() == 3
    starts = [e.child for e in events if isinstance(e, ChildStarted)]
    assert starts == ["a", "slow"]


async def test_a_child_that_stops_may_stop_an_older_one_and_wait_for_it(
    autojump_clock: MockClock,
) -> None:
    ends: list[str] = []

    async def manager(*, child: Child) -> None:
        await child.stopping.wait()
        ends.append((await sup.stop("worker")).end)

    async with open_supervisor() as sup:
        await sup.start(ChildSpec("worker", forever))
        await sup.start(ChildSpec("manager", manager, stop=FOREVER))
        await settle()
    assert ends == ["cancelled"]
    assert trio.current_time() == 0


async def test_ten_thousand_children_in_backoff_stop_in_breaths(
    autojump_clock: MockClock,
) -> None:
    """Another task gets its turn in between."""
    turns = 0

    async def crash() -> None:
        raise ValueError

    async with trio.open_nursery() as nursery:

        async def tick() -> None:
            nonlocal turns
            while True:
                await trio.lowlevel.checkpoint()
                turns += 1

        async with open_supervisor(max_restarts=9_999, on_event=lambda _: None) as sup:
            spec = ChildSpec("a", crash, backoff=Backoff(first=99))
            for number in range(2_000):
                await sup.start(spec.named(str(number)))
            await settle()
            assert {info.state for info in sup.children()} == {State.BACKOFF}
            nursery.start_soon(tick)
        nursery.cancel_scope.cancel()
    assert turns >= 2_000 // 64


# --- storms ---


async def test_a_storm_of_failures_keeps_little_and_lets_others_run() -> None:
    left, turns = 10_000, 0

    async def body() -> None:
        nonlocal left
        if left:
            left -= 1
            raise ValueError
        await trio.sleep_forever()

    async with (
        trio.open_nursery() as nursery,
        open_supervisor(max_restarts=10_000, on_event=lambda _: None) as sup,
    ):

        @nursery.start_soon
        async def tick() -> None:
            nonlocal turns
            while left:
                await trio.lowlevel.checkpoint()
                turns += 1

        await sup.start(ChildSpec("a", body))
        await settle()
        assert sup.children()[0].restarts == 10_000
        kept = sup.recent_events()
        assert len(kept) == 1_000
        assert all(e.error is None for e in kept if isinstance(e, ChildFailed))
        assert (await sup.stop("a")).end == "cancelled"
    assert turns >= 1_000


async def test_many_failures_in_one_breath_are_worked_off_in_waves() -> None:
    """The supervisor's task is woken up before those that fail do all of its work."""
    together, longest = trio.Event(), 0

    async def body() -> None:
        await together.wait()
        raise ValueError

    async with open_supervisor(on_event=lambda _: None) as sup:
        for number in range(2_000):
            await sup.start(ChildSpec(str(number), body, restart="temporary"))
        await settle()
        together.set()
        await trio.lowlevel.checkpoint()
        longest = 2_000 - sup.counts().specs
        await settle()
        assert sup.counts().specs == 0
    assert longest <= 2 * WAVE


# --- what may be looked at ---


async def test_a_new_incarnation_has_not_beaten_yet() -> None:
    async def body(*, child: Child) -> None:
        if child.incarnation == 1:
            child.beat()
            raise ValueError
        await trio.sleep_forever()

    async with open_supervisor(on_event=lambda _: None) as sup:
        await sup.start(ChildSpec("a", body, stop=Grace(0)))
        await settle()
        beat = sup.children()[0].last_beat
    assert beat is None


class Shy:
    """Nobody may look at it."""

    def __repr__(self) -> str:
        raise RuntimeError("shy")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("stop", Grace(10**400)),
        ("stop", Grace(10**5_000)),
        ("backoff", Backoff(first=10**400)),
        ("stop", Shy()),
    ],
    ids=["400 digits", "5,000 digits", "backoff", "no repr"],
)
def test_the_check_raises_nothing_whatever_it_is_given(field: str, value: Any) -> None:
    fields: dict[str, Any] = {field: value}
    (problem,) = check_specs([ChildSpec("a", forever, **fields)])
    assert problem.field.startswith(field)


def test_an_async_generator_is_refused() -> None:
    async def numbers() -> AsyncGenerator[int]:
        yield 1

    run: Any = numbers
    (problem,) = check_specs([ChildSpec("a", run)])
    assert (problem.field, problem.message) == ("run", "is an async generator")
