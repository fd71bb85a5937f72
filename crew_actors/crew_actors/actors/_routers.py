# A router sends each message to one member of a group.
#
# 1. Whose mailbox closes before it has taken the message is skipped, and the next one
#    is tried: the death of a member loses nothing that it had not accepted.
# 2. What a member has accepted is that member's: it is not sent to another one.
"""Routers: one address for several actors."""

from collections.abc import Callable, Iterable
from typing import Any, Generic, Protocol, TypeAlias, TypeVar, cast, final

import attrs
import trio

from crew_actors.actors._errors import ActorStopped, AskTimeout, NoRoutees
from crew_actors.actors._groups import Group
from crew_actors.actors._ref import Ref, Tell
from crew_mailbox import (
    AnyRequest,
    Asks,
    MailboxClosed,
    Priority,
    answer_of,
    summary_of,
)

M = TypeVar("M")
M_contra = TypeVar("M_contra", contravariant=True)
R = TypeVar("R")

Chooser: TypeAlias = Callable[[tuple[Ref[Any], ...], int], Ref[Any]]
"""Chooses one of the living members; the number counts what was sent before."""


class Recipient(Protocol[M_contra]):
    """Whatever takes messages of the type M: a `Ref` or a `Router`."""

    @property
    def tell(self) -> Tell[M_contra]:
        """Send, and wait for room."""
        ...

    def tell_nowait(self, message: M_contra, priority: Priority = "normal") -> None:
        """Send now."""
        ...

    async def ask(
        self,
        request: Asks[M_contra, R],
        *,
        timeout: float,  # noqa: ASYNC109  see Ref.ask
        priority: Priority = "normal",
    ) -> R:
        """Send and wait for the answer, at most *timeout* seconds."""
        ...


def in_turn(members: tuple[Ref[Any], ...], number: int) -> Ref[Any]:
    """Choose each one in its turn."""
    return members[number % len(members)]


def least_load(members: tuple[Ref[Any], ...], number: int) -> Ref[Any]:
    """Choose one with the fewest messages; among equals, each in its turn."""
    begin = number % len(members)
    return min((*members[begin:], *members[:begin]), key=load_of)


def load_of(ref: Ref[Any]) -> int:
    """Count the messages that the actor has to handle before another one."""
    return ref._cell.mailbox.load  # noqa: SLF001  # refs hide it from users


@final
@attrs.define(eq=False, repr=False)
class Router(Generic[M]):
    """Sends each message to one living member of a group; used like a `Ref`."""

    group: Group[M]
    """The members. Actors may join and leave at any time."""
    _choose: Chooser
    _sent: int = attrs.field(default=0, init=False)

    def __repr__(self) -> str:
        return f"<Router {self.name!r}: {len(self.group)} members>"

    @property
    def name(self) -> str:
        """The name of the group."""
        return self.group.name

    @property
    def is_alive(self) -> bool:
        """Whether there is a member that takes messages."""
        return any(ref.is_alive for ref in self.group)

    async def tell(self, message: M, priority: Priority = "normal") -> None:
        """Send *message* to one member; see `Ref.tell` for waiting and cancelling.

        Raises:
          NoRoutees: there is nobody to send to. Nothing was sent.
          MailboxFull: the chosen member has no room, and its policy is "fail".
        """
        while True:
            ref = self._next()
            try:
                return await ref.tell(message, priority)
            except MailboxClosed:
                continue  # it ended while we waited for room

    def tell_nowait(self, message: M, priority: Priority = "normal") -> None:
        """Send *message* to one member now. Not a checkpoint.

        Raises:
          NoRoutees: there is nobody to send to. Nothing was sent.
          MailboxFull: the chosen member has no room. Nothing was sent.
        """
        self._next().tell_nowait(message, priority)

    async def ask(
        self,
        request: Asks[M, R],
        *,
        timeout: float,  # noqa: ASYNC109  see Ref.ask
        priority: Priority = "normal",
    ) -> R:
        """Ask one member; see `Ref.ask`. A request that it had accepted is its own.

        *timeout* is for all of it, also if the first one ends before it accepts.

        Raises:
          NoRoutees: there is nobody to ask. Nothing was sent.
          ActorStopped: the member ended before it answered, and nobody else was asked.
        """
        deadline, left = trio.current_time() + timeout, timeout
        while True:
            ref = self._next()
            try:
                return await ref.ask(request, timeout=left, priority=priority)
            except ActorStopped:
                message: object = request.as_message()
                if isinstance(message, AnyRequest) and answer_of(message) is not None:
                    raise  # it was accepted, and perhaps handled
                left = deadline - trio.current_time()
                if left <= 0:
                    raise AskTimeout(ref.name, summary_of(message), timeout) from None

    async def broadcast(self, message: M) -> tuple[Ref[M], ...]:
        """Send *message* to all members; see `Group.broadcast`."""
        return await self.group.broadcast(message)

    def _next(self) -> Ref[M]:
        members = tuple(ref for ref in self.group if ref.is_alive)
        if not members:
            raise NoRoutees(self.name)
        chosen = self._choose(members, self._sent)
        self._sent += 1
        return chosen


def round_robin(members: Group[M] | Iterable[Ref[M]]) -> Router[M]:
    """Make a router that sends to each member in its turn."""
    return Router(_group_of(members), in_turn)


def least_loaded(members: Group[M] | Iterable[Ref[M]]) -> Router[M]:
    """Make a router that sends to a member with the fewest messages before it.

    Those in its queue, the one in its hand, and those whose senders wait for room.
    """
    return Router(_group_of(members), least_load)


def _group_of(members: Group[M] | Iterable[Ref[M]]) -> Group[M]:
    if isinstance(members, Group):
        return cast("Group[M]", members)
    group: Group[M] = Group("router")
    for ref in members:
        group.join(ref)
    return group
