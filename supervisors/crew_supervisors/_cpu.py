# A process that thinks says nothing, but uses processor time, and so does what it has
# started. psutil is imported when it is first needed: supervisors alone do without it.
"""Processor time as a sign of life."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, final
from weakref import WeakKeyDictionary

import attrs
import trio

if TYPE_CHECKING:
    from .processes import ChildProcess, ProcessIdentity

Times = dict[tuple[int, float], float]
"""Seconds of processor time by number and create time of a process."""


@final
@attrs.define(eq=False)
class CpuActivity:
    """Asked for a process, tells whether its tree has worked since it was last asked.

    True if the process and what descends from it have used at least *least* seconds of
    processor time since the last call, or since they were started. The default is the
    resolution of Linux. What a program has started and then left to others is not seen.

    Looking takes some 20 µs for each process on the machine, in a thread. A checkpoint;
    cancelled, the thread is left alone and ends soon.
    """

    least: float = 0.01
    _before: "WeakKeyDictionary[ChildProcess, Times]" = attrs.field(
        factory=WeakKeyDictionary["ChildProcess", Times], init=False, repr=False
    )

    async def __call__(self, process: "ChildProcess") -> bool:
        """Tell whether the tree of *process* has worked; False if it is gone."""
        before = self._before.get(process, {})
        now = await trio.to_thread.run_sync(
            tree_times, process.identity, abandon_on_cancel=True
        )
        self._before[process] = now
        return gained(before, now) >= self.least


def gained(before: Mapping[tuple[int, float], float], now: Times) -> float:
    """Return the seconds that were used between two looks at a tree."""
    return sum(max(0.0, used - before.get(key, 0.0)) for key, used in now.items())


def tree_times(identity: "ProcessIdentity") -> Times:
    """Return what each living process of a tree has used, with its ended children."""
    import psutil  # noqa: PLC0415  # late on purpose

    try:
        root = psutil.Process(identity.pid)
        if root.create_time() != identity.create_time:
            return {}
        tree = [root, *root.children(recursive=True)]
    except psutil.Error:
        return {}
    times: Times = {}
    for process in tree:
        try:
            key = (process.pid, process.create_time())
            times[key] = sum(process.cpu_times()[:4])
        except psutil.Error:
            continue  # it has ended meanwhile, or is not ours
    return times
