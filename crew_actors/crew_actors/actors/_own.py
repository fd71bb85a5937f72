"""What an incarnation has besides its messages; most have nothing of it."""

from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, final

import attrs

from crew_actors.actors._pipes import Pipes
from crew_actors.actors._timers import Timers
from crew_actors.actors._watches import Watches
from crew_mailbox import MailboxClosed, Notice

if TYPE_CHECKING:
    from crew_actors.actors._cell import Cell
    from crew_actors.actors._ends import Exited

M = TypeVar("M")


@final
@attrs.define(eq=False)
class Own(Generic[M]):
    """The timers, watches and jobs of one incarnation."""

    cell: "Cell[M]"
    timers: Timers[M] = attrs.field(init=False)
    watches: Watches[M] = attrs.field(init=False)
    pipes: Pipes[M] = attrs.field(init=False)
    is_ended: bool = attrs.field(default=False, init=False)
    _exits: "dict[Cell[Any], ExitNotice[M]]" = attrs.field(
        factory=dict["Cell[Any]", "ExitNotice[M]"], init=False
    )
    """The last end of each linked actor, read or not."""

    def __attrs_post_init__(self) -> None:
        mailbox = self.cell.mailbox
        self.timers = Timers(mailbox, self.cell.actors.clock)
        self.watches = Watches(mailbox)
        self.pipes = Pipes(mailbox)

    def tell_exit(self, cell: "Cell[Any]", exited: "Exited") -> None:
        """Tell this incarnation, which traps, that one of *cell* has ended."""
        notice = ExitNotice(self, cast("M", exited))  # `Inbox.link` asked for that type
        try:
            self.cell.mailbox.send_notice(notice)
        except MailboxClosed:
            return  # it is about to end, and reads only what it has
        self._exits[cell] = notice

    def forget_exit(self, cell: "Cell[Any]") -> bool:
        """Withdraw what was not read about the end of *cell*; tell if there was any."""
        notice = self._exits.pop(cell, None)
        if notice is None or notice.is_read:
            return False
        notice.is_off = True
        return True

    def end(self) -> None:
        """Withdraw all that is to come: the incarnation has ended."""
        self.is_ended = True
        self.timers.end()
        self.watches.end()
        self.pipes.cancel()


@final
class ExitNotice(Notice[M]):
    """Tells an incarnation that traps about the end of one that it was linked to."""

    __slots__ = ("_own", "is_off", "is_read")

    def __init__(self, own: Own[M], message: M) -> None:
        self.message = message
        self._own = own
        self.is_off = False
        self.is_read = False

    def open(self) -> bool:
        if self.is_off or self._own.is_ended:
            return False
        self.is_read = True
        return True
