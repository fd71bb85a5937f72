# trio has no public way to seed its scheduler, nor to end a task behind a shield.
#
# 1. This is the only file here that uses private names of trio. It looks each of them
#    up when it is needed, and says so when it is gone.
# 2. Without the first, a seed does not fix the order of tasks. Without the second, a
#    virtual run that hangs behind a shield hangs for real.
"""What the test kit borrows from trio's inside."""

import importlib
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from random import Random

import trio


class TornOut(BaseException):
    """Raised in each task of a run that is over its limit."""


@contextmanager
def seeded_scheduling(seed: int) -> Generator[None]:
    """Have trio choose the order of tasks by *seed*; afterwards as before.

    Warns with RuntimeWarning if this trio has no such choice.
    """
    inside = importlib.import_module("trio._core._run")
    random = getattr(inside, "_r", None)
    before = getattr(inside, "_ALLOW_DETERMINISTIC_SCHEDULING", None)
    if not isinstance(random, Random) or before is None:
        message = f"trio {trio.__version__} has no seed for the order of tasks: each run differs"
        warnings.warn(message, RuntimeWarning, stacklevel=4)
        yield
        return
    state = random.getstate()
    random.seed(seed)
    setattr(inside, "_ALLOW_DETERMINISTIC_SCHEDULING", True)  # noqa: B010  # trio declares it as final
    try:
        yield
    finally:
        random.setstate(state)
        setattr(inside, "_ALLOW_DETERMINISTIC_SCHEDULING", before)  # noqa: B010  # see above


def tear_out(task: trio.lowlevel.Task) -> None:
    """Have *task* raise where it waits, behind whatever shield. May do nothing."""
    attempt = getattr(task, "_attempt_abort", None)
    if attempt is not None and getattr(task, "_abort_func", None) is not None:
        attempt(_raise_torn_out)


def _raise_torn_out() -> None:
    raise TornOut
