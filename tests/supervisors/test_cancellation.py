"""Cancellation from outside is an order; what is about the program ends the tree."""

import signal

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from crew_supervisors import (
    FOREVER,
    KILL,
    CancelCode,
    Child,
    ChildFailed,
    ChildInfo,
    ChildSpec,
    ChildStopped,
    ChildStuck,
    Event,
    Grace,
    KillType,
    RestartLimitReached,
    State,
    Supervisor,
    SupervisorEnded,
    SupervisorStopping,
    open_supervisor,
)
from crew_supervisors._restart import leaves_of


async def forever() -> None:
    await trio.sleep_forever()


async def polite(seconds: float, *, child: Child) -> None:
    await child.stopping.wait()
    await trio.sleep(seconds)


def stops_of(events: list[Event]) -> list[tuple[str, float, str]]:
    return [
        (e.child, e.time, e.report.end) for e in events if isinstance(e, ChildStopped)
    ]


async def test_a_cancelled_host_stops_the_children_in_order_and_travels_on(
    autojump_clock: MockClock,
) -> None:
    events: list[Event] = []
    with trio.move_on_after(10) as host:
        async with open_supervisor(on_event=events.append) as sup:
            await sup.start(ChildSpec("a", polite, (1,)))
            await sup.start(ChildSpec("b", polite, (2,)))
            await trio.sleep_forever()
    assert host.cancelled_caught
    assert stops_of(events) == [("b", 12, "returned"), ("a", 13, "returned")]
    (stopping,) = [e for e in events if isinstance(e, SupervisorStopping)]
    assert stopping.reason.code is CancelCode.HOST_CANCELLED


async def test_the_stop_after_a_cancellation_is_bounded(
    autojump_clock: MockClock,
) -> None:
    """At the limit, all that is left is cancelled at once."""
    events: list[Event] = []
    with trio.CancelScope() as host:
        async with open_supervisor(
            on_event=events.append, on_outer_cancel=Grace(3)
        ) as sup:
            await sup.start(ChildSpec("a", polite, (60,), stop=FOREVER))
            await sup.start(ChildSpec("b", polite, (60,), stop=Grace(100)))
            await sup.start(ChildSpec("c", polite, (1,)))
            host.cancel()
            await trio.sleep_forever()
    assert stops_of(events)[0] == ("c", 1, "returned")
    assert sorted(stops_of(events)[1:]) == [
        ("a", 3, "cancelled"),
        ("b", 3, "cancelled"),
    ]


async def test_a_child_that_is_stuck_already_is_not_reported_again(
    autojump_clock: MockClock,
) -> None:
    release = trio.Event()
    events: list[Event] = []

    async def stubborn() -> None:
        with trio.CancelScope(shield=True):
            await release.wait()

    with trio.CancelScope() as host:
        async with open_supervisor(on_event=events.append, on_outer_cancel=KILL) as sup:
            await sup.start(ChildSpec("a", stubborn, stop=KILL))
            await trio.testing.wait_all_tasks_blocked()
            await sup.stop("a")
            await sup.start(ChildSpec("b", release_later, (release,)))
            await trio.testing.wait_all_tasks_blocked()
            host.cancel()
    assert sum(isinstance(event, ChildStuck) for event in events) == 1


async def release_later(release: trio.Event) -> None:
    try:
        await trio.sleep_forever()
    finally:
        release.set()


@pytest.mark.parametrize("number", [3, 600])
async def test_kill_cancels_all_children_at_once(
    autojump_clock: MockClock, number: int
) -> None:
    events: list[Event] = []
    with trio.CancelScope() as host:
        async with open_supervisor(on_event=events.append, on_outer_cancel=KILL) as sup:
            for each in range(number):
                await sup.start(ChildSpec(str(each), polite, (60,), stop=FOREVER))
            await trio.testing.wait_all_tasks_blocked()
            host.cancel()
    assert {(time, end) for _, time, end in stops_of(events)} == {(0, "cancelled")}
    assert len(stops_of(events)) == number


async def test_a_cancellation_while_the_block_is_left_bounds_the_rest(
    autojump_clock: MockClock,
) -> None:
    events: list[Event] = []
    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as host:

            @nursery.start_soon
            async def cancel() -> None:
                await trio.sleep(2)
                host.cancel()

            async with open_supervisor(
                on_event=events.append, on_outer_cancel=Grace(1)
            ) as sup:
                await sup.start(ChildSpec("a", polite, (60,), stop=FOREVER))
    assert host.cancelled_caught
    assert stops_of(events) == [("a", 3, "cancelled")]
    (ended,) = [e for e in events if isinstance(e, SupervisorEnded)]
    assert ended.reason.code is CancelCode.SHUTDOWN  # the first reason counts


