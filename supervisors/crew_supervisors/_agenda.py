# What a supervisor has to do: requests now, timers later.
#
# 1. Everything that changes a supervisor is an action on its agenda. Actions run one at
#    a time, in the order in which they were posted: every race is an order in one queue.
# 2. Actions do not await. An action never waits for another one.
# 3. All actions run in the context of the supervisor's task. While that task sleeps, who
#    posts lends it his turn and runs the action for it: this saves two task switches.
#    After WAVE such turns it is woken up nevertheless: thousands may post in one breath.
# 4. No polling: the task sleeps until there is a request or a timer is due.
# 5. At most WAVE actions run without a checkpoint, so that the loop never stalls.
# 6. Timers that were called off go when their time comes, or when they may be half of
#    all: a heap gives up no element in its middle.
# 7. When the task has ended, `post` runs the action at once: nobody else is there.
"""A queue of actions and timers, worked off by one task."""

import heapq
import math
from collections import deque
from collections.abc import Callable
from typing import Final, TypeAlias, final

import attrs
import trio

from . import _points

Action: TypeAlias = Callable[[], None]

WAVE: Final = 256  # actions between two checkpoints; some 20 µs each
TIMER_WAVE: Final = 32  # what timers do costs more: most of them cancel somebody
FEW_TIMERS: Final = 64  # so many are not worth to be looked through


@final
@attrs.define(eq=False)
class Timer:
    """One action at one moment. Without an action it is called off."""

    deadline: float
    action: Action | None

    def call_off(self) -> None:
        """Forget the action."""
        self.action = None


@final
@attrs.define(eq=False)
class Agenda:
    """The requests and timers of one task, until *is_finished*."""

    _is_finished: Callable[[], bool]
    _requests: deque[Action] = attrs.field(factory=deque[Action], init=False)
    _timers: list[tuple[float, int, Timer]] = attrs.field(
        factory=list[tuple[float, int, Timer]], init=False
    )
    _timers_made: int = attrs.field(default=0, init=False)
    _look_through_at: int = attrs.field(default=FEW_TIMERS, init=False)
    """With so many timers, those that were called off are dropped."""
    _parked: trio.lowlevel.Task | None = attrs.field(default=None, init=False)
    _alarm: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    """Around the sleep of the task; its deadline is the next timer, or earlier."""
    _is_lent: bool = attrs.field(default=False, init=False)
    """Whether a poster runs an action for the sleeping task just now."""
    _lent: int = attrs.field(default=0, init=False)
    """Actions that posters have run since the task was awake."""
    is_closed: bool = attrs.field(default=False, init=False)

    @trio.lowlevel.enable_ki_protection  # a half done action would hang its sender
    def post(self, action: Action) -> None:
        """Have *action* run now or soon, after those posted before. Not a checkpoint."""
        task = self._parked
        if self.is_closed:
            action()
        elif task is None or self._is_lent:
            self._requests.append(action)
        elif self._lent >= WAVE:
            self._requests.append(action)
            self._parked = None
            trio.lowlevel.reschedule(task)
        else:
            self._lent += 1
            self._is_lent = True
            try:
                task.context.run(action)
            finally:
                self._is_lent = False
                self._wake_or_set_alarm(task)

    def at(self, deadline: float, action: Action) -> Timer:
        """Have *action* run at *deadline*, in seconds of `trio.current_time`."""
        if len(self._timers) >= self._look_through_at:
            self._timers = [each for each in self._timers if each[2].action is not None]
            heapq.heapify(self._timers)
            self._look_through_at = max(FEW_TIMERS, 2 * len(self._timers))
        timer = Timer(deadline, action)
        self._timers_made += 1
        heapq.heappush(self._timers, (deadline, self._timers_made, timer))
        return timer

    async def work(self) -> None:
        """Run actions until *is_finished* says so; it is asked between two waves.

        Cancelling it loses no action: the next call goes on.
        """
        while not self._is_finished():
            self._alarm = trio.CancelScope()  # a scope rings only once
            with self._alarm:
                while True:
                    self._run_wave()
                    if self._is_finished():
                        return
                    if self._requests:
                        if _points.hook is not None:
                            await _points.hook("agenda.checkpoint")
                        await trio.lowlevel.checkpoint()
                        continue
                    if _points.hook is not None:
                        await _points.hook("agenda.park")
                        if self._requests or self._is_finished():
                            continue
                    self._set_alarm()
                    await self._park()

    def close(self) -> None:
        """Run what is left. From now on, `post` runs its action at once.

        An action that raises keeps none of the others from being run.
        """
        self.is_closed = True
        broken: Exception | None = None
        while self._requests:
            try:
                self._requests.popleft()()
            except Exception as error:  # noqa: BLE001  # raised when all are done
                broken = error
        if broken is not None:
            raise broken

    def _run_wave(self) -> None:
        self._lent = 0
        for _ in range(min(len(self._requests), WAVE)):
            self._requests.popleft()()
        now = trio.current_time() if self._timers else 0.0
        for _ in range(TIMER_WAVE):
            if not self._timers or self._timers[0][0] > now:
                return
            timer = heapq.heappop(self._timers)[2]
            if timer.action is not None:
                timer.action()

    def _wake_or_set_alarm(self, task: trio.lowlevel.Task) -> None:
        if self._requests or self._is_finished():
            self._parked = None
            trio.lowlevel.reschedule(task)
        else:
            self._set_alarm()

    def _set_alarm(self) -> None:
        while self._timers and self._timers[0][2].action is None:
            heapq.heappop(self._timers)
        # An alarm that rings too early does no harm, and moving it costs more than
        # that: so it is only moved forward.
        deadline = self._timers[0][0] if self._timers else math.inf
        if deadline < self._alarm.deadline:  # noqa: PLR1730  # see above
            self._alarm.deadline = deadline

    async def _park(self) -> None:
        def abort(_: object) -> trio.lowlevel.Abort:
            self._parked = None
            return trio.lowlevel.Abort.SUCCEEDED

        self._parked = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(abort)
