# Some clocks stand still while a machine is suspended, and some go on. Where a system
# has both, their difference tells for how long it has been suspended.
#
# On Windows there is no such pair, and none is needed: the clock of trio goes on there,
# so that a sleeper wakes up late.
"""How long this machine has been suspended."""

import time
from collections.abc import Callable, Container
from typing import Final

_PAIRS: Final = (
    ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC"),  # Linux
    ("CLOCK_MONOTONIC", "CLOCK_UPTIME_RAW"),  # macOS
)


def clocks(known: Container[str]) -> tuple[str, str] | None:
    """Return the names of a clock that goes on in a suspend, and of one that stands."""
    for pair in _PAIRS:
        if all(name in known for name in pair):
            return pair
    return None


_FOUND: Final = clocks(vars(time))


def seconds_suspended(pair: tuple[str, str] | None = _FOUND) -> float:
    """Return the seconds of suspend since some fixed moment; 0 if nobody can tell.

    Not a checkpoint; quick, and off by far less than a millisecond.
    """
    if pair is None:
        return 0.0
    read: Callable[[int], float] = getattr(time, "clock_gettime")  # noqa: B009  # Windows has none, and no pair
    going, standing = (getattr(time, name) for name in pair)
    return read(going) - read(standing)
