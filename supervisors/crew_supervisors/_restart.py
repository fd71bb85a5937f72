# The rules of restarting. This file neither waits nor reads a clock.
#
# 1. More than `limit` restarts in `period` seconds is too many. A restart exactly
#    `period` seconds ago still counts, as in OTP's `supervisor:add_restart`.
# 2. Whether a child is restarted depends on its restart type and on how it ended
#    by itself. Children that were told to stop never reach this file.
# 3. A supervisor that gave up is a failure to a permanent child spec, and an
#    orderly end to a transient one: OTP ends such a supervisor with `shutdown`.
"""Pure rules: how a child ended, whether it is restarted, and when."""

import enum
from collections import deque
from typing import cast, final

import attrs
import trio

from ._errors import DeclineStart, RestartLimitReached, StopErrors
from ._specs import AutoShutdown, Backoff, RestartType


@final
class Ending(enum.Enum):
    """How a child that nobody stopped came to its end."""

    RETURNED = enum.auto()
    FAILED = enum.auto()
    GAVE_UP = enum.auto()
    """It was a supervisor, and one of its children reached the restart limit."""


@final
class Decision(enum.Enum):
    """What becomes of a child that ended by itself."""

    RESTART = enum.auto()
    LEAVE = enum.auto()
    ESCALATE = enum.auto()
    """Only by a rule of the child spec."""


_DECISIONS = {
    ("permanent", Ending.RETURNED): Decision.RESTART,
    ("permanent", Ending.FAILED): Decision.RESTART,
    ("permanent", Ending.GAVE_UP): Decision.RESTART,
    ("transient", Ending.RETURNED): Decision.LEAVE,
    ("transient", Ending.FAILED): Decision.RESTART,
    ("transient", Ending.GAVE_UP): Decision.LEAVE,
    ("temporary", Ending.RETURNED): Decision.LEAVE,
    ("temporary", Ending.FAILED): Decision.LEAVE,
    ("temporary", Ending.GAVE_UP): Decision.LEAVE,
}


def decide(restart: RestartType, ending: Ending) -> Decision:
    """Return what becomes of a child of this restart type that ended so."""
    return _DECISIONS[restart, ending]


def shuts_down(auto_shutdown: AutoShutdown, *, others_left: bool) -> bool:
    """Tell whether the end of a significant child, by itself, ends the supervisor.

    *others_left* says whether other significant children run or wait for a restart.
    """
    if auto_shutdown == "all_significant":
        return not others_left
    return auto_shutdown == "any_significant"


def parts_of(error: BaseException) -> tuple[BaseException, ...]:
    """Return the exceptions of a group; an empty tuple if *error* is none."""
    if not isinstance(error, BaseExceptionGroup):
        return ()
    return cast("BaseExceptionGroup[BaseException]", error).exceptions


def leaves_of(
    error: BaseException, *, skip: type[BaseException] | None = None
) -> tuple[BaseException, ...]:
    """Return the errors inside of *error*, if it is a group, else *error* itself.

    Those of the type *skip*, and all inside of them, are left out.
    """
    leaves: list[BaseException] = []
    pending = [error]
    while pending:
        each = pending.pop()
        if skip is not None and isinstance(each, skip):
            continue
        parts = parts_of(each)
        pending.extend(reversed(parts))
        if not parts:
            leaves.append(each)
    return tuple(leaves)


def ending_of(error: BaseException | None) -> Ending:
    """Classify what a body that nobody stopped raised; None means that it returned.

    What the children of an inner supervisor raised while they stopped says nothing about
    why it ended, as in OTP, where a shutdown error is only reported.
    """
    if error is None:
        return Ending.RETURNED
    leaves = leaves_of(error, skip=StopErrors)
    if not leaves:
        return Ending.RETURNED
    if all(isinstance(leaf, RestartLimitReached) for leaf in leaves):
        return Ending.GAVE_UP
    return Ending.FAILED


def decline_of(error: BaseException | None) -> DeclineStart | None:
    """Return why a child that was not up yet did not want to start, if it says so."""
    if error is None:
        return None
    leaves = leaves_of(error)
    first = leaves[0]
    if isinstance(first, DeclineStart) and all(
        isinstance(leaf, DeclineStart) for leaf in leaves
    ):
        return first
    return None


def ends_the_tree(error: BaseException) -> bool:
    """Tell whether *error* is about the whole program and not about one child.

    True for KeyboardInterrupt, SystemExit, trio's internal errors and every other
    exception that is no `Exception`, alone or in a group; false for a `Cancelled`.
    """
    for leaf in leaves_of(error):
        if isinstance(leaf, trio.TrioInternalError):
            return True
        if not isinstance(leaf, Exception | trio.Cancelled):
            return True
    return False


@final
@attrs.define
class RestartBudget:
    """At most *limit* restarts in any *period* seconds.

    Holds no clock: the caller says what time it is, in seconds since any fixed
    moment. Times must not decrease. Holds at most *limit* times.
    """

    limit: int
    period: float
    _spent: deque[float] = attrs.field(factory=deque[float], init=False, repr=False)

    def spend(self, now: float) -> bool:
        """Count one restart at *now*. False: it is one too many, and not counted."""
        while self._spent and self._spent[0] < now - self.period:
            self._spent.popleft()
        if len(self._spent) >= self.limit:
            return False
        self._spent.append(now)
        return True


def backoff_delay(backoff: Backoff, row: int, chance: float) -> float:
    """Return the seconds to wait before a restart.

    *row* counts the restarts in a row before this one, from 0. *chance* is a random
    number from 0 to 1; 0.5 means no jitter.
    """
    try:
        delay = min(backoff.cap, backoff.first * backoff.factor**row)
    except OverflowError:
        delay = backoff.cap if backoff.first else 0.0
    spread = backoff.jitter * (2 * chance - 1)
    return min(backoff.cap, delay * (1 + spread))


def next_row(backoff: Backoff, row: int, up_for: float) -> int:
    """Return the number of restarts in a row, before one after *up_for* seconds."""
    return 0 if up_for >= backoff.reset_after else row
