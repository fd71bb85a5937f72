"""A run is taken up again without doing anything twice, and without losing anything."""

import attrs
import pytest
from hypothesis import given, strategies as st
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
    CancelRequested,
    Event,
    Limits,
    OnFailure,
    PlannedTask,
    PlanRefused,
    PlanRejected,
    ResultStored,
    RunBlocked,
    RunCancelled,
    RunCompleted,
    RunFailed,
    RunResumed,
    RunStarted,
    RunState,
    RunStatus,
    Selection,
    TaskCancelled,
    TaskCompleted,
    TaskId,
    TaskRequeued,
    TasksAdded,
    TaskSkipped,
    TaskStatus,
    WorkspaceMade,
    WorkspaceReleased,
    attempt_id,
    decide,
    requeue,
    resume_plan,
)

A, B, C = TaskId("a"), TaskId("b"), TaskId("c")
A1 = attempt_id(A, 1)
STORED = ResultStored(task=A, attempt=A1, result=artifact())
MADE = WorkspaceMade(task=A, attempt=A1, path="/w", branch="x", base="0" * 40)
RELEASED = WorkspaceReleased(task=A, attempt=A1, kept=False, why="", branch="x")


def begun(
    *tasks: PlannedTask,
    on_failure: OnFailure = "drain",
    adaptive: TaskId | None = None,
    approve: bool = False,
) -> RunState:
    the_plan = plan(*tasks, on_failure=on_failure)
    the_plan = attrs.evolve(the_plan, adaptive=adaptive, approve=approve)
    return after(created(the_plan), RunStarted())


def skipped(name: str) -> TaskSkipped:
    return TaskSkipped(task=TaskId(name), why="x")


def cancelled(name: str, number: int | None = 1) -> TaskCancelled:
    task = TaskId(name)
    attempt = None if number is None else attempt_id(task, number)
    return TaskCancelled(task=task, attempt=attempt, why="x")


def again(state: RunState, *retry: str, everything: bool = False) -> list[str]:
    """List the tasks that are queued again when the run is taken up."""
    named = Selection(tasks=tuple(map(TaskId, retry)))
    selection = named if retry or everything else None
    events = resume_plan(state, "again", selection)
    return [one.task for one in events if isinstance(one, TaskRequeued)]


def statuses(state: RunState) -> dict[str, str]:
    return {name: one.status.value for name, one in state.tasks.items()}


def test_a_run_that_never_began_is_begun() -> None:
    queued = created(plan(task("a")))
    assert resume_plan(queued, "again") == (RunStarted(),)
    limits = Limits(tokens=7)
    begun = after(queued, *resume_plan(queued, "again", limits=limits))
    assert (begun.status, begun.plan.limits) == (RunStatus.RUNNING, limits)


def test_what_was_at_work_is_queued_again_and_keeps_the_count_of_its_attempts() -> None:
    state = after(begun(task("a"), task("b", "a")), started("a"))
    events = resume_plan(state, "again")
    assert events == (
        RunResumed(why="again"),
        TaskRequeued(task=A, why="its owner had gone"),
    )
    state = after(state, *events)
    assert (state.tasks[A].attempts, state.tasks[A].tries) == (1, 0)
    assert decide(state, 0.0).start == ("a",)


def test_what_has_completed_is_never_touched() -> None:
    state = after(
        begun(task("a"), task("b")), started("a"), completed("a"), started("b")
    )
    assert again(state) == ["b"]
    assert again(state, everything=True) == ["b"]


def test_a_result_that_is_on_disk_is_not_made_again() -> None:
    state = after(begun(task("a"), task("b", "a")), started("a"), STORED)
    assert state.tasks[A].phase == "artifacts_written"
    assert resume_plan(state, "again") == (
        RunResumed(why="again"),
        TaskCompleted(task=A, attempt=A1, result=artifact()),
    )


