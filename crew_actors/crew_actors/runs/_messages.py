"""What the actors of a run say to each other."""

from typing import TypeAlias

import attrs

from crew_actors.journal import Journal
from crew_actors.model import TaskEvent
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


RunMessage: TypeAlias = Begin | Report | Stop


@attrs.frozen
class StopTask:
    """Stop the attempt. Its task actor reports when everything of it has ended."""

    why: str
    now: bool = False
