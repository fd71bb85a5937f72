# The task of one incarnation of a child.
#
# 1. Its scope is shielded: only the supervisor cancels a child. The shield ends with
#    the stop policy and, after it, CANCEL_PATIENCE; then the child is called stuck.
# 2. How the body ended is always reported, Ctrl-C or not.
# 3. What is about the whole program (KeyboardInterrupt, SystemExit, trio's internal
#    errors) goes on into the nursery and ends the tree.
"""Run the body of a child once."""

import traceback
from typing import Protocol, final

import attrs
import trio

from . import _points
from ._child import RECORD, Record
from ._restart import ends_the_tree


class Host(Protocol):
    """What an incarnation tells to its supervisor. Neither call is a checkpoint."""

    def report_up(self, record: Record, incarnation: int, value: object) -> None:
        """Say that the child is up."""

    def report_end(
        self, record: Record, error: BaseException | None, *, was_cancelled: bool
    ) -> Exception | None:
        """Say that the body has ended, and that nothing of it is left.

        Returns what the nursery has to be told, as the supervisor itself has ended.
        """


@trio.lowlevel.enable_ki_protection  # the end of a child must not get lost
async def live(host: Host, record: Record, scope: trio.CancelScope) -> None:
    """Run the body of *record* inside *scope*, and report how it ended."""
    record.task = trio.lowlevel.current_task()
    RECORD.set(record)
    failure: BaseException | None = None
    is_too_late = scope.cancel_called  # then not even the first step is done
    try:
        with scope:
            if not is_too_late:
                if _points.hook is not None:
                    await _points.hook("body.before")
                await _run_body(host, record)
                if _points.hook is not None:
                    await _points.hook("body.after")
    except BaseException as error:  # each end of a child is judged
        failure = error
        if ends_the_tree(error):
            raise
    finally:
        was_cancelled = is_too_late or scope.cancelled_caught
        late = host.report_end(record, failure, was_cancelled=was_cancelled)
        del failure  # it holds this frame
    if late is not None:
        raise late


@trio.lowlevel.disable_ki_protection
async def _run_body(host: Host, record: Record) -> None:
    """Run the user's code, which Ctrl-C may interrupt."""
    if not record.reports_up and record.handle is None:
        await record.spec.run(*record.spec.args)
        return
    keywords: dict[str, object] = {}
    if record.reports_up:
        keywords["task_status"] = _TaskStatus(host, record, record.incarnation)
    if record.handle is not None:
        keywords["child"] = record.handle
    await record.spec.run(*record.spec.args, **keywords)


@final
@attrs.define(eq=False)
class _TaskStatus:
    """What a body gets as ``task_status``."""

    _host: Host
    _record: Record
    _incarnation: int
    _is_called: bool = attrs.field(default=False, init=False)

    def started(self, value: object = None) -> None:
        """Report that the child is up. Not a checkpoint."""
        if self._is_called:
            message = "task_status.started() was called twice; call it once"
            raise RuntimeError(message)
        self._is_called = True
        self._host.report_up(self._record, self._incarnation, value)


def stack_of(task: trio.lowlevel.Task | None) -> str:
    """Return where *task* stands, as lines of text."""
    if task is None:
        return "(the task has not run yet)"
    frames = traceback.StackSummary.extract(task.iter_await_frames())
    return "".join(frames.format())
