# Timers belong to an incarnation.
#
# 1. A key has one timer. Setting it again replaces the timer, and takes back its tick
#    that was not read yet.
# 2. A timer has at most one tick in the mailbox. Of a periodic one whose reader is slow,
#    ticks are left out, never piled up.
# 3. Whether a tick still holds is decided when it is read: one that was cancelled, or
#    whose incarnation has ended, is not delivered.
"""Messages that come at a time."""

import math
from collections.abc import Hashable
from typing import Generic, TypeVar, final

import attrs
import trio

from crew_actors.actors._clock import Clock
from crew_mailbox import Mailbox, MailboxClosed, Notice

M = TypeVar("M")


@final
@attrs.define(eq=False)
class Timers(Generic[M]):
    """The timers of one incarnation."""

    mailbox: Mailbox[M]
    clock: Clock
    are_ended: bool = attrs.field(default=False, init=False)
    _by_key: "dict[Hashable, Timer[M]]" = attrs.field(
        factory=dict[Hashable, "Timer[M]"], init=False
    )

    def start(
        self, key: Hashable, message: M, delay: float, *, period: float | None
    ) -> None:
        if not 0 <= delay < math.inf or (period is not None and not period > 0):
            wanted = "0 or more" if period is None else "above 0"
            text = f"a timer of {delay!r} seconds: give it finite seconds, {wanted}"
            raise ValueError(text)
        self.cancel(key)
        if self.are_ended:
            return  # the incarnation has ended: nobody would read its tick
        timer = Timer(self, key, message, period, trio.current_time() + delay)
        self._by_key[key] = timer
        timer.wind()

    def cancel(self, key: Hashable) -> bool:
        timer = self._by_key.pop(key, None)
        if timer is None:
            return False
        timer.cancel()
        return True

    def has(self, key: Hashable) -> bool:
        return key in self._by_key

    def is_timer(self, key: Hashable, timer: "Timer[M]") -> bool:
        return self._by_key.get(key) is timer

    def end(self) -> None:
        """Cancel all of them: the incarnation has ended."""
        self.are_ended = True
        for timer in self._by_key.values():
            timer.cancel()
        self._by_key.clear()


@final
class Timer(Notice[M]):
    """One timer; queued as a notice when it is due."""

    __slots__ = (
        "_due",
        "_is_off",
        "_is_queued",
        "_key",
        "_number",
        "_period",
        "_timers",
    )

    def __init__(
        self,
        timers: Timers[M],
        key: Hashable,
        message: M,
        period: float | None,
        due: float,
    ) -> None:
        self.message = message
        self._timers = timers
        self._key = key
        self._period = period
        self._due = due
        self._number = 0
        self._is_queued = False
        self._is_off = False

    def wind(self) -> None:
        """Have the clock ring at the time that is set."""
        self._number = self._timers.clock.add(self._due, self)

    def cancel(self) -> None:
        self._is_off = True
        self._timers.clock.remove(self._number)

    def ring(self) -> None:
        try:
            if not self._is_queued:
                self._timers.mailbox.send_notice(self)
                self._is_queued = True
        except MailboxClosed:
            return  # the actor is about to end: no tick comes any more
        if self._period is not None:
            now = trio.current_time()
            self._due += self._period
            if self._due <= now:  # the loop stood still for longer than a period
                self._due = now + self._period
            self.wind()

    def open(self) -> bool:
        if self._is_off or self._timers.are_ended:
            return False
        self._is_queued = False
        if self._period is None and self._timers.is_timer(self._key, self):
            self._timers.cancel(self._key)
            self._is_off = (
                False  # it was read, not called off: stashing may bring it back
            )
        return True
