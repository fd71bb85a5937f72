# A group is a set of living actors, in the order in which they joined.
#
# 1. Joining twice is joining once. A member leaves by itself when it ends for good; an
#    actor that has ended is never a member.
# 2. A restart changes nothing: the group holds the ref.
"""Groups of actors that come and go."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final, Generic, TypeVar, final

import attrs
import trio

from crew_actors.actors._ends import Terminated
from crew_actors.actors._ref import Ref
from crew_mailbox import AnyRequest, MailboxClosed, MailboxFull

M = TypeVar("M")

_AT_ONCE: Final = 1000
"""How many members a broadcast sends to before it gives way: about a millisecond."""


@final
@attrs.define(eq=False, repr=False)
class Group(Generic[M]):
    """A set of living actors that take an M. Actors of several blocks may be in it."""

    name: str = "group"
    _members: dict[Ref[M], None] = attrs.field(factory=dict[Ref[M], None], init=False)

    def __repr__(self) -> str:
        return f"<Group {self.name!r}: {len(self._members)} members>"

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, ref: Ref[Any]) -> bool:
        return ref in self._members

    def __iter__(self) -> Iterator[Ref[M]]:
        return iter(self.members())

    def members(self) -> tuple[Ref[M], ...]:
        """Return the members of this moment, in the order in which they joined."""
        return tuple(self._members)

    def join(self, ref: Ref[M]) -> bool:
        """Add an actor, until it leaves or ends; tell whether it is a member now.

        An actor that has ended, or is about to, is not added. Not a checkpoint.
        """
        if not ref.is_alive:
            return False
        if ref not in self._members:
            self._members[ref] = None
            ref._cell.follow(self, partial(self._forget, ref))  # noqa: SLF001  # refs hide it from users
        return True

    def leave(self, ref: Ref[Any]) -> bool:
        """Take an actor out; tell whether it was a member. Not a checkpoint."""
        if ref not in self._members:
            return False
        del self._members[ref]
        ref._cell.unfollow(self)  # noqa: SLF001  # refs hide it from users
        return True

    async def broadcast(self, message: M) -> tuple[Ref[M], ...]:
        """Send *message* to each member of this moment; return those it did not reach.

        It does not wait for room: a member whose mailbox is full, and drops nothing, is
        not reached, nor is one that has ended meanwhile. Always a checkpoint, at least
        one for each 1,000 members. If cancelled, the first ones have it and the others
        do not.

        Raises:
          TypeError: *message* is a request: it has one asker and one answer.
        """
        if isinstance(message, AnyRequest):
            text = f"{message!r} is a request: ask the members, each with its own"
            raise TypeError(text)
        missed = list[Ref[M]]()
        for number, ref in enumerate(self.members()):
            if number % _AT_ONCE == 0:
                await trio.lowlevel.checkpoint()
            try:
                ref.tell_nowait(message)
            except (MailboxFull, MailboxClosed):
                missed.append(ref)
        if not self._members:
            await trio.lowlevel.checkpoint()
        return tuple(missed)

    def _forget(self, ref: Ref[M], _: Terminated) -> None:
        self._members.pop(ref, None)
