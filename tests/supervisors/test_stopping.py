"""Stop is ordered, by policy, finite, and reported."""

import contextlib
import math
from functools import partial

import pytest
import trio
import trio.testing
from tests.support.children import (
    LATER,
    USER,
    forever,
    messy,
    polite,
    stubborn,
)
from trio.testing import MockClock

from crew_supervisors import (
    FOREVER,
    KILL,
    Backoff,
    CancelCode,
    Child,
    ChildEnded,
    ChildFailed,
    ChildReport,
    ChildSpec,
    ChildStartFailed,
    ChildStopped,
    ChildStopping,
    ChildStuck,
    Event,
    Grace,
    State,
    StopEnd,
    StopErrors,
    StopPolicy,
    SupervisorEnded,
    SupervisorStopping,
    open_supervisor,
)
from crew_supervisors._child import StartReply
from crew_supervisors._engine import Engine


@pytest.mark.parametrize(
    ("stop", "end", "took"),
    [
        (KILL, "cancelled", 0),
        (Grace(2), "cancelled", 2),
        (Grace(9), "returned", 3),
        (FOREVER, "returned", 3),
    ],
)
async def test_a_child_that_listens_is_stopped_by_its_policy(
    autojump_clock: MockClock, stop: StopPolicy, end: StopEnd, took: float
) -> None:
    async with open_supervisor() as sup:
        await sup.start(ChildSpec("polite", polite, (3,), stop=stop))
        report = await sup.stop("polite", USER)
        graceful = end == "returned"
        assert report == ChildReport("polite", 1, end, USER, None, took, graceful)


@pytest.mark.parametrize("stop", [KILL, Grace(5), FOREVER])
async def test_a_child_that_cannot_be_asked_is_cancelled_at_once(
    autojump_clock: MockClock, stop: StopPolicy
) -> None:
    async with open_supervisor() as sup:
        await sup.start(ChildSpec("deaf", messy, (1,), stop=stop))
        await trio.testing.wait_all_tasks_blocked()
        report = await sup.stop("deaf", USER)
        assert report == ChildReport("deaf", 1, "cancelled", USER, None, 1.0)
        assert not report.graceful


async def test_a_child_stopped_before_its_first_step_runs_nothing() -> None:
    ran: list[str] = []

    async def note() -> None:
        ran.append("x")

    async with open_supervisor() as sup:
        await trio.testing.wait_all_tasks_blocked()
        engine, reply = sup._engine, StartReply(is_first=True)
        engine.agenda.post(partial(engine.start, ChildSpec("a", note), reply))
        sup.cancel(USER)
    assert ran == []
    (stopped,) = [e for e in sup.recent_events() if isinstance(e, ChildStopped)]
    assert stopped.report.end == "cancelled"


async def test_leaving_the_block_stops_newest_first_each_when_the_newer_one_is_gone(
    autojump_clock: MockClock,
) -> None:
    events: list[Event] = []
    async with open_supervisor(on_event=events.append) as sup:
        for name, seconds in (("a", 1), ("b", 2), ("c", 3)):
            await sup.start(ChildSpec(name, polite, (seconds,)))
    stopping = [(e.child, e.time) for e in events if isinstance(e, ChildStopping)]
    stopped = [(e.child, e.time) for e in events if isinstance(e, ChildStopped)]
    assert stopping == [("c", 0), ("b", 3), ("a", 5)]
    assert stopped == [("c", 3), ("b", 5), ("a", 6)]
    assert trio.current_time() == 6


async def test_a_restarted_child_keeps_its_place_in_the_order() -> None:
    events: list[Event] = []
    async with open_supervisor(on_event=events.append) as sup:
        for name in "abc":
            await sup.start(ChildSpec(name, forever))
        await sup.stop("a")
        await sup.restart("a")
        events.clear()
    stopped = [e.child for e in events if isinstance(e, ChildStopped)]
    assert stopped == ["c", "b", "a"]


