# The one writer of a run's events.
#
# 1. An event has its number when it is queued. Callers queue one after the other, in
#    the order of their calls, so numbers have no gap: a cancelled call queued nothing
#    and used no number.
# 2. The writer takes what is queued and commits it as one group. It waits for more
#    only while nobody waits for it: 20 ms from the first event, 256 events at most.
# 3. After a failed write nothing is written any more: everybody who waits, and
#    everybody who comes, is told why. The lease stays until the journal is closed: what
#    its owner has started may still be there.
# 4. The writer is shielded: what was queued is committed even when the run is
#    cancelled. The shield ends `CLOSE_SECONDS` after the journal begins to close.
"""The task that writes a run's events, and its queue."""

import copy
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Final, final

import attrs
import trio

from crew_actors.journal._codec import encode
from crew_actors.journal._compaction import Compactor
from crew_actors.journal._database import Database, NewRow
from crew_actors.journal._errors import JournalClosed, JournalError, JournalStuck
from crew_actors.journal._lease import Lease, release_lease
from crew_actors.model import Event, Recorded
from crew_mailbox import Mailbox, MailboxClosed, MailboxFull, open_mailbox

GROUP_SECONDS: Final = 0.02
"""How long an event that nobody waits for may wait for company."""

GROUP_EVENTS: Final = 256
"""The most events of one commit."""

QUEUE_EVENTS: Final = 1024
"""The most events that wait for the writer; who brings more, waits himself."""

TURN_EVENTS: Final = 64
"""So many events may be queued before a task gives way to others."""

TAIL_EVENTS: Final = 1024
"""The newest events in memory, for subscribers."""

CLOSE_SECONDS = 10.0
"""How long closing waits for the disk."""


@final
@attrs.define(eq=False)
class _Entry:
    """A place in the writer's queue: an event, or only the wish for a commit."""

    row: NewRow | None
    recorded: Recorded | None
    settled: trio.Event | None
    """Set when its fate is known; None if nobody waits for that."""


@final
@attrs.define(eq=False)
class _Wish:
    """What is to be queued: an event, or only the wish for a commit."""

    event: Event | None
    body: bytes
    settled: trio.Event | None
    task: trio.lowlevel.Task | None = attrs.field(default=None, init=False)
    """Who waits for room."""
    entry: _Entry | None = attrs.field(default=None, init=False)
    """Its place in the queue, once it is there."""
    last: int = attrs.field(default=0, init=False)
    """The number of the last event in the queue then."""


