"""What holds tasks back beside their dependencies, and what is known of all tasks."""

from itertools import combinations

import attrs
import pytest
from hypothesis import given, strategies as st
from tests.support.plans import (
    after,
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
    Decision,
    End,
    Event,
    Failure,
    FailureKind,
    IllegalEvent,
    PlanApproved,
    PlannedTask,
    PlanRefused,
    PlanRejected,
    RunPlan,
    RunStarted,
    RunState,
    RunStatus,
    Skip,
    TaskCancelled,
    TaskId,
    TaskRequeued,
    TasksAdded,
    TaskSkipped,
    TaskStatus,
    attempt_id,
    decide,
)
from crew_actors.model._schedule import overlap

A, B = TaskId("a"), TaskId("b")


def reader(name: str, *needs: str) -> PlannedTask:
    return attrs.evolve(task(name, *needs), writes=False)


def writer(name: str, *outputs: str) -> PlannedTask:
    return attrs.evolve(task(name), outputs=outputs)


def begun(the_plan: RunPlan) -> RunState:
    return after(created(the_plan), RunStarted())


def careful(*tasks: PlannedTask, limit: int = 10) -> RunState:
    return begun(attrs.evolve(plan(*tasks, limit=limit), approve=True))


def test_only_who_reads_begins_before_the_plan_is_approved() -> None:
    state = careful(task("a"), reader("b"), reader("c", "a"))
    assert decide(state, 0.0) == Decision(
        start=(B,), ask="to let a change the workspace"
    )
    state = after(state, ApprovalRequested(why="x"))
    assert state.status is RunStatus.WAITING
    assert decide(state, 0.0) == Decision(start=(B,))
    state = after(state, started("b"))
    assert state.status is RunStatus.RUNNING
    state = after(state, completed("b"))
    assert state.status is RunStatus.WAITING
    assert decide(state, 0.0) == Decision()
    state = after(state, PlanApproved(by="me"))
    assert state.status is RunStatus.RUNNING
    assert decide(state, 0.0) == Decision(start=(A,))


def test_the_approval_is_asked_for_once_all_who_read_are_at_work() -> None:
    state = careful(reader("a"), task("b"), limit=1)
    assert decide(state, 0.0).start == ("a",)
    state = after(state, started("a"))
    assert decide(state, 0.0) == Decision(ask="to let b change the workspace")


def test_a_rejected_plan_stops_the_run_with_the_reason() -> None:
    state = after(careful(task("a")), ApprovalRequested(why="x"))
    state = after(state, PlanRejected(by="me", why="too bold"))
    assert decide(state, 0.0).why == "me rejected the plan: too bold"
    ended = TaskCancelled(task=A, attempt=None, why="x")
    end = decide(after(state, ended), 0.0).end
    assert end == End(RunStatus.CANCELLED, "me rejected the plan: too bold")


def test_a_plan_that_cannot_be_followed_blocks_the_run_and_keeps_what_waits() -> None:
    state = begun(plan(task("a"), task("b", "a"), task("c")))
    state = after(state, started("a"), started("c"), completed("a"))
    state = after(state, PlanRefused(by=A, why="a: no plan"))
    assert decide(state, 0.0) == Decision(cancel=(TaskId("c"),), why="a: no plan")
    state = after(state, completed("c"))
    assert decide(state, 0.0).end == End(RunStatus.BLOCKED, "a: no plan")


@pytest.mark.parametrize(
    ("one", "other", "overlapping"),
    [
        ("a", "a", True),
        ("a", "a/b", True),
        ("./a/b/", "a//b/c.txt", True),
        ("a", "ab", False),
        ("a/b", "a/c", False),
        (".", "anything", True),
    ],
)
def test_paths_overlap_if_they_are_one_or_one_holds_the_other(
    *, one: str, other: str, overlapping: bool
) -> None:
    assert overlap(one, other) is overlapping
    assert overlap(other, one) is overlapping


def test_who_writes_to_one_place_does_so_one_after_the_other() -> None:
    state = begun(
        plan(writer("a", "src"), writer("b", "src/x.py", "docs"), writer("c", "out"))
    )
    assert decide(state, 0.0).start == ("a", "c")
    state = after(state, started("a"), started("c"))
    assert decide(state, 0.0).start == ()
    assert decide(after(state, completed("a")), 0.0).start == ("b",)


def test_tasks_that_are_added_wait_for_those_they_need() -> None:
    state = after(begun(plan(task("a"))), started("a"), completed("a"))
    more = TasksAdded(by=A, tasks=(task("b", "a"), task("c", "b"), task("a")))
    state = after(state, more)
    assert list(state.tasks) == ["a", "b", "c"]
    assert state.tasks[A].status is TaskStatus.COMPLETED
    assert decide(state, 0.0).start == ("b",)


@pytest.mark.parametrize("late", [True, False])
def test_a_task_that_depends_on_what_is_not_there_is_a_defect(*, late: bool) -> None:
    bad = task("b", "ghost")
    with pytest.raises(IllegalEvent, match="depends on 'ghost'"):
        if late:
            after(begun(plan(task("a"))), TasksAdded(by=A, tasks=(bad,)))
        else:
            created(plan(task("a"), bad))


