"""What others may see of a run: an immutable state, replaced by its one owner."""

from collections.abc import AsyncIterator
from typing import final

import attrs
import trio

from crew_actors.actors import Actors
from crew_actors.journal import Subscription
from crew_actors.model import Recorded, RunState


@attrs.define(eq=False)
class RunView:
    """The newest state of a run. Only the actor of the run writes to it."""

    _state: RunState | None = None
    error: BaseException | None = None
    """What ended the run's actor, if it was not the end of the run."""

    actors: Actors | None = None
    """Those that work on the run, or did when it ended."""

    ended: trio.Event = attrs.field(factory=trio.Event)
    """Set when the state will not change any more."""

    _news: trio.lowlevel.ParkingLot = attrs.field(
        factory=trio.lowlevel.ParkingLot, init=False
    )

    @property
    def state(self) -> RunState:
        """The newest state. There is one as soon as the run has begun."""
        assert self._state is not None
        return self._state

    @state.setter
    def state(self, state: RunState) -> None:
        self._state = state
        if self._news:
            self._news.unpark_all()

    def end(self) -> None:
        """Note that the state will not change any more."""
        self.ended.set()
        self._news.unpark_all()

    async def caught_up(self, seq: int) -> None:
        """Wait until the event of number *seq* is in the state, or none will be."""
        while self.state.seq < seq and not self.ended.is_set():
            await self._news.park()


@final
@attrs.define(eq=False)
class RunEvents:
    """The events of a run, each when it is on disk and in the state of the run."""

    _view: RunView
    _events: Subscription
    _taken: Recorded | None = attrs.field(default=None, init=False)
    """Taken from the journal, and not given yet."""

    def __aiter__(self) -> AsyncIterator[Recorded]:
        return self

    async def __anext__(self) -> Recorded:
        """Wait for the next event. A cancelled call takes none that was not given.

        A checkpoint at least once in 256 events, and whenever it waits.

        Raises:
          JournalError: the journal broke, or cannot be read.
        """
        recorded = self._taken
        if recorded is None:
            recorded = self._taken = await self._events.__anext__()
        if self._view.state.seq < recorded.seq:
            await self._view.caught_up(recorded.seq)
        self._taken = None
        return recorded
