"""What the moment brings about: budgets, questions, groups, and when to look again."""

import attrs
import pytest
from hypothesis import given, strategies as st
from tests.support.plans import after, completed, created, failed, plan, started, task

from crew_actors.model import (
    AttemptFailed,
    BudgetSpent,
    BudgetWarned,
    CancelRequested,
    End,
    Failure,
    FailureKind,
    GroupFinished,
    Limits,
    PlannedTask,
    Question,
    QuestionAsked,
    QuestionExpired,
    RunCompleted,
    RunStarted,
    RunState,
    RunStatus,
    TaskId,
    TaskRequeued,
    TasksAdded,
    TaskStatus,
    Usage,
    UsageReported,
    attempt_id,
    decide,
    due,
)

A, B = TaskId("a"), TaskId("b")
A1 = attempt_id(A, 1)


def begun(*tasks: PlannedTask, limit: int = 10, **limits: float) -> RunState:
    """Return the state of a run that was begun at second 1001."""
    allowed = Limits(attempts=1, **limits)  # type: ignore[arg-type]  # tokens are int
    return after(created(plan(*tasks, limits=allowed, limit=limit)), RunStarted())


def used(name: str, tokens: int, cost: float = 0.0) -> UsageReported:
    usage = Usage(input=tokens, cost=cost)
    task = TaskId(name)
    return UsageReported(task=task, attempt=attempt_id(task, 1), usage=usage)


def asked(deadline: float, number: int = 1) -> QuestionAsked:
    question = Question(id=f"q{number}", text="?", asked_at=0.0, deadline=deadline)
    return QuestionAsked(task=A, attempt=A1, question=question)


def test_most_of_the_tokens_is_told_once_and_the_last_of_them_stop_the_run() -> None:
    state = after(
        begun(task("a"), task("b"), tokens=1_000), started("a"), used("a", 799)
    )
    assert due(state, 2000.0) == ()
    state = after(state, used("a", 1))
    (warned,) = due(state, 2000.0)
    assert warned == BudgetWarned(budget="tokens", used=800, limit=1_000)
    state = after(state, warned, used("a", 149))
    assert due(state, 2000.0) == ()
    state = after(state, used("a", 1))
    (spent,) = due(state, 2000.0)
    assert spent == BudgetSpent(budget="tokens", used=950, limit=1_000)
    state = after(state, spent)
    assert due(state, 2000.0) == ()
    decision = decide(state, 2000.0)
    assert (decision.cancel, [one.task for one in decision.skip]) == (("a",), ["b"])
    assert decision.why == "its budget of tokens is spent: 950 tokens of 1,000"


def test_costs_are_a_budget_of_their_own() -> None:
    state = after(begun(task("a"), tokens=1_000, cost=2.0), started("a"))
    state = after(state, used("a", 10, 1.9))
    assert due(state, 0.0) == (BudgetSpent(budget="cost", used=1.9, limit=2.0),)


def test_no_budget_is_looked_at_in_a_run_that_is_stopped_or_over() -> None:
    state = after(begun(task("a"), tokens=10), started("a"), used("a", 99))
    assert due(after(state, CancelRequested(why="x")), 0.0) == ()
    assert due(after(state, completed("a"), RunCompleted(summary=None)), 0.0) == ()


@given(
    began=st.floats(0, 4e9),
    limit=st.floats(0.01, 1e7),
)
def test_each_moment_to_wake_at_brings_something_about(
    began: float, limit: float
) -> None:
    state = created(plan(task("a"), limits=Limits(run_seconds=limit)))
    state = after(state, RunStarted(), started("a"), at=began)
    now = began
    told: list[type] = []
    for _ in range(3):
        wake = decide(state, now).wake_at
        if wake is None:
            break
        now = wake
        events = due(state, now)
        assert events, "woken for nothing"
        told += [type(one) for one in events]
        state = after(state, *events, at=now)
    assert state.spent is not None
    assert state.spent.budget == "time"
    assert told in ([BudgetWarned, BudgetSpent], [BudgetSpent])


def test_the_time_of_a_run_counts_from_when_it_was_taken_up() -> None:
    state = after(begun(task("a"), run_seconds=100.0), started("a"))
    assert decide(state, 1001.0).wake_at == 1081.0
    assert due(state, 1080.0) == ()
    (warned,) = due(state, 1081.0)
    state = after(state, warned)
    assert decide(state, 1081.0).wake_at == 1101.0
    (spent,) = due(state, 1101.0)
    assert spent == BudgetSpent(budget="time", used=100.0, limit=100.0)


