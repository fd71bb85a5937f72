"""Start is synchronous, names the child, and cleans up after itself."""

import collections.abc
import contextvars
from collections.abc import Awaitable

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from crew_supervisors import (
    KILL,
    ChildExists,
    ChildFailed,
    ChildReport,
    ChildRunning,
    ChildSpec,
    ChildStartFailed,
    Event,
    Grace,
    NoSuchChild,
    State,
    Supervisor,
    SupervisorStopped,
    open_supervisor,
    supervise,
)

Run = collections.abc.Callable[..., Awaitable[object]]
Status = trio.TaskStatus[object]


async def forever() -> None:
    await trio.sleep_forever()


async def slow_start(seconds: float, *, task_status: Status) -> None:
    await trio.sleep(seconds)
    task_status.started(seconds)
    await trio.sleep_forever()


def states(sup: Supervisor) -> dict[str, State]:
    return {info.name: info.state for info in sup.children()}


async def test_start_returns_what_the_child_reported(autojump_clock: MockClock) -> None:
    async with open_supervisor() as sup:
        assert await sup.start(ChildSpec("slow", slow_start, (2.0,))) == 2.0
        assert trio.current_time() == 2.0
        assert states(sup) == {"slow": State.RUNNING}


async def test_a_body_without_task_status_is_up_at_once(
    autojump_clock: MockClock,
) -> None:
    async with open_supervisor() as sup:
        assert await sup.start(ChildSpec("plain", forever)) is None
        assert states(sup) == {"plain": State.RUNNING}
        assert trio.current_time() == 0


async def test_a_failed_start_names_the_child_and_forgets_it() -> None:
    async def broken(*, task_status: Status) -> None:
        raise ValueError("no disk")

    async with open_supervisor(max_restarts=0) as sup:
        with pytest.raises(ChildStartFailed, match=r"'db'.*ValueError: no disk") as bad:
            await sup.start(ChildSpec("db", broken))
        assert isinstance(bad.value.__cause__, ValueError)
        assert sup.children() == ()
        await sup.start(ChildSpec("db", forever))  # the name is free


async def test_a_child_that_returns_before_it_is_up_has_not_started() -> None:
    async def mute(*, task_status: Status) -> None:
        await trio.lowlevel.checkpoint()

    events: list[Event] = []
    async with open_supervisor(on_event=events.append) as sup:
        with pytest.raises(ChildStartFailed, match="returned before") as bad:
            await sup.start(ChildSpec("mute", mute))
    assert bad.value.__cause__ is None
    failed = next(event for event in events if isinstance(event, ChildFailed))
    assert failed.while_starting
    assert failed.error is None


async def test_reporting_twice_is_a_failure_of_the_child() -> None:
    async def eager(*, task_status: Status) -> None:
        task_status.started()
        with pytest.raises(RuntimeError, match="twice"):
            task_status.started()
        await trio.sleep_forever()

    async with open_supervisor() as sup:
        await sup.start(ChildSpec("eager", eager))
        await trio.testing.wait_all_tasks_blocked()
        assert states(sup) == {"eager": State.RUNNING}


async def test_a_cancelled_start_leaves_nothing(autojump_clock: MockClock) -> None:
    cleaned: list[float] = []

    async def slow(*, task_status: Status) -> None:
        try:
            await trio.sleep(60)
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(1)
            cleaned.append(trio.current_time())

    async with open_supervisor() as sup, trio.open_nursery() as nursery:
        nursery.start_soon(start_later, sup)
        with trio.move_on_after(2) as limit:
            await sup.start(ChildSpec("slow", slow))
        assert limit.cancelled_caught
        assert cleaned == [3]
        assert trio.current_time() == 3  # the call ended when the child was gone
        assert [info.name for info in sup.children()] == ["later"]


async def start_later(sup: Supervisor) -> None:
    await trio.sleep(1)
    await sup.start(ChildSpec("later", forever))


async def test_a_start_under_a_cancelled_scope_starts_nothing() -> None:
    async with open_supervisor() as sup:
        with trio.CancelScope() as scope:
            scope.cancel()
            await sup.start(ChildSpec("never", forever))
        assert scope.cancelled_caught
        assert sup.children() == ()


