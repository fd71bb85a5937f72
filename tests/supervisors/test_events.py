"""Events tell what happened, and cannot break what they tell about."""

import logging

import attrs
import pytest
import trio
import trio.testing
from trio.testing import MockClock

from crew_supervisors import (
    KILL,
    ChildEnded,
    ChildFailed,
    ChildRestarting,
    ChildSpec,
    ChildStarted,
    Event,
    RestartLimitReached,
    SupervisorEnded,
    SupervisorEscalated,
    SupervisorStopped,
    SupervisorStopping,
    open_supervisor,
)
from crew_supervisors._incarnation import stack_of
from crew_supervisors._recorder import KEPT_EVENTS, summary_of


async def forever() -> None:
    await trio.sleep_forever()


async def crash_after(seconds: float) -> None:
    await trio.sleep(seconds)
    raise ValueError("boom")


async def test_a_life_is_told_in_order(autojump_clock: MockClock) -> None:
    events: list[Event] = []
    with pytest.raises(ExceptionGroup):
        async with open_supervisor(
            name="s", max_restarts=1, on_event=events.append
        ) as sup:
            await sup.start(ChildSpec("a", crash_after, (1,)))
            await trio.sleep_forever()
    told = [(type(event), event.time) for event in events]
    assert told == [
        (ChildStarted, 0),
        (ChildFailed, 1),
        (ChildRestarting, 1),
        (ChildStarted, 1),
        (ChildFailed, 2),
        (SupervisorEscalated, 2),
        (SupervisorStopping, 2),
        (SupervisorEnded, 2),
    ]
    assert {event.supervisor for event in events} == {"s"}
    first, second = [e for e in events if isinstance(e, ChildStarted)]
    assert (first.incarnation, second.incarnation) == (1, 2)


async def test_a_temporary_child_is_told_about_and_forgotten(
    autojump_clock: MockClock,
) -> None:
    events: list[Event] = []
    async with open_supervisor(max_restarts=0, on_event=events.append) as sup:
        await sup.start(ChildSpec("crash", crash_after, (1,), "temporary"))
        await sup.start(ChildSpec("fine", trio.sleep, (2,), "temporary"))
        await trio.sleep(3)
        assert sup.children() == ()
    (failed,) = [e for e in events if isinstance(e, ChildFailed)]
    assert (failed.child, failed.summary) == ("crash", "ValueError: boom")
    assert isinstance(failed.error, ValueError)
    (ended,) = [e for e in events if isinstance(e, ChildEnded)]
    assert (ended.child, ended.time) == ("fine", 2)


async def test_events_cannot_be_changed() -> None:
    events: list[Event] = []
    async with open_supervisor(on_event=events.append):
        pass
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        events[0].time = 0  # type: ignore[misc]  # the point of the test


async def test_a_handler_that_raises_is_reported_once_and_breaks_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    calls: list[Event] = []

    def broken(event: Event) -> None:
        calls.append(event)
        raise RuntimeError("handler")

    async with open_supervisor(on_event=broken) as sup:
        await sup.start(ChildSpec("a", forever))
        await sup.stop("a")
    assert len(calls) == 5
    said = [r for r in caplog.records if "on_event raised" in r.message]
    assert len(said) == 1


async def test_a_handler_that_ends_the_program_leaves_no_child_behind() -> None:
    ended: list[str] = []

    async def child(name: str) -> None:
        try:
            await trio.sleep_forever()
        finally:
            ended.append(name)

    def leave(event: Event) -> None:
        if isinstance(event, ChildStarted) and event.child == "b":
            raise SystemExit(3)

    with pytest.raises(BaseExceptionGroup) as out:
        async with open_supervisor(on_event=leave) as sup:
            await sup.start(ChildSpec("a", child, ("a",)))
            await trio.testing.wait_all_tasks_blocked()
            await sup.start(ChildSpec("b", child, ("b",)))
    assert out.value.subgroup(SystemExit) is not None
    assert "a" in ended


