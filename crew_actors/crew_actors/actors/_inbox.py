# The receiving side of an actor: what its code gets.
#
# An inbox belongs to one incarnation. Iterating goes to the mailbox directly: there is
# no layer of ours in the path of a message.
"""The inbox of an actor, and actors as classes."""

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar, final

import attrs

from crew_actors.actors._ref import Ref

if TYPE_CHECKING:
    from crew_actors.actors._actors import Actors
    from crew_actors.actors._cell import Cell

M = TypeVar("M")


@final
@attrs.frozen(eq=False)
class Inbox(Generic[M]):
    """What an incarnation of an actor reads, and knows about itself.

    Iterate it to the end: the iteration ends when the actor is asked to stop and has
    read what was queued. The message in hand is handled when the next one is asked for.
    """

    _cell: "Cell[M]"

    @property
    def name(self) -> str:
        """The name of the actor."""
        return self._cell.name

    @property
    def incarnation(self) -> int:
        """Counts from 1, and rises by one with each restart."""
        return self._cell.incarnation

    @property
    def ref(self) -> Ref[M]:
        """The actor itself, to be given to others."""
        return self._cell.ref

    @property
    def actors(self) -> "Actors":
        """The block that the actor lives in, to spawn others there.

        They are its siblings. For actors that end together with this one, open a block
        with `open_actors` in its body.
        """
        return self._cell.actors

    def __aiter__(self) -> AsyncIterator[M]:
        return self._cell.mailbox

    async def receive(self) -> M:
        """Wait for the next message and take it; the one in hand is now handled.

        A checkpoint when it waits or when the actor's turn is used up; always notices
        cancellation. A cancelled receive takes nothing.

        Raises:
          MailboxClosed: the actor was asked to stop, and nothing is queued.
          ReaderBusy: another task is reading. Nothing was taken.
        """
        return await self._cell.mailbox.receive()

    def ack(self) -> None:
        """Count the message in hand as handled before asking for the next one."""
        self._cell.mailbox.ack()


class Actor(Generic[M]):
    """An actor as a class, for those that want hooks. One object is one incarnation.

    Derive, and override `handle` at least. What the constructor or a hook raises is a
    crash of the actor.
    """

    async def started(self, inbox: Inbox[M]) -> None:
        """Prepare. The actor is up, and `spawn` returns, when this has returned."""

    async def handle(self, message: M, inbox: Inbox[M]) -> None:
        """Handle one message; the next one waits until this returns."""
        raise NotImplementedError

    async def stopping(self, inbox: Inbox[M], failure: BaseException | None) -> None:
        """Clean up at the end of this incarnation, as a `finally` block does.

        *failure* is None after an orderly stop. After a cancellation it is trio's
        `Cancelled`, and each await in here raises that again.
        """

    async def undelivered(self, messages: Sequence[M]) -> None:
        """Take what was still queued when the actor ended for good, oldest first.

        Called at most once, after `stopping`, and only if there is something; shielded
        from cancellation for 2 seconds. Without an override the messages become dead
        letters, as they do when no incarnation was alive at the end. Asks among them
        have failed already.
        """
