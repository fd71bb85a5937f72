# The life of each child of one supervisor.
#
#   idle → starting → running → (stopping | failed → backoff → starting) → stopped
#
# 1. These methods are called by actions of the supervisor's agenda, one at a time; none
#    awaits. What comes from elsewhere (`report_up`, `report_end`) is posted there.
# 2. What an end means follows from facts that are ours: was a stop ordered, was the
#    scope cancelled by us. The type of what a body raised only tells failures apart.
# 3. An incarnation starts when the task of the one before has ended, never earlier.
# 4. Every wait has a timer: grace, then patience. Then the child is called stuck, by
#    name, and whoever waits for its end goes on.
"""The state machine of children."""

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Final, final

import attrs
import trio

from . import _events as events
from ._agenda import Agenda
from ._child import Child, Order, Record
from ._errors import ChildStartFailed
from ._incarnation import live, stack_of
from ._reasons import CancelReason
from ._recorder import Recorder, summary_of
from ._reports import ChildReport, State, StopEnd
from ._restart import (
    Decision,
    RestartBudget,
    backoff_delay,
    decide,
    ending_of,
    ends_the_tree,
    next_row,
)
from ._specs import CANCEL_PATIENCE, KILL, Grace

_WHY_RETURNED: Final = "it returned before it reported that it is up"
_WHY_STOPPED: Final = "it was stopped before it was up"


