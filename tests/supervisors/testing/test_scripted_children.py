"""Scripted children do what their script says, and log it."""

import math

import pytest
import trio
import trio.testing

from crew_supervisors import (
    KILL,
    ChildFailed,
    ChildStartFailed,
    ChildStuck,
    Grace,
    Supervisor,
)
from crew_supervisors.testing import (
    EventProbe,
    Script,
    ScriptedChildren,
    ScriptedFailure,
    Step,
    open_test_supervisor,
    settle,
)


@pytest.fixture
def children() -> ScriptedChildren:
    return ScriptedChildren()


def times(children: ScriptedChildren) -> list[tuple[str, float]]:
    begin = children.steps[0].time
    return [(step.kind, round(step.time - begin, 6)) for step in children.steps]


async def test_without_a_script_a_child_is_up_until_it_is_stopped(
    children: ScriptedChildren, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_test_supervisor() as (supervisor, _):
        assert await supervisor.start(children.spec("a")) is None
        await trio.sleep(1000)
        assert children.running() == {"a"}
    assert children.running() == frozenset()
    assert children.order() == ("a started", "a up", "a asked", "a returned")


async def test_a_start_takes_its_time_and_reports_its_value(
    children: ScriptedChildren, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_test_supervisor() as (supervisor, _):
        script = Script(start_after=2.0, value="ready", run_for=3.0)
        spec = children.spec("a", script, restart="temporary")
        assert await supervisor.start(spec) == "ready"
        await trio.sleep(10)
    assert times(children) == [("started", 0), ("up", 2), ("returned", 5)]


async def test_each_run_follows_its_script_and_the_last_one_stays(
    children: ScriptedChildren, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_test_supervisor() as (supervisor, _):
        crash = Script(run_for=1.0, then="fail")
        spec = children.spec("a", crash, Script(run_for=2.0), restart="permanent")
        await supervisor.start(spec)
        await trio.sleep(4)
    ends = [step for step in children.steps if step.kind in ("failed", "returned")]
    assert [(step.kind, step.incarnation) for step in ends] == [
        ("failed", 1),
        ("returned", 2),
        ("returned", 3),
    ]
    assert ends[0].error == "ScriptedFailure"


async def test_a_child_fails_with_the_error_of_its_script(
    children: ScriptedChildren, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_test_supervisor() as (supervisor, probe):
        script = Script(run_for=0.0, then="fail", error=lambda: OSError("no disk"))
        await supervisor.start(children.spec("a", script, restart="temporary"))
        failed = await probe.wait_for(ChildFailed)
        assert failed.summary == "OSError: no disk"


async def test_a_start_fails_declines_or_hangs(
    children: ScriptedChildren, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_test_supervisor() as (supervisor, _):
        fails = Script(up=False, then="fail")
        with pytest.raises(ChildStartFailed) as caught:
            await supervisor.start(children.spec("a", fails))
        assert isinstance(caught.value.__cause__, ScriptedFailure)
        declines = Script(up=False, then="decline")
        assert await supervisor.start(children.spec("b", declines)) is None
        with trio.move_on_after(5) as scope:
            hangs = Script(up=False, run_for=math.inf)
            await supervisor.start(children.spec("c", hangs))
        assert scope.cancelled_caught
    kinds = children.order("up", "failed", "declined", "cancelled")
    assert kinds == ("a failed", "b declined", "c cancelled")


def test_a_child_that_is_up_cannot_decline() -> None:
    with pytest.raises(ValueError, match="up=False"):
        Script(then="decline")


async def stopped(supervisor: Supervisor, name: str) -> tuple[str, float, bool]:
    report = await supervisor.stop(name)
    return report.end, round(report.took, 6), report.graceful


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (Script(), ("returned", 0, True)),
        (Script(stop_after=1.0), ("returned", 1, True)),
        (Script(stop_after=9.0), ("cancelled", 2, False)),
        (Script(stop_after=9.0, cleanup=1.0), ("cancelled", 3, False)),
        (Script(on_stop="ignore"), ("cancelled", 2, False)),
        (Script(on_stop="ignore", run_for=1.0), ("returned", 1, True)),
        (Script(on_stop="fail"), ("failed", 0, True)),
        (Script(on_stop="fail", stop_after=1.0), ("failed", 1, True)),
        (Script(start_after=1.0, up=False, run_for=9.0), ("returned", 0, True)),
    ],
)
async def test_a_child_that_listens_is_asked_first(
    children: ScriptedChildren,
    script: Script,
    expected: tuple[str, float, bool],
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with (
        open_test_supervisor() as (supervisor, _),
        trio.open_nursery() as nursery,
    ):
        spec = children.spec("a", script, stop=Grace(2.0))

        async def start() -> None:
            try:
                await supervisor.start(spec)
            except ChildStartFailed:
                assert not script.up

        nursery.start_soon(start)
        await settle()
        assert await stopped(supervisor, "a") == expected
    assert "a asked" in children.order()


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (Script(), ("cancelled", 0, False)),
        (Script(cleanup=2.0), ("cancelled", 2, False)),
        (Script(cleanup=9.0), ("stuck", 5, False)),
        (Script(on_stop="fail", cleanup=1.0), ("failed", 1, False)),
    ],
)
async def test_a_child_that_does_not_listen_is_cancelled(
    children: ScriptedChildren,
    script: Script,
    expected: tuple[str, float, bool],
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_test_supervisor() as (supervisor, probe):
        await supervisor.start(children.spec("a", script, listens=False))
        await settle()
        assert await stopped(supervisor, "a") == expected
        assert len(probe.of(ChildStuck)) == (expected[0] == "stuck")
    assert "a asked" not in children.order()


async def test_killed_children_are_not_asked(
    children: ScriptedChildren, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_test_supervisor() as (supervisor, _):
        await supervisor.start(children.spec("a", stop=KILL))
        await settle()
    assert children.order() == ("a started", "a up", "a cancelled", "a ended")


async def test_the_log_is_bounded_and_counts_what_it_forgot(
    autojump_clock: trio.testing.MockClock,
) -> None:
    children = ScriptedChildren(limit=2)
    async with open_test_supervisor() as (supervisor, _):
        await supervisor.start(children.spec("a"))
    assert children.order() == ("a asked", "a returned")
    assert children.forgotten == 2
    children.clear()
    assert (children.steps, children.forgotten) == ((), 0)


async def test_a_body_can_be_run_without_a_supervisor(
    children: ScriptedChildren, autojump_clock: trio.testing.MockClock
) -> None:
    spec = children.spec("a", Script(value=3), listens=False)
    async with trio.open_nursery() as nursery:
        assert await nursery.start(spec.run) == 3
        nursery.cancel_scope.cancel()
    assert children.steps[0] == Step(children.steps[0].time, "a", 0, "started")
    assert EventProbe().events == ()
