# An event is a message as in `crew_actors.codec`: a JSON object with its fields and its
# `kind`. The kinds are the names below: they are on disk, so they never change.
"""Events to JSON and back."""

from collections.abc import Mapping
from typing import Final

from crew_actors.codec import BadMessage, Codec, MessageTooLarge, UnknownKind
from crew_actors.journal._errors import BadEvent, UnknownEvent
from crew_actors.model import (
    AnswerSeen,
    ApprovalRequested,
    ArtifactWritten,
    AttemptFailed,
    AttemptStarted,
    BudgetSpent,
    BudgetWarned,
    CancelRequested,
    ClaimExtended,
    ClaimReleased,
    Event,
    GroupFinished,
    HeartbeatChanged,
    MessageSent,
    MessageSettled,
    PlanApproved,
    PlanRefused,
    PlanRejected,
    ProcessDiscarded,
    ProcessEnded,
    ProcessStarted,
    Progress,
    QuestionAnswered,
    QuestionAsked,
    QuestionExpired,
    ResultStored,
    RunBlocked,
    RunCancelled,
    RunCompleted,
    RunCreated,
    RunFailed,
    RunNested,
    RunResumed,
    RunStarted,
    TaskCancelled,
    TaskClaimed,
    TaskCompleted,
    TaskFailed,
    TaskNeedsAttention,
    TaskRequeued,
    TasksAdded,
    TaskSkipped,
    UsageReported,
    WorkspaceMade,
    WorkspaceReleased,
)

MAX_EVENT: Final = 4 * 1024 * 1024
"""Bytes of JSON. The largest event is the plan of a run, with each task's prompt."""

KINDS: Final[Mapping[str, type[Event]]] = {
    "run.created": RunCreated,
    "run.started": RunStarted,
    "run.resumed": RunResumed,
    "run.completed": RunCompleted,
    "run.failed": RunFailed,
    "run.blocked": RunBlocked,
    "run.cancelled": RunCancelled,
    "run.cancel_requested": CancelRequested,
    "run.budget_warned": BudgetWarned,
    "run.budget_spent": BudgetSpent,
    "run.group_finished": GroupFinished,
    "plan.approval_requested": ApprovalRequested,
    "plan.approved": PlanApproved,
    "plan.rejected": PlanRejected,
    "plan.tasks_added": TasksAdded,
    "plan.refused": PlanRefused,
    "attempt.started": AttemptStarted,
    "attempt.progress": Progress,
    "attempt.usage": UsageReported,
    "attempt.heartbeat": HeartbeatChanged,
    "attempt.artifact": ArtifactWritten,
    "attempt.answer_seen": AnswerSeen,
    "attempt.result_stored": ResultStored,
    "attempt.failed": AttemptFailed,
    "claim.taken": TaskClaimed,
    "claim.extended": ClaimExtended,
    "claim.released": ClaimReleased,
    "process.started": ProcessStarted,
    "process.ended": ProcessEnded,
    "process.discarded": ProcessDiscarded,
    "nested.started": RunNested,
    "question.asked": QuestionAsked,
    "question.answered": QuestionAnswered,
    "question.expired": QuestionExpired,
    "message.sent": MessageSent,
    "message.settled": MessageSettled,
    "workspace.made": WorkspaceMade,
    "workspace.released": WorkspaceReleased,
    "task.requeued": TaskRequeued,
    "task.completed": TaskCompleted,
    "task.needs_attention": TaskNeedsAttention,
    "task.failed": TaskFailed,
    "task.cancelled": TaskCancelled,
    "task.skipped": TaskSkipped,
}
"""Each kind of event by the name that is on disk."""

_NAMES: Final = {event: name for name, event in KINDS.items()}

_CODEC: Final = Codec[Event](KINDS, MAX_EVENT, noun="event")


def kind_of(event: Event) -> str:
    """Tell the name that the kind of *event* has on disk."""
    return _NAMES[type(event)]


def encode(event: Event) -> bytes:
    """Write *event* as JSON. What is written can be read.

    Raises:
      BadEvent: it holds a value of a wrong type, or has more than `MAX_EVENT` bytes.
    """
    try:
        return _CODEC.encode(event)
    except (BadMessage, MessageTooLarge) as error:
        raise _bad(error) from error


def decode(body: bytes) -> Event:
    """Read the JSON of an event.

    Raises:
      UnknownEvent: its kind is not known here.
      BadEvent: it is not the JSON of an event; each bad field is named.
    """
    try:
        return _CODEC.decode(body)
    except UnknownKind as error:
        raise UnknownEvent(error.kind) from None
    except (BadMessage, MessageTooLarge) as error:
        raise _bad(error) from error


def _bad(error: BadMessage | MessageTooLarge) -> BadEvent:
    if isinstance(error, BadMessage):
        return BadEvent(error.kind, error.problems)
    problem = f"{error.size} bytes are more than the {error.limit} allowed"
    return BadEvent("event", (problem,))