async def test_the_first_reason_travels_into_every_event_and_report(
    autojump_clock: MockClock,
) -> None:
    events: list[Event] = []
    reasons: list[object] = []

    async def listener(*, child: Child) -> None:
        await child.stopping.wait()
        reasons.append(child.stopping.reason)
        await trio.sleep(1)

    async with open_supervisor(on_event=events.append) as sup:
        await sup.start(ChildSpec("a", listener))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sup.stop, "a", USER)
            await trio.testing.wait_all_tasks_blocked()
            report = await sup.stop("a", LATER)
        assert report.reason == USER
        assert reasons == [USER]
    assert [e.reason for e in events if isinstance(e, ChildStopping)] == [USER]
    assert [e.report.reason for e in events if isinstance(e, ChildStopped)] == [USER]


async def test_cancel_stops_everything_and_ends_the_block_without_an_error() -> None:
    events: list[Event] = []
    async with open_supervisor(on_event=events.append) as sup:
        await sup.start(ChildSpec("a", forever))
        sup.cancel(USER)
        sup.cancel(LATER)
        await trio.sleep(math.inf)
    (stopping,) = [e for e in events if isinstance(e, SupervisorStopping)]
    (ended,) = [e for e in events if isinstance(e, SupervisorEnded)]
    assert stopping.reason == ended.reason == USER
    assert ended.stuck == ()
    assert [e.reason for e in events if isinstance(e, ChildStopping)] == [USER]


async def test_cancel_without_a_reason_was_requested() -> None:
    async with open_supervisor() as sup:
        sup.cancel()
    (stopping, _) = sup.recent_events()
    assert isinstance(stopping, SupervisorStopping)
    assert stopping.reason.code is CancelCode.REQUESTED


async def test_a_child_that_raises_while_stopping_does_not_stop_the_others() -> None:
    async def sore() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("ouch")

    events: list[Event] = []
    with pytest.raises(ExceptionGroup) as out:
        async with open_supervisor(on_event=events.append) as sup:
            for name, run in (("a", forever), ("b", sore), ("c", forever)):
                await sup.start(ChildSpec(name, run))
            await trio.testing.wait_all_tasks_blocked()
    (errors,) = out.value.exceptions
    assert isinstance(errors, StopErrors)
    (error,) = errors.exceptions
    note = "raised by child 'b' of 'supervisor' as it stopped"
    assert (str(error), error.__notes__) == ("ouch", [note])
    ends = [(e.child, e.report.end) for e in events if isinstance(e, ChildStopped)]
    assert ends == [("c", "cancelled"), ("b", "failed"), ("a", "cancelled")]
    (report,) = [
        e.report for e in events if isinstance(e, ChildStopped) and e.child == "b"
    ]
    assert report.error == "ValueError: ouch"


async def test_a_crash_while_others_stop_is_reported_and_not_restarted(
    autojump_clock: MockClock,
) -> None:
    async def later() -> None:
        await trio.sleep(1)
        raise ValueError

    async def briefly() -> None:
        await trio.sleep(1)

    events: list[Event] = []
    with pytest.raises(ExceptionGroup) as out:
        async with open_supervisor(on_event=events.append) as sup:
            await sup.start(ChildSpec("crash", later))
            await sup.start(ChildSpec("return", briefly))
            await sup.start(ChildSpec("slow", polite, (3,)))
    assert out.group_contains(ValueError)
    kinds = [
        (type(e).__name__, e.child)
        for e in events
        if isinstance(e, ChildEnded | ChildFailed) and e.time == 1
    ]
    assert sorted(kinds) == [("ChildEnded", "return"), ("ChildFailed", "crash")]
    assert trio.current_time() == 3


async def test_swallowed_cancellation_is_a_return() -> None:
    async def swallow() -> None:
        with contextlib.suppress(trio.Cancelled):
            await trio.sleep_forever()

    async with open_supervisor() as sup:
        await sup.start(ChildSpec("a", swallow))
        await trio.testing.wait_all_tasks_blocked()
        report = await sup.stop("a")
        assert (report.end, report.graceful) == ("returned", False)
        assert sup.children()[0].state is State.STOPPED


