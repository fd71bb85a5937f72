# The lanes beside the ordinary one. Most mailboxes never have them.
#
# 1. Reading order: notices, system, back, urgent, the ordinary lane, low. First in, first out
#    within each lane.
# 2. What was put aside is in no lane until `bring_back` puts it into `back`.
# 3. Urgent and low messages share the capacity of the mailbox with ordinary ones. The
#    others have been accepted before, or have a bound of their own.
"""Lanes: which message is read next."""

from collections import deque
from collections.abc import Collection, Iterable
from typing import Final, Generic, Literal, TypeAlias, TypeVar, final, get_args

import attrs

from crew_mailbox._notices import Notice

M = TypeVar("M")

Priority: TypeAlias = Literal["urgent", "normal", "low"]
"""How soon a message is read: those of one priority before all of the next one."""

NORMAL: Final = "normal"

SYSTEM_CAPACITY: Final = 64
"""How many system messages a mailbox holds. There are few kinds of them."""


@final
@attrs.define(eq=False)
class Lanes(Generic[M]):
    """All lanes of one mailbox, the ordinary one among them."""

    normal: deque[M]
    notices: deque[Notice[M]] = attrs.field(factory=deque[Notice[M]])
    system: list[M] = attrs.field(factory=list[M])
    back: list[tuple[M | Notice[M], int]] = attrs.field(
        factory=list[tuple[M | Notice[M], int]]
    )
    """What is read again, each with the number of times it was put back."""
    urgent: deque[M] = attrs.field(factory=deque[M])
    low: deque[M] = attrs.field(factory=deque[M])
    aside: list[tuple[M | Notice[M], int]] = attrs.field(
        factory=list[tuple[M | Notice[M], int]]
    )
    """What the reader has put aside, likewise."""

    def lane_of(self, priority: Priority) -> deque[M]:
        """Return the lane for messages of *priority*."""
        if priority == "urgent":
            return self.urgent
        return self.low if priority == "low" else self.normal

    def __len__(self) -> int:
        again = len(_messages_in(self.back)) + self.stashed
        ordinary = len(self.urgent) + len(self.normal) + len(self.low)
        return len(self.system) + again + ordinary

    @property
    def stashed(self) -> int:
        """How many messages are put aside."""
        return len(_messages_in(self.aside))

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing to read but in the ordinary lane."""
        return not (self.notices or self.system or self.back or self.urgent or self.low)

    @property
    def used(self) -> int:
        """How much of the mailbox's capacity the other lanes use."""
        return len(self.urgent) + len(self.low)

    def take(self) -> tuple[M | Notice[M], int]:
        """Take the entry that is next, and how many times it was put back."""
        if self.notices:
            return self.notices.popleft(), 0
        if self.system:
            return self.system.pop(0), 0
        if self.back:
            return self.back.pop(0)
        lane = self.urgent or self.normal or self.low
        return lane.popleft(), 0

    def least_urgent(self) -> deque[M]:
        """Return the lane from which a message is given up."""
        return self.low or self.normal or self.urgent

    def bring_back(self) -> int:
        """Have what was put aside read next, oldest first; tell how many."""
        count = len(self.aside)
        self.back[:0] = self.aside
        self.aside.clear()
        return count

    def all(self) -> list[M]:
        """Return all messages in the order of reading; those put aside after `back`.

        Notices are no messages before they are read.
        """
        again = _messages_in((*self.back, *self.aside))
        return [*self.system, *again, *self.urgent, *self.normal, *self.low]

    def remove(self, messages: Collection[M]) -> None:
        """Take out these very objects, wherever they are."""
        gone = {id(message) for message in messages}
        self.system[:] = [each for each in self.system if id(each) not in gone]
        for lane in (self.urgent, self.normal, self.low):
            rest = [each for each in lane if id(each) not in gone]
            lane.clear()
            lane.extend(rest)
        for pairs in (self.back, self.aside):
            pairs[:] = [pair for pair in pairs if id(pair[0]) not in gone]


def _messages_in(entries: Iterable[tuple[M | Notice[M], int]]) -> list[M]:
    return [entry for entry, _ in entries if not isinstance(entry, Notice)]


def check_priority(priority: str) -> None:
    """Refuse what is no `Priority`.

    Raises:
      ValueError: *priority* is none of the three.
    """
    if priority not in get_args(Priority):
        known = ", ".join(get_args(Priority))
        raise ValueError(f"priority is {priority!r}: it must be one of {known}")