def test_a_result_whose_changes_nobody_has_taken_over_is_made_again() -> None:
    state = after(begun(task("a")), started("a"), MADE, STORED)
    assert again(state) == ["a"]
    assert again(after(state, RELEASED)) == []
    kept = attrs.evolve(RELEASED, kept=True, branch=None)  # what it changed lies there
    assert again(after(state, kept)) == []
    retried = after(state, kept, TaskRequeued(task=A, why="x"), started("a", 2))
    made = attrs.evolve(MADE, attempt=attempt_id(A, 2))
    stored = attrs.evolve(STORED, attempt=attempt_id(A, 2))
    assert again(after(retried, made, stored)) == ["a"]


def test_a_result_of_an_attempt_before_does_not_stand_for_the_newest() -> None:
    state = after(begun(task("a")), started("a"), STORED)
    state = after(state, TaskRequeued(task=A, why="x"), started("a", 2))
    assert again(state) == ["a"]


def test_a_plan_that_was_not_taken_in_is_made_again() -> None:
    planning = begun(task("a"), adaptive=A)
    stored = after(planning, started("a"), STORED)
    assert again(stored) == ["a"]
    done = after(planning, started("a"), completed("a"))
    assert again(done) == ["a"]
    for taken_in in (
        TasksAdded(by=A, tasks=(task("b", "a"),)),
        PlanRefused(by=A, why="x"),
    ):
        assert again(after(done, taken_in)) == []
    added = after(done, TasksAdded(by=A, tasks=()), TaskRequeued(task=A, why="x"))
    assert again(after(added, started("a", 2), completed("a", 2))) == ["a"]


def test_a_run_whose_adaptive_task_is_not_there_has_no_plan_to_take_in() -> None:
    state = after(begun(task("b"), adaptive=A), started("b"), completed("b"))
    assert again(after(state, RunCompleted(summary=None))) == []


@pytest.mark.parametrize(
    "events",
    [
        (started("a"), completed("a"), RunCompleted(summary=None)),
        (started("a"), failed("a"), RunFailed(why="x")),
        (started("a"), unproven("a"), RunFailed(why="x")),
    ],
)
def test_a_run_in_which_nothing_is_left_to_be_done_is_not_taken_up(
    events: tuple[Event, ...],
) -> None:
    assert resume_plan(after(begun(task("a")), *events), "again") == ()


def test_what_the_end_of_a_run_has_cut_off_goes_on() -> None:
    state = after(
        begun(task("a"), task("b"), task("c", "b")),
        CancelRequested(why="x"),
        started("a"),
        cancelled("a"),
        cancelled("b", None),
        cancelled("c", None),
        RunCancelled(why="x"),
    )
    assert again(state) == ["a", "b", "c"]
    state = after(state, *resume_plan(state, "again"))
    assert (state.status, state.cancelling) == (RunStatus.RUNNING, None)
    assert decide(state, 0.0).start == ("a", "b")


def test_what_a_failed_task_has_ruined_stays_ruined_however_far_behind_it() -> None:
    state = after(
        begun(task("a"), task("b", "a"), task("c", "b"), task("d")),
        started("a"),
        failed("a"),
        skipped("b"),
        skipped("c"),
        started("d"),
        completed("d"),
        RunFailed(why="x"),
    )
    assert resume_plan(state, "again") == ()
    assert again(state, everything=True) == ["a", "b", "c"]
    assert again(state, "a") == ["a", "b", "c"]


def test_what_would_be_skipped_at_once_is_not_queued_in_a_run_that_fails_fast() -> None:
    state = after(
        begun(task("a"), task("b"), on_failure="fail_fast"),
        started("a"),
        failed("a"),
        skipped("b"),
        RunFailed(why="x"),
    )
    assert resume_plan(state, "again") == ()
    assert again(state, "a") == ["a", "b"]


