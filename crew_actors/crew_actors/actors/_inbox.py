# The receiving side of an actor: what its code gets.
#
# 1. An inbox belongs to one incarnation. Iterating goes to the mailbox directly: there
#    is no layer of ours in the path of a message.
# 2. What an incarnation has besides messages is made when it is first used.
"""The inbox of an actor, and actors as classes."""

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from functools import partial
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Literal,
    Protocol,
    TypeVar,
    TypeVarTuple,
    cast,
    final,
    overload,
)

import attrs

from crew_actors.actors import _links
from crew_actors.actors._ends import Exited, Terminated
from crew_actors.actors._own import Own
from crew_actors.actors._ref import Ref
from crew_mailbox import AnyRequest
from crew_supervisors import Child

if TYPE_CHECKING:
    from crew_actors.actors._actors import Actors
    from crew_actors.actors._cell import Cell

M = TypeVar("M")
M_contra = TypeVar("M_contra", contravariant=True)
R = TypeVar("R")
Ts = TypeVarTuple("Ts")


class Takes(Protocol[M_contra]):
    """The type of an inbox whose actor takes an M, among others."""

    @property
    def ref(self) -> Ref[M_contra]:
        """The actor."""
        ...


@final
@attrs.define(eq=False, on_setattr=attrs.setters.NO_OP)
class Inbox(Generic[M]):
    """What an incarnation of an actor reads, and knows and orders for itself.

    Iterate it to the end: the iteration ends when the actor is asked to stop and has
    read what was queued. The message in hand is handled when the next one is asked for.

    Timers, watches, links and jobs belong to the incarnation: they end with it. Their
    messages are read before all others and need no room in the mailbox. What is ordered
    when the incarnation has ended does not happen. None of these methods waits, and none
    is a checkpoint, except `receive`.
    """

    _cell: "Cell[M]"
    _child: Child
    _own: Own[M] | None = attrs.field(default=None, init=False)
    _broken: Exception | None = attrs.field(default=None, init=False)

    @property
    def name(self) -> str:
        """The name of the actor."""
        return self._cell.name

    @property
    def incarnation(self) -> int:
        """Counts from 1, and rises by one with each restart."""
        return self._child.incarnation

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

    # Messages

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

    @property
    def queued(self) -> int:
        """How many messages wait to be read: the next `receive` does not wait if any."""
        return self._cell.mailbox.queued

    def ack(self) -> None:
        """Count the message in hand as handled before asking for the next one."""
        self._cell.mailbox.ack()

    def stash(self) -> None:
        """Set the message in hand aside, for later.

        At most as many as the mailbox has room for. An ask in it goes on waiting. What
        is stashed when the incarnation ends is queued again, before all else.

        Raises:
          StashFull: the message stays in hand.
        """
        mailbox = self._cell.mailbox
        mailbox.stash(mailbox.capacity)

    def unstash(self) -> int:
        """Read what is stashed next, in the order in which it came; tell how many.

        It is read before what is queued, and stays so if the actor fails meanwhile.
        """
        return self._cell.mailbox.unstash()

    # Timers

    def once(self, seconds: float, message: M, *, key: Hashable = None) -> None:
        """Send *message* to this incarnation after *seconds*, 0 or more.

        A timer with the same *key* is replaced, together with its tick that was not read
        yet. Without a key the message is the key.

        Raises:
          ValueError: *seconds* is negative, infinite or no number. Nothing has changed.
          TypeError: *message* is a request, or cannot be a key. Nothing has changed.
        """
        self._start_timer(seconds, message, key, period=None)

    def every(self, seconds: float, message: M, *, key: Hashable = None) -> None:
        """Send *message* to this incarnation every so many *seconds*, above 0.

        The first one comes after *seconds*. At most one waits to be read: a slow actor
        misses ticks and is not flooded with them. For *key* and errors see `once`.
        """
        self._start_timer(seconds, message, key, period=seconds)

    def cancel_timer(self, key: Hashable) -> bool:
        """Cancel a timer; its tick that was not read yet does not come either.

        Returns whether there was one.
        """
        return self._own is not None and self._own.timers.cancel(key)

    def has_timer(self, key: Hashable) -> bool:
        """Tell whether a message of this timer is still to be read."""
        return self._own is not None and self._own.timers.has(key)

    # Other actors

    def watch(self: Takes[Terminated], ref: Ref[Any]) -> None:
        """Get one `Terminated` when the actor has ended for good; now, if it has.

        Watching again before that was read changes nothing. A restart is no end.
        """
        inbox = cast("Inbox[Any]", self)
        inbox.own().watches.add(ref._cell)  # noqa: SLF001  # refs hide it from users

    def watch_with(self, ref: Ref[Any], message: M) -> None:
        """Get *message* instead of `Terminated`; else as `watch`.

        Raises:
          ValueError: the actor is watched with another message. `unwatch` it first.
          TypeError: *message* is a request. Nothing has changed.
        """
        _refuse_request(message)
        self.own().watches.add(ref._cell, message)  # noqa: SLF001  # refs hide it from users

    def unwatch(self, ref: Ref[Any]) -> bool:
        """Stop watching: the notice does not come, not even if it is queued already.

        Returns whether the actor was watched.
        """
        return self._own is not None and self._own.watches.remove(ref._cell)  # noqa: SLF001

    @overload
    def link(self, ref: Ref[Any]) -> None: ...

    @overload
    def link(self: Takes[Exited], ref: Ref[Any], *, trap: Literal[True]) -> None: ...

    def link(self: Any, ref: Ref[Any], *, trap: bool = False) -> None:
        """Link this incarnation with that of another actor, so that they end together.

        If one fails, the other fails at once with `LinkBroken`, even in the middle of a
        message; both are restarted as their own policies say, without the link. If one
        is told to stop, so is the other. If one returns, the other goes on.

        With *trap* this side gets an `Exited` message in all three cases instead. Linking
        again sets *trap* anew.

        Raises:
          ActorStopped: the other one has ended already, and *trap* is not set.
        """
        inbox = cast("Inbox[Any]", self)
        if inbox._cell.inbox is inbox:  # noqa: SLF001  else the incarnation has ended
            _links.link(inbox._cell, ref._cell, trap=trap)  # noqa: SLF001

    def unlink(self, ref: Ref[Any]) -> bool:
        """Undo a link for both; an `Exited` that was not read yet does not come.

        Returns whether there was something to undo.
        """
        return _links.unlink(self._cell, ref._cell)  # noqa: SLF001  # refs hide it from users

    def pipe_to_self(
        self,
        work: Callable[[*Ts], Awaitable[R]],
        *args: *Ts,
        then: Callable[[R], M],
        error: Callable[[Exception], M],
    ) -> None:
        """Run ``work(*args)`` beside the messages; what comes of it is a message.

        That is ``then(result)`` or ``error(exception)``, once. An exception of these two
        is a crash of the actor at its next read. The work is cancelled when the
        incarnation ends, which waits for it; then there is no message. A message that
        is made but not read by then becomes a dead letter.
        """
        name = getattr(work, "__name__", "job")
        self.own().pipes.start(partial(work, *args), then, error, name)

    # For the runtime

    def own(self) -> Own[M]:
        """Return what the incarnation has besides its messages. Not for users."""
        if self._own is None:
            self._own = Own(self._cell)
            if self._cell.inbox is not self:
                self._own.end()  # the incarnation has ended
        return self._own

    def fail(self, error: Exception) -> None:
        """Have the incarnation fail with *error*, wherever it is. Not for users."""
        if self._broken is None:
            self._broken = error
            self._child.fail(error)

    @property
    def broken(self) -> Exception | None:
        """What the incarnation was made to fail with. Not for users."""
        return self._broken

    async def end(self) -> None:
        """End what belongs to the incarnation. Shielded. Not for users."""
        if self._own is not None:
            self._own.end()
            await self._own.pipes.wait()

    def _start_timer(
        self, seconds: float, message: M, key: Hashable, *, period: float | None
    ) -> None:
        _refuse_request(message)
        timers = self.own().timers
        timers.start(message if key is None else key, message, seconds, period=period)


def _refuse_request(message: object) -> None:
    if isinstance(message, AnyRequest):
        text = f"{message!r} is a request: nobody would get its answer"
        raise TypeError(text)


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
        from cancellation for 2 seconds. If it fails, or takes longer, all of *messages*
        become dead letters too. Without an override they do so at once, as they do when
        no incarnation was alive at the end. Asks among them have failed already.
        """
