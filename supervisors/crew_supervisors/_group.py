# Children that are restarted together: one_for_all and rest_for_one.
#
#   stop the others, newest first → wait for the backoff → start all, in order
#
# 1. A member is a child that waits for its start by the group (`waits_for_group`). It is
#    none any more as soon as it is started, or was stopped by name.
# 2. A failure counts once, however many are restarted with it. A member that fails while
#    the group is being stopped is reported, and counts nothing.
# 3. A failure during the group's start begins a new round with all that it concerns:
#    everybody (one_for_all), or the failed child and those after it (rest_for_one), so
#    that those which were restarted before it stay. OTP does the same.
# 4. As in OTP, who was stopped before is started with the others.
# 5. Nobody is started while anybody of the group still runs, stuck or not.
"""The restart of several children as one."""

from collections import deque
from functools import partial
from typing import Protocol, final

import attrs
import trio

from . import _events as events
from ._agenda import Agenda, Timer
from ._child import Record, StartReply
from ._reasons import CancelCode, CancelReason
from ._recorder import Recorder
from ._reports import State
from ._specs import Strategy
from ._stops import WAVE, OrderedStop, Orders


class Starter(Orders, Protocol):
    """What a group needs of those who look after children."""

    children: dict[str, Record]

    def spawn(self, record: Record) -> None:
        """Start an incarnation."""


@final
@attrs.define(eq=False)
class Group:
    """The group restarts of one supervisor, at most one at a time."""

    name: str
    strategy: Strategy
    lives: Starter
    agenda: Agenda
    recorder: Recorder
    is_active: bool = attrs.field(default=False, init=False)
    """Whether a group restart is under way."""
    _affected: list[Record] = attrs.field(factory=list[Record], init=False)
    """Who has to be stopped before anybody is started."""
    _not_before: float = attrs.field(default=0.0, init=False)
    """When the backoff of whoever failed is over."""
    _stop: OrderedStop | None = attrs.field(default=None, init=False)
    _timer: Timer | None = attrs.field(default=None, init=False)
    _queue: deque[Record] | None = attrs.field(default=None, init=False)
    """Those still to be started; None before the starts have begun."""
    _starting: Record | None = attrs.field(default=None, init=False)
    """The one that the next start waits for."""
    _round: int = attrs.field(default=0, init=False)

    def begin(self, failed: Record, not_before: float) -> None:
        """Restart *failed*, not before that time, with all that the strategy says."""
        self._forget_round()
        self._not_before = max(self._not_before, not_before)
        self.is_active = True
        affected = self._affected_by(failed)
        still_stopping = [r for r in self._affected if r.order is not None]
        self._affected = list(dict.fromkeys([*still_stopping, *affected]))
        for record in affected:
            if _can_be_started_again(record):
                record.waits_for_group = True
                if not record.state.is_alive:
                    record.state = State.BACKOFF
        members = tuple(r.spec.name for r in affected if r.waits_for_group)
        now, who = trio.current_time(), failed.spec.name
        self.recorder.note(
            events.SupervisorRestartingGroup(now, self.name, who, members)
        )
        message = f"it is restarted together with {who!r}"
        reason = CancelReason(CancelCode.SIBLING_FAILED, message, self.name)
        alive = [record for record in affected if record.state.is_alive]
        self._stop = OrderedStop(self.lives, reason, alive, self.agenda, self._go_on)
        self._stop.go()

    def _affected_by(self, failed: Record) -> list[Record]:
        records = list(self.lives.children.values())
        if self.strategy == "one_for_all":
            return records
        return records[records.index(failed) :]

    def abort(self) -> None:
        """Restart nobody any more: all children have to stop."""
        self._end()
        for record in self.lives.children.values():
            record.waits_for_group = False

    def _end(self) -> None:
        self._forget_round()
        self.is_active = False
        self._not_before = 0.0
        self._affected = []

    def _forget_round(self) -> None:
        self._round += 1
        self._stop = self._queue = self._starting = None
        if self._timer is not None:
            self._timer.call_off()
            self._timer = None

    # --- who comes and goes meanwhile ---

    def takes(self, record: Record) -> bool:
        """Tell whether *record*, which is to be started, has to wait for the group."""
        if not self.is_active:
            return False
        if self.strategy == "one_for_all":
            return True
        for each in self.lives.children.values():
            if each.waits_for_group or each is self._starting:
                return True
            if each is record:
                break
        return False

    def is_started_by(self, record: Record) -> bool:
        """Tell whether the start of *record* is what the group waits for."""
        return record is self._starting

    def join(self, record: Record, reply: StartReply) -> None:
        """Start *record* with the group, and answer when it is up."""
        record.started = reply
        record.waits_for_group = True
        if record.state is State.STOPPED:
            record.state = State.BACKOFF
        if self._queue is not None:
            self._queue.append(record)

    def leave(self, record: Record) -> None:
        """Do not start *record* any more: it was stopped by name."""
        if record.waits_for_group:
            record.waits_for_group = False
            self._look_again()

    def is_up(self, record: Record) -> None:
        """Go on, if that one was waited for."""
        if record is self._starting and record.reports_up:
            self._start_next(self._round)

    def is_over(self, record: Record) -> None:
        """Go on, if that one was waited for: it has ended, or is stuck."""
        if self._stop is not None:
            self._stop.is_over(record)
        elif record is self._starting:
            if not record.state.is_alive:
                self._start_next(self._round)
        else:
            self._look_again()

    # --- stopped; now start ---

    def _look_again(self) -> None:
        """Go on, if the round waits neither for a stop nor for a start."""
        if self.is_active and self._stop is None and self._queue is None:
            if self._timer is not None:
                self._timer.call_off()
                self._timer = None
            self._go_on()

    def _go_on(self) -> None:
        """Start all, or wait for whatever is in the way."""
        self._stop = None
        members = [r for r in self.lives.children.values() if r.waits_for_group]
        if not members:
            self._end()
            return
        if any(record.state.is_alive for record in self._affected):
            return  # stuck: its end is looked at
        if trio.current_time() < self._not_before:
            self._timer = self.agenda.at(self._not_before, self._start)
        else:
            self._start()

    def _start(self) -> None:
        self._timer = None
        waiting = (r for r in self.lives.children.values() if r.waits_for_group)
        self._queue = deque(waiting)
        self._start_next(self._round)

    def _start_next(self, of_round: int) -> None:
        if of_round != self._round:
            return  # a failure has begun another one meanwhile
        self._starting = None
        assert self._queue is not None  # the starts of this round have begun
        for _ in range(WAVE):
            if not self._queue:
                self._end()
                return
            record = self._queue.popleft()
            if not record.waits_for_group:
                continue  # it was stopped by name, or started already
            record.waits_for_group = False
            record.restarts += record.incarnation > 0
            self._starting = record
            self.lives.spawn(record)
            if record.reports_up:
                return
        self.agenda.post(partial(self._start_next, of_round))


def _can_be_started_again(record: Record) -> bool:
    """Tell whether a child is a member, and is not only stopped with the others."""
    is_given_up = record.is_fresh and record.started is None
    return record.spec.restart != "temporary" and not is_given_up
