"""What a supervisor tells about its children: states, reports, lists and trees."""

import enum
from typing import Literal, TypeAlias, final

import attrs

from ._reasons import CancelReason
from ._specs import RestartType

StopEnd: TypeAlias = Literal[
    "returned", "cancelled", "failed", "stuck", "asked", "not_running"
]


@final
class State(enum.Enum):
    """The states of a child. Only its supervisor changes them, one at a time."""

    IDLE = "idle"
    """Known, and not started yet."""
    STARTING = "starting"
    """Its task exists, and it has not said yet that it is up."""
    RUNNING = "running"
    STOPPING = "stopping"
    """Told to stop, and not ended yet."""
    FAILED = "failed"
    """It ended and has to be restarted. It stays so if the supervisor gives up."""
    BACKOFF = "backoff"
    """It waits for its restart."""
    STOPPED = "stopped"
    """It has ended, and nobody will restart it by itself."""

    @property
    def is_alive(self) -> bool:
        """Whether an incarnation exists in this state."""
        return self in _ALIVE


_ALIVE = frozenset({State.STARTING, State.RUNNING, State.STOPPING})


@final
@attrs.frozen
class ChildReport:
    """How the stop of one child went.

    ``end`` is one of:

    - ``returned``: it returned, before or after it was cancelled;
    - ``cancelled``: it ended by our cancellation;
    - ``failed``: it raised while it was stopping; ``error`` says what;
    - ``stuck``: it was cancelled and still runs: a task that never awaits or that
      swallows cancellation cannot be ended. A clean stop is not claimed;
    - ``asked``: the caller is a task inside of the child, so nobody could wait;
    - ``not_running``: there was nothing to stop.
    """

    name: str
    incarnation: int
    end: StopEnd
    reason: CancelReason | None = None
    """The first reason given; None if the child was stopped before."""
    error: str | None = None
    """Type and text of what it raised."""
    took: float = 0.0
    """Seconds from the order to the end."""
    graceful: bool = False
    """Whether it ended without having been cancelled."""
    stack: str | None = None
    """Where the task of a stuck child stands."""


@final
@attrs.frozen
class StuckChild:
    """A child that was cancelled and still runs."""

    name: str
    stack: str
    """Where its task stood when its patience was over."""


@final
@attrs.frozen
class SupervisorReport:
    """How the ordered stop of a supervisor went.

    A stop is clean if nobody is stuck. What is stuck holds the block of the supervisor
    until it ends, so that a report which was written before may name it nevertheless.
    """

    supervisor: str
    reason: CancelReason
    took: float
    """Seconds from the order to the end."""
    children: int
    """How many had an incarnation when the stop began."""
    killed: tuple[str, ...]
    """Those that were asked, and cancelled because their grace was over."""
    failed: tuple[ChildReport, ...]
    """Those that raised while they stopped."""
    stuck: tuple[StuckChild, ...]


@final
@attrs.frozen
class ChildInfo:
    """One line of `Supervisor.children`."""

    name: str
    state: State
    incarnation: int
    """Counts from 1; 0 means that it has not been started yet."""
    restart: RestartType
    restarts: int
    """How often the supervisor restarted it by itself."""
    is_supervisor: bool
    stuck: bool
    """Whether it was cancelled, and still runs after its patience was over."""
    last_beat: float | None
    """When it last called ``child.beat()``, in seconds of `trio.current_time`."""


@final
@attrs.frozen
class ChildCounts:
    """How many children a supervisor has, counted as OTP's ``count_children`` does."""

    specs: int
    active: int
    """Those with an incarnation: starting, running or stopping."""
    supervisors: int
    workers: int


@final
@attrs.frozen
class TreeNode:
    """A supervisor or a child, with what runs below it. ``str()`` draws the tree."""

    name: str
    kind: Literal["supervisor", "child", "process"]
    """A child is a process if one of the operating system is its body."""
    state: str
    incarnation: int = 0
    restarts: int = 0
    children: "tuple[TreeNode, ...]" = ()
    strategy: str | None = None
    """Of a supervisor: what a failure means for its other children."""
    pid: int | None = None
    """Of a process, while it is up."""

    def __str__(self) -> str:
        return "\n".join(_lines_of(self))


def _lines_of(node: TreeNode) -> list[str]:
    text = f"{node.name} [{node.state}]"
    if node.restarts:
        text += f" restarts={node.restarts}"
    lines = [text]
    for below in node.children:
        is_last = below is node.children[-1]
        head, *rest = _lines_of(below)
        lines.append(("└─ " if is_last else "├─ ") + head)
        lines.extend(("   " if is_last else "│  ") + line for line in rest)
    return lines