def test_a_task_that_is_asked_for_takes_those_behind_it_along() -> None:
    state = begun(task("a"), task("b", "a"), task("c", "b"), task("d"))
    for name in "abcd":
        state = after(state, started(name), completed(name))
    state = after(state, RunCompleted(summary="s"))
    assert again(state, "b") == ["b", "c"]
    state = after(state, *resume_plan(state, "again", Selection(tasks=(B,))))
    assert (state.status, state.summary, state.ended_at) == (
        RunStatus.RUNNING,
        None,
        None,
    )
    assert decide(state, 0.0).start == ("b",)


def test_only_what_has_ended_can_be_queued_again_in_a_run_that_goes_on() -> None:
    state = after(begun(task("a"), task("b"), task("c")), started("a"), failed("a"))
    state = after(state, started("b"))
    assert [one.task for one in requeue(state, Selection(), "x")] == ["a"]
    assert requeue(state, Selection(tasks=(B, C)), "x") == ()


def test_a_run_without_its_plan_goes_on_when_a_person_says_so() -> None:
    state = after(
        begun(task("a"), task("b", "a"), adaptive=A),
        started("a"),
        completed("a"),
        PlanRefused(by=A, why="no"),
        RunBlocked(why="no"),
    )
    state = after(state, *resume_plan(state, "go on"))
    assert decide(state, 0.0).start == ("b",)


def test_a_run_that_waits_for_its_approval_waits_again() -> None:
    state = after(begun(task("a"), approve=True), ApprovalRequested(why="x"))
    assert state.status is RunStatus.WAITING
    assert after(state, RunResumed(why="x")).status is RunStatus.WAITING


def test_a_plan_that_was_rejected_is_asked_for_again() -> None:
    state = after(begun(task("a"), approve=True), ApprovalRequested(why="x"))
    state = after(state, PlanRejected(by="me", why="no"))
    assert decide(state, 0.0).cancel == ("a",)
    state = after(state, cancelled("a", None), RunCancelled(why="no"))
    state = after(state, *resume_plan(state, "again"))
    assert decide(state, 0.0).ask is not None


_STEPS = st.sampled_from(
    [
        *(started(name, number) for name in "abc" for number in (1, 2)),
        *(completed(name, number) for name in "abc" for number in (1, 2)),
        *(failed(name) for name in "abc"),
        *(skipped(name) for name in "bc"),
        unproven("b"),
        cancelled("a", None),
        cancelled("b"),
        STORED,
        MADE,
        RELEASED,
        TaskRequeued(task=B, why="x"),
        CancelRequested(why="x"),
        PlanRefused(by=A, why="x"),
        RunBlocked(why="x"),
        RunFailed(why="x"),
        RunCancelled(why="x"),
        RunCompleted(summary=None),
    ]
)


@given(
    steps=st.lists(_STEPS, max_size=25),
    on_failure=st.sampled_from(["drain", "fail_fast"]),
    retry=st.sampled_from([None, Selection(), Selection(tasks=(B,))]),
    adaptive=st.sampled_from([None, A]),
)
def test_taking_a_run_up_three_times_does_nothing_twice(
    steps: list[Event],
    on_failure: OnFailure,
    retry: Selection | None,
    adaptive: TaskId | None,
) -> None:
    tasks = (task("a"), task("b", "a"), task("c", "b"))
    state = after(begun(*tasks, on_failure=on_failure, adaptive=adaptive), *steps)
    before = state
    events = resume_plan(state, "again", retry)
    state = after(state, *events)
    assert state.dropped == before.dropped, "each event meant something"
    once = state
    for _ in range(2):
        repeated = resume_plan(state, "again", retry)
        assert set(map(type, repeated)) <= {RunResumed}
        state = after(state, *repeated)
    assert state.tasks == once.tasks
    if events:
        assert not any(one.status.active for one in once.tasks.values())
    for name, was in before.tasks.items():
        assert once.tasks[name].attempts == was.attempts
        kept = was.status is TaskStatus.COMPLETED and retry is None
        if kept and adaptive is None:
            assert once.tasks[name] == was
    assert statuses(once) == statuses(state)
