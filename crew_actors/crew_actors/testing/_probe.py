# A probe is an actor: whatever takes a `Ref` can be given one.
#
# 1. Each message is given to one expectation, in the order in which they came.
# 2. Requests are deferred, so that the test may answer them whenever it likes.
"""The probe."""

from typing import Any, Generic, TypeVar, final

import attrs
import trio
import trio.testing

from crew_actors.actors import Actors, Inbox, Ref, Terminated
from crew_mailbox import AnyRequest, summary_of
from crew_supervisors.testing import ProbeTimeout

M = TypeVar("M")
T = TypeVar("T")

_CAPACITY = 1000
_SHOWN = 30


@final
class Unexpected(AssertionError):
    """Another message came than was expected. It is used up."""

    def __init__(self, wanted: str, message: str) -> None:
        super().__init__(wanted, message)
        self.wanted = wanted
        self.message = message

    def __str__(self) -> str:
        return f"expected {self.wanted}, got {self.message}"


@final
@attrs.define(eq=False)
class Probe(Generic[M]):
    """Keeps what is told to its ``ref``. Times are seconds of trio's clock.

    The methods that wait are always checkpoints. If cancelled, they use up no message.
    """

    ref: Ref[M] = attrs.field(init=False)
    """The actor to be given to others."""
    _came: list[M] = attrs.field(factory=list[M], init=False)
    _used: int = attrs.field(default=0, init=False)
    _more: trio.Event = attrs.field(factory=trio.Event, init=False)

    @property
    def messages(self) -> tuple[M, ...]:
        """All messages that have come, the oldest first."""
        return tuple(self._came)

    async def receive(self, *, within: float = 3.0) -> M:
        """Return the next message.

        Raises:
          ProbeTimeout: none came in time.
        """
        return await self._next("message", within)

    async def expect(self, message: M, *, within: float = 3.0) -> M:
        """Return the next message, which must be equal to *message*.

        Raises:
          ProbeTimeout: none came in time.
          Unexpected: another one came.
        """
        wanted = summary_of(message)
        came = await self._next(wanted, within)
        if came != message:
            raise Unexpected(wanted, summary_of(came))
        return came

    async def expect_type(self, kind: type[T], *, within: float = 3.0) -> T:
        """Return the next message, which must be a *kind*; errors as in `expect`."""
        came: object = await self._next(kind.__name__, within)
        if not isinstance(came, kind):
            raise Unexpected(kind.__name__, summary_of(came))
        return came

    async def expect_none(self, *, within: float = 0.0) -> None:
        """Return if no message comes within so many seconds.

        With 0 it waits until nothing else can happen without time passing.

        Raises:
          Unexpected: one came.
        """
        if self._used == len(self._came):
            if within > 0:
                with trio.move_on_after(within):
                    await self._more.wait()
            await trio.testing.wait_all_tasks_blocked()
        else:
            await trio.lowlevel.checkpoint()
        if self._used < len(self._came):
            self._used += 1
            raise Unexpected("no message", summary_of(self._came[self._used - 1]))

    async def expect_terminated(
        self, ref: Ref[Any], *, within: float = 3.0
    ) -> Terminated:
        """Return how the actor ended for good.

        Raises:
          ProbeTimeout: it did not end in time.
        """
        with trio.move_on_after(within):
            return await ref.wait()
        raise ProbeTimeout(f"end of {ref.name!r}", within, self._shown())

    async def keep(self, inbox: Inbox[M]) -> None:
        """Keep what comes, as the body of the actor. Not for users."""
        async for message in inbox:
            if isinstance(message, AnyRequest):
                message.defer()
            self._came.append(message)
            self._more.set()
            self._more = trio.Event()

    async def _next(self, wanted: str, within: float) -> M:
        with trio.move_on_after(within):
            await trio.lowlevel.checkpoint()
            while self._used == len(self._came):
                await self._more.wait()
            self._used += 1
            return self._came[self._used - 1]
        raise ProbeTimeout(wanted, within, self._shown())

    def _shown(self) -> tuple[str, ...]:
        return tuple(summary_of(each) for each in self._came[-_SHOWN:])


async def open_probe(actors: Actors, name: str | None = None) -> Probe[Any]:
    """Spawn a probe as an actor of *actors*.

    The annotation says what it is told: ``probe: Probe[Add] = await open_probe(actors)``.

    Raises:
      ChildExists: the name is taken.
    """
    probe: Probe[Any] = Probe()
    probe.ref = await actors.spawn(probe.keep, name=name, capacity=_CAPACITY)
    return probe