async def test_a_deadline_that_was_known_when_the_stop_began_shortens_every_grace(
    autojump_clock: MockClock,
) -> None:
    events: list[Event] = []
    with trio.move_on_after(2) as host:
        async with open_supervisor(
            on_event=events.append, on_outer_cancel=Grace(60)
        ) as sup:
            for name in "abc":
                await sup.start(ChildSpec(name, polite, (60,), stop=FOREVER))
    assert host.cancelled_caught
    assert {stop[1:] for stop in stops_of(events)} == {(2, "cancelled")}
    assert len(stops_of(events)) == 3


@pytest.mark.parametrize("policy", [KILL, Grace(3)])
async def test_even_a_stuck_child_holds_the_shield_no_longer_than_the_patience(
    autojump_clock: MockClock, policy: KillType | Grace
) -> None:
    events: list[Event] = []
    release = trio.Event()

    async def stubborn() -> None:
        with trio.CancelScope(shield=True):
            await release.wait()

    async def releaser() -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(100)
        release.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(releaser)
        with trio.CancelScope() as host:
            async with open_supervisor(
                on_event=events.append, on_outer_cancel=policy
            ) as sup:
                await sup.start(ChildSpec("a", stubborn, stop=FOREVER))
                await trio.testing.wait_all_tasks_blocked()
                host.cancel()
    (stuck,) = [e for e in events if isinstance(e, ChildStuck)]
    assert stuck.time == (5 if policy is KILL else 8)
    (ended,) = [e for e in events if isinstance(e, SupervisorEnded)]
    assert (ended.time, ended.stuck) == (stuck.time, ("a",))
    assert stops_of(events) == [("a", 100, "returned")]


async def test_a_cancelled_child_is_never_restarted(autojump_clock: MockClock) -> None:
    starts: list[float] = []

    async def count() -> None:
        starts.append(trio.current_time())
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError

    with pytest.raises(ExceptionGroup) as out, trio.move_on_after(1):
        async with open_supervisor(on_event=lambda _: None) as sup:
            await sup.start(ChildSpec("a", count))
            await trio.sleep_forever()
    assert starts == [0]
    assert out.group_contains(ValueError)  # nothing that was raised gets lost


async def test_a_cancelled_that_is_not_ours_is_a_failure_like_any_other() -> None:
    """A body may keep one and raise it again: its type tells nothing."""
    kept: list[trio.Cancelled] = []
    events: list[Event] = []

    async def replay() -> None:
        if not kept:
            with trio.CancelScope() as scope:
                scope.cancel()
                try:
                    await trio.lowlevel.checkpoint()
                except trio.Cancelled as cancelled:
                    kept.append(cancelled)
                    raise
            raise kept[0]
        await trio.sleep_forever()

    found: tuple[ChildInfo, ...] = ()
    async with open_supervisor(on_event=events.append) as sup:
        await sup.start(ChildSpec("a", replay))
        await trio.testing.wait_all_tasks_blocked()
        found = sup.children()
    (info,) = found  # the block was not ended by it
    assert (info.state, info.incarnation) == (State.RUNNING, 2)
    (failed,) = [e for e in events if isinstance(e, ChildFailed)]
    assert isinstance(failed.error, trio.Cancelled)


async def test_an_error_of_the_block_waits_for_the_ordered_stop(
    autojump_clock: MockClock,
) -> None:
    events: list[Event] = []
    with pytest.raises(ExceptionGroup) as out:
        async with open_supervisor(on_event=events.append) as sup:
            await sup.start(ChildSpec("a", polite, (3,), stop=FOREVER))
            raise ValueError
    assert [type(error) for error in out.value.exceptions] == [ValueError]
    assert stops_of(events) == [("a", 3, "returned")]
    (stopping,) = [e for e in events if isinstance(e, SupervisorStopping)]
    assert stopping.reason.code is CancelCode.HOST_FAILED


async def test_an_error_of_the_block_and_a_cancellation_both_come_out(
    autojump_clock: MockClock,
) -> None:
    with pytest.raises(ExceptionGroup) as out, trio.move_on_after(1) as host:
        async with open_supervisor(on_outer_cancel=Grace(1)) as sup:
            await sup.start(ChildSpec("a", polite, (9,), stop=FOREVER))
            raise ValueError
    assert host.cancel_called
    assert trio.current_time() == 1
    (error,) = out.value.exceptions
    assert isinstance(error, ValueError)


