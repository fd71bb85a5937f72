# Everything that can happen to a run. The list is closed: a reader that meets a
# kind which is not here is older than the writer, and must say so.
#
# Events say what happened, with all that is needed to tell it again later. They
# hold no time: the journal stamps each with its moment and its number.
"""The events of a run."""

from typing import Literal, TypeAlias

import attrs

from crew_actors.model._ids import AttemptId, RunId, TaskId
from crew_actors.model._plan import Limits, PlannedTask, RunPlan
from crew_actors.model._values import (
    Artifact,
    BudgetKind,
    Claim,
    Failure,
    Message,
    MessageOutcome,
    Question,
    Usage,
)


@attrs.frozen(kw_only=True)
class RunCreated:
    """The run exists. Always the first event."""

    run: RunId
    workspace: str
    """The absolute path of the project."""
    plan: RunPlan


@attrs.frozen(kw_only=True)
class RunStarted:
    """The runtime began to work on the run."""


@attrs.frozen(kw_only=True)
class RunCompleted:
    """Each task completed."""

    summary: str | None
    """The path of the summary, relative to the folder of the run; None if it could
    not be written."""


@attrs.frozen(kw_only=True)
class RunFailed:
    """The run ended without completing each of its tasks."""

    why: str
    summary: str | None = None


@attrs.frozen(kw_only=True)
class RunBlocked:
    """No task can be started, none is running, and some are open."""

    why: str
    summary: str | None = None


@attrs.frozen(kw_only=True)
class RunCancelled:
    """The run was stopped on request, and everything of it has ended."""

    why: str
    summary: str | None = None


@attrs.frozen(kw_only=True)
class CancelRequested:
    """Somebody asked for the run to be stopped."""

    why: str


@attrs.frozen(kw_only=True)
class RunResumed:
    """The run is worked on again, after its owner had gone or it had ended."""

    why: str
    limits: Limits | None = None
    """How much it may use from now on, in all; None: as much as before."""


@attrs.frozen(kw_only=True)
class ApprovalRequested:
    """Tasks that write wait until a person has agreed to the plan."""

    why: str


@attrs.frozen(kw_only=True)
class PlanApproved:
    """A person has agreed to the plan."""

    by: str


@attrs.frozen(kw_only=True)
class PlanRejected:
    """A person has refused the plan: the run is to be stopped."""

    by: str
    why: str


@attrs.frozen(kw_only=True)
class TasksAdded:
    """A task has planned further ones."""

    by: TaskId
    tasks: tuple[PlannedTask, ...]
    repairs: tuple[str, ...] = ()
    """What had to be mended in what it wrote."""


@attrs.frozen(kw_only=True)
class PlanRefused:
    """What a task has planned cannot be understood: the run is blocked."""

    by: TaskId
    why: str


@attrs.frozen(kw_only=True)
class BudgetWarned:
    """Most of a budget is used up."""

    budget: BudgetKind
    used: float
    limit: float


@attrs.frozen(kw_only=True)
class BudgetSpent:
    """A budget is used up: the run is to be stopped."""

    budget: BudgetKind
    used: float
    limit: float


@attrs.frozen(kw_only=True)
class GroupFinished:
    """Each task of a group has ended."""

    group: str
    completed: int
    of: int


@attrs.frozen(kw_only=True)
class AttemptStarted:
    """A task was given to an agent."""

    task: TaskId
    attempt: AttemptId


@attrs.frozen(kw_only=True)
class TaskClaimed:
    """A task was given to somebody outside, who makes this attempt."""

    task: TaskId
    attempt: AttemptId
    claim: Claim


@attrs.frozen(kw_only=True)
class ClaimExtended:
    """Whoever has claimed the task is still on it."""

    task: TaskId
    attempt: AttemptId
    until: float
    """Seconds since 1970."""


@attrs.frozen(kw_only=True)
class ClaimReleased:
    """Whoever had claimed the task has given it back. It counts as no try."""

    task: TaskId
    attempt: AttemptId
    why: str


@attrs.frozen(kw_only=True)
class ProcessStarted:
    """The agent of an attempt is a process, and it runs."""

    task: TaskId
    attempt: AttemptId
    pid: int
    create_time: float
    """Seconds since 1970, as the system tells it: with the pid, the identity."""
    containment: str


@attrs.frozen(kw_only=True)
class ProcessEnded:
    """The process of an attempt and its whole tree have ended, or who has not."""

    task: TaskId
    attempt: AttemptId
    pid: int
    outcome: str
    """For instance `exit 0` or `SIGKILL`."""
    containment: str
    escalations: tuple[str, ...] = ()
    survivors: tuple[str, ...] = ()
    took: float = 0.0
    """Seconds that stopping took; 0 if it ended by itself."""


@attrs.frozen(kw_only=True)
class ProcessDiscarded:
    """A process that was started ahead of its attempt has ended without being used."""

    task: TaskId
    attempt: AttemptId
    """For which it was; it may be made yet, with another one."""
    pid: int
    why: str
    outcome: str
    """As in `ProcessEnded`; so are the rest."""
    containment: str
    escalations: tuple[str, ...] = ()
    survivors: tuple[str, ...] = ()
    took: float = 0.0


@attrs.frozen(kw_only=True)
class RunNested:
    """The agent starts a run of its own, and has leave to."""

    task: TaskId
    attempt: AttemptId
    run: RunId


@attrs.frozen(kw_only=True)
class Progress:
    """The agent said something on its way. May be missing after a crash."""

    task: TaskId
    attempt: AttemptId
    text: str


