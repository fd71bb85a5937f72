"""Runs are taken up, and tasks queued again, without doing anything twice."""

import attrs
import pytest
from tests.support.plans import (
    after,
    artifact,
    completed,
    created,
    failed,
    plan,
    started,
    task,
    unproven,
)

from crew_actors.model import (
    ApprovalRequested,
    AttemptFailed,
    AttemptStarted,
    BudgetSpent,
    End,
    Failure,
    FailureKind,
    GroupFinished,
    Limits,
    PlanApproved,
    Question,
    QuestionAsked,
    QuestionExpired,
    ResultStored,
    RunCompleted,
    RunFailed,
    RunResumed,
    RunStarted,
    RunStatus,
    Selection,
    TaskCancelled,
    TaskCompleted,
    TaskId,
    TaskRequeued,
    TasksAdded,
    TaskSkipped,
    TaskStatus,
    WorkspaceReleased,
    attempt_id,
    decide,
    due,
    resume_plan,
)

A, B, C = TaskId("a"), TaskId("b"), TaskId("c")
SPENT = BudgetSpent(budget="tokens", used=10, limit=10)


def _question(name: str, deadline: float = 1600.0) -> QuestionAsked:
    asked = Question(id=name, text="which?", asked_at=1000.0, deadline=deadline)
    return QuestionAsked(task=A, attempt=attempt_id(A, 1), question=asked)


def test_what_is_behind_a_failed_task_is_not_queued_again_by_taking_up() -> None:
    state = after(
        created(plan(task("a"), task("b", "a"), task("c", "b"))),
        RunStarted(),
        started("a"),
        failed("a"),
        TaskSkipped(task=B, why="a failed"),
        TaskSkipped(task=C, why="b was skipped"),
        RunFailed(why="failed: a"),
    )
    assert resume_plan(state, "again") == ()
    again = resume_plan(state, "again", Selection())
    assert [one.task for one in again if isinstance(one, TaskRequeued)] == [A, B, C]


def test_a_run_that_failed_fast_is_not_taken_up_to_fail_at_once() -> None:
    state = after(
        created(plan(task("a"), task("b"), on_failure="fail_fast")),
        RunStarted(),
        started("a"),
        failed("a"),
        TaskSkipped(task=B, why="a failed"),
        RunFailed(why="failed: a"),
    )
    assert resume_plan(state, "again") == ()
    state = after(state, *resume_plan(state, "again", Selection()))
    assert decide(state, 0.0).start == (A, B)


def test_a_spent_budget_can_be_raised_when_the_run_is_taken_up() -> None:
    limits = Limits(attempts=1, tokens=10)
    state = after(
        created(plan(task("a"), limits=limits)),
        RunStarted(),
        started("a"),
        SPENT,
        TaskCancelled(task=A, attempt=attempt_id(A, 1), why="spent"),
        RunFailed(why="spent"),
    )
    more = Limits(attempts=2, tokens=100)
    events = resume_plan(state, "go on", limits=more)
    assert events[0] == RunResumed(why="go on", limits=more)
    resumed = after(state, *events)
    assert resumed.plan.limits == more
    assert resumed.spent is None
    assert after(state, RunResumed(why="x")).plan.limits == limits


def test_a_run_each_of_whose_tasks_completed_has_completed_whatever_it_cost() -> None:
    state = after(
        created(plan(task("a"))), RunStarted(), started("a"), completed("a"), SPENT
    )
    assert decide(state, 0.0).end == End(RunStatus.COMPLETED)


def test_a_time_is_up_at_the_very_moment_for_which_the_run_was_woken() -> None:
    begun, seconds = 1_700_000_000.1, 0.3
    assert (begun + seconds) - begun < seconds  # what floats do
    limits = Limits(attempts=1, run_seconds=seconds)
    state = after(created(plan(task("a"), limits=limits)), RunStarted(), at=begun)
    state = after(state, started("a"), at=begun)
    spent = due(state, begun + seconds)
    assert [type(one) for one in spent] == [BudgetSpent]


def test_a_run_taken_up_still_waits_for_the_approval_of_its_plan() -> None:
    wanted = attrs.evolve(plan(task("a")), approve=True)
    state = after(created(wanted), RunStarted(), ApprovalRequested(why="a"))
    assert state.status is RunStatus.WAITING
    assert after(state, RunResumed(why="x")).status is RunStatus.WAITING


@pytest.mark.parametrize("writes", [True, False])
def test_tasks_that_write_and_were_planned_later_need_an_approval(
    *, writes: bool
) -> None:
    wanted = attrs.evolve(plan(task("a")), approve=True)
    state = after(
        created(wanted), RunStarted(), ApprovalRequested(why="a"), PlanApproved(by="x")
    )
    more = attrs.evolve(task("b"), writes=writes)
    state = after(state, TasksAdded(by=A, tasks=(more,)))
    assert state.approval == ("none" if writes else "granted")
    assert (decide(state, 0.0).ask is not None) is writes


