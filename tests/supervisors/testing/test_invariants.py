"""The check finds each kind of disorder, and nothing in what is in order."""

from collections.abc import Sequence

import pytest
import trio

from crew_supervisors import (
    CancelCode,
    CancelReason,
    ChildEnded,
    ChildFailed,
    ChildReport,
    ChildStarted,
    ChildStopped,
    ChildStopping,
    Event,
    StuckChild,
    SupervisorEnded,
    SupervisorReport,
    SupervisorStopping,
)
from crew_supervisors.testing import (
    EventProbe,
    InvariantBroken,
    Script,
    ScriptedChildren,
    Step,
    StepKind,
    broken_invariants,
    check_invariants,
    no_task_left,
    open_test_supervisor,
    run_virtual,
    settle,
)


class Lost(Exception):
    pass


REASON = CancelReason(CancelCode.SHUTDOWN)


def up(child: str, incarnation: int = 1) -> Event:
    return ChildStarted(0.0, "app", child, incarnation)


def failed(child: str, incarnation: int = 1, *, start: bool = False) -> Event:
    return ChildFailed(0.0, "app", child, incarnation, "OSError: x", start, 0)


def returned(child: str, incarnation: int = 1) -> Event:
    return ChildEnded(0.0, "app", child, incarnation)


def stopping(child: str, incarnation: int = 1) -> Event:
    return ChildStopping(0.0, "app", child, incarnation, REASON)


def stopped(child: str, incarnation: int = 1, error: str | None = None) -> Event:
    report = ChildReport(
        child, incarnation, "failed" if error else "returned", REASON, error
    )
    return ChildStopped(0.0, "app", child, incarnation, report)


def told(child: str) -> list[Event]:
    return [stopping(child), stopped(child)]


BEGIN_STOP = SupervisorStopping(0.0, "app", REASON)


def end(*stuck: str) -> Event:
    left = tuple(StuckChild(name, "") for name in stuck)
    return SupervisorEnded(
        0.0, "app", REASON, SupervisorReport("app", REASON, 0.0, 1, (), (), left)
    )


def step(child: str, kind: StepKind, incarnation: int = 1) -> Step:
    error = "OSError" if kind == "failed" else None
    return Step(0.0, child, incarnation, kind, error)


IN_ORDER: list[Sequence[Event]] = [
    [],
    [up("a"), up("b"), BEGIN_STOP, *told("b"), *told("a"), end()],
    [
        up("a"),
        failed("a"),
        up("a", 2),
        BEGIN_STOP,
        stopping("a", 2),
        stopped("a", 2),
        end(),
    ],
    [failed("a", start=True), failed("a", start=True), BEGIN_STOP, end()],
    [up("a"), BEGIN_STOP, stopping("a"), end("a"), stopped("a")],
    [up("a"), up("b"), *told("a"), BEGIN_STOP, *told("b"), end()],
    [
        up("a"),
        up("b"),
        returned("a"),
        up("a"),
        BEGIN_STOP,
        *told("a"),
        *told("b"),
        end(),
    ],
    [
        up("a"),
        returned("a"),
        BEGIN_STOP,
        end(),
        up("a"),
        returned("a"),
        BEGIN_STOP,
        end(),
    ],
    [BEGIN_STOP, stopping("never up"), stopped("never up"), end()],
]


@pytest.mark.parametrize("events", IN_ORDER)
def test_what_is_in_order_is_left_alone(events: Sequence[Event]) -> None:
    assert broken_invariants(events) == ()


DISORDER: list[tuple[Sequence[Event], str]] = [
    (
        [up("a"), up("a", 2), returned("a", 2), BEGIN_STOP, end()],
        "a 2 is up, and 1 is not over",
    ),
    (
        [
            up("a"),
            returned("a"),
            up("a", 2),
            returned("a", 2),
            up("a", 2),
            returned("a", 2),
            BEGIN_STOP,
            end(),
        ],
        "a 2 is up for a second time",
    ),
    (
        [up("a", 2), failed("a", 2), failed("a", 2), BEGIN_STOP, end()],
        "a second end of a 2",
    ),
    ([up("a"), BEGIN_STOP, end()], "it has ended, and a 1 still runs"),
    (
        [up("a"), up("b"), BEGIN_STOP, *told("a"), *told("b"), end()],
        "told to stop: a, b, not b, a",
    ),
    ([up("a"), returned("a")], "it has not ended"),
]


