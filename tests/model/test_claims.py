"""Tasks that somebody outside does: who may take them, and what becomes of them."""

import attrs
import pytest
from tests.support.plans import (
    after,
    artifact,
    completed,
    created,
    failed,
    outside,
    plan,
    started,
    task,
)

from crew_actors.model import (
    AttemptFailed,
    CancelRequested,
    ClaimExtended,
    ClaimReleased,
    Decision,
    Failure,
    FailureKind,
    Limits,
    ResultStored,
    RunPlan,
    RunResumed,
    RunStarted,
    RunState,
    RunStatus,
    TaskCancelled,
    TaskClaimed,
    TaskCompleted,
    TaskFailed,
    TaskId,
    TasksAdded,
    TaskStatus,
    attempt_id,
    claimable_tasks,
    decide,
    due,
    holds_claim,
    new_claim,
    resume_plan,
    why_unclaimable,
)

A, B = TaskId("a"), TaskId("b")
NOW = 1001.0


def running(the_plan: RunPlan) -> RunState:
    return after(created(the_plan), RunStarted())


def claimed(name: str, number: int = 1, until: float = 1100.0) -> TaskClaimed:
    return TaskClaimed(
        task=TaskId(name),
        attempt=attempt_id(TaskId(name), number),
        claim=new_claim("ann", "secret", until),
    )


def why(state: RunState, name: str, now: float = NOW) -> str | None:
    return why_unclaimable(state, state.tasks[TaskId(name)], now)


def names(state: RunState, now: float = NOW) -> list[str]:
    return [one.plan.id for one in claimable_tasks(state, now)]


def test_a_run_that_only_waits_for_workers_waits_and_neither_ends_nor_wakes() -> None:
    state = running(plan(outside("a")))
    assert state.status is RunStatus.WAITING
    assert decide(state, NOW) == Decision()
    assert names(state) == ["a"]


def test_a_run_goes_on_while_one_of_its_own_tasks_can_begin() -> None:
    state = running(plan(outside("a"), task("b")))
    assert state.status is RunStatus.RUNNING
    assert decide(state, NOW).start == (B,)
    state = after(state, started("b"))
    assert state.status is RunStatus.RUNNING
    assert after(state, completed("b")).status is RunStatus.WAITING


def test_tasks_done_outside_take_no_room() -> None:
    state = running(plan(outside("a"), task("b"), limit=1))
    assert decide(after(state, claimed("a")), NOW).start == (B,)


def test_a_claim_is_an_attempt_that_nobody_begins_here() -> None:
    state = after(running(plan(outside("a"))), claimed("a"))
    one = state.tasks[A]
    assert (one.status, one.attempt, one.tries) == (TaskStatus.RUNNING, "a.1", 1)
    assert state.status is RunStatus.RUNNING
    assert decide(state, NOW) == Decision(wake_at=1100.0)
    assert why(state, "a") == "ann has claimed it, for 99 more seconds"


def test_a_claim_counts_only_where_the_task_is_queued() -> None:
    state = after(running(plan(outside("a"))), claimed("a"))
    again = after(state, claimed("a", 2, until=2000.0))
    assert (again.tasks[A], again.dropped) == (state.tasks[A], 1)


def test_an_old_attempt_cannot_be_claimed_again() -> None:
    release = ClaimReleased(task=A, attempt=attempt_id(A, 1), why="")
    state = after(running(plan(outside("a"))), claimed("a"), release)
    assert after(state, claimed("a")).tasks[A].status is TaskStatus.QUEUED
    assert after(state, claimed("a", 2)).tasks[A].status is TaskStatus.RUNNING


def test_an_extension_moves_the_end_of_the_claim() -> None:
    state = after(running(plan(outside("a"))), claimed("a"))
    extended = ClaimExtended(task=A, attempt=attempt_id(A, 1), until=1500.0)
    state = after(state, extended)
    assert decide(state, NOW).wake_at == 1500.0
    late = after(after(state, completed("a")), extended)
    assert (late.dropped, late.tasks[A].claim) == (1, None)


def test_an_extension_of_an_attempt_here_changes_nothing() -> None:
    state = after(running(plan(task("a"))), started("a"))
    extended = ClaimExtended(task=A, attempt=attempt_id(A, 1), until=1500.0)
    assert after(state, extended).dropped == 1


def test_a_claim_that_was_given_back_counts_as_no_try() -> None:
    release = ClaimReleased(task=A, attempt=attempt_id(A, 1), why="too hard")
    state = after(running(plan(outside("a"))), claimed("a"), release)
    one = state.tasks[A]
    assert (one.status, one.tries, one.attempts) == (TaskStatus.QUEUED, 0, 1)
    assert (one.claim, one.why) == (None, "too hard")
    assert names(state) == ["a"]
    assert state.status is RunStatus.WAITING