def test_nobody_begins_for_whom_nothing_would_be_left() -> None:
    tasks = [task(name) for name in "abcde"]
    state = begun(*tasks, limit=2, tokens=1_000)
    assert decide(state, 0.0).start == ("a", "b")
    state = after(state, started("a"), started("b"), used("a", 400), completed("a"))
    # 400 are used, b is taken to use as many: 150 are left of 950, too few for c
    assert decide(state, 0.0).start == ()
    state = after(state, used("b", 100))
    assert decide(state, 0.0).start == ()
    assert due(state, 0.0) == ()
    # b needed less than it was taken to: one more is affordable, not two
    state = after(state, completed("b"))
    assert decide(state, 0.0).start == ("c",)


def test_what_is_left_of_a_budget_is_left_for_one() -> None:
    state = begun(task("a"), task("b"), task("c"), cost=10.0)
    state = after(state, started("a"), used("a", 0, 7.0), completed("a"))
    assert decide(state, 0.0).start == ("b",)
    assert decide(state, 0.0).end is None


def test_questions_expire_one_by_one_and_the_agent_goes_on_after_the_last() -> None:
    state = after(begun(task("a")), started("a"), asked(50.0), asked(70.0, 2))
    assert decide(state, 10.0).wake_at == 50.0
    assert due(state, 49.0) == ()
    (first,) = due(state, 50.0)
    assert first == QuestionExpired(task=A, attempt=A1, question="q1")
    state = after(state, first)
    assert (state.status, decide(state, 50.0).wake_at) == (RunStatus.WAITING, 70.0)
    state = after(state, *due(state, 70.0))
    assert state.tasks[A].status is TaskStatus.RUNNING
    assert due(state, 99.0) == ()
    assert decide(state, 99.0).wake_at is None


def test_a_task_that_is_tried_again_waits_for_its_moment_and_the_run_with_it() -> None:
    failure = Failure(kind=FailureKind.EXIT, message="x")
    state = after(
        begun(task("a"), task("b", "a")),
        started("a"),
        AttemptFailed(task=A, attempt=A1, failure=failure, retry_at=60.0),
    )
    waits = decide(state, 59.0)
    assert (waits.start, waits.wake_at, waits.end) == ((), 60.0, None)
    assert decide(state, 60.0).start == ("a",)
    state = after(state, started("a", 2), failed("a", 2))
    assert [one.task for one in decide(state, 60.0).skip] == ["b"]


def test_of_several_delayed_tasks_the_first_moment_counts() -> None:
    failure = Failure(kind=FailureKind.EXIT, message="x")
    state = begun(task("a"), task("b"))
    for name, moment in ((A, 80.0), (B, 60.0)):
        attempt = attempt_id(name, 1)
        again = AttemptFailed(
            task=name, attempt=attempt, failure=failure, retry_at=moment
        )
        state = after(state, started(name), again)
    assert decide(state, 1.0).wake_at == 60.0
    assert decide(state, 60.0).start == ("b",)
    assert decide(state, 60.0).wake_at == 80.0


def grouped(name: str, *needs: str) -> PlannedTask:
    return attrs.evolve(task(name, *needs), group="g")


def test_a_group_is_told_of_once_when_the_last_of_it_has_ended() -> None:
    state = after(
        begun(grouped("a"), grouped("b"), task("c")),
        started("a"),
        started("b"),
        completed("a"),
    )
    assert due(state, 0.0) == ()
    state = after(state, failed("b"))
    (told,) = due(state, 0.0)
    assert told == GroupFinished(group="g", completed=1, of=2)
    assert due(after(state, told), 0.0) == ()


def test_a_group_is_told_of_again_when_something_of_it_was_done_again() -> None:
    state = after(begun(grouped("a"), task("c")), started("a"), failed("a"))
    state = after(state, *due(state, 0.0), TaskRequeued(task=A, why="x"))
    assert due(state, 0.0) == ()
    state = after(state, started("a", 2), completed("a", 2))
    assert due(state, 0.0) == (GroupFinished(group="g", completed=1, of=1),)


def test_a_group_is_told_of_again_when_it_has_grown() -> None:
    state = after(begun(grouped("a"), task("c")), started("a"), completed("a"))
    state = after(state, *due(state, 0.0), TasksAdded(by=A, tasks=(grouped("b", "a"),)))
    assert due(state, 0.0) == ()
    state = after(state, started("b"), completed("b"))
    assert due(state, 0.0) == (GroupFinished(group="g", completed=2, of=2),)


@pytest.mark.parametrize("approved", [True, False])
def test_a_run_without_anything_due_is_not_woken(*, approved: bool) -> None:
    the_plan = attrs.evolve(plan(task("a")), approve=not approved)
    state = after(created(the_plan), RunStarted())
    assert decide(state, 0.0).wake_at is None
    assert decide(state, 0.0).end != End(RunStatus.COMPLETED)
