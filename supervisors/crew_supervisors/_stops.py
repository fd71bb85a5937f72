# How several children are stopped: one after the other, or all at the same time.
#
# 1. Both are steps of actions on the agenda: `go` gives orders, `is_over` is told that a
#    child has ended, or is stuck. Nobody waits inside of them.
# 2. At most WAVE orders come without a checkpoint between them. An order wakes a task,
#    and trio runs all tasks that are awake before it turns to anything else.
# 3. A child that is stuck is not waited for.
"""The stop of several children."""

from collections.abc import Callable
from typing import Final, Protocol, final

import attrs
import trio

from ._agenda import Agenda
from ._child import Record
from ._reasons import CancelReason

WAVE: Final = 32
"""Orders between two checkpoints. A stop takes some 25 µs; with 128 of them under way at
a time their remains get old enough for full garbage collections, of 60 to 100 ms each
among 10,000 children (measured; with 32 there is none)."""


class Orders(Protocol):
    """What a stop needs of those who look after children."""

    def order(self, record: Record, reason: CancelReason, since: float) -> None:
        """Tell a living child to stop."""

    def stop_waiting(self, record: Record, reason: CancelReason) -> object:
        """Stop a child that has no incarnation."""


@final
@attrs.define(eq=False)
class OrderedStop:
    """Stops *left* one after the other, from the last to the first; then calls *then*.

    Those that wait for a restart are told to forget it only if the stop is *for_good*.
    """

    orders: Orders
    reason: CancelReason
    left: list[Record]
    agenda: Agenda
    then: Callable[[], None]
    for_good: bool = False
    _turn: Record | None = attrs.field(default=None, init=False)
    """The child whose end it waits for."""

    def is_done(self) -> bool:
        """Tell whether nobody is waited for any more."""
        return self._turn is None and not self.left

    def go(self) -> None:
        """Order the next one; when there is none, call *then*."""
        self._turn = None
        for _ in range(min(len(self.left), WAVE)):
            record = self.left.pop()
            if not record.state.is_alive:
                if self.for_good:
                    self.orders.stop_waiting(record, self.reason)
            elif not record.is_stuck:
                self._turn = record
                self.orders.order(record, self.reason, trio.current_time())
                return
        if self.left:
            self.agenda.post(self.go)
        else:
            self.then()

    def is_over(self, record: Record) -> None:
        """Go on if it was the turn of *record*."""
        if record is self._turn:
            self.go()


@final
@attrs.define(eq=False)
class ParallelStop:
    """Stops all of *left* at the same time: their times run from the first order."""

    orders: Orders
    reason: CancelReason
    left: list[Record]
    agenda: Agenda
    _since: float = attrs.field(factory=trio.current_time, init=False)
    _waits_for: set[Record] = attrs.field(factory=set[Record], init=False)

    def is_done(self) -> bool:
        """Tell whether nobody is waited for any more."""
        return not self.left and not self._waits_for

    def go(self) -> None:
        """Order the next wave."""
        for _ in range(min(len(self.left), WAVE)):
            record = self.left.pop()
            if not record.state.is_alive:
                self.orders.stop_waiting(record, self.reason)
            elif not record.is_stuck:
                self._waits_for.add(record)
                self.orders.order(record, self.reason, self._since)
        if self.left:
            self.agenda.post(self.go)

    def is_over(self, record: Record) -> None:
        """Wait for *record* no longer."""
        self._waits_for.discard(record)


@final
@attrs.define(eq=False)
class CancelAll:
    """Cancels children at once, in waves, whatever is left of their grace."""

    cancel: Callable[[Record], None]
    left: list[Record]
    agenda: Agenda

    def go(self) -> None:
        """Cancel the next wave."""
        for _ in range(min(len(self.left), WAVE)):
            record = self.left.pop()
            if record.state.is_alive:  # it may have ended since the wave before
                self.cancel(record)
        if self.left:
            self.agenda.post(self.go)
