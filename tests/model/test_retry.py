"""Whether a failed task is tried again, and when."""

import attrs
import pytest
from hypothesis import given, strategies as st
from tests.support.plans import after, created, plan, started, task

from crew_actors.model import (
    Failure,
    FailureKind,
    GiveUp,
    Limits,
    RetryAt,
    RetryPolicy,
    RunPlan,
    RunState,
    TaskId,
    plan_retry,
)
from crew_actors.model._retry import backoff

A = TaskId("a")
AGAIN = {
    FailureKind.EXIT,
    FailureKind.KILLED,
    FailureKind.TIMEOUT,
    FailureKind.CRASH,
    FailureKind.RATE_LIMIT,
    FailureKind.OVERLOADED,
    FailureKind.INVALID,
}


def at_work(limits: Limits | None = None) -> tuple[RunState, RunPlan]:
    the_plan = plan(task("a"), limits=limits or Limits())
    return after(created(the_plan), started("a")), the_plan


def failure(kind: FailureKind = FailureKind.EXIT) -> Failure:
    return Failure(kind=kind, message="no")


def test_what_an_agent_has_tried_again_itself_is_not_tried_again() -> None:
    state, the_plan = at_work()
    tried = attrs.evolve(failure(FailureKind.OVERLOADED), retried=True)
    then = plan_retry(state.tasks[A], tried, the_plan, now=5.0, random=0.5)
    assert then == GiveUp("its agent has tried it again by itself, and given up")


@pytest.mark.parametrize("kind", FailureKind)
def test_only_what_may_go_better_is_tried_again(kind: FailureKind) -> None:
    state, the_plan = at_work()
    then = plan_retry(state.tasks[A], failure(kind), the_plan, now=5.0, random=0.5)
    if kind in AGAIN:
        assert then == RetryAt(6.0)
    else:
        assert isinstance(then, GiveUp)
        assert kind.value in then.why


def test_the_last_attempt_is_the_last() -> None:
    state, the_plan = at_work(Limits(attempts=3))
    for tries, again in ((1, True), (2, True), (3, False), (4, False)):
        tried = attrs.evolve(state.tasks[A], tries=tries)
        then = plan_retry(tried, failure(), the_plan, now=0.0, random=0.5)
        assert isinstance(then, RetryAt) is again


def test_waits_double_up_to_the_cap() -> None:
    waits = [backoff(RetryPolicy(), tries, 0.5) for tries in range(1, 9)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


@given(
    policy=st.builds(
        RetryPolicy,
        first=st.floats(0, 1e300),
        factor=st.floats(1, 1e300),
        cap=st.floats(0, 1e6),
        jitter=st.floats(0, 1),
    ),
    tries=st.integers(1, 1_000),
    random=st.floats(0, 1),
)
def test_no_policy_makes_a_wait_that_is_too_long_or_none_at_all(
    policy: RetryPolicy, tries: int, random: float
) -> None:
    wait = backoff(policy, tries, random)
    assert 0 <= wait <= policy.cap * (1 + policy.jitter)


@pytest.mark.parametrize(
    "wrong",
    [{"first": -1.0}, {"factor": 0.5}, {"cap": -1.0}, {"jitter": 1.5}, {"jitter": -1}],
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=name):
        RetryPolicy(**wrong)  # type: ignore[arg-type]  # one name is enough


@pytest.mark.parametrize(
    "wrong",
    [{"attempts": 0}, {"tasks": 0}, {"run_seconds": 0.0}, {"tokens": 0}, {"cost": -1}],
)
def test_limits_that_allow_nothing_are_refused(wrong: dict[str, int]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=name):
        Limits(**wrong)