@pytest.mark.parametrize(("stop", "took"), [(KILL, 5), (Grace(7), 7), (Grace(0.5), 5)])
async def test_a_child_that_swallows_cancellation_is_named_and_the_stop_goes_on(
    autojump_clock: MockClock, stop: StopPolicy, took: float
) -> None:
    release = trio.Event()
    events: list[Event] = []
    async with open_supervisor(on_event=events.append) as sup:
        await sup.start(ChildSpec("a", stubborn, (release,), stop=stop))
        await trio.testing.wait_all_tasks_blocked()
        report = await sup.stop("a", USER)
        assert (report.end, report.took, report.graceful) == ("stuck", took, False)
        (stuck,) = [e for e in events if isinstance(e, ChildStuck)]
        assert stuck.child == "a"
        assert "release.wait()" in stuck.stack
        (info,) = sup.children()
        assert info.stuck
        assert info.state is State.STOPPING
        assert (await sup.stop("a")).end == "stuck"  # answered at once
        release.set()
        await trio.testing.wait_all_tasks_blocked()
        (info,) = sup.children()
        assert not info.stuck
        assert info.state is State.STOPPED


async def test_a_stuck_child_does_not_hold_up_the_stop_of_the_others(
    autojump_clock: MockClock,
) -> None:
    release = trio.Event()
    events: list[Event] = []

    async def releaser() -> None:
        await trio.sleep(60)
        release.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(releaser)
        async with open_supervisor(on_event=events.append) as sup:
            await sup.start(ChildSpec("a", forever))
            await sup.start(ChildSpec("b", stubborn, (release,), stop=KILL))
            await trio.testing.wait_all_tasks_blocked()
    stopped = [(e.child, e.time) for e in events if isinstance(e, ChildStopped)]
    assert stopped == [("a", 5), ("b", 60)]
    (ended,) = [e for e in events if isinstance(e, SupervisorEnded)]
    assert (ended.time, ended.stuck) == (5, ("b",))
    assert {info.state for info in sup.children()} == {State.STOPPED}


async def test_a_stuck_child_found_stuck_before_is_passed_over(
    autojump_clock: MockClock,
) -> None:
    release = trio.Event()
    async with trio.open_nursery() as nursery:
        async with open_supervisor(on_event=lambda _: None) as sup:
            await sup.start(ChildSpec("b", stubborn, (release,), stop=KILL))
            await trio.testing.wait_all_tasks_blocked()
            await sup.stop("b")
            nursery.start_soon(trio.sleep, 1)
            release.set()
        assert trio.current_time() == 5


async def test_nobody_who_waits_for_a_stop_is_forgotten(
    autojump_clock: MockClock,
) -> None:
    ends: list[str] = []
    async with trio.open_nursery() as nursery, open_supervisor() as sup:
        await sup.start(ChildSpec("old", forever))
        await sup.start(ChildSpec("new", polite, (2,)))

        async def stopper() -> None:
            ends.append((await sup.stop("old")).end)

        sup.cancel(USER)
        nursery.start_soon(stopper)  # its turn comes after that of "new"
    assert ends == ["cancelled"]
    assert trio.current_time() == 2


# --- a stop that is cancelled ---


async def test_a_cancelled_stop_ends_the_grace_and_returns_when_the_child_is_gone(
    autojump_clock: MockClock,
) -> None:
    async with open_supervisor() as sup:
        await sup.start(ChildSpec("a", polite, (60,), stop=Grace(100)))
        with trio.move_on_after(2):
            await sup.stop("a", USER)
        assert trio.current_time() == 2
        assert sup.children()[0].state is State.STOPPED


async def test_a_cancelled_stop_does_not_lengthen_a_patience_that_runs(
    autojump_clock: MockClock,
) -> None:
    release = trio.Event()
    async with open_supervisor(on_event=lambda _: None) as sup:
        await sup.start(ChildSpec("a", stubborn, (release,), stop=Grace(5)))
        await trio.testing.wait_all_tasks_blocked()
        with trio.move_on_after(2):
            await sup.stop("a", USER)
        assert trio.current_time() == 5
        assert sup.children()[0].stuck
        release.set()


