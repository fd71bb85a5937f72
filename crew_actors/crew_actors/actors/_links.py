# Links join incarnations.
#
# 1. A link is symmetric, and is gone when either incarnation has ended.
# 2. If one fails, the other fails at once, also in the middle of a message. If one was
#    told to stop, the other is told so too. If one returns, the other goes on.
# 3. Who traps gets a message in all three cases instead.
# 4. A link to an actor that is between two incarnations is one to the next.
"""Actors that die together."""

from typing import Any

from crew_actors.actors._cell import Cell
from crew_actors.actors._ends import Exited, How
from crew_actors.actors._errors import ActorStopped, LinkBroken
from crew_supervisors import CancelCode, CancelReason


def link(cell: Cell[Any], other: Cell[Any], *, trap: bool) -> None:
    """Link *cell*, which traps or not, with *other*."""
    if other.ended or other.mailbox.closed:
        if not trap:
            raise ActorStopped(other.name)
        how: How = "stopped" if other.end is None else other.end.how
        _tell(cell, other, Exited(other.ref, other.incarnation, how, other.failure))
        return
    if cell is other:
        return
    cell.own_ties().links[other] = trap
    other.own_ties().links.setdefault(cell, False)


def unlink(cell: Cell[Any], other: Cell[Any]) -> bool:
    """Undo it, for both, or withdraw the message about its end."""
    known = {} if cell.ties is None else cell.ties.links
    if known.pop(other, None) is None:
        return cell.inbox is not None and cell.inbox.own().forget_exit(other)
    assert other.ties is not None  # links are symmetric
    del other.ties.links[cell]
    return True


def sever(cell: Cell[Any], how: How, failure: BaseException | None) -> None:
    """End the links of an incarnation of *cell* that has ended."""
    if cell.ties is None or not cell.ties.links:
        return
    others = list(cell.ties.links)
    cell.ties.links.clear()
    for other in others:
        assert other.ties is not None  # links are symmetric
        if other.ties.links.pop(cell):
            _tell(other, cell, Exited(cell.ref, cell.incarnation, how, failure))
        elif how == "failed":
            _break(other, cell, failure)
        elif how == "stopped" and not other.mailbox.closed:
            text = f"linked actor {cell.name!r} was told to stop"
            reason = CancelReason(CancelCode.REQUESTED, text, cell.name)
            other.actors.stop_soon(other.ref, reason)


def _tell(cell: Cell[Any], other: Cell[Any], exited: Exited) -> None:
    assert cell.inbox is not None  # who traps does so for the incarnation that runs
    cell.inbox.own().tell_exit(other, exited)


def _break(cell: Cell[Any], by: Cell[Any], failure: BaseException | None) -> None:
    error = LinkBroken(cell.name, by.name)
    error.__cause__ = failure
    if cell.inbox is None:
        cell.own_ties().doom = error
    else:
        cell.inbox.fail(error)
