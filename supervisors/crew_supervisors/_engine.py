# One supervisor: one nursery, one table of children, one task.
#
# 1. States change by actions of the supervisor's agenda only, one at a time, and no
#    action awaits. So nothing that a child does can block an answer.
# 2. What cancels the host reaches this task only, as children are shielded. It stops
#    them in order, within a limit, and then lets the cancellation travel on.
# 3. The ordered stop waits for one child at a time, the newest first, and for each no
#    longer than its stop policy says.
# 4. However this task ends, no child stays without somebody who has cancelled it, and
#    no caller without an answer.
"""The orders to a supervisor, and its ordered stop."""

from functools import partial
from random import Random
from typing import Any, Literal, final

import attrs
import trio

from . import _events as events
from ._agenda import WAVE, Agenda
from ._child import Record, new_record
from ._errors import (
    ChildExists,
    ChildRunning,
    NoSuchChild,
    RestartLimitReached,
    SupervisorStopped,
)
from ._lives import Lives
from ._reasons import CancelCode, CancelReason
from ._recorder import Recorder, summary_of
from ._replies import Reply
from ._reports import ChildReport, State
from ._restart import RestartBudget
from ._specs import CANCEL_PATIENCE, ChildSpec, Grace, KillType


@final
@attrs.define(eq=False)
class Engine:
    """What the task of a supervisor does."""

    name: str
    budget: RestartBudget
    on_outer_cancel: Grace | KillType
    random: Random
    recorder: Recorder
    agenda: Agenda = attrs.field(init=False)
    lives: Lives = attrs.field(init=False)
    body_scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    """Around the user's block: cancelled as soon as the ordered stop begins."""
    order: CancelReason | None = attrs.field(default=None, init=False)
    """Why all children stop; None while the supervisor serves."""
    state: Literal["running", "stopping", "stopped"] = attrs.field(
        default="running", init=False
    )
    ended: trio.Event = attrs.field(factory=trio.Event, init=False)
    _to_stop: list[Record] = attrs.field(factory=list[Record], init=False)
    """The children whose turn to stop has not come; the next one is the last."""
    _turn: Record | None = attrs.field(default=None, init=False)
    """The child whose end the ordered stop waits for."""
    _failure: RestartLimitReached | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.agenda = Agenda(self._is_finished)
        self.lives = Lives(
            self.name,
            self.budget,
            self.random,
            self.recorder,
            self.agenda,
            give_up=self._escalate,
            is_over=self._is_over,
        )

    # --- the task ---

    @trio.lowlevel.enable_ki_protection  # Ctrl-C goes to the bodies and the host
    async def run(self) -> None:
        """Serve until all children are stopped.

        Cancelling it stops them in order, within ``on_outer_cancel``, and then lets the
        cancellation travel on. A restart limit that was reached before is raised all
        the same.

        Raises:
          RestartLimitReached: a child was restarted too often. All are stopped.
        """
        try:
            try:
                await self.agenda.work()
            except trio.Cancelled:
                self._host_was_cancelled()
                # Bound: on_outer_cancel and CANCEL_PATIENCE, kept by the timers.
                with trio.CancelScope(shield=True):
                    await self.agenda.work()
                if self._failure is None:
                    raise
            if self._failure is not None:
                raise self._failure
        finally:
            self._end()

    def _is_finished(self) -> bool:
        return self.order is not None and self._turn is None and not self._to_stop

    def _end(self) -> None:
        if self.order is None:  # an observer or this engine broke: leave no task
            self.order = CancelReason(CancelCode.HOST_FAILED, source=self.name)
            self.lives.are_ending = True
        self.state = "stopped"
        self.agenda.close()
        stuck: list[str] = []
        for name, record in self.lives.children.items():
            if record.scope is not None:
                stuck.append(name)
                record.scope.cancel(reason=str(self.order))
            self._fail_waiting(record)
        self.ended.set()
        now = trio.current_time()
        self.recorder.note(
            events.SupervisorEnded(now, self.name, self.order, tuple(stuck))
        )

    def _fail_waiting(self, record: Record) -> None:
        """Answer those who would wait for a child that nobody looks after."""
        if record.started is not None:
            record.started.fail(SupervisorStopped(self.name))
            record.started = None
        for reply in record.gone:
            reply.fail(SupervisorStopped(self.name))
        record.gone = ()

    # --- requests ---

    def start(self, spec: ChildSpec, reply: Reply[object]) -> None:
        """Start a child that is not known yet."""
        if self.order is not None:
            reply.fail(SupervisorStopped(self.name))
            return
        known = self.lives.children.get(spec.name)
        if known is not None:
            is_stopped = known.state is State.STOPPED
            reply.fail(ChildExists(spec.name, self.name, not is_stopped))
            return
        record = self.lives.children[spec.name] = new_record(spec)
        record.started = reply
        self.lives.spawn(record)

    def restart(self, name: str, reply: Reply[object]) -> None:
        """Start a child that is known and stopped."""
        if self.order is not None:
            reply.fail(SupervisorStopped(self.name))
            return
        record = self._stopped_record(name, reply)
        if record is not None:
            record.started = reply
            record.row = 0
            self.lives.spawn(record)

    def remove(self, name: str, reply: Reply[None]) -> None:
        """Forget a child that is stopped."""
        record = self._stopped_record(name, reply)
        if record is not None:
            del self.lives.children[name]
            reply.give(None)

    def _stopped_record(self, name: str, reply: Reply[Any]) -> Record | None:
        record = self.lives.children.get(name)
        if record is None:
            reply.fail(NoSuchChild(name, self.name))
        elif record.state is not State.STOPPED:
            reply.fail(ChildRunning(name, self.name, record.state.value))
        else:
            return record
        return None

    def abandon(self, start: Reply[object], gone: Reply[ChildReport]) -> None:
        """Undo a start whose caller was cancelled."""
        for record in reversed(self.lives.children.values()):
            if record.started is start:
                record.started = None
                reason = CancelReason(CancelCode.START_ABANDONED, source=self.name)
                self.lives.order(record, reason)
                self.lives.cancel(record, CANCEL_PATIENCE)
                record.gone += (gone,)
                return
        gone.give(ChildReport("", 0, "not_running"))

    def stop(
        self,
        name: str,
        reason: CancelReason,
        reply: Reply[ChildReport],
        inside: Record | None,
    ) -> None:
        """Stop a child, and answer when it has ended; *inside* cannot wait for that."""
        record = self.lives.children.get(name)
        if record is None:
            reply.fail(NoSuchChild(name, self.name))
            return
        if self.state == "stopped":
            reply.fail(SupervisorStopped(self.name))
            return
        if not record.state.is_alive:
            reply.give(self.lives.stop_waiting(record, reason))
            return
        if self.order is None:
            self.lives.order(record, reason)
        if inside is record:
            given = self.order if record.order is None else record.order.reason
            reply.give(ChildReport(name, record.incarnation, "asked", given))
        elif record.is_stuck:
            reply.give(self.lives.report(record, "stuck"))
        else:
            record.gone += (reply,)

    def hurry(self, name: str, reply: Reply[ChildReport]) -> None:
        """End the grace of a child: the caller of its stop was cancelled."""
        record = self.lives.children.get(name)
        if record is not None and reply in record.gone:
            record.gone = tuple(each for each in record.gone if each is not reply)
            if record.order is not None:
                self.lives.cancel(record, CANCEL_PATIENCE)

    def stop_all(self, reason: CancelReason) -> None:
        """Begin the ordered stop, newest first. The first reason counts."""
        if self.order is not None:
            return
        self.order = reason
        self.lives.are_ending = True
        self.state = "stopping"
        self.body_scope.cancel(reason=str(reason))
        now = trio.current_time()
        self.recorder.note(events.SupervisorStopping(now, self.name, reason))
        self._to_stop = list(self.lives.children.values())
        self._stop_next()

    # --- the ordered stop ---

    def _stop_next(self) -> None:
        """Go on with the ordered stop: order the newest that is left."""
        self._turn = None
        while self._to_stop and self.order is not None:
            record = self._to_stop.pop()
            if not record.state.is_alive:
                self.lives.stop_waiting(record, self.order)
            elif not record.is_stuck:
                self._turn = record
                self.lives.order(record, self.order)
                return

    def _is_over(self, record: Record) -> None:
        if record is self._turn:
            self._stop_next()

    def _escalate(self, record: Record, error: BaseException | None) -> None:
        name, limit, within = record.spec.name, self.budget.limit, self.budget.period
        self._failure = RestartLimitReached(name, self.name, limit, within)
        self._failure.__cause__ = error
        why = "it returned" if error is None else summary_of(error)
        now = trio.current_time()
        self.recorder.note(
            events.SupervisorEscalated(now, self.name, name, limit, within, why)
        )
        message = f"child {name!r} was restarted too often"
        self.stop_all(CancelReason(CancelCode.RESTART_LIMIT, message, self.name))

    # --- cancelled from outside ---

    def _host_was_cancelled(self) -> None:
        self.stop_all(CancelReason(CancelCode.HOST_CANCELLED, source="trio"))
        if isinstance(self.on_outer_cancel, Grace):
            limit = trio.current_time() + self.on_outer_cancel.seconds
            self.agenda.at(limit, self._kill_all)
        else:
            self._kill_all()

    def _kill_all(self) -> None:
        """Cancel every child that is left at once, newest first, in waves."""
        self._kill_wave([r for r in self.lives.children.values() if r.state.is_alive])

    def _kill_wave(self, left: list[Record]) -> None:
        for _ in range(min(len(left), WAVE)):
            record = left.pop()
            if record.state.is_alive:  # it may have ended since the wave before
                assert self.order is not None  # waves belong to the ordered stop
                self.lives.order(record, self.order)
                self.lives.cancel(record, CANCEL_PATIENCE)
        if left:
            self.agenda.post(partial(self._kill_wave, left))