def test_a_group_that_grew_is_told_of_again() -> None:
    first = attrs.evolve(task("a"), group="g")
    state = after(created(plan(first)), RunStarted(), started("a"), completed("a"))
    told = due(state, 0.0)
    assert told == (GroupFinished(group="g", completed=1, of=1),)
    state = after(state, *told)
    assert due(state, 0.0) == ()
    more = attrs.evolve(task("b"), group="g")
    state = after(state, TasksAdded(by=A, tasks=(more,)), started("b"), completed("b"))
    assert due(state, 0.0) == (GroupFinished(group="g", completed=2, of=2),)


def test_a_group_is_told_of_again_after_a_task_of_it_was_queued_again() -> None:
    first = attrs.evolve(task("a"), group="g")
    state = after(created(plan(first)), RunStarted(), started("a"), failed("a"))
    state = after(state, *due(state, 0.0), TaskRequeued(task=A, why="x"))
    assert due(state, 0.0) == ()
    state = after(state, started("a", 2), completed("a", 2))
    assert due(state, 0.0) == (GroupFinished(group="g", completed=1, of=1),)


def test_the_questions_of_an_attempt_end_with_it() -> None:
    asking = after(created(plan(task("a"))), RunStarted(), started("a"), _question("q"))
    assert asking.status is RunStatus.WAITING
    failure = Failure(kind=FailureKind.EXIT, message="1")
    first = attempt_id(A, 1)
    for ending in (
        AttemptFailed(task=A, attempt=first, failure=failure, retry_at=0.0),
        TaskRequeued(task=A, why="x"),
        TaskCancelled(task=A, attempt=first, why="x"),
        completed("a"),
    ):
        ended = after(asking, ending)
        assert ended.tasks[A].questions == ()
        assert due(ended, 9e9) == ()


def test_a_question_is_asked_once_and_expires_once() -> None:
    state = after(created(plan(task("a"))), RunStarted(), started("a"))
    state = after(state, _question("q"), _question("q"), _question("p", 1700.0))
    assert state.dropped == 1
    expired = due(state, 1600.0)
    assert expired == (QuestionExpired(task=A, attempt=attempt_id(A, 1), question="q"),)
    state = after(state, *expired, *expired)
    assert [one.id for one in state.tasks[A].questions] == ["p"]
    assert state.dropped == 2


@pytest.mark.parametrize("number", [1, 2])
def test_an_attempt_begins_once(number: int) -> None:
    state = after(created(plan(task("a"))), started("a", 1))
    state = after(state, TaskRequeued(task=A, why="x"), started("a", 2))
    state = after(state, TaskRequeued(task=A, why="x"))
    late = after(state, started("a", number))
    assert late.tasks == state.tasks
    assert late.dropped == 1


def test_a_further_attempt_knows_nothing_of_the_end_and_place_of_the_last() -> None:
    failure = Failure(kind=FailureKind.EXIT, message="1")
    first = attempt_id(A, 1)
    state = after(
        created(plan(task("a"))),
        started("a"),
        AttemptFailed(task=A, attempt=first, failure=failure, retry_at=0.0),
        WorkspaceReleased(task=A, attempt=first, kept=True, why="", branch="crew/a"),
        started("a", 2),
    )
    again = state.tasks[A]
    assert (again.ended_at, again.branch, again.workspace) == (None, None, None)


@pytest.mark.parametrize(
    "event", [started("b"), TaskRequeued(task=A, why="x")], ids=["attempt", "requeued"]
)
def test_nothing_of_a_run_that_has_ended_begins_again_by_itself(
    event: AttemptStarted | TaskRequeued,
) -> None:
    state = after(created(plan(task("a"), task("b"))), RunStarted(), started("a"))
    state = after(state, completed("a"), RunCompleted(summary=None))
    assert after(state, event).tasks == state.tasks
    assert after(state, RunResumed(why="x"), event).tasks != state.tasks


def test_taking_up_completes_what_is_on_disk_and_queues_the_rest_once() -> None:
    state = after(
        created(plan(task("a"), task("b"))), RunStarted(), started("a"), started("b")
    )
    stored = ResultStored(task=A, attempt=attempt_id(A, 1), result=artifact())
    state = after(state, stored)
    events = resume_plan(state, "x")
    assert events == (
        RunResumed(why="x"),
        TaskCompleted(task=A, attempt=attempt_id(A, 1), result=artifact()),
        TaskRequeued(task=B, why="its owner had gone"),
    )
    assert resume_plan(after(state, *events), "x") == (RunResumed(why="x"),)


def test_a_run_in_which_nothing_can_begin_says_so() -> None:
    state = after(created(plan(task("a"), role_limits={"worker": 0})), RunStarted())
    end = decide(state, 0.0).end
    assert end == End(RunStatus.BLOCKED, "nothing lets these begin: a")


def test_what_needs_attention_keeps_its_dependents_queued_when_taken_up() -> None:
    state = after(created(plan(task("a"), task("b", "a"))), RunStarted(), started("a"))
    state = after(state, unproven("a"))
    assert state.tasks[B].status is TaskStatus.QUEUED
    assert resume_plan(after(state), "x") == (RunResumed(why="x"),)
