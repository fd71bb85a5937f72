# All asks of one `open_actors` block share one heap of deadlines and at most one
# task, which sleeps until the earliest of them.
#
# 1. The heap holds times and numbers. The answers stand in a table, from which they go
#    when their ask is over: nothing here keeps a value alive.
# 2. An ask that is over leaves its number in the heap. When more than half of the heap
#    is of that kind it is rebuilt, so that it stays within twice the asks in flight.
# 3. When no ask is in flight, the heap is empty and the task ends. It does so `LINGER`
#    seconds later: ask after ask would pay for a task otherwise.
# 4. Times are seconds of trio's clock.
"""One clock for the deadlines of all asks."""

import heapq
import math
from typing import Final, final

import attrs
import trio

from crew_mailbox import Answer, AnswerState

LINGER: Final = 0.01
"""Seconds. Long beside an ask (some 30 µs), short beside everything else."""

_SMALL: Final = 64
"""Heaps up to this size are never rebuilt."""


@final
@attrs.define(eq=False)
class Deadlines:
    """Expires the answers that come too late."""

    _heap: list[tuple[float, int]] = attrs.field(
        factory=list[tuple[float, int]], init=False, repr=False
    )
    _answers: dict[int, Answer] = attrs.field(
        factory=dict[int, Answer], init=False, repr=False
    )
    _added: int = attrs.field(default=0, init=False)
    _sleep: trio.CancelScope | None = attrs.field(default=None, init=False, repr=False)
    _task: trio.CancelScope | None = attrs.field(default=None, init=False, repr=False)
    _ended: trio.Event = attrs.field(factory=trio.Event, init=False, repr=False)

    def add(self, deadline: float, answer: Answer) -> int:
        """Expire *answer* at *deadline*; return its number, for `remove`."""
        self._added += 1
        number = self._added
        if deadline == math.inf:
            return number
        self._answers[number] = answer
        heapq.heappush(self._heap, (deadline, number))
        if self._task is None:
            self._task = trio.CancelScope()
            self._ended = trio.Event()
            trio.lowlevel.spawn_system_task(
                self._expire_each, self._task, name="ask deadlines"
            )
        else:
            self._wake_by(deadline)
        return number

    def remove(self, number: int) -> None:
        """Note that an ask is over, in whichever way."""
        self._answers.pop(number, None)  # it has no deadline, or stands there
        if not self._answers:
            self._heap.clear()
            self._wake_by(trio.current_time() + LINGER)
        elif len(self._heap) > _SMALL and len(self._heap) > 2 * len(self._answers):
            self._heap = [entry for entry in self._heap if entry[1] in self._answers]
            heapq.heapify(self._heap)

    async def close(self) -> None:
        """End the task. Shielded; it ends at its next step."""
        if self._task is not None:
            self._task.cancel()
            with trio.CancelScope(shield=True):  # bound: one step of that task
                await self._ended.wait()

    def _wake_by(self, time: float) -> None:
        if self._sleep is not None and time < self._sleep.deadline:
            self._sleep.deadline = time

    async def _expire_each(self, task: trio.CancelScope) -> None:
        with task:
            while self._heap:
                deadline, number = self._heap[0]
                answer = self._answers.get(number)
                if answer is None:
                    heapq.heappop(self._heap)
                elif deadline <= trio.current_time():
                    heapq.heappop(self._heap)
                    answer.settle(AnswerState.EXPIRED)
                else:
                    with trio.CancelScope(deadline=deadline) as self._sleep:
                        await trio.sleep_forever()
                    self._sleep = None
        self._task = None
        self._ended.set()
