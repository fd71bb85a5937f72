"""The scheduler decides from the state alone."""

from collections.abc import Sequence

import attrs
import pytest
from hypothesis import given, strategies as st
from tests.support.plans import (
    after,
    completed,
    created,
    failed,
    outside,
    plan,
    started,
    task,
    unproven,
)

from crew_actors.model import (
    CancelRequested,
    Decision,
    End,
    Event,
    OnFailure,
    PlanApproved,
    PlannedTask,
    RunCompleted,
    RunState,
    RunStatus,
    Skip,
    TaskCancelled,
    TaskId,
    TaskSkipped,
    TaskStatus,
    decide,
    upcoming,
)

_T = TaskId


def test_a_task_starts_the_moment_its_dependencies_have_completed() -> None:
    state = created(plan(task("a"), task("b"), task("c", "a"), task("d", "a", "b")))
    assert decide(state, 0.0).start == ("a", "b")
    state = after(state, started("a"), started("b"), completed("a"))
    assert decide(state, 0.0).start == ("c",)
    state = after(state, started("c"), completed("b"))
    assert decide(state, 0.0).start == ("d",)


def test_never_more_tasks_run_than_the_limit_allows() -> None:
    state = created(plan(*(task(f"t{n}") for n in range(9)), limit=4))
    assert decide(state, 0.0).start == ("t0", "t1", "t2", "t3")
    state = after(state, *(started(f"t{n}") for n in range(4)))
    assert decide(state, 0.0) == Decision()
    state = after(state, completed("t2"))
    assert decide(state, 0.0).start == ("t4",)


def test_a_role_has_a_limit_of_its_own() -> None:
    tasks = [task("a", role="x"), task("b", role="x"), task("c", role="y")]
    state = created(plan(*tasks, role_limits={"x": 1}))
    assert decide(state, 0.0).start == ("a", "c")
    state = after(state, started("a"), started("c"), completed("a"))
    assert decide(state, 0.0).start == ("b",)


def test_what_depends_on_a_failed_task_is_skipped_and_the_rest_goes_on() -> None:
    state = created(plan(task("a"), task("b"), task("c", "a"), task("d", "c")))
    state = after(state, started("a"), started("b"), failed("a"))
    assert decide(state, 0.0).skip == (Skip(_T("c"), "a failed"),)
    state = after(state, TaskSkipped(task=_T("c"), why="a failed"))
    assert decide(state, 0.0).skip == (Skip(_T("d"), "c was skipped"),)
    state = after(state, TaskSkipped(task=_T("d"), why="c was skipped"))
    assert decide(state, 0.0) == Decision()  # b still runs
    state = after(state, completed("b"))
    assert decide(state, 0.0).end == End(RunStatus.FAILED, "failed: a")


def test_fail_fast_stops_the_running_and_skips_the_queued() -> None:
    state = created(
        plan(task("a"), task("b"), task("c"), on_failure="fail_fast", limit=2)
    )
    state = after(state, started("a"), started("b"), failed("a"))
    decision = decide(state, 0.0)
    assert decision.cancel == ("b",)
    assert [skip.task for skip in decision.skip] == ["c"]
    assert decision.why == "task a failed, and the run is to fail fast"
    assert decision.end is None
    state = after(
        state,
        TaskSkipped(task=_T("c"), why="x"),
        TaskCancelled(task=_T("b"), attempt=state.tasks[_T("b")].attempt, why="x"),
    )
    assert decide(state, 0.0).end == End(RunStatus.FAILED, "failed: a")


def test_a_cancelled_run_stops_everything_and_ends_when_all_of_it_has_ended() -> None:
    state = created(plan(task("a"), task("b", "a")))
    state = after(state, started("a"), CancelRequested(why="enough"))
    assert decide(state, 0.0).cancel == ("a", "b")
    state = after(state, TaskCancelled(task=_T("b"), attempt=None, why="enough"))
    assert decide(state, 0.0).cancel == ("a",)
    attempt = state.tasks[_T("a")].attempt
    state = after(state, TaskCancelled(task=_T("a"), attempt=attempt, why="enough"))
    assert decide(state, 0.0).end == End(RunStatus.CANCELLED, "enough")


def test_a_run_is_blocked_when_an_open_task_waits_for_one_without_a_result() -> None:
    state = created(plan(task("a"), task("b", "a")))
    state = after(state, started("a"), unproven("a"))
    end = decide(state, 0.0).end
    assert end == End(RunStatus.BLOCKED, "no result from a; waiting for it: b")


def test_a_task_without_a_result_never_makes_a_completed_run() -> None:
    state = created(plan(task("a"), task("b")))
    state = after(state, started("a"), started("b"), completed("a"), unproven("b"))
    assert decide(state, 0.0).end == End(RunStatus.FAILED, "no result from b")


