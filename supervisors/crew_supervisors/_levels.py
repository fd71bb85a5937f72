# How worrying a silence is. This file neither waits nor reads a clock.
#
# The borders are exact, and each belongs to the better level: a silence of `warn`
# seconds is still healthy.
"""Pure levels of health, by the time since the last sign of life."""

import enum
import math
from typing import final

import attrs


@final
class Level(enum.Enum):
    """How worrying the silence of something is."""

    HEALTHY = "healthy"
    WARN = "warn"
    STALE = "stale"
    DEAD = "dead"

    def is_worse_than(self, other: "Level") -> bool:
        """Tell whether this level worries more than *other*."""
        return _RANK[self] > _RANK[other]


_RANK = {level: rank for rank, level in enumerate(Level)}


@final
@attrs.frozen
class Thresholds:
    """The longest silence, in seconds, that is still healthy, warn and stale.

    Raises:
      ValueError: they do not rise, or one is negative or no number, or ``dead`` is 0.
    """

    warn: float = 30.0
    stale: float = 60.0
    dead: float = 300.0

    def __attrs_post_init__(self) -> None:
        if not (0 <= self.warn <= self.stale <= self.dead < math.inf and self.dead):
            message = (
                f"{self} must be seconds with 0 <= warn <= stale <= dead, and dead > 0"
            )
            raise ValueError(message)


def level_at(last_sign: float, now: float, thresholds: Thresholds) -> Level:
    """Return the level at *now*, where *last_sign* is the time of the last sign."""
    if now <= last_sign + thresholds.warn:
        return Level.HEALTHY
    if now <= last_sign + thresholds.stale:
        return Level.WARN
    if now <= last_sign + thresholds.dead:
        return Level.STALE
    return Level.DEAD


def next_change(last_sign: float, now: float, thresholds: Thresholds) -> float:
    """Return the first moment after *now* at which silence changes the level.

    It is infinity when the level is `Level.DEAD` already. As the borders belong to the
    better level, this is the first number behind a border.
    """
    for limit in (thresholds.warn, thresholds.stale, thresholds.dead):
        border = last_sign + limit
        if now <= border:
            return math.nextafter(border, math.inf)
    return math.inf
