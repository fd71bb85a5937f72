"""What the actor of a run is started with."""

import random
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import attrs

from crew_actors.journal import RunFolder
from crew_actors.model import Limits, McpServer, PlannedTask, RunPlan, Selection
from crew_actors.runs._slots import Slots
from crew_actors.runs._view import RunView
from crew_actors.runtimes import Runtime
from crew_actors.worktrees import Worktrees


@attrs.frozen(kw_only=True)
class TakeUp:
    """A run is worked on again, of which there is a journal."""

    why: str
    limits: Limits | None = None
    """Those of the run from now on; None: as they were."""
    retry: Selection | None = None
    """Which tasks are queued again, beside those that were at work; None: none."""


@attrs.frozen(kw_only=True)
class RunOrder:
    """What a run actor is started with."""

    folder: RunFolder
    workspace: Path
    """The project."""
    plan: RunPlan | None = None
    """Of a run that does not exist yet; else `take_up` is given."""

    take_up: TakeUp | None = None
    runtime_of: Callable[[PlannedTask], Runtime]
    """Chooses who runs a task.

    Raises:
      NoRuntime: nobody can.
    """

    check: Callable[[PlannedTask], None]
    """Sees to it that somebody can do a task, here or outside.

    Raises:
      NoRuntime: nobody can.
    """

    view: RunView
    slots: Slots
    warm: Slots | None = None
    """Room for processes that are started ahead of their attempts; None: there is none."""
    worktrees: Worktrees
    environ: Mapping[str, str]
    servers: Collection[McpServer] = ()
    """The MCP servers that the user has."""
    compact_at: int
    """Bytes of the journal above which events go that later ones make needless."""
    random: Callable[[], float] = random.random