async def test_a_handler_that_ends_the_program_leaves_no_caller_waiting(
    autojump_clock: MockClock,
) -> None:
    """The supervisor's own task breaks here, as a timer is due."""

    async def slow_to_start(*, task_status: trio.TaskStatus[None]) -> None:
        await trio.sleep_forever()

    async def slow_to_stop() -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(60)

    def leave(event: Event) -> None:
        if type(event).__name__ == "ChildStuck":
            raise SystemExit(3)

    errors: list[str] = []

    async def stop() -> None:
        with pytest.raises(SupervisorStopped):
            await sup.stop("b")
        errors.append("stop")

    async def start() -> None:
        with pytest.raises(SupervisorStopped):
            await sup.start(ChildSpec("c", slow_to_start))
        errors.append("start")

    async with trio.open_nursery() as nursery:
        with pytest.raises(BaseExceptionGroup) as out:
            async with open_supervisor(on_event=leave) as sup:
                await sup.start(ChildSpec("b", slow_to_stop, stop=KILL))
                await trio.testing.wait_all_tasks_blocked()
                nursery.start_soon(start)
                nursery.start_soon(stop)
                await trio.sleep_forever()
    assert out.value.subgroup(SystemExit) is not None
    assert sorted(errors) == ["start", "stop"]


async def test_the_flight_recorder_keeps_the_last_thousand_and_no_frames() -> None:
    left = KEPT_EVENTS

    async def often() -> None:
        nonlocal left
        left -= 1
        if left > 0:
            raise ValueError(left)
        await trio.sleep_forever()

    async with open_supervisor(
        max_restarts=10 * KEPT_EVENTS, on_event=lambda _: None
    ) as sup:
        await sup.start(ChildSpec("often", often))
        while left:
            await trio.lowlevel.checkpoint()
        kept = sup.recent_events()
    assert len(kept) == KEPT_EVENTS
    assert {e.error for e in kept if isinstance(e, ChildFailed)} == {None}
    assert [e.time for e in kept] == sorted(e.time for e in kept)


async def test_the_flight_recorder_is_dumped_when_the_supervisor_gives_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(ExceptionGroup):
        async with open_supervisor(
            name="s", max_restarts=0, on_event=lambda _: None
        ) as sup:
            await sup.start(ChildSpec("a", crash_after, (0,)))
            await trio.sleep_forever()
    (record,) = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert "s gives up: 'a' needed more than 0 restarts" in record.message
    assert "ChildStarted(" in record.message
    assert "ValueError: boom" in record.message


async def test_without_a_handler_failures_and_stuck_children_are_logged(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    release = trio.Event()

    async def stubborn() -> None:
        with trio.CancelScope(shield=True):
            await release.wait()

    async with open_supervisor(name="s") as sup:
        await sup.start(ChildSpec("crash", crash_after, (1,), "temporary"))
        await sup.start(ChildSpec("stuck", stubborn, stop=KILL))
        await trio.sleep(2)
        await sup.stop("stuck")
        release.set()
    lines = [(r.levelname, r.message.splitlines()[0]) for r in caplog.records]
    assert lines == [
        ("WARNING", "s: child 'crash' (incarnation 1) failed: ValueError: boom"),
        ("ERROR", "s: child 'stuck' (incarnation 1) was cancelled and still runs at"),
    ]


async def test_a_stuck_child_without_a_task_is_said_so() -> None:
    assert "not run" in stack_of(None)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError(), "ValueError"),
        (ValueError("a\n  b"), "ValueError: a b"),
        (
            ExceptionGroup("two", [ValueError("a"), KeyError("b")]),
            "ExceptionGroup: two (2 sub-exceptions): ValueError: a, KeyError: 'b'",
        ),
    ],
)
def test_a_summary_is_one_line(error: BaseException, text: str) -> None:
    assert summary_of(error) == text


def test_a_summary_is_of_bounded_length() -> None:
    assert len(summary_of(ValueError("x" * 9999))) < 400
    assert len(summary_of(RestartLimitReached("x" * 9999, "s", 1, 2))) < 400