async def test_the_limit_of_restarts_and_an_error_of_the_block_both_come_out() -> None:
    async def crash() -> None:
        raise ValueError

    with pytest.raises(ExceptionGroup) as out:
        async with open_supervisor(max_restarts=0, on_event=lambda _: None) as sup:
            await sup.start(ChildSpec("a", crash))
            try:
                await trio.sleep_forever()
            finally:
                raise KeyError
    kinds = {type(error) for error in out.value.exceptions}
    assert kinds == {RestartLimitReached, KeyError}


async def test_a_limit_that_was_reached_comes_out_of_a_cancelled_host_too(
    autojump_clock: MockClock,
) -> None:
    async def crash() -> None:
        raise ValueError

    with pytest.raises(ExceptionGroup) as out, trio.move_on_after(1) as host:
        async with open_supervisor(max_restarts=0, on_event=lambda _: None) as sup:
            await sup.start(ChildSpec("slow", polite, (2,)))
            await sup.start(ChildSpec("a", crash))
            await trio.sleep_forever()
    assert host.cancel_called
    assert trio.current_time() == 1
    (error,) = out.value.exceptions
    assert isinstance(error, RestartLimitReached)
    assert isinstance(error.__cause__, ValueError)


async def test_a_start_that_is_given_up_cancels_even_a_child_that_could_be_asked(
    autojump_clock: MockClock,
) -> None:
    async def never_up(*, child: Child, task_status: trio.TaskStatus[object]) -> None:
        await trio.sleep_forever()

    with trio.fail_after(10):
        async with open_supervisor() as sup:
            with trio.move_on_after(1) as limit:
                await sup.start(ChildSpec("a", never_up, stop=FOREVER))
            assert limit.cancelled_caught
            assert trio.current_time() == 1
            assert sup.children() == ()


@pytest.mark.parametrize(
    "error",
    [
        KeyboardInterrupt(),
        SystemExit(3),
        trio.TrioInternalError(),
        BaseExceptionGroup("", [ValueError(), KeyboardInterrupt()]),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_what_is_about_the_program_ends_the_tree_in_order(
    autojump_clock: MockClock, error: BaseException
) -> None:
    events: list[Event] = []
    starts: list[float] = []

    async def fatal() -> None:
        starts.append(trio.current_time())
        await trio.sleep(1)
        raise error

    with pytest.raises(BaseExceptionGroup) as out:
        async with open_supervisor(on_event=events.append) as sup:
            await sup.start(ChildSpec("other", polite, (2,)))
            await sup.start(ChildSpec("fatal", fatal))
            await trio.sleep_forever()
    (found,) = out.value.exceptions
    assert type(found) is type(error)
    assert starts == [0]
    assert stops_of(events) == [("other", 3, "returned")]
    (failed,) = [e for e in events if isinstance(e, ChildFailed)]
    assert failed.child == "fatal"


async def test_a_start_that_ends_the_tree_is_answered() -> None:
    async def fatal(*, task_status: trio.TaskStatus[None]) -> None:
        raise SystemExit

    with pytest.raises(BaseExceptionGroup) as out:
        async with open_supervisor(on_event=lambda _: None) as sup:
            await sup.start(ChildSpec("fatal", fatal))
    assert out.value.subgroup(SystemExit) is not None


def test_ctrl_c_ends_the_tree_and_reaches_the_program() -> None:
    """Wherever it strikes: here it strikes while only children run."""
    ends: list[str] = []

    async def pressing(sup: Supervisor) -> None:
        try:
            await trio.sleep_forever()
        finally:
            ends.append("cleaned")

    async def main() -> None:
        async with open_supervisor() as sup:
            await sup.start(ChildSpec("a", pressing, (sup,)))
            await trio.testing.wait_all_tasks_blocked()
            signal.raise_signal(signal.SIGINT)
            await trio.sleep_forever()

    with pytest.raises(BaseException) as out:  # noqa: PT011  # alone or in a group
        trio.run(main)
    leaves = [type(leaf) for leaf in leaves_of(out.value)]
    assert leaves == [KeyboardInterrupt]
    assert ends == ["cleaned"]


def test_ctrl_c_strikes_the_body_of_a_child_not_the_machinery_around_it() -> None:
    caught: list[str] = []

    async def busy() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            caught.append("body")
            raise

    async def main() -> None:
        async with open_supervisor(on_event=lambda _: None) as sup:
            await sup.start(ChildSpec("busy", busy))
            await trio.sleep_forever()

    with pytest.raises(BaseExceptionGroup) as out:
        trio.run(main)
    assert out.value.subgroup(KeyboardInterrupt) is not None
    assert caught == ["body"]
