# What several use at the same time, and what goes away by itself when nobody does.
#
# 1. It works in a task of its own, begun with the first user. `LINGER` seconds after
#    the last one has left, the task is cancelled: who comes back in time finds it.
# 2. Its end is told to all users, with the reason. A defect in it hurts nobody else.
"""Things that live while somebody uses them."""

from typing import Final

import attrs
import trio

from crew_actors.errors import UserError

LINGER: Final = 5.0
"""Seconds that something is kept without a user: a page that loads anew is quicker."""


class FeedEnded(Exception):
    """Nothing more will come. What came before is true."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return self.why


@attrs.define(eq=False)
class Shared:
    """Something that is kept up to date while it has users."""

    ready: trio.Event = attrs.field(factory=trio.Event, init=False)
    """Set when it can be used, or has ended."""
    news: trio.lowlevel.ParkingLot = attrs.field(
        factory=trio.lowlevel.ParkingLot, init=False
    )
    """Where users wait for a change, and for the end."""
    ended: str | None = attrs.field(default=None, init=False)
    """Why nothing more will come."""
    error: UserError | None = attrs.field(default=None, init=False)
    """What ended it, if a person can mend that."""
    users: int = attrs.field(default=0, init=False)
    _moves: trio.lowlevel.ParkingLot = attrs.field(
        factory=trio.lowlevel.ParkingLot, init=False
    )

    async def keep_up(self) -> None:
        """Be ready, then stay up to date, until cancelled or until there is no more."""
        raise NotImplementedError

    async def up(self) -> None:
        """Wait until it can be used. A checkpoint when it waits.

        Raises:
          UserError: it cannot, and a person can mend that.
          FeedEnded: it has ended.
        """
        await self.ready.wait()
        if self.error is not None:
            raise self.error
        if self.ended is not None:
            raise FeedEnded(self.ended)

    def enter(self) -> None:
        """Be used by one more."""
        self.users += 1
        self._moves.unpark_all()

    def leave(self) -> None:
        """Be used by one less."""
        self.users -= 1
        self._moves.unpark_all()

    async def live(self) -> None:
        """Work for the users, until there has been none for a while.

        Raises what is a defect. The users are told of the end in any case.
        """
        why = "the server stops"
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._until_unused, nursery.cancel_scope)
                try:
                    await self.keep_up()
                except UserError as error:
                    self.error, why = error, str(error)
                except FeedEnded as ended:
                    why = ended.why
                except OSError as error:
                    why = f"what is to be shown cannot be read: {error}"
                nursery.cancel_scope.cancel()
        except Exception:  # a defect: who listens is told that there was one
            why = "internal error; the log of the server tells more"
            raise
        finally:
            self.ended = self.ended or why
            self.ready.set()
            self.news.unpark_all()

    async def _until_unused(self, scope: trio.CancelScope) -> None:
        while True:
            while self.users:
                await self._moves.park()
            with trio.move_on_after(LINGER):
                while not self.users:
                    await self._moves.park()
            if not self.users:
                self.ended = "nobody used it"  # who comes now begins another one
                scope.cancel()
                return