async def test_a_cancelled_start_waits_no_longer_than_the_patience(
    autojump_clock: MockClock,
) -> None:
    release = trio.Event()

    async def stubborn(*, task_status: Status) -> None:
        with trio.CancelScope(shield=True):
            await release.wait()

    async with open_supervisor(on_event=lambda _: None) as sup:
        with trio.move_on_after(1):
            await sup.start(ChildSpec("stubborn", stubborn))
        assert trio.current_time() == 6
        (info,) = sup.children()
        assert info.stuck
        release.set()
        await trio.testing.wait_all_tasks_blocked()
        assert sup.children() == ()


async def test_a_child_stopped_while_it_starts_has_not_started(
    autojump_clock: MockClock,
) -> None:
    async with open_supervisor() as sup, trio.open_nursery() as nursery:

        async def starter() -> None:
            with pytest.raises(ChildStartFailed, match="stopped before"):
                await sup.start(ChildSpec("slow", slow_start, (60,)))

        nursery.start_soon(starter)
        await trio.testing.wait_all_tasks_blocked()
        report = await sup.stop("slow")
        assert report.end == "cancelled"
        assert sup.children() == ()
        with pytest.raises(NoSuchChild):
            await sup.stop("slow")


async def test_a_name_is_given_once() -> None:
    async with open_supervisor() as sup:
        await sup.start(ChildSpec("a", forever))
        with pytest.raises(ChildExists, match="stop it") as taken:
            await sup.start(ChildSpec("a", forever))
        assert taken.value.running
        await sup.stop("a")
        with pytest.raises(ChildExists, match="restart or remove") as known:
            await sup.start(ChildSpec("a", forever))
        assert not known.value.running


async def test_starts_do_not_wait_for_each_other(autojump_clock: MockClock) -> None:
    async with open_supervisor() as sup, trio.open_nursery() as nursery:
        nursery.start_soon(sup.start, ChildSpec("slow", slow_start, (9,)))
        await trio.testing.wait_all_tasks_blocked()
        await sup.start(ChildSpec("quick", slow_start, (1,)))
        assert trio.current_time() == 1
        assert states(sup) == {"slow": State.STARTING, "quick": State.RUNNING}


async def test_a_restart_by_hand_starts_a_stopped_child_again() -> None:
    async with open_supervisor() as sup:
        await sup.start(ChildSpec("a", slow_start, (0,)))
        with pytest.raises(ChildRunning, match="stop it first"):
            await sup.restart("a")
        await sup.stop("a")
        assert await sup.restart("a") == 0
        (info,) = sup.children()
        assert (info.incarnation, info.restarts) == (2, 0)
        with pytest.raises(NoSuchChild):
            await sup.restart("b")


async def test_a_restart_by_hand_that_fails_leaves_the_child_stopped() -> None:
    fail = False

    async def moody(*, task_status: Status) -> None:
        if fail:
            raise ValueError
        task_status.started()
        await trio.sleep_forever()

    async with open_supervisor(max_restarts=0) as sup:
        await sup.start(ChildSpec("moody", moody))
        await sup.stop("moody")
        fail = True
        with pytest.raises(ChildStartFailed):
            await sup.restart("moody")
        assert states(sup) == {"moody": State.STOPPED}
        fail = False
        await sup.restart("moody")


async def test_a_cancelled_restart_leaves_the_child_stopped(
    autojump_clock: MockClock,
) -> None:
    async with open_supervisor() as sup:
        await sup.start(ChildSpec("slow", slow_start, (1,)))
        await sup.stop("slow")
        with trio.move_on_after(0.5):
            await sup.restart("slow")
        assert states(sup) == {"slow": State.STOPPED}


async def test_remove_frees_the_name_of_a_stopped_child() -> None:
    async with open_supervisor() as sup:
        await sup.start(ChildSpec("a", forever))
        with pytest.raises(ChildRunning):
            await sup.remove("a")
        await sup.stop("a")
        await sup.remove("a")
        assert sup.children() == ()
        with pytest.raises(NoSuchChild):
            await sup.remove("a")


