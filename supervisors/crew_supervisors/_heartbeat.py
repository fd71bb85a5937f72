# Watches one thing for signs of life.
#
# 1. The watcher sleeps until the next border; a beat while all is well only notes the
#    time. Nothing polls.
# 2. One notice for each change of level, in order.
# 3. Before `dead` is said, the probe is asked. Its yes counts until `dead` seconds
#    later, and is no sign of life: the level stays `stale`.
# 4. Time in which this task could not run is nobody's silence: when it wakes up late,
#    after the suspend of a laptop or a stall of the loop, the sleep does not count.
"""Heartbeats: deadlines, levels, and a probe before the worst is said."""

from collections.abc import Awaitable, Callable
from typing import Final, final

import attrs
import trio

from ._levels import Level, Thresholds, level_at, next_change

PROBE_LIMIT: Final = 5.0
"""Seconds after which a probe that has not answered counts as a no."""
_THRESHOLDS: Final = Thresholds()
_LATE: Final = 1.0  # seconds behind its deadline that make a wake-up late


@final
@attrs.frozen
class LevelChange:
    """The level of *name* has changed. Times are those of `trio.current_time`."""

    name: str
    before: Level
    level: Level
    time: float
    last_sign: float


@final
@attrs.define(eq=False, kw_only=True)
class HeartbeatWatcher:
    """Notices when something gives no sign of life, and when it does again.

    ``run`` is the body of a child; ``beat`` is a sign of life. ``on_level`` is awaited for
    each change, in order; what it raises ends ``run``. ``probe`` is asked before `DEAD`
    is said; an answer that takes longer than 5 seconds is a no.
    """

    name: str
    thresholds: Thresholds = _THRESHOLDS
    probe: Callable[[], Awaitable[bool]] | None = None
    on_level: Callable[[LevelChange], Awaitable[None]]
    level: Level = attrs.field(default=Level.HEALTHY, init=False)
    """The level that was last noticed."""
    _last_sign: float = attrs.field(default=0.0, init=False)
    _probed_at: float | None = attrs.field(default=None, init=False)
    _recovered: trio.Event = attrs.field(factory=trio.Event, init=False)

    def beat(self) -> None:
        """Note a sign of life. From any task of the trio run; not a checkpoint."""
        self._last_sign = trio.current_time()
        self._probed_at = None
        if self.level is not Level.HEALTHY:
            self._recovered.set()

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Watch until cancelled. The silence is counted from now, or the last beat."""
        self.level = Level.HEALTHY
        self._last_sign = trio.current_time()
        self._probed_at = None
        task_status.started()
        while True:
            await self._sleep()
            await self._look()

    async def _sleep(self) -> None:
        """Sleep until the next border, or until a beat after a silence."""
        asleep_at = trio.current_time()
        deadline = next_change(self._last_sign, asleep_at, self.thresholds)
        if self._probed_at is not None:
            deadline = self._probed_at + self.thresholds.dead
        with trio.move_on_at(deadline):
            await self._recovered.wait()
        self._recovered = trio.Event()
        now = trio.current_time()
        if now - deadline > _LATE:
            self._last_sign = min(now, self._last_sign + now - asleep_at)
            if self._probed_at is not None:
                self._probed_at += now - asleep_at

    async def _look(self) -> None:
        now = trio.current_time()
        level = level_at(self._last_sign, now, self.thresholds)
        if level is Level.DEAD and self.level is not Level.DEAD:
            level = await self._ask(now)
        if level is self.level:
            return
        change = LevelChange(
            self.name, self.level, level, trio.current_time(), self._last_sign
        )
        self.level = level
        await self.on_level(change)

    async def _ask(self, now: float) -> Level:
        """Ask the probe, unless its last yes still counts."""
        if self.probe is None:
            return Level.DEAD
        if self._probed_at is not None and now < self._probed_at + self.thresholds.dead:
            return self.level
        is_alive = False
        with trio.move_on_after(PROBE_LIMIT):
            is_alive = await self.probe()
        if self._last_sign > now:
            return Level.HEALTHY  # it beat while the probe was asked
        self._probed_at = now if is_alive else None
        return Level.STALE if is_alive else Level.DEAD
