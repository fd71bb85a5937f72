"""The event probe: nothing is missed, nothing counts twice, and a miss explains itself."""

import pytest
import trio
import trio.testing

from crew_supervisors import (
    ChildFailed,
    ChildRestarting,
    ChildStarted,
    ChildStopped,
    Supervisor,
    SupervisorEnded,
    SupervisorRestartingGroup,
)
from crew_supervisors.testing import (
    EventProbe,
    ProbeTimeout,
    Script,
    ScriptedChildren,
    open_test_supervisor,
)

CRASH = Script(run_for=1.0, then="fail")


async def start(supervisor: Supervisor, *scripts: Script, name: str = "a") -> None:
    await supervisor.start(ScriptedChildren().spec(name, *scripts))


async def test_an_event_that_came_before_the_call_is_not_missed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_test_supervisor() as (supervisor, probe):
        await start(supervisor)
        event = await probe.wait_for(ChildStarted, child="a", within=0.0)
        assert event.incarnation == 1


async def test_an_event_is_awaited(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_supervisor() as (supervisor, probe):
        await start(supervisor, CRASH, Script())
        began = trio.current_time()
        event = await probe.wait_for(ChildFailed, child="a", within=1.5)
        assert event.time == trio.current_time() == began + 1.0


async def test_each_event_is_given_once(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_supervisor() as (supervisor, probe):
        await start(supervisor, CRASH, Script())
        first = await probe.wait_for(ChildStarted)
        second = await probe.wait_for(ChildStarted)
        assert (first.incarnation, second.incarnation) == (1, 2)
        with pytest.raises(ProbeTimeout):
            await probe.wait_for(ChildStarted, within=1.0)


async def test_two_who_wait_get_two_events(
    autojump_clock: trio.testing.MockClock,
) -> None:
    found: list[int] = []
    async with open_test_supervisor() as (supervisor, probe):

        async def wait() -> None:
            found.append((await probe.wait_for(ChildStarted)).incarnation)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            nursery.start_soon(wait)
            await start(supervisor, CRASH, Script())
    assert sorted(found) == [1, 2]


async def test_a_wait_that_is_cancelled_uses_up_no_event(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_test_supervisor() as (supervisor, probe):
        with trio.CancelScope() as scope:
            scope.cancel()
            await probe.wait_for(ChildStarted)
        await start(supervisor)
        await probe.wait_for(ChildStarted, within=0.0)


async def test_a_miss_shows_what_came_instead(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_test_supervisor() as (supervisor, probe):
        await start(supervisor)
        with pytest.raises(ProbeTimeout) as caught:
            await probe.wait_for(ChildFailed, child="a", within=2.0)
    assert str(caught.value).startswith(
        "no ChildFailed(child='a') within 2 s; what came:\n"
    )
    assert str(caught.value).endswith(" a started")
    assert caught.value.within == 2.0


async def test_a_miss_of_everything_says_so(
    autojump_clock: trio.testing.MockClock,
) -> None:
    with pytest.raises(ProbeTimeout, match="what came: nothing"):
        await EventProbe().wait_for(ChildFailed, within=1.0)


async def test_a_field_that_no_event_has_is_refused(
    autojump_clock: trio.testing.MockClock,
) -> None:
    probe = EventProbe()
    with pytest.raises(
        TypeError, match=r"ChildFailed has no field 'name'; it has time"
    ):
        await probe.wait_for(ChildFailed, name="a")
    with pytest.raises(TypeError):
        probe.of(ChildFailed, name="a")


async def test_events_are_found_by_kind_and_fields(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_test_supervisor() as (supervisor, probe):
        await start(supervisor, name="a")
        await start(supervisor, name="b")
    assert [event.child for event in probe.of(ChildStarted)] == ["a", "b"]
    assert [event.child for event in probe.of(ChildStarted, child="b")] == ["b"]
    assert probe.of(ChildFailed) == ()
    assert len(probe.events) == 8


async def test_the_order_reads_as_who_did_what(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_test_supervisor(name="app", strategy="one_for_all") as (
        supervisor,
        probe,
    ):
        await start(supervisor, CRASH, Script())
        await probe.wait_for(ChildRestarting)
        await trio.sleep(1)
    assert probe.order() == (
        "a started",
        "a failed",
        "a restarting",
        "app restarting group",
        "a started",
        "app stopping",
        "a stopping",
        "a stopped",
        "app ended",
    )
    assert probe.order(SupervisorEnded, ChildStopped) == ("a stopped", "app ended")
    assert len(probe.of(SupervisorRestartingGroup, members=("a",))) == 1


async def test_a_probe_is_bounded_and_counts_what_it_forgot(
    autojump_clock: trio.testing.MockClock,
) -> None:
    probe = EventProbe(limit=2)
    for number in range(4):
        probe(ChildStarted(0.0, "app", "a", number))
        if number == 1:
            assert (await probe.wait_for(ChildStarted)).incarnation == 0
    assert [event.incarnation for event in probe.of(ChildStarted)] == [2, 3]
    assert probe.forgotten == 2