async def test_a_stopped_supervisor_takes_no_orders() -> None:
    async with open_supervisor() as sup:
        await sup.start(ChildSpec("a", forever))
    with pytest.raises(SupervisorStopped, match="no more orders"):
        await sup.start(ChildSpec("b", forever))
    with pytest.raises(SupervisorStopped):
        await sup.restart("a")
    with pytest.raises(SupervisorStopped):
        await sup.stop("a")
    sup.cancel()  # acknowledged
    assert states(sup) == {"a": State.STOPPED}
    assert "stopped" in repr(sup)


async def test_a_child_may_start_another_one_from_inside_its_own_start() -> None:
    async def leader(sup: Supervisor, *, task_status: Status) -> None:
        await sup.start(ChildSpec("helper", forever))
        task_status.started()
        await trio.sleep_forever()

    async with open_supervisor() as sup:
        await sup.start(ChildSpec("leader", leader, (sup,)))
        assert [info.name for info in sup.children()] == ["leader", "helper"]


async def test_children_live_in_the_context_of_the_supervisor() -> None:
    """Not in that of the caller: a restart would not have it."""
    place = contextvars.ContextVar("place", default="nowhere")
    seen: list[str] = []

    async def look() -> None:
        seen.append(place.get())
        place.set("child")
        if len(seen) == 1:
            raise ValueError

    place.set("outside")
    async with open_supervisor(on_event=lambda _: None) as sup:
        place.set("inside")
        await sup.start(ChildSpec("look", look, restart="transient"))
        await trio.testing.wait_all_tasks_blocked()
    assert seen == ["outside", "outside"]


# --- supervise ---


async def test_supervise_starts_in_order_each_when_the_one_before_is_up(
    autojump_clock: MockClock,
) -> None:
    specs = [ChildSpec(str(n), slow_start, (n,)) for n in (3, 1, 2)]
    async with trio.open_nursery() as nursery:
        sup = await nursery.start(supervise, specs)
        assert trio.current_time() == 6
        assert [info.name for info in sup.children()] == ["3", "1", "2"]
        sup.cancel()
    assert set(states(sup).values()) == {State.STOPPED}


async def test_a_child_that_does_not_start_undoes_those_before_it() -> None:
    order: list[str] = []

    async def good(name: str) -> None:
        try:
            await trio.sleep_forever()
        finally:
            order.append(name)

    async def bad(*, task_status: Status) -> None:
        raise ValueError

    specs = [ChildSpec(n, good, (n,)) for n in "ab"] + [ChildSpec("c", bad)]
    with pytest.raises(ChildStartFailed, match="'c'"):
        await supervise(specs)
    assert order == ["b", "a"]


async def test_a_stop_while_supervise_starts_its_children_ends_it(
    autojump_clock: MockClock,
) -> None:
    inner = [ChildSpec("one", forever), ChildSpec("two", slow_start, (60,))]
    async with open_supervisor() as sup, trio.open_nursery() as nursery:

        async def starter() -> None:
            with pytest.raises(ChildStartFailed):
                await sup.start(ChildSpec("team", supervise, (inner,)))

        nursery.start_soon(starter)
        await trio.sleep(1)
        report = await sup.stop("team")
        assert report.end == "returned"
        assert trio.current_time() == 1


async def test_a_start_that_is_up_when_its_supervisor_stops_is_told(
    autojump_clock: MockClock,
) -> None:
    """A start in another task ends with an error, not with a hang."""
    async with trio.open_nursery() as nursery, open_supervisor() as sup:

        async def starter() -> None:
            with pytest.raises(ChildStartFailed):
                await sup.start(ChildSpec("slow", slow_start, (60,)))

        nursery.start_soon(starter)
        await trio.testing.wait_all_tasks_blocked()


async def test_a_report_for_a_child_that_is_not_running_says_so() -> None:
    async with open_supervisor() as sup:
        await sup.start(ChildSpec("a", forever, stop=KILL))
        await sup.stop("a")
        assert await sup.stop("a") == ChildReport("a", 1, "not_running")


async def test_a_grace_of_zero_is_allowed(autojump_clock: MockClock) -> None:
    async with open_supervisor() as sup:
        await sup.start(ChildSpec("a", forever, stop=Grace(0)))
        assert (await sup.stop("a")).end == "cancelled"
