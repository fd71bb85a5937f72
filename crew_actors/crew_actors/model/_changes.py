# The one table of the changes of a task, and which events come too late for it.
"""What becomes of a task's status through an event. Pure."""

from crew_actors.model._events import (
    AttemptFailed,
    AttemptStarted,
    ClaimExtended,
    ClaimReleased,
    Event,
    MessageSent,
    MessageSettled,
    QuestionAnswered,
    QuestionAsked,
    QuestionExpired,
    TaskCancelled,
    TaskClaimed,
    TaskCompleted,
    TaskEvent,
    TaskFailed,
    TaskNeedsAttention,
    TaskRequeued,
    TaskSkipped,
    WorkspaceReleased,
)
from crew_actors.model._ids import attempt_number
from crew_actors.model._state import TaskState
from crew_actors.model._statuses import TaskStatus


def transition(  # noqa: C901, PLR0911 - one table over the closed union
    status: TaskStatus, event: Event
) -> TaskStatus | None:
    """Tell what becomes of a task's *status* through *event*.

    The one table of changes. None means that the event comes too late, or too
    early, to mean anything for a task in that status. A task whose agent has asked
    several questions goes on waiting until each is settled.
    """
    match event:
        case AttemptStarted() | TaskClaimed():
            return TaskStatus.RUNNING if status is TaskStatus.QUEUED else None
        case TaskRequeued():
            return None if status is TaskStatus.QUEUED else TaskStatus.QUEUED
        case AttemptFailed() | ClaimReleased():
            return TaskStatus.QUEUED if status.active else None
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
        case QuestionAsked():
            return TaskStatus.WAITING if status.active else None
        case QuestionAnswered() | QuestionExpired():
            return TaskStatus.RUNNING if status is TaskStatus.WAITING else None
        case MessageSent() | MessageSettled() | WorkspaceReleased():
            return status
        case _:
            return status if status.active else None


def is_stale(task: TaskState, event: TaskEvent) -> bool:
    """Tell whether *event* belongs to an attempt that is not the task's newest."""
    if isinstance(event, AttemptStarted | TaskClaimed):
        newest = task.attempt
        return newest is not None and attempt_number(event.attempt) <= attempt_number(
            newest
        )
    if isinstance(event, ClaimExtended) and task.claim is None:
        return True
    if isinstance(event, TaskSkipped | TaskRequeued | MessageSent):
        return False
    return event.attempt is not None and event.attempt != task.attempt
