# Everything that can happen to a run. The list is closed: a reader that meets a
# kind which is not here is older than the writer, and must say so.
#
# Events say what happened, with all that is needed to tell it again later. They
# hold no time: the journal stamps each with its moment and its number.
"""The events of a run."""

from enum import Enum
from typing import Literal, TypeAlias

import attrs

from crew_actors.model._ids import AttemptId, RunId, TaskId
from crew_actors.model._plan import RunPlan


class FailureKind(Enum):
    """Why an attempt failed, as far as a reaction depends on it."""

    START = "start"
    """The agent could not be started. Trying again changes nothing."""
    EXIT = "exit"
    """The agent ended with an error."""
    KILLED = "killed"
    """The system ended the agent, for want of memory perhaps."""
    TIMEOUT = "timeout"
    """One of the deadlines fired; the message names it."""
    REPORTED = "reported"
    """The agent itself said that it failed."""
    STORAGE = "storage"
    """What the agent left could not be stored."""
    CRASH = "crash"
    """Our own code failed. This is a defect."""


@attrs.frozen(kw_only=True)
class Failure:
    """What went wrong in an attempt."""

    kind: FailureKind
    message: str
    detail: str = ""
    """The last of what the agent wrote to its error stream."""


@attrs.frozen(kw_only=True)
class Usage:
    """What an agent used up. Counted once for each report."""

    input: int = 0
    output: int = 0
    cost: float = 0.0
    """In the currency that the agent reports, US dollars with most."""

    def plus(self, other: "Usage") -> "Usage":
        """Add two usages."""
        return Usage(
            input=self.input + other.input,
            output=self.output + other.output,
            cost=self.cost + other.cost,
        )


@attrs.frozen(kw_only=True)
class Artifact:
    """A file that an attempt left. It is complete and never changes."""

    name: str
    path: str
    """Relative to the folder of the run, with '/' between its parts."""
    size: int
    """Bytes, as stored."""
    sha256: str
    """Of the bytes as stored."""


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
class AttemptStarted:
    """A task was given to an agent."""

    task: TaskId
    attempt: AttemptId


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
    | RunCompleted
    | RunFailed
    | RunBlocked
    | RunCancelled
    | CancelRequested
)
TaskEnding: TypeAlias = (
    TaskCompleted | TaskNeedsAttention | TaskFailed | TaskCancelled | TaskSkipped
)
TaskEvent: TypeAlias = (
    AttemptStarted
    | ProcessStarted
    | ProcessEnded
    | Progress
    | UsageReported
    | HeartbeatChanged
    | ArtifactWritten
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