async def test_a_cancelled_stop_ends_even_a_wait_without_limit(
    autojump_clock: MockClock,
) -> None:
    release = trio.Event()
    async with open_supervisor(on_event=lambda _: None) as sup:
        await sup.start(ChildSpec("a", stubborn, (release,), stop=FOREVER))
        await trio.testing.wait_all_tasks_blocked()
        with trio.move_on_after(100):
            await sup.stop("a", USER)
        assert trio.current_time() == 105  # it waits for the end, but not for ever
        assert sup.children()[0].stuck
        release.set()


async def test_a_cancelled_stop_changes_nothing_before_the_turn_of_the_child(
    autojump_clock: MockClock,
) -> None:
    async with trio.open_nursery() as nursery, open_supervisor() as sup:
        await sup.start(ChildSpec("old", forever))
        await sup.start(ChildSpec("new", polite, (3,)))

        async def stopper() -> None:
            with trio.move_on_after(1):
                await sup.stop("old")

        sup.cancel(USER)
        nursery.start_soon(stopper)
    stopped = [
        (e.child, e.time) for e in sup.recent_events() if isinstance(e, ChildStopped)
    ]
    assert stopped == [("new", 3), ("old", 3)]


# --- while it waits for its restart ---


async def test_a_child_that_waits_for_its_restart_is_stopped_at_once(
    autojump_clock: MockClock,
) -> None:
    starts: list[float] = []

    async def crash() -> None:
        starts.append(trio.current_time())
        raise ValueError

    backoff = Backoff(first=10, jitter=0)
    async with open_supervisor(on_event=lambda _: None) as sup:
        for name in "ab":
            await sup.start(ChildSpec(name, crash, backoff=backoff))
        await trio.sleep(1)
        assert {info.state for info in sup.children()} == {State.BACKOFF}
        report = await sup.stop("a", USER)
        assert report == ChildReport("a", 1, "not_running", USER, graceful=True)
        assert trio.current_time() == 1
        assert sup.children()[0].state is State.STOPPED
    assert trio.current_time() == 1
    assert starts == [0, 0]
    assert {info.state for info in sup.children()} == {State.STOPPED}


async def test_many_children_stop_in_order_without_deep_recursion() -> None:
    async with open_supervisor() as sup:
        for number in range(3_000):
            await sup.start(ChildSpec(str(number), forever))
    stopped = [e.child for e in sup.recent_events() if isinstance(e, ChildStopped)]
    assert stopped == sorted(stopped, key=int, reverse=True)
    assert isinstance(sup._engine, Engine)


async def test_many_graces_that_end_together_do_not_stall_the_loop(
    autojump_clock: MockClock,
) -> None:
    """More timers are due at one moment than one wave works off."""
    ends: list[str] = []

    async def stop(name: str) -> None:
        ends.append((await sup.stop(name)).end)

    async with open_supervisor() as sup, trio.open_nursery() as nursery:
        for number in range(600):
            seconds = 1 if number % 2 else 60
            await sup.start(ChildSpec(str(number), polite, (seconds,), stop=Grace(2)))
        await trio.testing.wait_all_tasks_blocked()
        for number in range(600):
            nursery.start_soon(stop, str(number))
    assert trio.current_time() == 2
    assert sorted(ends) == ["cancelled"] * 300 + ["returned"] * 300


async def test_a_handler_may_cancel_its_supervisor_at_any_event() -> None:
    def insist(event: Event) -> None:
        sup.cancel(LATER)

    async with open_supervisor(on_event=insist) as sup:
        await sup.start(ChildSpec("a", forever))
        await trio.sleep(math.inf)
    assert isinstance(sup.recent_events()[-1], SupervisorEnded)


async def test_a_report_that_comes_after_the_stop_changes_nothing(
    autojump_clock: MockClock,
) -> None:
    async def late(*, child: Child, task_status: trio.TaskStatus[None]) -> None:
        await child.stopping.wait()
        task_status.started()
        await trio.sleep(1)

    async with open_supervisor() as sup, trio.open_nursery() as nursery:

        async def starter() -> None:
            with pytest.raises(ChildStartFailed, match="stopped before"):
                await sup.start(ChildSpec("late", late))

        nursery.start_soon(starter)
        await trio.testing.wait_all_tasks_blocked()
        report = await sup.stop("late")
        assert (report.end, report.took) == ("returned", 1)
