# Where a test can step into the engine.
#
# 1. Each await of the engine reaches a point just before it. Without a hook that costs one
#    look at a variable.
# 2. A hook may wait, cancel the task that it runs in, or raise. What it raises is raised
#    by the engine at that place.
"""Points of the engine at which `crew_supervisors.testing` injects faults."""

from collections.abc import Awaitable, Callable
from typing import Final

Hook = Callable[[str], Awaitable[None]]

POINTS: Final = (
    "start.enter",
    "start.wait",
    "restart.enter",
    "restart.wait",
    "stop.enter",
    "stop.wait",
    "remove.enter",
    "remove.wait",
    "agenda.checkpoint",
    "agenda.park",
    "body.before",
    "body.after",
    "block.open",
    "leave.wait",
)
"""In callers: before an order is given, and before its answer is awaited. In the
supervisor's own task: ``agenda``. In the task of a child: around its ``body``. In the host:
before the block begins, and before an error of the block waits for the stop."""

hook: Hook | None = None
"""Awaited at each point, with its name. Set by `crew_supervisors.testing` only."""
