# Who waits for whose answer, to find a cycle at the moment of the ask that closes it.
#
# 1. Only a task that reads a mailbox can be waited for: each task has at most one ask
#    open, and each mailbox one reader, so the walk has no branches.
# 2. An answer that was given, or whose request was sent on to another mailbox, is not
#    waited for from this one; nor is one that was deferred: a job may give it while the
#    reader waits. So what is called a cycle does hang.
"""The graph of open asks."""

from typing import TYPE_CHECKING, Any

from trio.lowlevel import Task

from crew_actors.actors._errors import AskCycle
from crew_mailbox import Answer, AnswerState

if TYPE_CHECKING:
    from crew_actors.actors._cell import Cell

open_asks: "dict[Task, tuple[Answer, Cell[Any]]]" = {}
"""What each asking task waits for. Tasks take their own entry out."""


def refuse_cycle(task: Task, cell: "Cell[Any]") -> None:
    """Raise `AskCycle` if *task*, by asking *cell*, would wait for itself."""
    reader = cell.mailbox.last_reader
    path = [cell]
    while reader is not task:
        if reader is None or reader not in open_asks:
            return
        answer, cell = open_asks[reader]
        if answer.state is not AnswerState.WAITING or answer.deferred:
            return
        if answer.holder is not None and not cell.mailbox.owes(answer):
            return
        if cell in path:  # a cycle that this ask is no part of
            return
        path.append(cell)
        reader = cell.mailbox.last_reader
    names = [each.name for each in path]
    raise AskCycle((names[-1], *names))
