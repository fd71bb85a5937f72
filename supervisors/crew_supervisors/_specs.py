# What the author of a tree says about it, as data.
#
# 1. A spec is a value: it can be built wrongly, and starts nothing. Whether it
#    is right is asked of `check_specs`, which answers with every problem.
# 2. All times are seconds of `trio.current_time()`.
"""Child specs and the options of supervisors, as values."""

import enum
from collections.abc import Awaitable, Callable
from typing import Final, Literal, TypeAlias, TypedDict, final

import attrs

RestartType: TypeAlias = Literal["permanent", "transient", "temporary"]
Strategy: TypeAlias = Literal["one_for_one", "one_for_all", "rest_for_one", "dynamic"]
AutoShutdown: TypeAlias = Literal["never", "any_significant", "all_significant"]

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
class OnFailure:
    """What follows when a child raises one of *errors*.

    ``restart``: it is restarted, also where its restart type would not. ``stop``: it is
    left as if it had returned and its restart type were ``transient``. ``escalate``: all
    children are stopped, and `FailureEscalated` comes out of the block.

    An exception group is judged by the errors in it, and the strictest answer counts:
    ``escalate``, ``stop``, ``restart``, and last the restart type.
    """

    errors: type[Exception] | tuple[type[Exception], ...]
    then: Literal["restart", "stop", "escalate"]
    backoff: Backoff | None = attrs.field(default=None, kw_only=True)
    """Waits before restarts by this rule; None means that of the child spec."""
    max_restarts: int | None = attrs.field(default=None, kw_only=True)
    """Restarts of this child by this rule within ``within`` seconds. One more is not for
    this rule: the next one that matches decides. None leaves it to the supervisor's."""
    within: float = attrs.field(default=60.0, kw_only=True)


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
    on_failure: tuple[OnFailure, ...] = ()
    """Rules for errors of certain types, read in this order. Where none matches, the
    restart type decides."""

    def named(self, name: str, *more_args: object) -> "ChildSpec":
        """Return the same spec for a child *name*, with *more_args* after its ``args``."""
        return ChildSpec(  # attrs.evolve costs three times as much
            name,
            self.run,
            (*self.args, *more_args),
            self.restart,
            self.stop,
            self.backoff,
            self.significant,
            self.on_failure,
        )


@final
@attrs.frozen(kw_only=True)
class SupervisorOptions:
    """How a supervisor treats its children."""

    name: str = "supervisor"
    """For errors, events and `Supervisor.tree`."""
    strategy: Strategy = "one_for_one"
    """Who is restarted with a child that has to be: nobody else (``one_for_one``), all
    (``one_for_all``), those started after it (``rest_for_one``). ``dynamic`` is
    ``one_for_one`` for many children that come and go: who has ended is forgotten, and
    at the end all are stopped at the same time."""
    max_restarts: int = 3
    """More restarts than this *within* seconds end the supervisor. Both defaults are
    those of Elixir's ``Supervisor``."""
    within: float = 5.0
    auto_shutdown: AutoShutdown = "never"
    """Whether the supervisor ends when any or all of its significant children have ended
    by themselves."""
    max_children: int | None = None
    """The most children that a ``dynamic`` supervisor has at a time, with those that
    wait for a restart. None means any number."""
    on_outer_cancel: Grace | KillType = DEFAULT_GRACE
    """How long the ordered stop may take after trio has cancelled the host."""
    log_error_after: int = 3
    """Failures are logged as errors after so many restarts in a row, as warnings
    before."""


class OptionFields(TypedDict, total=False):
    """The fields of `SupervisorOptions`, as keywords."""

    name: str
    strategy: Strategy
    max_restarts: int
    within: float
    auto_shutdown: AutoShutdown
    max_children: int | None
    on_outer_cancel: Grace | KillType
    log_error_after: int
