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

from random import Random
from typing import Any, Literal, final

import attrs
import trio

from . import _events as events
from ._agenda import Agenda
from ._child import Order, Record, StartReply, new_record
from ._errors import (
    ChildExists,
    ChildRunning,
    FailureEscalated,
    NoSuchChild,
    RestartLimitReached,
    SupervisorStopped,
    TooManyChildren,
)
from ._incarnation import stack_of
from ._lives import Lives
from ._reasons import CancelCode, CancelReason
from ._recorder import Recorder, summary_of
from ._replies import Reply
from ._reports import ChildReport, State, StuckChild, SupervisorReport
from ._restart import shuts_down
from ._specs import ChildSpec, Grace, SupervisorOptions
from ._stops import CancelAll, OrderedStop, ParallelStop
from ._tally import Tally


@final
@attrs.define(eq=False)
class Engine:
    """What the task of a supervisor does."""

    options: SupervisorOptions
    random: Random
    recorder: Recorder
    around: Record | None
    """The child that this supervisor is open in."""
    name: str = attrs.field(init=False)
    token: trio.lowlevel.TrioToken = attrs.field(
        factory=trio.lowlevel.current_trio_token, init=False
    )
    """The trio run that it belongs to."""
    agenda: Agenda = attrs.field(init=False)
    lives: Lives = attrs.field(init=False)
    body_scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    """Around the user's block: cancelled as soon as the ordered stop begins."""
    must_end_by: float = attrs.field(default=float("inf"), init=False)
    """A deadline around the block that was known when the ordered stop began."""
    order: CancelReason | None = attrs.field(default=None, init=False)
    """Why all children stop; None while the supervisor serves."""
    state: Literal["running", "stopping", "stopped"] = attrs.field(
        default="running", init=False
    )
    report: SupervisorReport | None = attrs.field(default=None, init=False)
    ended: trio.Event = attrs.field(factory=trio.Event, init=False)
    _stop: OrderedStop | ParallelStop | None = attrs.field(default=None, init=False)
    """The stop of all children."""
    _failure: RestartLimitReached | FailureEscalated | None = attrs.field(
        default=None, init=False
    )

    def __attrs_post_init__(self) -> None:
        self.name = self.options.name
        self.agenda = Agenda(self._is_finished)
        self.lives = Lives(
            self.name, self.options, self.random, self.recorder, self.agenda, self
        )

    # --- the task ---

    @trio.lowlevel.enable_ki_protection  # Ctrl-C goes to the bodies and the host
    async def run(self) -> None:
        """Serve until all children are stopped.

        Cancelling it stops them in order, within ``on_outer_cancel``, and then lets the
        cancellation travel on; what would be raised otherwise is raised all the same.

        Raises:
          RestartLimitReached: a child was restarted too often. All are stopped.
          FailureEscalated: a child failed so that its spec escalates. The same.
          StopErrors: what children raised while they stopped.
          ExceptionGroup: one of the first two, and the third.
        """
        try:
            try:
                await self.agenda.work()
            except trio.Cancelled:
                self._host_was_cancelled()
                # Bound: on_outer_cancel and CANCEL_PATIENCE, kept by the timers.
                with trio.CancelScope(shield=True):
                    await self.agenda.work()
                if self._error() is None:
                    raise
            error = self._error()
            if error is not None:
                raise error
        finally:
            self._end()

    def _is_finished(self) -> bool:
        return self._stop is not None and self._stop.is_done()

    def _error(self) -> Exception | None:
        """Return what comes out of the block."""
        errors = None if self.lives.tally is None else self.lives.tally.errors()
        if self._failure is None or errors is None:
            return self._failure or errors
        message = f"{self.name!r} gave up, and children failed while they stopped"
        return ExceptionGroup(message, [self._failure, errors])

    def _end(self) -> None:
        if self.order is None:  # an observer or this engine broke: leave no task
            self.order = CancelReason(CancelCode.HOST_FAILED, source=self.name)
        tally = self.lives.tally
        if tally is None:
            tally = self.lives.tally = Tally(self.name, len(self.lives.children))
        self.state = "stopped"
        if self.lives.group is not None:
            self.lives.group.abort()
        try:
            self.agenda.close()
        finally:
            self._leave_nobody(tally, self.order)

    def _leave_nobody(self, tally: Tally, order: CancelReason) -> None:
        """Cancel who still runs, and answer who still waits."""
        now = trio.current_time()
        for name, record in self.lives.children.items():
            if record.scope is not None:
                if not tally.has_stuck(name):
                    tally.add_stuck(StuckChild(name, stack_of(record.task)))
                record.order = record.order or Order(order, now)
                record.scope.cancel(reason=str(order))
            self._fail_waiting(record)
        self.report = tally.report(order)
        self.ended.set()
        self.recorder.note(events.SupervisorEnded(now, self.name, order, self.report))

    def _fail_waiting(self, record: Record) -> None:
        """Answer those who would wait for a child that nobody looks after."""
        if record.started is not None:
            record.started.fail(SupervisorStopped(self.name))
            record.started = None
        for reply in record.gone:
            reply.fail(SupervisorStopped(self.name))
        record.gone = ()

    # --- requests ---

    def start(self, spec: ChildSpec, reply: StartReply) -> None:
        """Start a child that is not known yet."""
        if self.order is not None:
            reply.fail(SupervisorStopped(self.name))
            return
        children = self.lives.children
        known = children.get(spec.name)
        if known is not None:
            is_stopped = known.state is State.STOPPED
            reply.fail(ChildExists(spec.name, self.name, not is_stopped))
            return
        limit = self.options.max_children
        if limit is not None and len(children) >= limit:
            reply.fail(TooManyChildren(self.name, limit))
            return
        record = children[spec.name] = new_record(spec)
        self._start_known(record, reply)

    def _start_known(self, record: Record, reply: StartReply) -> None:
        """Start a child now, or with the group that is being restarted."""
        reply.record = record
        group = self.lives.group
        if group is not None and not reply.at_once and group.takes(record):
            group.join(record, reply)
        else:
            record.started = reply
            self.lives.spawn(record)

    def restart(self, name: str, reply: StartReply) -> None:
        """Start a child that is known and stopped."""
        if self.order is not None:
            reply.fail(SupervisorStopped(self.name))
            return
        record = self._stopped_record(name, reply)
        if record is not None:
            record.row = 0
            record.rule_budgets = None
            self._start_known(record, reply)

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

    def abandon(self, start: StartReply, gone: Reply[ChildReport]) -> None:
        """Undo a start whose caller was cancelled, even if the child is up by now."""
        record = start.record
        if record is None or self.lives.children.get(record.spec.name) is not record:
            gone.give(ChildReport("", 0, "not_running"))
            return
        if record.started is start:
            record.started = None
        record.is_fresh = record.is_fresh or start.is_first
        reason = CancelReason(CancelCode.START_ABANDONED, source=self.name)
        self._leave_group(record)
        if self.state == "stopped" or record.is_stuck:
            gone.give(ChildReport(record.spec.name, record.incarnation, "stuck"))
        elif record.state.is_alive:
            record.gone += (gone,)
            self.lives.order(record, reason, trio.current_time())
            self.lives.cancel_now(record)
        else:
            gone.give(self.lives.stop_waiting(record, reason))

    def _leave_group(self, record: Record) -> None:
        if self.lives.group is not None:
            self.lives.group.leave(record)

    def stop(
        self,
        name: str,
        reason: CancelReason,
        reply: Reply[ChildReport],
        inside: Record | None,
        *,
        is_sibling: bool,
    ) -> None:
        """Stop a child, and answer when it has ended; *inside* cannot wait for that.

        While all children stop, it waits for its turn, unless a sibling asks: nobody
        may have to wait for one whose turn comes after his own.
        """
        record = self.lives.children.get(name)
        if record is None:
            reply.fail(NoSuchChild(name, self.name))
            return
        if self.state == "stopped":
            reply.fail(SupervisorStopped(self.name))
            return
        self._leave_group(record)
        if not record.state.is_alive:
            reply.give(self.lives.stop_waiting(record, reason))
            return
        if self.order is None or is_sibling:
            self.lives.order(record, self.order or reason, trio.current_time())
        if inside is record:
            given = self.order if record.order is None else record.order.reason
            reply.give(ChildReport(name, record.incarnation, "asked", given))
        elif record.is_stuck:
            reply.give(self.lives.report(record, "stuck"))
        else:
            record.gone += (reply,)

    def hurry(self, name: str, reply: Reply[ChildReport]) -> None:
        """End the grace of a child: the caller of its stop was cancelled.

        If the child only waits for its turn in the stop of all, the caller goes.
        """
        record = self.lives.children.get(name)
        if record is None or reply not in record.gone:
            return
        if record.order is not None:
            self.lives.cancel_now(record)
        else:
            record.gone = tuple(each for each in record.gone if each is not reply)
            reply.give(ChildReport(name, record.incarnation, "asked", self.order))

    def stop_all(self, reason: CancelReason) -> None:
        """Begin the ordered stop, newest first. The first reason counts."""
        if self.order is not None:
            return
        self.order = reason
        self.state = "stopping"
        self.body_scope.cancel(reason=str(reason))
        now = trio.current_time()
        self.recorder.note(events.SupervisorStopping(now, self.name, reason))
        if self.lives.group is not None:
            self.lives.group.abort()
        left = list(self.lives.children.values())
        alive = sum(record.state.is_alive for record in left)
        self.lives.tally = Tally(self.name, alive)
        if self.options.strategy == "dynamic":
            self._stop = ParallelStop(self.lives, reason, left, self.agenda)
        else:
            self._stop = OrderedStop(
                self.lives, reason, left, self.agenda, _nothing, for_good=True
            )
        self._stop.go()

    # --- what the lives of children mean ---

    def is_over(self, record: Record) -> None:
        """Wait for *record* no longer: it has ended, or is stuck."""
        if self._stop is not None:
            self._stop.is_over(record)
        elif self.lives.group is not None:
            self.lives.group.is_over(record)

    def has_ended_by_itself(self, record: Record) -> None:
        """End the supervisor, if that was a significant child and the last needed."""
        if not record.spec.significant:
            return
        others_left = any(
            each.spec.significant and each.state is not State.STOPPED
            for each in self.lives.children.values()
        )
        if shuts_down(self.options.auto_shutdown, others_left=others_left):
            message = f"significant child {record.spec.name!r} has ended"
            self.stop_all(CancelReason(CancelCode.AUTO_SHUTDOWN, message, self.name))

    def give_up(
        self, record: Record, error: BaseException | None, *, by_rule: bool
    ) -> None:
        """Stop all: a restart too many is needed, or a rule of the spec escalates."""
        name = record.spec.name
        limit, within = self.options.max_restarts, self.options.within
        if by_rule:
            self._failure = FailureEscalated(name, self.name)
            code = CancelCode.FAILURE_ESCALATED
            message = f"the failure of child {name!r} is escalated"
        else:
            self._failure = RestartLimitReached(name, self.name, limit, within)
            code = CancelCode.RESTART_LIMIT
            message = f"child {name!r} was restarted too often"
        self._failure.__cause__ = error
        why = "it returned" if error is None else summary_of(error)
        now = trio.current_time()
        self.recorder.note(
            events.SupervisorEscalated(
                now, self.name, name, limit, within, why, by_rule
            )
        )
        self.stop_all(CancelReason(code, message, self.name))

    # --- cancelled from outside ---

    def _host_was_cancelled(self) -> None:
        self.stop_all(CancelReason(CancelCode.HOST_CANCELLED, source="trio"))
        now, limit = trio.current_time(), self.options.on_outer_cancel
        is_late = now >= self.must_end_by or (
            # Asked by the supervisor above, and cancelled as its own time is over.
            self.around is not None and self.around.listens and self.around.is_cancelled
        )
        if isinstance(limit, Grace) and not is_late:
            self.agenda.at(now + limit.seconds, self._cancel_all)
        else:
            self._cancel_all()

    def _cancel_all(self) -> None:
        """Cancel every child that is left at once, newest first, in waves."""
        alive = [r for r in self.lives.children.values() if r.state.is_alive]
        CancelAll(self._cancel_one, alive, self.agenda).go()

    def _cancel_one(self, record: Record) -> None:
        assert self.order is not None  # waves belong to the ordered stop
        self.lives.order(record, self.order, trio.current_time())
        self.lives.cancel_now(record)


def _nothing() -> None:
    """After the stop of all children nothing follows: `Engine.run` goes on."""