@st.composite
def plans(draw: st.DrawFn) -> RunPlan:
    """Draw plans with all that holds tasks back."""
    count = draw(st.integers(1, 7))
    tasks: list[PlannedTask] = []
    for number in range(count):
        before = [f"t{other}" for other in range(number)]
        needs = draw(st.lists(st.sampled_from(before), unique=True)) if before else []
        tasks.append(
            attrs.evolve(
                task(f"t{number}", *needs, role=draw(st.sampled_from("xy"))),
                writes=draw(st.booleans()),
                outputs=draw(st.sampled_from([(), ("p",), ("p/q",), ("r",)])),
            )
        )
    return attrs.evolve(
        plan(*tasks, limit=draw(st.integers(1, 3)), role_limits={"x": 1}),
        approve=draw(st.booleans()),
        on_failure=draw(st.sampled_from(["drain", "fail_fast"])),
    )


def happenings(state: RunState) -> list[Event]:
    """List what can happen next, besides what is decided."""
    found: list[Event] = []
    for name, one in state.tasks.items():
        if one.status is TaskStatus.RUNNING:
            number = one.attempts
            assert one.attempt is not None
            failure = Failure(kind=FailureKind.EXIT, message="x")
            found += [
                completed(name, number),
                completed(name, number),
                failed(name, number),
                unproven(name, number),
                AttemptFailed(
                    task=name, attempt=one.attempt, failure=failure, retry_at=50.0
                ),
            ]
        elif one.status.terminal:
            found.append(TaskRequeued(task=name, why="x"))
    if state.approval == "requested":
        found.append(PlanApproved(by="me"))
    return found


def outlook(state: RunState) -> tuple[list[str], list[str]]:
    """Tell which tasks are ready, and which can never run, the long way."""
    ready: list[str] = []
    doomed: list[str] = []
    broken = {TaskStatus.FAILED, TaskStatus.CANCELLED, TaskStatus.SKIPPED}
    for name, one in state.tasks.items():
        if one.status is TaskStatus.QUEUED:
            needs = {state.tasks[needed].status for needed in one.plan.depends_on}
            if needs & broken:
                doomed.append(name)
            elif needs <= {TaskStatus.COMPLETED}:
                ready.append(name)
    return ready, doomed


@given(the_plan=plans(), data=st.data())
def test_what_is_known_at_a_glance_is_what_the_tasks_tell_one_by_one(
    the_plan: RunPlan, data: st.DataObject
) -> None:
    state = begun(the_plan)
    for _ in range(data.draw(st.integers(0, 25))):
        now = data.draw(st.sampled_from([0.0, 60.0]))
        decision = decide(state, now)
        check(state, decision, now)
        if decision.ask is not None:
            state = after(state, ApprovalRequested(why=decision.ask))
        for name in decision.start:
            attempts = state.tasks[name].attempts
            state = after(state, started(name, attempts + 1))
            assert state.tasks[name].attempts == attempts + 1
        for skip in decision.skip:
            state = after(state, TaskSkipped(task=skip.task, why=skip.why))
        possible = happenings(state)
        if possible:
            state = after(state, data.draw(st.sampled_from(possible)))
        assert state.dropped == 0


def check(state: RunState, decision: Decision, now: float) -> None:
    """Check *decision*, and what it was made from."""
    ready, doomed = outlook(state)
    assert [one.plan.id for one in state.at(state.board.ready)] == ready
    assert [one.plan.id for one in state.at(state.board.doomed)] == doomed
    for status in TaskStatus:
        alike = [one for one in state.tasks.values() if one.status is status]
        assert list(state.of(status)) == alike
    if not decision.cancel and decision.skip:
        assert {one.task for one in decision.skip} <= {*doomed, *ready, *waits(state)}
        assert all(isinstance(one, Skip) for one in decision.skip)
    assert set(decision.start) <= set(ready)
    at_work = [one.plan for one in state.at(state.board.active)]
    together = at_work + [state.tasks[name].plan for name in decision.start]
    for name in decision.start:
        one = state.tasks[name]
        assert one.not_before <= now
        assert not (
            state.plan.approve and state.approval != "granted" and one.plan.writes
        )
    assert len(together) <= state.plan.limit
    assert sum(one.role == "x" for one in together) <= 1
    for left, right in combinations(together, 2):
        assert not any(overlap(p, q) for p in left.outputs for q in right.outputs)
    if decision.end is not None:
        assert not at_work
        if decision.end.status is RunStatus.COMPLETED:
            assert {one.status for one in state.tasks.values()} == {
                TaskStatus.COMPLETED
            }


def waits(state: RunState) -> list[TaskId]:
    return [one.plan.id for one in state.of(TaskStatus.QUEUED)]


def test_a_delayed_task_is_not_delayed_any_more_when_a_person_wants_it() -> None:
    failure = Failure(kind=FailureKind.EXIT, message="x")
    again = AttemptFailed(
        task=A, attempt=attempt_id(A, 1), failure=failure, retry_at=99.0
    )
    state = after(begun(plan(task("a"))), started("a"), again)
    assert decide(state, 0.0).wake_at == 99.0
    state = after(state, TaskCancelled(task=A, attempt=None, why="x"))
    state = after(state, TaskRequeued(task=A, why="x"))
    assert decide(state, 0.0).start == ("a",)
