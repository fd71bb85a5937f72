# What happens in a supervisor, as values.
#
# 1. An event tells what is so already; a handler can change nothing about it.
# 2. Times are seconds of `trio.current_time()`.
"""Lifecycle events of supervisors and their children."""

from typing import TypeAlias, final

import attrs

from ._reasons import CancelReason
from ._reports import ChildReport, SupervisorReport


@final
@attrs.frozen
class ChildStarted:
    """A child is up: it said so, or it has no way to say so and its task exists."""

    time: float
    supervisor: str
    child: str
    incarnation: int


@final
@attrs.frozen
class ChildEnded:
    """A child returned, and nobody had told it to stop."""

    time: float
    supervisor: str
    child: str
    incarnation: int


@final
@attrs.frozen
class ChildDeclined:
    """A child did not want to start, and is stopped. That is no failure."""

    time: float
    supervisor: str
    child: str
    incarnation: int
    why: str


@final
@attrs.frozen
class ChildFailed:
    """A child raised, and nobody had told it to stop; or it did not come up.

    ``error`` is what it raised. It is None where the event was kept (a kept event holds
    no frames alive), and for a child that returned before it was up.
    """

    time: float
    supervisor: str
    child: str
    incarnation: int
    summary: str
    """Type and text of the error."""
    while_starting: bool
    restarts: int
    """Restarts in a row before this failure."""
    error: BaseException | None = attrs.field(default=None, eq=False, repr=False)


@final
@attrs.frozen
class ChildRestarting:
    """A child will be restarted after *delay* seconds."""

    time: float
    supervisor: str
    child: str
    incarnation: int
    """The incarnation that has ended."""
    delay: float


@final
@attrs.frozen
class SupervisorRestartingGroup:
    """Children will be restarted together: with *child*, as the strategy says."""

    time: float
    supervisor: str
    child: str
    members: tuple[str, ...]
    """Those that will be started again, in the order of their start. A kept event has the
    first 20 of them."""


@final
@attrs.frozen
class ChildStopping:
    """A child was told to stop."""

    time: float
    supervisor: str
    child: str
    incarnation: int
    reason: CancelReason


@final
@attrs.frozen
class ChildStopped:
    """A child that was told to stop has ended."""

    time: float
    supervisor: str
    child: str
    incarnation: int
    report: ChildReport


@final
@attrs.frozen
class ChildStuck:
    """A child was cancelled, and still runs after its patience was over.

    Its supervisor goes on without it. The block that holds the supervisor cannot end
    before the child does: trio cannot force a task.
    """

    time: float
    supervisor: str
    child: str
    incarnation: int
    reason: CancelReason
    stack: str
    """Where the child's task stands."""


@final
@attrs.frozen
class SupervisorEscalated:
    """The supervisor gives up: all children are stopped, and an error comes out.

    Either *child* needed one restart more than allowed, or it raised what its spec
    escalates (``by_rule``).
    """

    time: float
    supervisor: str
    child: str
    max_restarts: int
    within: float
    summary: str
    by_rule: bool = False


@final
@attrs.frozen
class SupervisorStopping:
    """The ordered stop of all children begins."""

    time: float
    supervisor: str
    reason: CancelReason


@final
@attrs.frozen
class SupervisorEnded:
    """Every child has ended, or is named as stuck in the report."""

    time: float
    supervisor: str
    reason: CancelReason
    report: SupervisorReport

    @property
    def stuck(self) -> tuple[str, ...]:
        """The names of the children that still run."""
        return tuple(each.name for each in self.report.stuck)


Event: TypeAlias = (
    ChildStarted
    | ChildEnded
    | ChildDeclined
    | ChildFailed
    | ChildRestarting
    | SupervisorRestartingGroup
    | ChildStopping
    | ChildStopped
    | ChildStuck
    | SupervisorEscalated
    | SupervisorStopping
    | SupervisorEnded
)
