# The journal of a run, as its runtime sees it.
#
# 1. What a subscriber gets is on disk. The newest events are kept in memory; who is
#    further behind reads the database. Nobody is slowed by another's pace.
# 2. The block of `open_journal` is the ownership: the lease is taken before it, and
#    put down after it, when everything is written.
"""The journal of a run: durable, numbered events."""

import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final, final

import attrs
import trio

from crew_actors.journal._compaction import Compactor
from crew_actors.journal._database import Database, create_database, open_database
from crew_actors.journal._folder import RunFolder
from crew_actors.journal._lease import Lease, take_lease
from crew_actors.journal._pages import read_page
from crew_actors.journal._writer import Writer
from crew_actors.model import Event, Recorded

COMPACT_AT: Final = 64 << 20
"""Bytes of a run's database above which needless events go."""

PAGE_EVENTS: Final = 256
"""The most events that a subscriber takes at once."""


@final
@attrs.frozen(eq=False)
class Journal:
    """The journal of one run, open for writing. See `open_journal`."""

    folder: RunFolder
    _writer: Writer

    @property
    def last(self) -> int:
        """The number of the newest event that is on disk, 0 without any."""
        return self._writer.committed

    @property
    def compacted(self) -> int:
        """How many events were removed to make room, in all lives of the journal."""
        return self._writer.compactor.removed

    async def append(self, event: Event) -> Recorded:
        """Write *event*; on return it is on disk.

        Commits at once, together with what is queued. A checkpoint. A call that is
        cancelled while the event waits for room wrote nothing; one that is cancelled
        later leaves the event in the queue, and it is written.

        Raises:
          BadEvent: it cannot be stored. The journal goes on.
          JournalClosed: the journal was closed. The event is not stored.
          JournalError: the disk failed, in the way that the class says. The event is
            not acknowledged, and the journal takes no more.
        """
        return await self._writer.append(event)

    async def post(self, event: Event) -> Recorded:
        """Queue *event*; its commit begins within 20 ms, if nothing fails.

        Waits while the queue is full. A checkpoint when it waits or when the task had
        its turn; always notices cancellation. A cancelled call wrote nothing.

        Raises:
          BadEvent: it cannot be stored. The journal goes on.
          JournalClosed: the journal was closed. The event is not stored.
          JournalError: an earlier write failed. The event is not stored.
        """
        return await self._writer.post(event)

    async def flush(self) -> None:
        """Wait until everything that was queued before is on disk.

        A checkpoint. Cancelling it changes nothing about what is written.

        Raises:
          JournalClosed: the journal was closed.
          JournalError: a write failed; what was not acknowledged may be lost.
        """
        await self._writer.flush()

    def events(self, since: int = 0) -> "Subscription":
        """Follow the events after number *since*: those on disk, then each one.

        Each event comes exactly once, in order, when it is on disk. A slow reader
        slows nobody and misses nothing. Ends when the journal is closed. Not a
        checkpoint; see `Subscription` for the iteration.
        """
        return Subscription(self, since)

    async def page(self, since: int, limit: int = PAGE_EVENTS) -> list[Recorded]:
        """Wait for events after number *since*; return those, *limit* at most.

        Empty when the journal is closed and there is none. Always a checkpoint. A
        cancelled call takes nothing.

        Raises:
          JournalError: the journal broke, or the database cannot be read.
        """
        if await self.newer(since) <= since:
            return []
        page = self._writer.tail_after(since, limit)
        if page is not None:
            return page
        return await trio.to_thread.run_sync(read_page, self.folder, since, limit)

    async def newer(self, since: int) -> int:
        """Wait until an event after number *since* is on disk; tell the newest number.

        That is *since* at most when the journal is closed and there is none. Always a
        checkpoint.

        Raises:
          JournalError: the journal broke.
        """
        writer = self._writer
        await trio.lowlevel.checkpoint()
        while writer.committed <= since:
            if writer.ended.is_set():
                if writer.failure is not None:
                    raise writer.why_not() from writer.failure
                break
            await writer.news.park()
        return writer.committed


@final
@attrs.define(eq=False)
class Subscription:
    """The events of a journal, first those on disk, then each as it is committed."""

    _journal: Journal
    _cursor: int
    _page: deque[Recorded] = attrs.field(factory=deque[Recorded], init=False)

    def __aiter__(self) -> "Subscription":
        return self

    async def __anext__(self) -> Recorded:
        """Wait for the next event.

        A checkpoint at least once in 256 events, and whenever it waits. A cancelled
        call takes nothing. Ends when the journal is closed and all was given out.

        Raises:
          JournalError: the journal broke, or the database cannot be read.
        """
        if not self._page:
            self._page.extend(await self._journal.page(self._cursor))
            if not self._page:
                raise StopAsyncIteration
        recorded = self._page.popleft()
        self._cursor = recorded.seq
        return recorded


@asynccontextmanager
async def open_journal(
    folder: RunFolder,
    *,
    lease: Lease,
    create: bool = False,
    clock: Callable[[], float] = time.time,
    compact_at: int = COMPACT_AT,
) -> AsyncGenerator[Journal, None]:
    """Own the run in *folder* and write its journal, for the length of the block.

    Leaving the block, cancelled or not, commits what is queued, puts the lease down
    and closes the database; that takes at most `CLOSE_SECONDS`, shielded. A journal
    that fails keeps its lease until then, so that what was started inside of the block
    has ended when another runtime may own the run.

    Args:
      folder: must exist; with *create* without a database, else with one.
      lease: says who the owner is, see `Lease.mine`.
      create: makes the database of a run that has none yet.
      clock: tells the seconds since 1970, for the moments of the events.
      compact_at: bytes of the database above which events go that a later one has made
        needless: what agents said on their way, and their signs of life, but for the
        last of each attempt. Readers are told, see `AfterGap`.

    Raises:
      LeaseHeld: another live runtime owns the run. Nothing was changed.
      JournalExists: with *create*, there is a run already.
      JournalMissing: without *create*, there is none.
      NewerJournal: a later version of this program wrote it.
      JournalError: another class says what went wrong; when it comes out of the end
        of the block, what was not acknowledged may be lost.
    """
    thread = trio.CapacityLimiter(1)
    database, last, removed = await trio.to_thread.run_sync(
        _acquire, folder, lease, create, limiter=thread
    )
    compactor = Compactor(compact_at, removed)
    writer = Writer(lease, thread, clock, last, database, compactor)
    body: BaseException | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run)
        try:
            yield Journal(folder, writer)
        except BaseException as error:  # noqa: BLE001  raised again below, outside of the nursery
            body = error
        await writer.close()
    failure = writer.failure
    if failure is not None and (body is None or isinstance(body, trio.Cancelled)):
        raise failure
    if body is not None:
        if failure is not None and body is not failure:
            body.add_note(f"the journal had failed: {failure}")
        raise body


def _acquire(
    folder: RunFolder,
    lease: Lease,
    create: bool,  # noqa: FBT001  passed on by run_sync
) -> tuple[Database, int, int]:
    database = create_database(folder) if create else open_database(folder)
    try:
        database.own(lambda db: take_lease(folder.path, lease, db))
        return database, database.last(), database.count_compacted()
    except BaseException:  # whatever it was: nobody else would close it
        database.close()
        raise
