"""The clock of a run: seconds since 1970 that only ever go forward."""

import time
from collections.abc import Callable

import trio


def steady_clock() -> Callable[[], float]:
    """Make a clock that begins with the wall clock's time and goes on by trio's.

    Somebody who sets the clock of the machine moves no deadline of a run. While the
    machine is suspended, deadlines wait, where trio's clock does.
    """
    begun, origin = time.time(), trio.current_time()
    return lambda: begun + trio.current_time() - origin