@pytest.mark.parametrize(("events", "problem"), DISORDER)
def test_disorder_is_named(events: Sequence[Event], problem: str) -> None:
    found = broken_invariants(events)
    assert len(found) == 1
    assert problem in found[0]
    assert found[0].startswith("app: ")


def test_the_order_of_concurrent_starts_is_not_looked_at() -> None:
    events = [up("a"), up("b"), BEGIN_STOP, *told("a"), *told("b"), end()]
    assert broken_invariants(events, concurrent_starts=True) == ()


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        (
            [step("a", "started"), step("a", "started", 2), step("a", "ended", 2)],
            "a 2 began while 1 was running",
        ),
        ([step("a", "started"), step("a", "up")], "a 1 still runs"),
    ],
)
def test_disorder_of_bodies_is_named(steps: Sequence[Step], problem: str) -> None:
    assert broken_invariants([], steps) == (problem,)


@pytest.mark.parametrize(
    ("events", "count"),
    [
        ([], 0),
        ([failed("a")], 1),
        ([stopped("a", error="OSError")], 1),
        ([failed("a"), stopped("a", error="OSError")], 2),
    ],
)
def test_each_failure_is_told_once(events: list[Event], count: int) -> None:
    steps = [step("a", "started"), step("a", "failed")]
    found = broken_invariants([*events, BEGIN_STOP, end()], steps)
    if count == 1:
        assert found == ()
    else:
        assert found == (
            f"a 1 raised OSError 1 times, and that was told {count} times",
        )


def test_a_real_run_is_in_order_with_any_seed() -> None:
    async def scenario() -> None:
        children = ScriptedChildren()
        crash = Script(run_for=1.0, then="fail")
        async with open_test_supervisor(strategy="one_for_all") as (supervisor, probe):
            await supervisor.start(children.spec("a", crash, Script()))
            await supervisor.start(children.spec("b", listens=False))
            await supervisor.start(children.spec("c", Script(cleanup=1.0)))
            await trio.sleep(5)
        check_invariants(probe, children)

    for seed in range(20):
        run_virtual(scenario, seed=seed)


def test_the_check_raises_with_all_that_is_wrong() -> None:
    probe = EventProbe()
    for event in (up("a"), up("b"), BEGIN_STOP, end()):
        probe(event)
    with pytest.raises(InvariantBroken) as caught:
        check_invariants(probe)
    assert len(caught.value.problems) == 2
    assert str(caught.value) == "\n".join(caught.value.problems)


async def test_nothing_is_said_about_a_history_with_gaps() -> None:
    children = ScriptedChildren(limit=1)
    probe = EventProbe(limit=1)
    probe(up("a"))
    probe(end())
    async with open_test_supervisor() as (supervisor, _):
        await supervisor.start(children.spec("a"))
    with pytest.raises(InvariantBroken) as caught:
        check_invariants(probe, children)
    assert caught.value.problems == (
        "the probe forgot 1 events; raise its limit",
        "3 steps were forgotten; raise the limit",
    )


async def test_a_task_that_is_left_is_named() -> None:
    async with trio.open_nursery() as nursery:
        expected = pytest.raises(InvariantBroken, match=r"still there: .*sleep_forever")
        with expected, no_task_left():
            nursery.start_soon(trio.sleep_forever)
            await settle()
        nursery.cancel_scope.cancel()


async def test_a_task_that_is_left_does_not_hide_an_error() -> None:
    async with trio.open_nursery() as nursery:
        with pytest.raises(BaseExceptionGroup) as caught, no_task_left():
            nursery.start_soon(trio.sleep_forever)
            raise Lost
        nursery.cancel_scope.cancel()
    kinds = [type(error) for error in caught.value.exceptions]
    assert kinds == [Lost, InvariantBroken]


async def test_an_error_comes_out_as_it_is_where_no_task_is_left() -> None:
    with pytest.raises(Lost), no_task_left():
        raise Lost
