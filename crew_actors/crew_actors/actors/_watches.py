# Watches belong to the incarnation that watches.
#
# 1. Each watch is answered by exactly one notice, also when the actor had ended before.
# 2. A notice that was not read yet is withdrawn by `unwatch`, and with the incarnation.
# 3. Once its notice was read, a watch is over: watching again brings another one.
"""Death notices."""

from contextlib import suppress
from typing import Any, Generic, TypeVar, cast, final

import attrs

from crew_actors.actors._cell import Cell
from crew_actors.actors._ends import Terminated
from crew_mailbox import Mailbox, MailboxClosed, Notice

M = TypeVar("M")


@final
@attrs.define(eq=False)
class Watches(Generic[M]):
    """Whom one incarnation watches."""

    mailbox: Mailbox[M]
    are_ended: bool = attrs.field(default=False, init=False)
    by_cell: "dict[Cell[Any], Watch[M]]" = attrs.field(
        factory=dict["Cell[Any]", "Watch[M]"], init=False
    )

    def add(self, cell: Cell[Any], *message: M) -> None:
        """Watch *cell*, for *message* if there is one; else for `Terminated`."""
        if self.are_ended:
            return  # nobody would read the notice
        known = self.by_cell.get(cell)
        if known is None:
            watch = Watch(self, cell, message)
            self.by_cell[cell] = watch
            cell.follow(watch, watch.fire)
        elif known.wanted != message:
            text = f"{cell.name!r} is watched with another message already: unwatch it first"
            raise ValueError(text)

    def remove(self, cell: Cell[Any]) -> bool:
        watch = self.by_cell.pop(cell, None)
        if watch is None:
            return False
        cell.unfollow(watch)
        return True

    def end(self) -> None:
        """Withdraw all of them: the incarnation has ended."""
        self.are_ended = True
        for cell in list(self.by_cell):
            self.remove(cell)


@final
class Watch(Notice[M]):
    """One watch, and the notice that it becomes."""

    __slots__ = ("_cell", "_is_read", "_watches", "wanted")

    def __init__(
        self, watches: Watches[M], cell: Cell[Any], wanted: tuple[M, ...]
    ) -> None:
        self._watches = watches
        self._cell = cell
        self.wanted = wanted
        """The message that was asked for; nothing means `Terminated`."""
        self._is_read = False

    def fire(self, end: Terminated) -> None:
        """Tell the watcher, which takes `Terminated` if it asked for nothing else."""
        self.message = self.wanted[0] if self.wanted else cast("M", end)
        with suppress(MailboxClosed):  # the watcher is about to end: it reads no more
            self._watches.mailbox.send_notice(self)

    def open(self) -> bool:
        if self._is_read:  # it was stashed
            return not self._watches.are_ended
        if self._watches.by_cell.get(self._cell) is not self:
            return False
        del self._watches.by_cell[self._cell]
        self._is_read = True
        return True
