# The life of each child of one supervisor.
#
#   idle → starting → running → (stopping | failed → backoff → starting) → stopped
#
# 1. These methods are called by actions of the supervisor's agenda, one at a time; none
#    awaits. What comes from elsewhere (`report_up`, `report_end`) is posted there.
# 2. What an end means follows from facts that are ours: was a stop ordered, was the
#    scope cancelled by us, does the child wait to be restarted with others. The type of
#    what a body raised only tells failures apart.
# 3. An incarnation starts when the task of the one before has ended, never earlier.
# 4. Every wait has a timer: grace, then patience. Then the child is called stuck, by
#    name, and whoever waits for its end goes on.
"""The state machine of children."""

from contextlib import suppress
from functools import partial
from random import Random
from typing import Final, Protocol, final

import attrs
import trio

from . import _events as events
from ._agenda import Agenda
from ._child import Child, Order, Record
from ._errors import ChildStartFailed
from ._group import Group
from ._incarnation import live, stack_of
from ._reasons import CancelCode, CancelReason
from ._recorder import Recorder, summary_of
from ._reports import ChildReport, State, StopEnd
from ._restart import (
    Decision,
    RestartBudget,
    backoff_delay,
    decide,
    decline_of,
    ending_of,
    ends_the_tree,
    next_row,
)
from ._rules import rule_for
from ._specs import CANCEL_PATIENCE, KILL, Backoff, Grace, OnFailure, SupervisorOptions
from ._tally import Tally, stop_errors

_WHY_RETURNED: Final = "it returned before it reported that it is up"
_WHY_STOPPED: Final = "it was stopped before it was up"
_NO_BACKOFF: Final = Backoff(first=0.0)
"""For children without a backoff: only its ``reset_after`` counts."""


class Overseer(Protocol):
    """What the lives of children mean to their supervisor."""

    def give_up(
        self, record: Record, error: BaseException | None, *, by_rule: bool
    ) -> None:
        """Stop all: a restart too many is needed, or a rule of the spec escalates."""

    def has_ended_by_itself(self, record: Record) -> None:
        """Look whether that ends the supervisor."""

    def is_over(self, record: Record) -> None:
        """Wait for *record* no longer: it has ended, or is stuck."""