@attrs.frozen(kw_only=True)
class UsageReported:
    """The agent used something up."""

    task: TaskId
    attempt: AttemptId
    usage: Usage


@attrs.frozen(kw_only=True)
class HeartbeatChanged:
    """The signs of life of an agent became rarer, or came back."""

    task: TaskId
    attempt: AttemptId
    level: Literal["healthy", "warn", "stale", "dead"]
    silent_for: float
    """Seconds since the last sign of life."""


@attrs.frozen(kw_only=True)
class ArtifactWritten:
    """An artifact of an attempt is on disk."""

    task: TaskId
    attempt: AttemptId
    artifact: Artifact


@attrs.frozen(kw_only=True)
class AnswerSeen:
    """The agent has given its final answer."""

    task: TaskId
    attempt: AttemptId


@attrs.frozen(kw_only=True)
class ResultStored:
    """The result of an attempt is on disk: it need not be made again."""

    task: TaskId
    attempt: AttemptId
    result: Artifact
    data: Artifact | None = None


@attrs.frozen(kw_only=True)
class QuestionAsked:
    """The agent wants to know something, and waits."""

    task: TaskId
    attempt: AttemptId
    question: Question


@attrs.frozen(kw_only=True)
class QuestionAnswered:
    """Somebody has answered a question."""

    task: TaskId
    attempt: AttemptId
    question: str
    """Its id."""
    answer: str
    by: str


@attrs.frozen(kw_only=True)
class QuestionExpired:
    """Nobody has answered a question in time; its agent goes on."""

    task: TaskId
    attempt: AttemptId
    question: str


@attrs.frozen(kw_only=True)
class MessageSent:
    """Somebody has told the agent of a task something."""

    task: TaskId
    message: Message


@attrs.frozen(kw_only=True)
class MessageSettled:
    """What became of a message."""

    task: TaskId
    attempt: AttemptId | None
    """Whose agent had it; None if there was none."""
    message: str
    outcome: MessageOutcome
    why: str = ""


@attrs.frozen(kw_only=True)
class WorkspaceMade:
    """The attempt works in a worktree of its own."""

    task: TaskId
    attempt: AttemptId
    path: str
    branch: str
    base: str
    """The commit that it began with."""


@attrs.frozen(kw_only=True)
class WorkspaceReleased:
    """The attempt needs its worktree no more."""

    task: TaskId
    attempt: AttemptId
    kept: bool
    """Whether the folder is still there."""
    why: str
    branch: str | None = None
    """The branch that holds the changes; None if nothing was changed, or if they are
    in the folder only."""
    patch: Artifact | None = None
    """All changes of the attempt."""


@attrs.frozen(kw_only=True)
class AttemptFailed:
    """An attempt failed, and its task is queued for the next one."""

    task: TaskId
    attempt: AttemptId
    failure: Failure
    retry_at: float
    """Seconds since 1970: the next attempt begins no earlier."""


@attrs.frozen(kw_only=True)
class TaskRequeued:
    """A task is queued again that had ended, whose owner had gone, or that begins anew."""

    task: TaskId
    why: str


@attrs.frozen(kw_only=True)
class TaskCompleted:
    """An attempt gave a result."""

    task: TaskId
    attempt: AttemptId
    result: Artifact
    data: Artifact | None = None
    """The structured part of the result, as JSON."""


@attrs.frozen(kw_only=True)
class TaskNeedsAttention:
    """An attempt ended well but without a result that proves it."""

    task: TaskId
    attempt: AttemptId
    why: str


@attrs.frozen(kw_only=True)
class TaskFailed:
    """An attempt failed."""

    task: TaskId
    attempt: AttemptId
    failure: Failure


@attrs.frozen(kw_only=True)
class TaskCancelled:
    """A task was stopped, or will not be started, because of a cancellation."""

    task: TaskId
    attempt: AttemptId | None
    why: str


@attrs.frozen(kw_only=True)
class TaskSkipped:
    """A task will not be started, because of what became of another."""

    task: TaskId
    why: str


RunEvent: TypeAlias = (
    RunCreated
    | RunStarted
    | RunResumed
    | RunCompleted
    | RunFailed
    | RunBlocked
    | RunCancelled
    | CancelRequested
    | ApprovalRequested
    | PlanApproved
    | PlanRejected
    | TasksAdded
    | PlanRefused
    | BudgetWarned
    | BudgetSpent
    | GroupFinished
    | ProcessDiscarded
)
TaskEnding: TypeAlias = (
    TaskCompleted | TaskNeedsAttention | TaskFailed | TaskCancelled | TaskSkipped
)
TaskEvent: TypeAlias = (
    AttemptStarted
    | TaskClaimed
    | ClaimExtended
    | ClaimReleased
    | ProcessStarted
    | ProcessEnded
    | RunNested
    | Progress
    | UsageReported
    | HeartbeatChanged
    | ArtifactWritten
    | AnswerSeen
    | ResultStored
    | QuestionAsked
    | QuestionAnswered
    | QuestionExpired
    | MessageSent
    | MessageSettled
    | WorkspaceMade
    | WorkspaceReleased
    | AttemptFailed
    | TaskRequeued
    | TaskEnding
)
Event: TypeAlias = RunEvent | TaskEvent


@attrs.frozen
class Recorded:
    """An event with its place in the run's journal."""

    seq: int
    """1, 2, 3, …"""
    at: float
    """Seconds since 1970, by the clock of the machine that wrote it."""
    event: Event
