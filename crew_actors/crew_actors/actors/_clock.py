# All asks and timers of one `open_actors` block share one heap of times and at most one
# task, which sleeps until the earliest of them.
#
# 1. The heap holds times and numbers. What is due then stands in a table, from which it
#    goes when it is over: nothing here keeps a value alive.
# 2. What is over leaves its number in the heap. When more than half of the heap is of
#    that kind it is rebuilt, so that it stays within twice of what is open.
# 3. When nothing is open, the heap is empty and the task ends. It does so up to `LINGER`
#    seconds later: ask after ask would pay for a task otherwise.
# 4. Times are seconds of trio's clock.
"""One clock for the deadlines of all asks, and for all timers."""

import heapq
import math
from typing import Final, Protocol, final

import attrs
import trio

from crew_mailbox import Answer, AnswerState

LINGER: Final = 0.01
"""Seconds. Long beside an ask (some 30 µs), short beside everything else."""

_NEVER: Final = math.inf

_SMALL: Final = 64
"""Heaps up to this size are never rebuilt."""


class Alarm(Protocol):
    """Something that happens at a time."""

    def ring(self) -> None:
        """Let it happen. Must neither wait nor raise."""


@final
@attrs.define(eq=False)
class Clock:
    """Expires the answers that come too late, and rings alarms."""

    _heap: list[tuple[float, int]] = attrs.field(
        factory=list[tuple[float, int]], init=False, repr=False
    )
    _open: dict[int, Answer | Alarm] = attrs.field(
        factory=dict[int, Answer | Alarm], init=False, repr=False
    )
    _added: int = attrs.field(default=0, init=False)
    _sleep: trio.CancelScope | None = attrs.field(default=None, init=False, repr=False)
    _wakes: float = attrs.field(default=_NEVER, init=False)
    """When the task wakes by itself, as far as it sleeps."""
    _lingers: bool = attrs.field(default=False, init=False)
    """Whether the task wakes soon, to see whether it still is needed."""
    _task: trio.CancelScope | None = attrs.field(default=None, init=False, repr=False)
    _ended: trio.Event = attrs.field(factory=trio.Event, init=False, repr=False)
    _is_closed: bool = attrs.field(default=False, init=False)

    def add(self, time: float, due: Answer | Alarm) -> int:
        """Expire or ring *due* at *time*; return its number, for `remove`."""
        self._added = number = self._added + 1
        if time == _NEVER or self._is_closed:
            return number
        self._open[number] = due
        heapq.heappush(self._heap, (time, number))
        if self._task is None:
            self._task = trio.CancelScope()
            self._ended = trio.Event()
            trio.lowlevel.spawn_system_task(
                self._work, self._task, name="clock of actors"
            )
        elif time < self._wakes:
            self._wake_by(time)
        return number

    def remove(self, number: int) -> None:
        """Note that it is over, in whichever way."""
        self._open.pop(number, None)  # it has no time, or stands there
        if not self._open:
            self._heap.clear()
            if not self._lingers and self._sleep is not None:
                self._lingers = True
                self._wake_by(trio.current_time() + LINGER)
        elif len(self._heap) > _SMALL and len(self._heap) > 2 * len(self._open):
            self._heap = [entry for entry in self._heap if entry[1] in self._open]
            heapq.heapify(self._heap)

    async def close(self) -> None:
        """End the task, for good. Shielded; it ends at its next step."""
        self._is_closed = True
        if self._task is not None:
            self._task.cancel()
            with trio.CancelScope(shield=True):  # bound: one step of that task
                await self._ended.wait()

    def _wake_by(self, time: float) -> None:
        if self._sleep is not None and time < self._wakes:
            self._sleep.deadline = self._wakes = time

    async def _work(self, task: trio.CancelScope) -> None:
        with task:
            while self._heap:
                time, number = self._heap[0]
                due = self._open.get(number)
                if due is None:
                    heapq.heappop(self._heap)
                elif time <= trio.current_time():
                    heapq.heappop(self._heap)
                    if isinstance(due, Answer):
                        due.settle(AnswerState.EXPIRED)
                    else:
                        del self._open[number]
                        due.ring()
                else:
                    self._wakes = time
                    with trio.CancelScope(deadline=time) as self._sleep:
                        await trio.sleep_forever()
                    self._sleep = None
                    self._lingers = False
        self._task = None
        self._lingers = False
        self._ended.set()
