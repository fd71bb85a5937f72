# Deadlines of a process as pure arithmetic. This file reads no clock.
"""Which deadline of a process comes next, and which has passed."""

import math
from typing import Literal

import attrs

TimeoutReason = Literal["startup_timeout", "silence_timeout", "wall_timeout"]


@attrs.frozen(kw_only=True)
class Limits:
    """The limits of one process, in seconds; None is no limit."""

    startup: float | None
    silence: float | None
    wall: float | None

    @property
    def exist(self) -> bool:
        """Whether there are any."""
        return any(
            limit is not None for limit in (self.startup, self.silence, self.wall)
        )

    def next(
        self, *, started: float, last: float | None
    ) -> tuple[float, TimeoutReason]:
        """Return the nearest deadline and what it means.

        *last* is when something was said last, None when nothing was. Infinite when
        no limit applies. Of two at the same moment the first of wall, startup and
        silence is named.
        """
        deadlines: list[tuple[float, TimeoutReason]] = [(math.inf, "wall_timeout")]
        if self.wall is not None:
            deadlines.append((started + self.wall, "wall_timeout"))
        if self.startup is not None and last is None:
            deadlines.append((started + self.startup, "startup_timeout"))
        if self.silence is not None:
            sign = started if last is None else last
            deadlines.append((sign + self.silence, "silence_timeout"))
        return min(deadlines, key=lambda deadline: deadline[0])
