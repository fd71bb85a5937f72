# How a run is taken up again. The events are the same however often it is asked:
# applied, they leave nothing to be done a second time.
"""Taking up runs, and queueing tasks again. Pure."""

from collections.abc import Collection, Iterator

import attrs

from crew_actors.model._board import places
from crew_actors.model._events import (
    Event,
    RunResumed,
    RunStarted,
    TaskCompleted,
    TaskRequeued,
)
from crew_actors.model._ids import TaskId
from crew_actors.model._plan import Limits
from crew_actors.model._state import RunState, TaskState
from crew_actors.model._statuses import RunStatus, TaskStatus


@attrs.frozen(kw_only=True)
class Selection:
    """Which tasks are to be done again, and those that depend on them."""

    tasks: tuple[TaskId, ...] = ()
    """Empty: each that has ended without completing."""


def resume_plan(
    state: RunState,
    why: str,
    retry: Selection | None = None,
    limits: Limits | None = None,
) -> tuple[Event, ...]:
    """Tell the events with which the run in *state* is taken up, if there is a point.

    Nobody works on it. A run that never began is begun. Tasks that were at work here
    complete if their result and what they changed are on disk, and else are queued
    again; so are those that the end of the run has cancelled or skipped, a task whose
    plan was not taken in any more, and with *retry* those that it selects. A run in which
    nothing is left to be done gives no event. *limits* are those of the run from then
    on; without them, spent tokens and costs are spent again.
    """
    if state.status is RunStatus.QUEUED:
        if limits is None:
            return (RunStarted(),)
        return (RunStarted(), RunResumed(why=why, limits=limits))
    here = (one for one in state.at(state.board.active) if one.claim is None)
    events: list[Event] = [_orphan(state, one) for one in here]
    selected = set[TaskId]() if retry is None else _selected(state, retry)
    chosen = selected | _cut(state, selected)
    planner = _unexpanded(state)
    if planner is not None:
        chosen.add(planner)
    events += _requeued(state, chosen, why)
    if not events and state.status.ended:
        waits = state.board.of(TaskStatus.QUEUED)
        if state.status is not RunStatus.BLOCKED or not (waits and state.refused):
            return ()
    return (RunResumed(why=why, limits=limits), *events)


def requeue(
    state: RunState, selection: Selection, why: str
) -> tuple[TaskRequeued, ...]:
    """Tell the events that queue tasks of a running run again; none, if none ended."""
    return tuple(_requeued(state, _selected(state, selection), why))


def _orphan(state: RunState, task: TaskState) -> Event:
    attempt, result = task.attempt, task.result
    # Else what it changed is nowhere else yet.
    given_back = task.workspace is None or task.released
    plans = task.plan.id == state.plan.adaptive  # else its plan would not be taken in
    if (
        task.stored
        and given_back
        and not plans
        and attempt is not None
        and result is not None
    ):
        return TaskCompleted(
            task=task.plan.id, attempt=attempt, result=result, data=task.data
        )
    return TaskRequeued(task=task.plan.id, why="its owner had gone")


def _unexpanded(state: RunState) -> TaskId | None:
    """Name the task that has completed, but whose plan was not taken in any more."""
    planner = state.plan.adaptive
    if planner is None or state.expanded:
        return None
    task = state.tasks.get(planner)
    done = task is not None and task.status is TaskStatus.COMPLETED
    return planner if done else None


def _cut(state: RunState, selected: Collection[TaskId]) -> set[TaskId]:
    """Return the tasks that the end of the run has ended, not one before them.

    They are none as long as they would be ended at once for the same reason.
    """
    if state.plan.on_failure == "fail_fast" and any(
        task.plan.id not in selected
        for task in state.of(TaskStatus.FAILED, TaskStatus.NEEDS_ATTENTION)
    ):
        return set()
    hopeless = 0
    more = state.board.of(TaskStatus.FAILED)
    while more:
        hopeless |= more
        behind = 0
        for place in places(more):
            behind |= state.board.graph.behind[place]
        more = behind & ~hopeless
    cut = state.board.of(TaskStatus.CANCELLED, TaskStatus.SKIPPED)
    return {task.plan.id for task in state.at(cut & ~hopeless)}


def _selected(state: RunState, selection: Selection) -> set[TaskId]:
    if not selection.tasks:
        return {
            name
            for name, task in state.tasks.items()
            if task.status.terminal and task.status is not TaskStatus.COMPLETED
        }
    chosen = {name for name in selection.tasks if state.tasks[name].status.terminal}
    return _with_dependents(state, chosen)


def _with_dependents(state: RunState, chosen: Collection[TaskId]) -> set[TaskId]:
    """Add all tasks that have ended and depend on *chosen*, over any number of steps."""
    found = set(chosen)
    grew = bool(found)
    while grew:
        more = {
            name
            for name, task in state.tasks.items()
            if name not in found
            and task.status.terminal
            and not found.isdisjoint(task.plan.depends_on)
        }
        found |= more
        grew = bool(more)
    return found


def _requeued(
    state: RunState, chosen: Collection[TaskId], why: str
) -> Iterator[TaskRequeued]:
    return (TaskRequeued(task=name, why=why) for name in state.tasks if name in chosen)
