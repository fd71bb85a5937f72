# A feed is a slice of what can be known, with a revision that grows with each change;
# a cursor is a client's place in it.
#
# 1. Nobody pushes. A cursor asks what is newer than what its client has, when the
#    client can take it. A slow client gets few large updates, never a queue.
# 2. A feed takes note of changes at most once in `PACE` seconds, however many there
#    are, and each time for all cursors. So most of them stand at the same revision,
#    and what is newer is written once for all of those.
# 3. What is the same is not told: a revision differs from the one before it.
# 4. Revisions of different lives of a feed do not meet: they begin with the time.
"""Feeds, and cursors that read them."""

import time
from typing import Final, final

import attrs
import trio

from crew_actors.console.feeds._json import to_json
from crew_actors.console.feeds._shared import FeedEnded, Shared

PACE: Final = 0.05
"""Seconds between two revisions of a feed, at least."""

SLOW_PACE: Final = 0.25
"""The same for what costs more to look at."""


def first_revision() -> int:
    """Give the revision that a feed begins with: milliseconds since 1970.

    A feed makes far less than a thousand revisions in a second, so that one that comes
    later begins with a higher one.
    """
    return time.time_ns() // 1_000_000


@attrs.define(eq=False)
class Feed(Shared):
    """A slice of what can be known, kept up to date while somebody reads it."""

    rev: int = attrs.field(factory=first_revision, init=False)
    """The newest revision."""
    floor: int = attrs.field(init=False)
    """The oldest revision of which it can be told what is newer."""
    cursors: "set[Cursor]" = attrs.field(factory=set["Cursor"], init=False)
    _bodies: dict[int, bytes] = attrs.field(factory=dict[int, bytes], init=False)
    """What is newer than a revision, in bytes, as long as `rev` is what it is."""
    _snapshot: bytes | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.floor = self.rev

    def whole(self) -> object:
        """Give all of it."""
        raise NotImplementedError

    def newer(self, base: int) -> object:
        """Give what is newer than revision *base*, which is not below `floor`."""
        raise NotImplementedError

    def changed(self, rev: int) -> None:
        """Note that there is a revision *rev* now, and wake who waits for it."""
        self.rev = rev
        self._bodies.clear()
        self._snapshot = None
        self.news.unpark_all()

    def oldest(self) -> int:
        """Tell the lowest revision that a cursor stands at."""
        return min((cursor.rev for cursor in self.cursors), default=self.rev)

    async def open(self, since: int | None, tail: int) -> "Cursor":
        """Begin to read. *since* is the revision that the client has, if it has one.

        *tail* is how many bytes it wants to begin with, where there may be too many.
        """
        rev, snapshot = await self.first(since, tail)
        return Cursor(self, rev, snapshot)

    async def first(self, since: int | None, tail: int) -> tuple[int, bytes | None]:  # noqa: ARG002  for some
        """Give what a new cursor begins with: its revision, and a snapshot if needed."""
        await trio.lowlevel.checkpoint()
        if since is not None and self.floor <= since <= self.rev:
            return since, None
        if self._snapshot is None:
            self._snapshot = to_json(self.whole())
        return self.rev, self._snapshot

    async def after(self, base: int) -> tuple[int, bytes]:
        """Give the newest revision, and what is newer than *base* as an update."""
        await trio.lowlevel.checkpoint()
        body = self._bodies.get(base)
        if body is None:
            changes = to_json(self.newer(base))
            body = update(base, self.rev, changes)
            self._bodies[base] = body
        return self.rev, body


def update(base: int, rev: int, changes: bytes) -> bytes:
    """Write an update."""
    return b'{"base":%d,"rev":%d,"changes":%b}' % (base, rev, changes)


@final
@attrs.define(eq=False)
class Cursor:
    """The place of one client in a feed. One task at a time may wait for news."""

    _feed: Feed
    rev: int
    """The revision that the client has, once it has what was given last."""
    snapshot: bytes | None
    """JSON of what the client begins with; None if it has that already."""
    _closed: bool = attrs.field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._feed.enter()
        self._feed.cursors.add(self)

    async def next(self) -> bytes:
        """Wait until there is something newer; return it as JSON.

        An object with `base`, `rev` and `changes`. Always a checkpoint. A cancelled
        call takes nothing: the next one returns it.

        Raises:
          FeedEnded: nothing more will come.
          ClosedResourceError: the cursor was closed.
        """
        feed = self._feed
        while feed.rev <= self.rev:
            self._check()
            if feed.ended is not None:
                await trio.lowlevel.checkpoint()
                raise FeedEnded(feed.ended)
            await feed.news.park()
        self._check()
        rev, body = await feed.after(self.rev)
        self.rev = rev
        return body

    def close(self) -> None:
        """Leave the feed. Not a checkpoint; may be called again.

        Not for a task that waits in `next`: cancel that before.
        """
        if not self._closed:
            self._closed = True
            self._feed.cursors.discard(self)
            self._feed.leave()

    def _check(self) -> None:
        if self._closed:
            msg = "the cursor was closed"
            raise trio.ClosedResourceError(msg)