@final
@attrs.define(eq=False)
class Writer:
    """Writes the events of one run in the order in which they come."""

    lease: Lease
    thread: trio.CapacityLimiter
    """Holds the one thread that may use the connection."""
    clock: Callable[[], float]
    committed: int
    """The number of the last event that is on disk."""
    _database: Database
    compactor: Compactor
    _last: int = attrs.field(init=False)  # the number of the last event queued
    failure: JournalError | None = attrs.field(default=None, init=False)
    """Why nothing is written any more."""
    ended: trio.Event = attrs.field(factory=trio.Event, init=False)
    """Set when nothing will be written any more."""
    news: trio.lowlevel.ParkingLot = attrs.field(
        factory=trio.lowlevel.ParkingLot, init=False
    )
    """Where to wait for a change of `committed`, `failure` or `ended`."""
    _queue: Mailbox[_Entry] = attrs.field(init=False)
    _waiting: deque["_Wish"] = attrs.field(factory=deque["_Wish"], init=False)
    """Those for whom the queue has no room, in the order in which they came."""
    _since_turn: int = attrs.field(default=0, init=False)
    _shield: trio.CancelScope = attrs.field(init=False)
    _last_words: trio.CancelScope = attrs.field(init=False)
    _closing: trio.Event = attrs.field(factory=trio.Event, init=False)
    _finished: bool = attrs.field(default=False, init=False)
    """The lease was put down, or could not be."""
    _tail: deque[Recorded] = attrs.field(init=False)
    _group: list[_Entry] = attrs.field(factory=list[_Entry], init=False)
    """What was taken from the queue, until its fate is known."""

    def __attrs_post_init__(self) -> None:
        self._last = self.committed
        self._queue = open_mailbox("journal", capacity=QUEUE_EVENTS)
        self._shield = trio.CancelScope(shield=True)
        self._last_words = trio.CancelScope(shield=True)
        self._tail = deque(maxlen=TAIL_EVENTS)

    # For callers

    async def append(self, event: Event) -> Recorded:
        """Queue *event* and wait until it is on disk; see `Journal.append`."""
        settled = trio.Event()
        recorded = await self._record(event, settled)
        await settled.wait()
        self._check(recorded.seq)
        return recorded

    async def post(self, event: Event) -> Recorded:
        """Queue *event*; see `Journal.post`."""
        return await self._record(event, None)

    async def flush(self) -> None:
        """Wait until all that is queued is on disk; see `Journal.flush`."""
        settled = trio.Event()
        await trio.lowlevel.checkpoint_if_cancelled()
        wish = _Wish(None, b"", settled)
        await self._enqueue(wish)
        await settled.wait()
        self._check(wish.last)

    def tail_after(self, cursor: int, count: int) -> list[Recorded] | None:
        """Give *count* events after *cursor*; None if memory has not all of them."""
        if not self._tail or self._tail[0].seq > cursor + 1:
            return None
        start = cursor + 1 - self._tail[0].seq
        return list(islice(self._tail, start, start + count))

    def why_not(self) -> JournalError:
        """Make an error for one caller; each has a traceback of its own."""
        if self.failure is None:
            return JournalClosed(self._database.path, "nothing was written")
        return copy.copy(self.failure)

    async def _record(self, event: Event, settled: trio.Event | None) -> Recorded:
        wish = _Wish(event, encode(event), settled)
        self._since_turn += 1
        if self._since_turn < TURN_EVENTS:
            await trio.lowlevel.checkpoint_if_cancelled()
        else:
            self._since_turn = 0
            await trio.lowlevel.checkpoint()
        await self._enqueue(wish)
        assert wish.entry is not None
        assert wish.entry.recorded is not None
        return wish.entry.recorded

    async def _enqueue(self, wish: "_Wish") -> None:
        """Queue *wish*, after those that wait already; wait if there is no room."""
        if not self._waiting:
            with suppress(MailboxFull):
                self._enter(wish)
                return

        def withdraw(_: object) -> trio.lowlevel.Abort:
            self._waiting.remove(wish)
            return trio.lowlevel.Abort.SUCCEEDED

        wish.task = trio.lowlevel.current_task()
        self._waiting.append(wish)
        await trio.lowlevel.wait_task_rescheduled(withdraw)
        if wish.entry is None:
            raise self.why_not() from self.failure

    def _enter(self, wish: "_Wish") -> None:
        """Queue *wish*; an event gets its number with that.

        Raises:
          MailboxFull: there is no room.
        """
        row = recorded = None
        if wish.event is not None:
            recorded = Recorded(self._last + 1, self.clock(), wish.event)
            row = (recorded.seq, recorded.at, wish.body)
        entry = _Entry(row, recorded, wish.settled)
        try:
            self._queue.send_nowait(entry)
        except MailboxClosed:
            raise self.why_not() from self.failure
        wish.entry = entry
        if recorded is not None:
            self._last = recorded.seq
        wish.last = self._last

    def _admit(self) -> None:
        """Queue those that wait, in their order, as far as there is room."""
        with suppress(MailboxFull, JournalError):
            while self._waiting:
                self._enter(self._waiting[0])
                self._wake()

    def _wake(self) -> None:
        task = self._waiting.popleft().task
        assert task is not None, "it waits"
        trio.lowlevel.reschedule(task)

    def _turn_away(self) -> None:
        """Close the queue; who waits for room wrote nothing, and is told so."""
        self._queue.close()
        while self._waiting:
            self._wake()

    def _check(self, seq: int) -> None:
        if self.committed < seq:
            raise self.why_not() from self.failure

    # The task

    async def run(self) -> None:
        """Write what is queued until the journal is closed or a write fails."""
        try:
            with self._shield:
                await self._keep_writing()
                await self._in_thread(self._finish)
        except JournalError as error:
            self.failure = error
        finally:
            if self._shield.cancelled_caught:
                detail = f"not within {CLOSE_SECONDS:g} seconds"
                self.failure = JournalStuck(self._database.path, detail)
            self._turn_away()
            self._group.extend(self._queue.drain())
            self._release_group()
            self.ended.set()
            self.news.unpark_all()
        if not self._finished and not isinstance(self.failure, JournalStuck):
            await self._give_up()

    async def _keep_writing(self) -> None:
        """Write group after group, until the queue is closed.

        Raises:
          JournalError: a write failed.
        """
        try:
            async for entry in self._queue:
                self._group.append(entry)
                await self._complete_group()
                self._admit()
                await self._commit_group()
                if self.compactor.has_work(self.committed):
                    now = self.clock()
                    await self._in_thread(
                        partial(self._database.compact, self.compactor, now)
                    )
        except JournalError as error:
            self.failure = error
            self._turn_away()
            raise

    async def _give_up(self) -> None:
        """After a failure: keep the lease until the journal is closed."""
        with trio.CancelScope(shield=True):  # `close` is always called
            await self._closing.wait()
        with self._last_words, suppress(JournalError):  # it has failed already
            await self._in_thread(self._finish)

    async def _complete_group(self) -> None:
        """Collect what is to be committed together with the first of the group."""
        group = self._group
        try:
            with trio.move_on_after(GROUP_SECONDS):
                while len(group) < GROUP_EVENTS and group[-1].settled is None:
                    group.append(await self._queue.receive())
            counts = self._queue.statistics()
            room = GROUP_EVENTS - len(group)
            for _ in range(min(counts.queued - counts.in_hand, room)):
                group.append(await self._queue.receive())
        except MailboxClosed:
            return  # the journal is closing: this is the last group

    async def _commit_group(self) -> None:
        """Write the group and tell everybody who waits for it."""
        rows = [entry.row for entry in self._group if entry.row is not None]
        if rows:
            await self._in_thread(lambda: self._database.write(rows))
            self.committed = rows[-1][0]
            self._tail.extend(each.recorded for each in self._group if each.recorded)
        self._release_group()
        self.news.unpark_all()

    def _release_group(self) -> None:
        for entry in self._group:
            if entry.settled is not None:
                entry.settled.set()
        self._group.clear()

    def _finish(self) -> None:
        """Put the lease down and close the database."""
        self._finished = True
        try:
            release_lease(self._database, self.lease, self.clock())
        finally:
            self._database.close()

    async def _in_thread(self, work: Callable[[], None]) -> None:
        """Do *work* in the journal's thread.

        Left alone only when the shield ends, that is, when the disk hangs: its thread
        cannot be stopped, and the connection stays with it.
        """
        await trio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=self.thread)

    async def close(self) -> None:
        """Commit what is queued and end the writer; see `CLOSE_SECONDS`."""
        self._turn_away()
        self._closing.set()
        deadline = trio.current_time() + CLOSE_SECONDS
        self._shield.deadline = self._last_words.deadline = deadline
        with trio.CancelScope(shield=True):  # bounded by the deadline just set
            await self.ended.wait()
