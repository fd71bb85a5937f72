# What the actors of a run say to each other, and what others may ask of them.
#
# A request is answered when what it asks for is on disk. Its errors are meant for
# persons; after one of them nothing has changed.
"""The messages of the actors of a run."""

from typing import TYPE_CHECKING, Literal, TypeAlias

import attrs

from crew_actors.journal import Journal
from crew_actors.model import (
    AttemptId,
    Message,
    MessageKind,
    MessageOutcome,
    ProcessDiscarded,
    RunId,
    TaskEvent,
    TaskId,
)
from crew_mailbox import Request

if TYPE_CHECKING:
    from crew_actors.runs._task import Work


@attrs.frozen(eq=False)
class Begin(Request[Journal]):
    """Begin the run. Answered with its journal, once its first event is on disk."""


@attrs.frozen
class Report:
    """Something happened to a task. From its task actor."""

    event: TaskEvent


@attrs.frozen
class Discarded:
    """A process that was started ahead of an attempt has ended, unused."""

    event: ProcessDiscarded


@attrs.frozen
class WarmEnded:
    """Nothing of an attempt lives that was made ready ahead and has not begun."""

    attempt: AttemptId


@attrs.frozen
class Stop:
    """Stop the run."""

    why: str
    now: bool = False
    """Without any grace for the agents."""


@attrs.frozen
class Wake:
    """A moment has come that the run waited for."""


@attrs.frozen
class SlotFree:
    """Another run has ended an attempt: there may be room for one of this run's."""


@attrs.frozen
class Unsettled:
    """The agent has had its time to take a message."""

    message: str


@attrs.frozen(kw_only=True, eq=False)
class Respond(Request[str]):
    """Answer a question. Answered with the id of its task."""

    task: str | None
    """None: the one task that waits."""
    question: str | None
    """The id of the question; None: the oldest of the task."""
    answer: str
    by: str


@attrs.frozen(kw_only=True)
class Sent:
    """What became of a message to a task."""

    message: str
    outcome: MessageOutcome
    why: str = ""


@attrs.frozen(kw_only=True, eq=False)
class Send(Request[Sent]):
    """Send a message to the agent of a task."""

    task: str
    kind: MessageKind
    text: str
    by: str


@attrs.frozen(kw_only=True, eq=False)
class Retry(Request[tuple[TaskId, ...]]):
    """Queue tasks again. Answered with those that are, and those behind them."""

    tasks: tuple[str, ...]
    """Empty: each that did not complete."""
    why: str


@attrs.frozen(kw_only=True, eq=False)
class CancelTask(Request[TaskId]):
    """Stop one task. Answered when it is told to stop."""

    task: str
    why: str


@attrs.frozen(kw_only=True, eq=False)
class RestartTask(Request[TaskId]):
    """Begin a task at work anew. Answered when its attempt is told to stop."""

    task: str
    why: str


@attrs.frozen(kw_only=True, eq=False)
class Approve(Request[None]):
    """Let the tasks begin that write."""

    by: str


@attrs.frozen(kw_only=True, eq=False)
class Reject(Request[None]):
    """Refuse the plan: the run is cancelled."""

    by: str
    why: str


@attrs.frozen(kw_only=True, eq=False)
class Nest(Request[None]):
    """Let the agent of a task start a run. Answered when that is on disk."""

    task: str
    attempt: str
    run: RunId
    """Which is to be."""


@attrs.frozen(kw_only=True)
class Claimed:
    """A task that somebody outside has claimed."""

    task: TaskId
    attempt: AttemptId
    owner: str
    token: str = attrs.field(repr=False)
    """Which whoever goes on with it must show. It is kept nowhere."""
    until: float
    """Seconds since 1970. The attempt fails then, unless the claim is extended."""
    messages: tuple[Message, ...] = ()
    """What people have told the agent of the task since it was last asked."""


@attrs.frozen(kw_only=True, eq=False)
class ClaimTask(Request[Claimed]):
    """Take a task that is done outside."""

    task: str | None
    """None: the first that can be claimed."""
    owner: str
    seconds: float | None
    """How long the claim holds; None: as usual."""


@attrs.frozen(kw_only=True, eq=False)
class ExtendClaim(Request[Claimed]):
    """Go on with a claimed task."""

    task: str
    token: str = attrs.field(repr=False)
    seconds: float | None
    progress: str
    """What is being done, if it is to be shown."""


@attrs.frozen(kw_only=True, eq=False)
class ReleaseClaim(Request[TaskId]):
    """Give a claimed task back."""

    task: str
    token: str = attrs.field(repr=False)
    why: str


ClaimEnd: TypeAlias = Literal["completed", "failed"]
"""How a task that was done outside can end."""


@attrs.frozen(kw_only=True, eq=False)
class Transition(Request[TaskId]):
    """Tell how a claimed task has ended."""

    task: str
    token: str = attrs.field(repr=False)
    status: ClaimEnd
    result: str
    """Of a task that failed, the details."""
    why: str


ClaimWish: TypeAlias = ClaimTask | ExtendClaim | ReleaseClaim | Transition
"""What those ask for who do tasks outside."""

Wish: TypeAlias = (
    Respond
    | Send
    | Retry
    | CancelTask
    | RestartTask
    | Approve
    | Reject
    | Nest
    | ClaimWish
)
"""What others may ask of a run."""

RunMessage: TypeAlias = (
    Begin | Report | Discarded | WarmEnded | Stop | Wake | SlotFree | Unsettled | Wish
)


@attrs.frozen(eq=False)
class BeginAttempt:
    """Let an attempt begin that was made ready ahead."""

    work: "Work"


@attrs.frozen
class Discard:
    """Give up an attempt that was made ready ahead. Its task actor tells when it has."""

    why: str


@attrs.frozen
class StopTask:
    """Stop the attempt. Its task actor reports when everything of it has ended."""

    why: str
    now: bool = False


@attrs.frozen
class Deliver:
    """A message for the agent of the attempt."""

    message: Message


@attrs.frozen
class TellAnswer:
    """The answer to a question of the agent; None if nobody answered in time."""

    question: str
    answer: str | None


TaskMessage: TypeAlias = BeginAttempt | Discard | StopTask | Deliver | TellAnswer