@pytest.mark.parametrize(("now", "is_due"), [(1099.9, False), (1100.0, True)])
def test_a_claim_that_nobody_extends_fails_its_attempt(
    now: float, is_due: bool
) -> None:
    state = after(running(plan(outside("a"))), claimed("a"))
    found = due(state, now)
    assert [type(one) for one in found] == [TaskFailed] * is_due
    if is_due:
        (event,) = found
        assert isinstance(event, TaskFailed)
        assert event.failure.kind is FailureKind.TIMEOUT
        assert event.failure.kind not in state.plan.retry.never
        assert due(after(state, event), now) == ()


def test_a_claim_ends_with_its_task() -> None:
    state = after(running(plan(outside("a"))), claimed("a"))
    failure = Failure(kind=FailureKind.TIMEOUT, message="late")
    again = AttemptFailed(
        task=A, attempt=attempt_id(A, 1), failure=failure, retry_at=1200.0
    )
    cancelled = TaskCancelled(task=A, attempt=attempt_id(A, 1), why="enough")
    for event in (completed("a"), failed("a"), again, cancelled):
        assert after(state, event).tasks[A].claim is None


def test_a_failed_claim_waits_for_its_next_moment_as_any_attempt() -> None:
    failure = Failure(kind=FailureKind.TIMEOUT, message="late")
    again = AttemptFailed(
        task=A, attempt=attempt_id(A, 1), failure=failure, retry_at=1200.0
    )
    state = after(running(plan(outside("a"))), claimed("a"), again)
    assert why(state, "a") == "its next attempt begins in 199 seconds"
    assert decide(state, NOW) == Decision(wake_at=1200.0)
    assert why(state, "a", 1200.0) is None


def test_only_tasks_that_are_done_outside_can_be_claimed() -> None:
    reason = why(running(plan(task("a"))), "a")
    assert reason is not None
    assert "runtime: external" in reason


def test_what_a_task_needs_comes_before_a_claim() -> None:
    state = running(plan(task("a"), outside("b", "a")))
    assert why(state, "b") == "it waits for what it depends on: a"
    assert why(after(state, started("a"), completed("a")), "b") is None


def test_a_task_that_has_ended_cannot_be_claimed() -> None:
    state = after(running(plan(outside("a"))), claimed("a"), completed("a"))
    assert why(state, "a") == "it has ended: it is completed"


def test_a_run_that_is_being_stopped_gives_no_task_away() -> None:
    state = after(running(plan(outside("a"))), CancelRequested(why="enough"))
    assert why(state, "a") == "the run is being stopped: enough"
    state = after(running(plan(outside("a"))), claimed("a"))
    state = after(state, CancelRequested(why="enough"))
    assert decide(state, NOW).cancel == (A,)


def test_a_task_that_writes_waits_for_the_approval() -> None:
    gated = attrs.evolve(plan(outside("a")), approve=True)
    reason = why(running(gated), "a")
    assert reason is not None
    assert "crew approve" in reason
    assert decide(running(gated), NOW).ask is not None


def test_a_role_has_no_more_claims_than_it_may() -> None:
    state = running(plan(outside("a"), outside("b"), role_limits={"worker": 1}))
    state = after(state, claimed("a"))
    assert why(state, "b") == "role worker may be at 1 tasks at the same time, and is"


def test_two_tasks_that_write_to_one_place_are_not_claimed_together() -> None:
    one, other = (attrs.evolve(outside(name), outputs=("src",)) for name in "ab")
    state = after(running(plan(one, other)), claimed("a"))
    assert why(state, "b") == "a task at work writes to where this one would"


def test_a_claim_is_kept_when_its_run_is_taken_up() -> None:
    two = plan(outside("a"), task("b"), limits=Limits(attempts=3))
    state = after(running(two), claimed("a"), started("b"))
    events = resume_plan(state, "again")
    assert [type(one).__name__ for one in events] == ["RunResumed", "TaskRequeued"]
    taken_up = after(state, *events)
    assert taken_up.tasks[A] == state.tasks[A]
    assert taken_up.tasks[B].status is TaskStatus.QUEUED


def test_a_run_with_nothing_but_claims_can_be_taken_up() -> None:
    state = after(running(plan(outside("a"))), claimed("a"))
    assert resume_plan(state, "again") == (RunResumed(why="again"),)


def test_planned_tasks_that_are_done_outside_make_their_run_wait() -> None:
    state = after(running(plan(task("a"))), started("a"))
    state = after(state, completed("a"), TasksAdded(by=A, tasks=(outside("b"),)))
    assert state.status is RunStatus.WAITING


def test_a_claimed_task_completes_as_any_other() -> None:
    attempt = attempt_id(A, 1)
    stored = ResultStored(task=A, attempt=attempt, result=artifact())
    done = TaskCompleted(task=A, attempt=attempt, result=artifact())
    state = after(running(plan(outside("a"))), claimed("a"), stored, done)
    end = decide(state, NOW).end
    assert end is not None
    assert end.status is RunStatus.COMPLETED


def test_only_the_token_of_a_claim_proves_it() -> None:
    claim = new_claim("ann", "secret", 5.0)
    assert "secret" not in repr(claim)
    assert holds_claim(claim, "secret")
    assert not holds_claim(claim, "Secret")
    assert not holds_claim(claim, "")
    assert not holds_claim(claim, "\udc80")
