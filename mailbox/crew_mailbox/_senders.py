"""The senders that wait for room in one mailbox, first come, first served."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar, final

import attrs
from trio.lowlevel import Abort, Task

from crew_mailbox._lanes import NORMAL, Priority, check_priority

M = TypeVar("M")


@final
@attrs.define(eq=False)
class BlockedSend(Generic[M]):
    """A message that is still with its sender, who waits in a line of *senders*."""

    message: M
    priority: Priority
    task: Task
    senders: "Senders[M]"
    accepted: bool = False

    def withdraw(self, _raise_cancel: Callable[[], object]) -> Abort:
        """Leave the line: the sender was cancelled."""
        self.senders.remove(self)
        return Abort.SUCCEEDED


@final
@attrs.define(eq=False)
class Senders(Generic[M]):
    """Who waits for room: urgent messages first, in the order of coming within each."""

    waiting: int = 0
    """How many there are."""
    _urgent: OrderedDict[Task, BlockedSend[M]] = attrs.field(
        factory=OrderedDict[Task, BlockedSend[M]]
    )
    _normal: OrderedDict[Task, BlockedSend[M]] = attrs.field(
        factory=OrderedDict[Task, BlockedSend[M]]
    )
    _low: OrderedDict[Task, BlockedSend[M]] = attrs.field(
        factory=OrderedDict[Task, BlockedSend[M]]
    )

    def add(self, task: Task, message: M, priority: Priority) -> BlockedSend[M]:
        """Queue *task* up.

        Raises:
          ValueError: *priority* is none. Nothing was changed.
        """
        line = self._normal
        if priority is not NORMAL:
            check_priority(priority)
            line = self._line(priority)
        line[task] = entry = BlockedSend(message, priority, task, self)
        self.waiting += 1
        return entry

    def remove(self, entry: BlockedSend[M]) -> None:
        """Take *entry* out."""
        del self._line(entry.priority)[entry.task]
        self.waiting -= 1

    def pop(self) -> BlockedSend[M]:
        """Take out the one whose turn it is."""
        self.waiting -= 1
        _, entry = (self._urgent or self._normal or self._low).popitem(last=False)
        return entry

    def _line(self, priority: Priority) -> OrderedDict[Task, BlockedSend[M]]:
        if priority == "urgent":
            return self._urgent
        return self._low if priority == "low" else self._normal