def test_a_run_completes_when_each_task_has() -> None:
    state = created(plan(task("a")))
    state = after(state, started("a"), completed("a"))
    assert decide(state, 0.0).end == End(RunStatus.COMPLETED)


def test_nothing_is_decided_for_a_run_that_has_ended() -> None:
    state = after(created(plan(task("a"))), RunCompleted(summary="s"))
    assert decide(state, 0.0) == Decision()


def test_a_ready_task_has_all_of_its_dependencies_completed() -> None:
    state = created(plan(task("a"), task("b", "a")))
    assert ready(state) == ["a"]
    assert ready(after(state, started("a"))) == []
    assert ready(after(state, started("a"), completed("a"))) == ["b"]


def ready(state: RunState) -> list[str]:
    return [one.plan.id for one in state.at(state.board.ready)]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[PlannedTask, ...]:
    """Draw acyclic graphs: a task may need those before it."""
    count = draw(st.integers(1, 8))
    names = [f"t{n}" for n in range(count)]
    return tuple(
        task(
            name,
            *draw(
                st.lists(st.sampled_from(names[:n]), unique=True) if n else st.just([])
            ),
        )
        for n, name in enumerate(names)
    )


def _carry_out(state: RunState, decision: Decision) -> RunState:
    """Do at once what a runtime does for a decision."""
    events: list[Event] = [
        *(TaskSkipped(task=skip.task, why=skip.why) for skip in decision.skip),
        *(started(name) for name in decision.start),
        *(
            TaskCancelled(task=name, attempt=state.tasks[name].attempt, why="x")
            for name in decision.cancel
        ),
    ]
    return after(state, *events)


def _active(state: RunState) -> Sequence[TaskId]:
    return [n for n, t in state.tasks.items() if t.status is TaskStatus.RUNNING]


def _endings(name: str) -> list[Event]:
    return [completed(name), failed(name), unproven(name)]


@given(
    tasks=graphs(),
    limit=st.integers(1, 4),
    on_failure=st.sampled_from(["drain", "fail_fast"]),
    data=st.data(),
)
def test_every_run_ends_and_keeps_its_rules_whatever_its_tasks_do(
    tasks: tuple[PlannedTask, ...],
    limit: int,
    on_failure: OnFailure,
    data: st.DataObject,
) -> None:
    state = created(plan(*tasks, limit=limit, on_failure=on_failure))
    for _ in range(200):
        decision = decide(state, 0.0)
        if decision.end is not None:
            break
        for name in decision.start:
            needs = state.tasks[name].plan.depends_on
            assert all(state.tasks[n].status is TaskStatus.COMPLETED for n in needs)
        state = _carry_out(state, decision)
        active = _active(state)
        assert len(active) <= limit
        if active:
            name = data.draw(st.sampled_from(active))
            state = after(state, data.draw(st.sampled_from(_endings(name))))
        if data.draw(st.integers(0, 9)) == 0:
            state = after(state, CancelRequested(why="enough"))
    else:
        pytest.fail("the run did not end")
    open_tasks = [t for t in state.tasks.values() if not t.status.terminal]
    assert not _active(state)
    assert not open_tasks or decision.end.status is RunStatus.BLOCKED
    all_completed = all(t.status is TaskStatus.COMPLETED for t in state.tasks.values())
    if decision.end.status is RunStatus.COMPLETED:
        assert all_completed


def test_what_comes_next_is_what_has_no_room_and_what_waits_for_that_at_work() -> None:
    tasks = (task("a"), task("b"), task("c", "a"), task("d", "c"), task("e", "a", "b"))
    state = created(plan(*tasks, limit=1))
    assert list(upcoming(state)) == ["a", "b", "c", "e"]
    state = after(state, started("a"))
    assert list(upcoming(state)) == ["b", "c", "e"]
    state = after(state, completed("a"), started("b"))
    assert list(upcoming(state)) == ["c", "d", "e"]


def test_nothing_comes_next_of_a_run_that_is_to_end() -> None:
    state = created(plan(task("a"), task("b", "a")))
    state = after(state, started("a"))
    assert list(upcoming(state)) == ["b"]
    assert list(upcoming(after(state, failed("a")))) == []
    assert list(upcoming(after(state, CancelRequested(why="enough")))) == []


def test_what_waits_for_people_does_not_come_next() -> None:
    writes = task("b", "a")
    reads = attrs.evolve(task("c", "a"), writes=False)
    gated = attrs.evolve(
        plan(attrs.evolve(task("a"), writes=False), writes, reads, outside("d", "a")),
        approve=True,
    )
    state = after(created(gated), started("a"))
    assert list(upcoming(state)) == ["c"]
    state = after(state, PlanApproved(by="ann"))
    assert list(upcoming(state)) == ["b", "c"]
