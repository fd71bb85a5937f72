# What the actors of a run say to each other, and what others may ask of them.
#
# A request is answered when what it asks for is on disk. Its errors are meant for
# persons; after one of them nothing has changed.
"""The messages of the actors of a run."""

from typing import TypeAlias

import attrs

from crew_actors.journal import Journal
from crew_actors.model import Message, MessageKind, TaskEvent, TaskId
from crew_mailbox import Request


@attrs.frozen(eq=False)
class Begin(Request[Journal]):
    """Begin the run. Answered with its journal, once its first event is on disk."""


@attrs.frozen
class Report:
    """Something happened to a task. From its task actor."""

    event: TaskEvent


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
    outcome: str
    """`delivered`, `queued` or `rejected`."""
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
class Approve(Request[None]):
    """Let the tasks begin that write."""

    by: str


@attrs.frozen(kw_only=True, eq=False)
class Reject(Request[None]):
    """Refuse the plan: the run is cancelled."""

    by: str
    why: str


Wish: TypeAlias = Respond | Send | Retry | CancelTask | Approve | Reject
"""What others may ask of a run."""

RunMessage: TypeAlias = Begin | Report | Stop | Wake | SlotFree | Unsettled | Wish


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


TaskMessage: TypeAlias = StopTask | Deliver | TellAnswer
