"""The rules of runs, checked on states, on changes and on decisions."""

from crew_actors.model import (
    AttemptStarted,
    Decision,
    Event,
    GroupFinished,
    RunResumed,
    RunState,
    RunStatus,
    TaskClaimed,
    TaskRequeued,
    TasksAdded,
    TaskState,
    TaskStatus,
    Usage,
    attempt_number,
    upcoming,
)
from crew_actors.model._board import set_up
from crew_actors.model._schedule import overlap


def check_state(state: RunState) -> None:
    """See to it that *state* breaks no limit and agrees with itself."""
    tasks = list(state.tasks.values())
    active = [one for one in tasks if one.status.active]
    here = [one for one in active if not one.plan.external]
    assert len(here) <= state.plan.limit
    for role, most in state.plan.role_limits.items():
        assert sum(one.plan.role == role for one in active) <= most
    for place, one in enumerate(active):
        for other in active[:place]:
            assert not _collide(one, other)
    for one in tasks:
        _check_task(state, one)
    if state.status.terminal:
        assert all(one.status.terminal for one in tasks)
    total = Usage()
    for one in tasks:
        total = total.plus(one.usage)
    assert state.usage == total
    _check_board(state)


def _collide(one: TaskState, other: TaskState) -> bool:
    return any(
        overlap(first, second)
        for first in one.plan.outputs
        for second in other.plan.outputs
    )


def _check_task(state: RunState, one: TaskState) -> None:
    assert 0 <= one.tries <= min(one.attempts, state.plan.limits.attempts)
    number = 0 if one.attempt is None else attempt_number(one.attempt)
    assert number == one.attempts
    assert bool(one.questions) == (one.status is TaskStatus.WAITING)
    assert one.claim is None or one.status.active
    assert one.status is not TaskStatus.COMPLETED or one.result is not None
    if one.status.active or one.status is TaskStatus.COMPLETED:
        for need in one.plan.depends_on:
            assert state.tasks[need].attempts > 0


def _check_board(state: RunState) -> None:
    afresh = set_up([(one.plan, one.status) for one in state.tasks.values()])
    board = state.board
    assert (board.by_status, board.ready, board.doomed) == (
        afresh.by_status,
        afresh.ready,
        afresh.doomed,
    )
    late = [one.plan.id for one in state.at(board.delayed)]
    assert late == [
        one.plan.id for one in state.of(TaskStatus.QUEUED) if one.not_before > 0
    ]


def check_change(before: RunState, event: Event, after: RunState) -> None:
    """See to it that what has ended stays so, and that no attempt is lost."""
    assert after.seq == before.seq + 1
    if before.status.terminal and not isinstance(event, RunResumed):
        assert after.status is before.status
        assert after.why == before.why
    if isinstance(event, GroupFinished):
        assert event.group not in before.finished, "it is told once"
    begun = event.task if isinstance(event, AttemptStarted | TaskClaimed) else None
    for name, was in before.tasks.items():
        now = after.tasks[name]
        assert now.attempts - was.attempts in ({0, 1} if begun == name else {0})
        if isinstance(event, TaskRequeued) and event.task == name:
            continue
        if was.status.terminal:
            assert now.status is was.status
            assert (now.result, now.data) == (was.result, was.data)
    more = set(after.tasks) - set(before.tasks)
    assert not more or isinstance(event, TasksAdded)


def check_decision(state: RunState, decision: Decision) -> None:
    """See to it that only what may begin does, and that nothing ends too early."""
    if decision.start:
        assert state.cancelling is None
        assert state.spent is None
        assert not state.refused
    for name in decision.start:
        one = state.tasks[name]
        assert one.status is TaskStatus.QUEUED
        assert not one.plan.external
        assert one.tries < state.plan.limits.attempts
        assert not state.plan.approve or not one.plan.writes or _granted(state)
        for need in one.plan.depends_on:
            assert state.tasks[need].status is TaskStatus.COMPLETED
    if decision.end is not None:
        stopped = state.cancelling or state.spent or state.refused
        fails = state.plan.on_failure == "fail_fast"
        assert stopped or fails or not state.board.ready, "it could go on"
        assert decision == Decision(end=decision.end)
        assert not any(one.status.active for one in state.tasks.values())
        done = all(one.status is TaskStatus.COMPLETED for one in state.tasks.values())
        completes = decision.end.status is RunStatus.COMPLETED
        assert done or not completes
        assert completes or decision.end.why


def check_upcoming(state: RunState) -> None:
    """See to it that what may come next is queued, and hangs on nothing that is lost."""
    coming = list(upcoming(state))
    assert len(coming) == len(set(coming))
    for name in coming:
        one = state.tasks[name]
        assert one.status is TaskStatus.QUEUED
        assert not one.plan.external
        assert not state.plan.approve or not one.plan.writes or _granted(state)
        for need in one.plan.depends_on:
            before = state.tasks[need].status
            assert before.active or before in {TaskStatus.COMPLETED, TaskStatus.QUEUED}


def _granted(state: RunState) -> bool:
    return state.approval == "granted"