@final
@attrs.define(eq=False)
class Lives:
    """The children of one supervisor, and the rules each of them lives by."""

    name: str
    options: SupervisorOptions
    random: Random
    recorder: Recorder
    agenda: Agenda
    overseer: Overseer
    budget: RestartBudget = attrs.field(init=False)
    group: Group | None = attrs.field(default=None, init=False)
    """Restarts several children as one; None where each is restarted alone."""
    nursery: trio.Nursery = attrs.field(init=False)
    children: dict[str, Record] = attrs.field(factory=dict[str, Record], init=False)
    """In the order of their first start."""
    tally: Tally | None = attrs.field(default=None, init=False)
    """Not None when all children have to stop: from then on none is restarted."""

    def __attrs_post_init__(self) -> None:
        options = self.options
        self.budget = RestartBudget(options.max_restarts, options.within)
        if options.strategy in ("one_for_all", "rest_for_one"):
            self.group = Group(
                self.name, options.strategy, self, self.agenda, self.recorder
            )

    # --- one incarnation ---

    def spawn(self, record: Record) -> None:
        record.incarnation += 1
        record.state = State.STARTING
        record.timer = record.order = record.last_beat = None
        record.is_cancelled = record.was_up = False
        record.inner = ()
        record.scope = trio.CancelScope(shield=True)
        if record.listens:
            record.handle = Child(record.spec.name, record.incarnation, record, self)
        label = f"{self.name}/{record.spec.name}"
        self.nursery.start_soon(live, self, record, record.scope, name=label)
        if not record.reports_up:
            self._up(record, record.incarnation, None)

    def report_up(self, record: Record, incarnation: int, value: object) -> None:
        """Have the supervisor's task know that an incarnation is up."""
        self.agenda.post(partial(self._up, record, incarnation, value))

    def report_end(
        self, record: Record, error: BaseException | None, *, was_cancelled: bool
    ) -> Exception | None:
        """Have the supervisor's task know that an incarnation has ended.

        What a child raised that was stuck, after that task's own end, is returned: it
        still comes out of the block, which was held up for it.
        """
        is_late = self.agenda.is_closed
        self.agenda.post(
            partial(self._ended, record, error, was_cancelled=was_cancelled)
        )
        if error is None or not is_late:
            return None
        return stop_errors(self.name, ((record.spec.name, error),))

    def _up(self, record: Record, incarnation: int, value: object) -> None:
        if record.state is not State.STARTING or record.incarnation != incarnation:
            return  # it was told to stop meanwhile
        record.state = State.RUNNING
        record.was_up = True
        record.is_fresh = False
        record.up_at = now = trio.current_time()
        name = record.spec.name
        self.recorder.note(events.ChildStarted(now, self.name, name, incarnation))
        if record.started is not None:
            record.started.give(value)
            record.started = None
        if self.group is not None:
            self.group.is_up(record)

    def _ended(
        self, record: Record, error: BaseException | None, *, was_cancelled: bool
    ) -> None:
        record.scope = record.task = record.handle = None
        record.is_stuck = False
        if record.timer is not None:
            record.timer.call_off()
            record.timer = None
        if record.failure is not None:
            error = self._failure_of(record, error)
        declined = None if record.was_up else decline_of(error)
        if record.order is not None:
            if declined is not None:
                error = None
            self._ended_by_order(record, error, was_cancelled=was_cancelled)
        elif declined is not None:
            self._declined(record, str(declined))
        elif error is not None and ends_the_tree(error):
            self._note_failure(record, error)
            self._settle(record)
        elif self.tally is not None or record.waits_for_group:
            self._ended_alone(record, error)
            self._settle(record, None, error)
        elif record.state is State.STARTING:
            self._start_failed(record, error)
        else:
            self._ended_alone(record, error)
            self._decide(record, error)
        self.overseer.is_over(record)

    def fail(self, record: Record, incarnation: int, error: Exception) -> None:
        """Have a living child fail with *error*, although its body does not raise."""
        if record.scope is None or record.incarnation != incarnation:
            return
        if record.order is not None or record.failure is not None:
            return
        record.failure = error
        record.is_cancelled = True
        record.scope.cancel(reason=summary_of(error))
        late = trio.current_time() + CANCEL_PATIENCE
        record.timer = self.agenda.at(late, partial(self._stuck, record))

    def _failure_of(
        self, record: Record, raised: BaseException | None
    ) -> BaseException | None:
        """Return what counts as raised by a child that was made to fail."""
        failure, record.failure = record.failure, None
        if failure is None or raised is failure:
            return raised
        if raised is None:
            return failure
        if ends_the_tree(raised):
            return raised
        if failure.__cause__ is None:
            with suppress(Exception):  # an error may refuse to be changed
                failure.__cause__ = raised
                return failure
        if isinstance(raised, Exception):
            return ExceptionGroup("it was made to fail, and raised", [failure, raised])
        return failure

    def _ended_by_order(
        self, record: Record, error: BaseException | None, *, was_cancelled: bool
    ) -> None:
        end: StopEnd = "returned"
        if error is not None:
            end = "failed"
        elif was_cancelled:
            end = "cancelled"
        report = self.report(record, end, error)
        if self.tally is not None:
            was_killed = record.is_cancelled and self._was_asked(record)
            self.tally.count(report, error, was_killed=was_killed)
        now, name = trio.current_time(), record.spec.name
        self.recorder.note(
            events.ChildStopped(now, self.name, name, record.incarnation, report)
        )
        self._settle(record, report, error)

    def _ended_alone(self, record: Record, error: BaseException | None) -> None:
        row, up_for = record.row, trio.current_time() - record.up_at
        record.row = next_row(record.spec.backoff or _NO_BACKOFF, row, up_for)
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
                record.row,
                error,
            )
        )
        if self.tally is not None and error is not None:
            why = summary_of(error)
            name, number = record.spec.name, record.incarnation
            report = ChildReport(name, number, "failed", error=why)
            self.tally.count(report, error, was_killed=False)

    def _settle(
        self,
        record: Record,
        report: ChildReport | None = None,
        error: BaseException | None = None,
    ) -> None:
        """Let a child that has ended be stopped, and answer who waits for its end."""
        if record.timer is not None:
            record.timer.call_off()
            record.timer = None
        record.order = None
        if report is None:
            report = ChildReport(record.spec.name, record.incarnation, "not_running")
        for reply in record.gone:
            reply.give(report)
        record.gone = ()
        if record.waits_for_group:
            record.state = State.BACKOFF
            return
        record.state = State.STOPPED
        self._fail_start(record, _WHY_STOPPED, error)
        if (
            record.is_fresh
            or record.spec.restart == "temporary"
            or self.options.strategy == "dynamic"
        ):
            self.children.pop(record.spec.name, None)

    # --- ends that nobody ordered ---

    def _start_failed(self, record: Record, error: BaseException | None) -> None:
        self._note_failure(record, error)
        if record.started is None:  # an automatic restart
            self._decide(record, error, unless_ruled=Decision.RESTART)
            return
        why = _WHY_RETURNED if error is None else summary_of(error)
        self._fail_start(record, why, error)
        self._settle(record)

    def _declined(self, record: Record, why: str) -> None:
        """Leave a child stopped that did not want to start; its spec is kept."""
        now, name = trio.current_time(), record.spec.name
        self.recorder.note(
            events.ChildDeclined(now, self.name, name, record.incarnation, why)
        )
        record.is_fresh = record.waits_for_group = False
        if record.started is not None:
            record.started.give(None)
            record.started = None
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

    def _decide(
        self,
        record: Record,
        error: BaseException | None,
        unless_ruled: Decision | None = None,
    ) -> None:
        """Do what a rule of the spec says; else *unless_ruled*, or the restart type."""
        rule = self._rule_for(record, error)
        if rule is not None and rule.then == "escalate":
            record.state = State.FAILED
            self.overseer.give_up(record, error, by_rule=True)
        elif rule is not None:
            if rule.then == "restart":
                self._restart(record, error, rule.backoff or record.spec.backoff)
            else:
                self._leave(record)
        elif unless_ruled is Decision.RESTART or (
            decide(record.spec.restart, ending_of(error)) is Decision.RESTART
        ):
            self._restart(record, error, record.spec.backoff)
        else:
            self._leave(record)

    def _leave(self, record: Record) -> None:
        self._settle(record)
        self.overseer.has_ended_by_itself(record)

    def _rule_for(
        self, record: Record, error: BaseException | None
    ) -> OnFailure | None:
        rules = record.spec.on_failure
        if error is None or not rules:
            return None

        def spend(rule: OnFailure) -> bool:
            if record.rule_budgets is None:
                record.rule_budgets = {}
            budget = record.rule_budgets.get(rule)
            if budget is None:
                assert rule.max_restarts is not None  # only such rules spend
                budget = RestartBudget(rule.max_restarts, rule.within)
                record.rule_budgets[rule] = budget
            return budget.spend(trio.current_time())

        return rule_for(rules, error, spend)

    def _restart(
        self, record: Record, error: BaseException | None, backoff: Backoff | None
    ) -> None:
        record.state = State.FAILED
        now = trio.current_time()
        if not self.budget.spend(now):
            self.overseer.give_up(record, error, by_rule=False)
            return
        delay = 0.0
        if backoff is not None:
            delay = backoff_delay(backoff, record.row, self.random.random())
        record.row += 1
        name = record.spec.name
        self.recorder.note(
            events.ChildRestarting(now, self.name, name, record.incarnation, delay)
        )
        if self.group is not None:
            self.group.begin(record, now + delay)
            return
        record.restarts += 1
        if delay > 0:
            record.state = State.BACKOFF
            over = partial(self._backoff_is_over, record)
            record.timer = self.agenda.at(now + delay, over)
        else:
            self.spawn(record)

    def _backoff_is_over(self, record: Record) -> None:
        if self.tally is None:  # else its turn in the stop of all comes
            self.spawn(record)

    # --- stops ---

    def stop_waiting(self, record: Record, reason: CancelReason) -> ChildReport:
        """Stop a child that has no incarnation: it will not be restarted."""
        name, incarnation = record.spec.name, record.incarnation
        record.waits_for_group = False
        if record.state not in (State.BACKOFF, State.IDLE):
            return ChildReport(name, incarnation, "not_running")
        now = trio.current_time()
        report = ChildReport(name, incarnation, "not_running", reason, graceful=True)
        self.recorder.note(
            events.ChildStopped(now, self.name, name, incarnation, report)
        )
        self._settle(record)
        return report

    def order(self, record: Record, reason: CancelReason, since: float) -> None:
        """Tell a living child to stop, by its policy. The first reason counts.

        *since* is when its times began to run, which for many children is before now.
        """
        if record.order is not None or record.scope is None:
            return
        if record.timer is not None:  # it was made to fail
            record.timer.call_off()
            record.timer = None
        now = trio.current_time()
        record.order = Order(reason, now)
        record.state = State.STOPPING
        name, incarnation = record.spec.name, record.incarnation
        self.recorder.note(
            events.ChildStopping(now, self.name, name, incarnation, reason)
        )
        stop = record.spec.stop
        if stop is KILL:
            self.cancel(record, since + CANCEL_PATIENCE)
        elif record.handle is None:
            deadline = None
            if isinstance(stop, Grace):
                deadline = since + max(stop.seconds, CANCEL_PATIENCE)
            self.cancel(record, deadline)
        else:
            record.handle.stopping._ask(reason)  # noqa: SLF001  # not for bodies
            if isinstance(stop, Grace):
                record.timer = self.agenda.at(
                    since + stop.seconds, partial(self.cancel_now, record)
                )

    def cancel_now(self, record: Record) -> None:
        """Cancel a child, whatever is left of its grace."""
        self.cancel(record, trio.current_time() + CANCEL_PATIENCE)

    def cancel(self, record: Record, deadline: float | None) -> None:
        """Cancel a child; at *deadline* it is stuck. None waits on."""
        if record.is_stuck or record.scope is None:
            return
        assert record.order is not None  # somebody has said why
        was_cancelled, record.is_cancelled = record.is_cancelled, True
        if not was_cancelled:
            record.scope.cancel(reason=str(record.order.reason))
        if deadline is None:
            return
        if record.timer is not None:
            if was_cancelled and record.timer.deadline <= deadline:
                return
            record.timer.call_off()
        record.timer = self.agenda.at(deadline, partial(self._stuck, record))

    def _stuck(self, record: Record) -> None:
        """Report a child that cancellation does not end, and go on without it."""
        record.is_stuck = True
        record.timer = None
        stack = stack_of(record.task)
        report: ChildReport | None = None
        if record.order is not None:
            reason = record.order.reason
            report = attrs.evolve(self.report(record, "stuck"), stack=stack)
            if self.tally is not None:
                self.tally.count(report, None, was_killed=self._was_asked(record))
        else:
            assert record.failure is not None  # nothing else cancels a child
            reason = CancelReason(CancelCode.FAILED, summary_of(record.failure))
        now, name = trio.current_time(), record.spec.name
        self.recorder.note(
            events.ChildStuck(now, self.name, name, record.incarnation, reason, stack)
        )
        if report is not None:
            self._fail_start(record, _WHY_STOPPED, None)
            for reply in record.gone:
                reply.give(report)
            record.gone = ()
            self.overseer.is_over(record)

    def _was_asked(self, record: Record) -> bool:
        """Tell whether it had time to end by itself after the order."""
        return record.listens and record.spec.stop is not KILL

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
