# What the author of a child says about it, as data.
#
# 1. A spec is a value: it can be built wrongly, and starts nothing. Whether it
#    is right is asked of `check_specs`, which answers with every problem.
# 2. All times are seconds of `trio.current_time()`.
"""Child specs, stop policies and backoff, as values."""

import enum
from collections.abc import Awaitable, Callable
from typing import Final, Literal, TypeAlias, final

import attrs

RestartType: TypeAlias = Literal["permanent", "transient", "temporary"]
Strategy: TypeAlias = Literal["one_for_one"]

# OTP gives a worker five seconds between `shutdown` and `kill`.
CANCEL_PATIENCE: Final = 5.0
"""Seconds that a cancelled child has for its cleanup, before it is called stuck."""


@final
class KillType(enum.Enum):
    """The type of `KILL`."""

    KILL = enum.auto()

    def __repr__(self) -> str:
        return self.name


@final
class ForeverType(enum.Enum):
    """The type of `FOREVER`."""

    FOREVER = enum.auto()

    def __repr__(self) -> str:
        return self.name


KILL: Final = KillType.KILL
"""Stop policy: cancel at once. After 5 seconds of cleanup the child is stuck."""
FOREVER: Final = ForeverType.FOREVER
"""Stop policy: ask, then wait without a limit. Meant for children that are
supervisors, whose own children have limits."""


@final
@attrs.frozen
class Grace:
    """Stop policy: ask, wait up to *seconds*, then cancel.

    Only a child that takes its `Child` handle can be asked. Any other child is
    cancelled at once, and has *seconds*, but at least 5, for its cleanup.
    """

    seconds: float


DEFAULT_GRACE: Final = Grace(5.0)
StopPolicy: TypeAlias = Grace | KillType | ForeverType


@final
@attrs.frozen(kw_only=True)
class Backoff:
    """How long to wait before each restart.

    The n-th restart in a row waits ``first * factor ** (n - 1)`` seconds, at most
    ``cap``, made up to ``jitter`` (a share, 0 to 1) shorter or longer at random, and
    never longer than ``cap``. An incarnation that was up for ``reset_after`` seconds
    ends the row.
    """

    first: float = 0.2
    cap: float = 30.0
    factor: float = 2.0
    jitter: float = 0.3
    reset_after: float = 60.0


@final
@attrs.frozen
class ChildSpec:
    """One child: what it runs, when it is restarted and how it is stopped.

    ``run(*args)`` is the body. If it has a keyword ``task_status``, it is up when it
    calls ``task_status.started(value)``, and not before; any other body is up as
    soon as its task exists. If it has a keyword ``child``, it gets its `Child` handle,
    and is asked to stop before it is cancelled.
    """

    name: str
    run: Callable[..., Awaitable[object]]
    args: tuple[object, ...] = ()
    restart: RestartType = "permanent"
    """``permanent``: always; ``transient``: after a failure; ``temporary``: never."""
    stop: StopPolicy = DEFAULT_GRACE
    backoff: Backoff | None = None
    """None restarts at once."""
    significant: bool = False
    """Its own end may end the supervisor, where that has ``auto_shutdown``."""
