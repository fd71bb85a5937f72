# A run is a fold over its events.
#
# 1. `advance` is the only way from one state to the next, for the runtime that
#    works on the run and for everybody who reads it later.
# 2. Terminal absorbs: an event that would change a terminal task or run is counted
#    in `dropped` and changes nothing. So is one that belongs to an old attempt.
# 3. An event that cannot belong to the run at all is a defect, and raises.
"""The state of a run, folded from its events."""

from collections.abc import Iterable, Mapping
from typing import assert_never

import attrs

from crew_actors.model._events import (
    Artifact,
    ArtifactWritten,
    AttemptStarted,
    CancelRequested,
    Event,
    Failure,
    HeartbeatChanged,
    ProcessEnded,
    ProcessStarted,
    Progress,
    Recorded,
    RunBlocked,
    RunCancelled,
    RunCompleted,
    RunCreated,
    RunFailed,
    RunStarted,
    TaskCancelled,
    TaskCompleted,
    TaskEvent,
    TaskFailed,
    TaskNeedsAttention,
    TaskSkipped,
    Usage,
    UsageReported,
)
from crew_actors.model._ids import AttemptId, RunId, TaskId
from crew_actors.model._plan import PlannedTask, RunPlan
from crew_actors.model._statuses import RunStatus, TaskStatus


class IllegalEvent(ValueError):
    """An event does not fit the run at all. The state is as it was before."""


@attrs.frozen(kw_only=True)
class TaskState:
    """Where one task stands."""

    plan: PlannedTask
    status: TaskStatus = TaskStatus.QUEUED
    attempt: AttemptId | None = None
    attempts: int = 0
    started_at: float | None = None
    """Seconds since 1970, of the newest attempt."""
    ended_at: float | None = None
    progress: str = ""
    """The last that the agent said."""
    heartbeat: str = "healthy"
    pid: int | None = None
    """Of the agent's process, while it lives."""
    usage: Usage = attrs.field(factory=Usage)
    artifacts: tuple[Artifact, ...] = ()
    result: Artifact | None = None
    data: Artifact | None = None
    failure: Failure | None = None
    why: str = ""
    """Why it was cancelled or skipped, or needs attention."""


@attrs.frozen(kw_only=True)
class RunState:
    """Where a run stands."""

    run: RunId
    workspace: str
    plan: RunPlan
    status: RunStatus
    tasks: Mapping[TaskId, TaskState]
    created_at: float
    started_at: float | None = None
    ended_at: float | None = None
    seq: int = 1
    """The number of the last event folded in."""
    cancelling: str | None = None
    """Why the run is to be stopped, once somebody has asked."""
    why: str = ""
    summary: str | None = None
    dropped: int = 0
    """Events that came too late to change anything."""

    @property
    def usage(self) -> Usage:
        """What all tasks used up together."""
        total = Usage()
        for task in self.tasks.values():
            total = total.plus(task.usage)
        return total


def begin(first: Recorded) -> RunState:
    """Make the state of a run from its first event.

    Raises:
      IllegalEvent: it is not the creation of a run.
    """
    created = first.event
    if not isinstance(created, RunCreated):
        msg = f"a run begins with RunCreated, not with {type(created).__name__}"
        raise IllegalEvent(msg)
    return RunState(
        run=created.run,
        workspace=created.workspace,
        plan=created.plan,
        status=RunStatus.QUEUED,
        tasks={task.id: TaskState(plan=task) for task in created.plan.tasks},
        created_at=first.at,
        seq=first.seq,
    )


def fold(events: Iterable[Recorded]) -> RunState | None:
    """Fold *events*, in their order, into a state; None if there are none.

    Raises:
      IllegalEvent: an event does not fit.
    """
    state: RunState | None = None
    for recorded in events:
        state = begin(recorded) if state is None else advance(state, recorded)
    return state