@final
@attrs.define(eq=False)
class Lives:
    """The children of one supervisor, and the rules each of them lives by."""

    name: str
    budget: RestartBudget
    random: Random
    recorder: Recorder
    agenda: Agenda
    give_up: Callable[[Record, BaseException | None], None]
    """Called when a child would need one restart more than allowed."""
    is_over: Callable[[Record], None]
    """Called when a child has ended or is stuck, so that nobody waits for it."""
    nursery: trio.Nursery = attrs.field(init=False)
    children: dict[str, Record] = attrs.field(factory=dict[str, Record], init=False)
    """In the order of their first start."""
    are_ending: bool = attrs.field(default=False, init=False)
    """Whether all children have to stop: from then on none is restarted."""

    # --- one incarnation ---

    def spawn(self, record: Record) -> None:
        record.incarnation += 1
        record.state = State.STARTING
        record.timer = record.order = None
        record.is_cancelled = False
        record.inner = ()
        record.scope = trio.CancelScope(shield=True)
        if record.listens:
            record.handle = Child(record.spec.name, record.incarnation, record)
        label = f"{self.name}/{record.spec.name}"
        self.nursery.start_soon(live, self, record, record.scope, name=label)
        if not record.reports_up:
            self._up(record, record.incarnation, None)

    def report_up(self, record: Record, incarnation: int, value: object) -> None:
        """Have the supervisor's task know that an incarnation is up."""
        self.agenda.post(partial(self._up, record, incarnation, value))

    def report_end(
        self, record: Record, error: BaseException | None, *, was_cancelled: bool
    ) -> None:
        """Have the supervisor's task know that an incarnation has ended."""
        self.agenda.post(
            partial(self._ended, record, error, was_cancelled=was_cancelled)
        )

    def _up(self, record: Record, incarnation: int, value: object) -> None:
        if record.state is not State.STARTING or record.incarnation != incarnation:
            return  # it was told to stop meanwhile
        record.state = State.RUNNING
        record.is_fresh = False
        record.up_at = now = trio.current_time()
        name = record.spec.name
        self.recorder.note(events.ChildStarted(now, self.name, name, incarnation))
        if record.started is not None:
            record.started.give(value)
            record.started = None

    def _ended(
        self, record: Record, error: BaseException | None, *, was_cancelled: bool
    ) -> None:
        record.scope = record.task = record.handle = None
        if record.timer is not None:
            record.timer.call_off()
            record.timer = None
        if record.order is not None:
            self._ended_by_order(record, error, was_cancelled=was_cancelled)
        elif error is not None and ends_the_tree(error):
            self._note_failure(record, error)
            self._settle(record)
        elif self.are_ending:
            self._ended_alone(record, error)
            self._settle(record, None, error)
        elif record.state is State.STARTING:
            self._start_failed(record, error)
        else:
            self._ended_alone(record, error)
            self._decide(record, error)
        self.is_over(record)

    def _ended_by_order(
        self, record: Record, error: BaseException | None, *, was_cancelled: bool
    ) -> None:
        end: StopEnd = "returned"
        if error is not None:
            end = "failed"
        elif was_cancelled:
            end = "cancelled"
        report = self.report(record, end, error)
        record.is_stuck = False
        now, name = trio.current_time(), record.spec.name
        self.recorder.note(
            events.ChildStopped(now, self.name, name, record.incarnation, report)
        )
        self._settle(record, report, error)

    def _ended_alone(self, record: Record, error: BaseException | None) -> None:
        if error is not None or record.state is State.STARTING:
            self._note_failure(record, error)
            return
        now, name = trio.current_time(), record.spec.name
        self.recorder.note(events.ChildEnded(now, self.name, name, record.incarnation))

    def _note_failure(self, record: Record, error: BaseException | None) -> None:
        self.recorder.note(
            events.ChildFailed(
                trio.current_time(),
                self.name,
                record.spec.name,
                record.incarnation,
                _WHY_RETURNED if error is None else summary_of(error),
                record.state is State.STARTING,
                error,
            )
        )

    def _settle(
        self,
        record: Record,
        report: ChildReport | None = None,
        error: BaseException | None = None,
    ) -> None:
        """Let a child that has ended be stopped, and answer who waits for it."""
        if record.timer is not None:
            record.timer.call_off()
            record.timer = None
        record.state = State.STOPPED
        record.order = None
        self._fail_start(record, _WHY_STOPPED, error)
        if report is None:
            report = ChildReport(record.spec.name, record.incarnation, "not_running")
        for reply in record.gone:
            reply.give(report)
        record.gone = ()
        if record.is_fresh or record.spec.restart == "temporary":
            self.children.pop(record.spec.name, None)

    # --- ends that nobody ordered ---

    def _start_failed(self, record: Record, error: BaseException | None) -> None:
        self._note_failure(record, error)
        if record.started is None:
            self._restart(record, error)  # a failed restart counts, and is retried
            return
        why = _WHY_RETURNED if error is None else summary_of(error)
        self._fail_start(record, why, error)
        self._settle(record)

    def _fail_start(
        self, record: Record, why: str, error: BaseException | None
    ) -> None:
        """Tell who waits for the start, if somebody does."""
        if record.started is not None:
            failed = ChildStartFailed(record.spec.name, self.name, why)
            failed.__cause__ = error
            record.started.fail(failed)
            record.started = None

    def _decide(self, record: Record, error: BaseException | None) -> None:
        if decide(record.spec.restart, ending_of(error)) is Decision.RESTART:
            up_for = trio.current_time() - record.up_at
            if record.spec.backoff is not None:
                record.row = next_row(record.spec.backoff, record.row, up_for)
            self._restart(record, error)
        else:
            self._settle(record)

    def _restart(self, record: Record, error: BaseException | None) -> None:
        record.state = State.FAILED
        now = trio.current_time()
        if not self.budget.spend(now):
            self.give_up(record, error)
            return
        delay = 0.0
        if record.spec.backoff is not None:
            delay = backoff_delay(record.spec.backoff, record.row, self.random.random())
            record.row += 1
        record.restarts += 1
        name = record.spec.name
        self.recorder.note(
            events.ChildRestarting(now, self.name, name, record.incarnation, delay)
        )
        if delay > 0:
            record.state = State.BACKOFF
            record.timer = self.agenda.at(now + delay, partial(self.spawn, record))
        else:
            self.spawn(record)

    # --- stops ---

    def stop_waiting(self, record: Record, reason: CancelReason) -> ChildReport:
        """Stop a child that has no incarnation: it will not be restarted."""
        name, incarnation = record.spec.name, record.incarnation
        if record.state is not State.BACKOFF:
            return ChildReport(name, incarnation, "not_running")
        now = trio.current_time()
        report = ChildReport(name, incarnation, "not_running", reason, graceful=True)
        self.recorder.note(
            events.ChildStopped(now, self.name, name, incarnation, report)
        )
        self._settle(record)
        return report

    def order(self, record: Record, reason: CancelReason) -> None:
        """Tell a living child to stop, by its policy. The first reason counts."""
        if record.order is not None:
            return
        now = trio.current_time()
        record.order = Order(reason, now)
        record.state = State.STOPPING
        name, incarnation = record.spec.name, record.incarnation
        self.recorder.note(
            events.ChildStopping(now, self.name, name, incarnation, reason)
        )
        stop = record.spec.stop
        if stop is KILL:
            self.cancel(record, CANCEL_PATIENCE)
        elif record.handle is None:
            patience = None
            if isinstance(stop, Grace):
                patience = max(stop.seconds, CANCEL_PATIENCE)
            self.cancel(record, patience)
        else:
            record.handle.stopping._ask(reason)  # noqa: SLF001  # not for bodies
            if isinstance(stop, Grace):
                grace_over = partial(self.cancel, record, CANCEL_PATIENCE)
                record.timer = self.agenda.at(now + stop.seconds, grace_over)

    def cancel(self, record: Record, patience: float | None) -> None:
        """Cancel a child; after *patience* seconds it is stuck. None waits on."""
        if record.is_stuck:
            return
        assert record.scope is not None  # it lives
        assert record.order is not None  # somebody has said why
        was_cancelled, record.is_cancelled = record.is_cancelled, True
        if not was_cancelled:
            record.scope.cancel(reason=str(record.order.reason))
        if patience is None:
            return
        deadline = trio.current_time() + patience
        if record.timer is not None:
            if was_cancelled and record.timer.deadline <= deadline:
                return
            record.timer.call_off()
        record.timer = self.agenda.at(deadline, partial(self._stuck, record))

    def _stuck(self, record: Record) -> None:
        """Report a child that cancellation does not end, and go on without it."""
        record.is_stuck = True
        record.timer = None
        report = self.report(record, "stuck")
        assert report.reason is not None  # only children with an order get stuck
        self.recorder.note(
            events.ChildStuck(
                trio.current_time(),
                self.name,
                record.spec.name,
                record.incarnation,
                report.reason,
                stack_of(record.task),
            )
        )
        self._fail_start(record, _WHY_STOPPED, None)
        for reply in record.gone:
            reply.give(report)
        record.gone = ()
        self.is_over(record)

    def report(
        self, record: Record, end: StopEnd, error: BaseException | None = None
    ) -> ChildReport:
        assert record.order is not None  # reports are about ordered stops
        return ChildReport(
            record.spec.name,
            record.incarnation,
            end,
            record.order.reason,
            None if error is None else summary_of(error),
            trio.current_time() - record.order.given_at,
            graceful=not record.is_cancelled,
        )
