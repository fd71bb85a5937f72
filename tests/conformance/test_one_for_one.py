"""OTP's rules for one_for_one (``one_for_one*``, ``hanging_restart_loop``)."""

import pytest
import trio
from tests.support.cast import (
    Cast,
    Manner,
    always,
    fails,
    gives_up,
    incarnations,
    on_stage,
    settle,
    states,
)
from trio.testing import MockClock

from crew_supervisors import (
    ChildEnded,
    ChildExists,
    ChildFailed,
    ChildRunning,
    ChildSpec,
    ChildStarted,
    ChildStopped,
    Event,
    open_supervisor,
)


@pytest.mark.parametrize("name", ["a", "b", "c"])
async def test_only_the_child_that_failed_is_restarted(name: str) -> None:
    cast = Cast()
    async with on_stage(cast, *map(cast.spec, "abc")) as sup:
        await cast.end(name)
        assert cast.log == [f"failed {name}", f"up {name}"]
        assert incarnations(sup) == {n: 1 + (n == name) for n in "abc"}


async def test_a_restarted_child_keeps_its_place() -> None:
    cast = Cast()
    async with on_stage(cast, *map(cast.spec, "abc")) as sup:
        await cast.end("a")
        assert [info.name for info in sup.children()] == ["a", "b", "c"]
        cast.log.clear()
    assert cast.log == ["stopped c", "stopped b", "stopped a"]


async def test_escalation_stops_the_other_children_newest_first() -> None:
    cast = Cast()
    with gives_up():
        async with on_stage(
            cast,
            cast.spec("a"),
            cast.spec("b", "up", "fail", "fail"),
            cast.spec("c"),
            max_restarts=2,
        ):
            await cast.end("b")
    assert cast.log == [
        *("failed b", "no start b", "no start b"),
        *("stopped c", "stopped a"),
    ]


async def test_a_failing_restart_is_told_as_one() -> None:
    cast = Cast()
    async with on_stage(cast, cast.spec("a", "up", "fail", "return early")) as sup:
        await cast.end("a")
        assert incarnations(sup) == {"a": 4}
    failed = [
        (event.incarnation, event.while_starting)
        for event in cast.events
        if isinstance(event, ChildFailed)
    ]
    assert failed == [(1, False), (2, True), (3, True)]
    up = [e.incarnation for e in cast.events if isinstance(e, ChildStarted)]
    assert up == [1, 4]


async def test_an_endless_loop_of_failing_restarts_can_be_stopped() -> None:
    """The supervisor serves between two attempts."""
    cast = Cast()
    spec = cast.spec("a", "up", *fails(5_000))
    async with on_stage(cast, spec, max_restarts=10**9) as sup:
        cast.tell("a")
        while len(cast.log) < 50:
            await trio.lowlevel.checkpoint()
        with pytest.raises(ChildExists):
            await sup.start(spec)
        with pytest.raises(ChildRunning):
            await sup.restart("a")
        with pytest.raises(ChildRunning):
            await sup.remove("a")
        await sup.stop("a")
        number = len(cast.starts["a"])
        await settle()
        assert len(cast.starts["a"]) == number
        assert states(sup) == {"a": "stopped"}


async def test_an_endless_loop_of_failing_restarts_does_not_hang_the_supervisor() -> (
    None
):
    cast = Cast()
    spec = cast.spec("a", "up", *fails(5_000))
    async with on_stage(cast, cast.spec("b"), spec, max_restarts=10**9):
        cast.tell("a")
        while len(cast.log) < 50:
            await trio.lowlevel.checkpoint()
    assert cast.log[-1] == "stopped b"


async def test_two_incarnations_never_run_at_the_same_time(
    autojump_clock: MockClock,
) -> None:
    """A restart waits for the cleanup and for the tasks below the body."""
    running = 0
    starts: list[float] = []

    async def busy() -> None:
        nonlocal running
        assert running == 0
        running += 1
        starts.append(trio.current_time())
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(lingering)
                await trio.sleep(1)
                raise ValueError
        finally:
            running -= 1

    async def lingering() -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(3)

    async with open_supervisor(on_event=lambda _: None) as sup:
        await sup.start(ChildSpec("a", busy))
        await trio.sleep(6.5)
    assert starts == [0, 3, 6]


async def test_children_that_fail_at_the_same_time_are_all_restarted() -> None:
    cast = Cast()
    async with on_stage(cast, *map(cast.spec, "abc")) as sup:
        for name in "abc":
            cast.tell(name)
        await settle()
        assert incarnations(sup) == {"a": 2, "b": 2, "c": 2}
        assert sorted(cast.log) == sorted(
            f"{verb} {name}" for verb in ("failed", "up") for name in "abc"
        )


async def test_a_child_that_ends_while_its_stop_is_on_its_way_is_told_once() -> None:
    """The race of a stop with an end has one order, and each order one outcome."""
    events: list[Event] = []

    async def brief() -> None:
        await trio.lowlevel.checkpoint()

    async with open_supervisor(on_event=events.append) as sup:
        for number in range(100):
            name = str(number)
            await sup.start(ChildSpec(name, brief, restart="transient"))
            await sup.stop(name)
    for number in range(100):
        mine = [e for e in events if getattr(e, "child", None) == str(number)]
        ends = [e for e in mine if isinstance(e, ChildEnded | ChildStopped)]
        assert len(ends) == 1


async def test_difference_a_restart_may_wait(autojump_clock: MockClock) -> None:
    """OTP restarts at once; a backoff is a state of its own here."""
    cast = Cast()
    async with on_stage(cast, cast.spec("a", backoff=always(50))) as sup:
        await trio.sleep(1)
        await cast.end("a")
        assert states(sup) == {"a": "backoff"}
        assert sup.counts().active == 0
        await sup.start(cast.spec("b"))  # and it holds up nobody
        assert trio.current_time() == 1
        await trio.sleep(50)
        await settle()
        assert cast.starts["a"] == [0, 51]


@pytest.mark.parametrize("listens", [False, True])
async def test_difference_a_stop_in_the_backoff_takes_no_time(
    autojump_clock: MockClock, listens: bool
) -> None:
    cast = Cast()
    manner = Manner(listens=listens)
    spec = cast.spec("a", backoff=always(50), manner=manner)
    async with on_stage(cast, spec) as sup:
        await cast.end("a")
        report = await sup.stop("a")
        assert (report.end, report.took) == ("not_running", 0)
        assert states(sup) == {"a": "stopped"}
        await trio.sleep(100)
        assert incarnations(sup) == {"a": 1}