def advance(state: RunState, recorded: Recorded) -> RunState:
    """Fold one more event into *state*.

    Raises:
      IllegalEvent: it has not the next number, or names an unknown task.
    """
    if recorded.seq != state.seq + 1:
        msg = f"event {recorded.seq} cannot follow event {state.seq}"
        raise IllegalEvent(msg)
    state = attrs.evolve(state, seq=recorded.seq)
    event, at = recorded.event, recorded.at
    match event:
        case RunCreated():
            msg = "a run is created once"
            raise IllegalEvent(msg)
        case RunStarted():
            return _run(state, RunStatus.RUNNING, started_at=at)
        case CancelRequested(why=why):
            if state.status.terminal or state.cancelling is not None:
                return _dropped(state)
            return attrs.evolve(state, cancelling=why)
        case RunCompleted(summary=summary):
            return _run(state, RunStatus.COMPLETED, ended_at=at, summary=summary)
        case RunFailed(why=why, summary=summary):
            return _run(state, RunStatus.FAILED, ended_at=at, why=why, summary=summary)
        case RunBlocked(why=why, summary=summary):
            return _run(state, RunStatus.BLOCKED, ended_at=at, why=why, summary=summary)
        case RunCancelled(why=why, summary=summary):
            return _run(
                state, RunStatus.CANCELLED, ended_at=at, why=why, summary=summary
            )
        case _:
            return _task_event(state, event, at)


def _dropped(state: RunState) -> RunState:
    return attrs.evolve(state, dropped=state.dropped + 1)


def _run(
    state: RunState,
    status: RunStatus,
    *,
    started_at: float | None = None,
    ended_at: float | None = None,
    why: str = "",
    summary: str | None = None,
) -> RunState:
    if state.status.terminal:
        return _dropped(state)
    return attrs.evolve(
        state,
        status=status,
        started_at=state.started_at if started_at is None else started_at,
        ended_at=ended_at,
        why=why,
        summary=summary,
    )


def _task_event(state: RunState, event: TaskEvent, at: float) -> RunState:
    try:
        task = state.tasks[event.task]
    except KeyError:
        msg = f"the run has no task {event.task!r}"
        raise IllegalEvent(msg) from None
    changed = advance_task(task, event, at)
    if changed is None:
        return _dropped(state)
    return attrs.evolve(state, tasks={**state.tasks, event.task: changed})


def transition(status: TaskStatus, event: Event) -> TaskStatus | None:
    """Tell what becomes of a task's *status* through *event*.

    The one table of changes. None means that the event comes too late, or too
    early, to mean anything for a task in that status.
    """
    match event:
        case AttemptStarted():
            return TaskStatus.RUNNING if status is TaskStatus.QUEUED else None
        case TaskSkipped():
            return TaskStatus.SKIPPED if status is TaskStatus.QUEUED else None
        case TaskCancelled():
            return None if status.terminal else TaskStatus.CANCELLED
        case TaskCompleted():
            return TaskStatus.COMPLETED if status.active else None
        case TaskNeedsAttention():
            return TaskStatus.NEEDS_ATTENTION if status.active else None
        case TaskFailed():
            return TaskStatus.FAILED if status.active else None
        case _:
            return status if status.active else None


def advance_task(task: TaskState, event: TaskEvent, at: float) -> TaskState | None:
    """Fold one event into a task; None if it changes nothing any more."""
    status = transition(task.status, event)
    if status is None or _is_stale(task, event):
        return None
    if status.terminal:
        task = attrs.evolve(task, status=status, ended_at=at, pid=None)
    match event:
        case AttemptStarted(attempt=attempt):
            return attrs.evolve(
                task,
                status=status,
                attempt=attempt,
                attempts=task.attempts + 1,
                started_at=at,
            )
        case ProcessStarted(pid=pid):
            return attrs.evolve(task, pid=pid)
        case ProcessEnded():
            return attrs.evolve(task, pid=None)
        case Progress(text=text):
            return attrs.evolve(task, progress=text)
        case UsageReported(usage=usage):
            return attrs.evolve(task, usage=task.usage.plus(usage))
        case HeartbeatChanged(level=level):
            return attrs.evolve(task, heartbeat=level)
        case ArtifactWritten(artifact=artifact):
            return attrs.evolve(task, artifacts=(*task.artifacts, artifact))
        case TaskCompleted(result=result, data=data):
            return attrs.evolve(task, result=result, data=data)
        case TaskFailed(failure=failure):
            return attrs.evolve(task, failure=failure)
        case (
            TaskNeedsAttention(why=why) | TaskCancelled(why=why) | TaskSkipped(why=why)
        ):
            return attrs.evolve(task, why=why)
        case _:
            assert_never(event)


def _is_stale(task: TaskState, event: TaskEvent) -> bool:
    """Tell whether *event* belongs to an attempt that is not the task's newest."""
    if isinstance(event, TaskSkipped | AttemptStarted):
        return False
    return event.attempt is not None and event.attempt != task.attempt
