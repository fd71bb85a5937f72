# A durable mailbox, as its program sees it.
#
# 1. `DurableMailbox` is a handle that outlives what it stands for: its `run` may be
#    restarted by a supervisor, and the handle goes on with the next incarnation. In
#    between, calls fail with `MailboxDown`.
# 2. A letter is with one reader at a time. The block of `receive` is the ownership:
#    what was not acknowledged when it ends is queued again, at its old place.
"""The owner's side of a durable mailbox."""

import time
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, TypeVar, final

import attrs
import trio

from crew_mailbox.durable._check import MailboxProblem, validate_mailbox
from crew_mailbox.durable._database import Incoming
from crew_mailbox.durable._disk import MailboxFolder
from crew_mailbox.durable._errors import MailboxDown
from crew_mailbox.durable._events import DurableEvent, DurableStatistics
from crew_mailbox.durable._ledger import Held
from crew_mailbox.durable._letters import (
    LARGEST_BODY,
    DeliveryMode,
    Kind,
    Letter,
    StoredLetter,
)
from crew_mailbox.durable._opening import open_writer, put_down
from crew_mailbox.durable._readers import PAGE, Reader, Wanted, at_least_one
from crew_mailbox.durable._writer import Limits, Writer

R = TypeVar("R")

MEBIBYTE: Final = 1 << 20


def _between(
    least: int, most: int
) -> Callable[[object, "attrs.Attribute[int]", int], None]:
    return attrs.validators.and_(attrs.validators.ge(least), attrs.validators.le(most))


def silent(_event: DurableEvent) -> None:
    """Take an event that nobody asked for."""


@final
@attrs.frozen
class Receipt:
    """What a sender gets: the letter is on disk."""

    seq: int
    """Its number; higher than that of each letter that was stored before."""
    id: str
    duplicate: bool
    """It was there already, from an earlier sending: there is one letter still."""


@final
@attrs.define(eq=False, kw_only=True)
class DurableMailbox:
    """A mailbox whose letters survive its process. See `open_durable_mailbox`."""

    path: Path = attrs.field(converter=Path)
    capacity: int = attrs.field(validator=attrs.validators.ge(1))
    capacity_bytes: int = attrs.field(
        default=32 * MEBIBYTE, validator=attrs.validators.ge(1)
    )
    max_body: int = attrs.field(default=MEBIBYTE, validator=_between(0, LARGEST_BODY))
    archive_at: int = attrs.field(
        default=8 * MEBIBYTE, validator=attrs.validators.ge(1)
    )
    keep_archives: int | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.ge(0))
    )
    max_deliveries: int = attrs.field(default=16, validator=_between(1, 1_000_000))
    on_event: Callable[[DurableEvent], object] = silent
    clock: Callable[[], float] = time.time
    _writer: Writer | None = attrs.field(default=None, init=False, repr=False)
    _down: str = attrs.field(default="it is not open", init=False, repr=False)
    _reader: Reader = attrs.field(init=False, repr=False)
    _reading: trio.CapacityLimiter = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._reader = Reader(MailboxFolder(self.path))
        self._reading = trio.CapacityLimiter(1)

    async def run(
        self,
        *,
        task_status: trio.TaskStatus["DurableMailbox"] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Own the mailbox until cancelled; the body of a supervisor's child.

        Reports this handle when the mailbox is open. A restart goes on where the last
        incarnation ended. Cancelled, it commits what is queued and closes, which takes
        at most `CLOSE_SECONDS`, shielded.

        Raises:
          MailboxOwned: somebody owns it, this handle perhaps. Nothing was changed.
          NewerMailbox: a later version of this package wrote it.
          MailboxDamaged: it cannot be read; see `repair_mailbox`.
          DurableMailboxError: another class says what went wrong. What was not
            acknowledged may be lost.
        """
        folder = MailboxFolder(self.path)
        limits = Limits(
            capacity=self.capacity,
            capacity_bytes=self.capacity_bytes,
            max_body=self.max_body,
            archive_at=self.archive_at,
            keep_archives=self.keep_archives,
            max_deliveries=self.max_deliveries,
        )
        writer, owner = await open_writer(folder, limits, self.clock, self.on_event)
        self._writer, self._down = writer, "it is not open"
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_close_when_cancelled, writer)
                task_status.started(self)
                await writer.run()
                nursery.cancel_scope.cancel()
        finally:
            self._writer = None
            put_down(writer, owner)
            if writer.failure is not None:
                self._down = f"it failed: {writer.failure}"
                raise writer.failure

    async def send(self, letter: Letter) -> Receipt:
        """Store *letter*; on return it is on disk.

        The same letter under the same id may be sent again, after an error or a
        cancellation: it is stored once, and the receipt says so. An archived id is
        remembered for 100,000 further letters.

        Never waits for room. A checkpoint. A cancelled call may have stored the letter.

        Raises:
          DurableMailboxFull: there is no room. Nothing was stored.
          BadLetter: its body is larger than `max_body`. Nothing was stored.
          LetterIdTaken: another letter has its id. Nothing was stored.
          MailboxDown: the mailbox does not run. Nothing was stored.
          DurableMailboxError: the disk failed, in the way that the class says. The
            letter is not acknowledged, and the mailbox ends.
        """
        return _receipt(await self._up().send(letter))

    async def reply(self, letter_id: str, body: bytes) -> Receipt:
        """Answer the open letter with that id; see `Delivery.reply`.

        For a reader that acknowledged the letter and answers it later.

        Raises:
          UnknownLetter: no open letter has that id.
        """
        writer = self._up()
        return _receipt(await writer.reply(writer.held(letter_id), body))

    async def acknowledge(self, letter_id: str) -> None:
        """Acknowledge the open letter with that id; see `Delivery.acknowledge`.

        Raises:
          UnknownLetter: no open letter has that id.
        """
        writer = self._up()
        await writer.acknowledge(writer.held(letter_id))

    def receive(
        self, to: str, *, delivery: DeliveryMode | None = None, batch: int = 1
    ) -> "Deliveries":
        """Read the letters for *to*: enter the result, then iterate over it.

        Interrupting letters come first, then urgent, normal and low ones, and among
        those the older first. Several readers of one receiver share its letters.

        Args:
          to: whose letters.
          delivery: takes letters of that mode only; None takes both.
          batch: how many letters are fetched with one commit. They are delivered when
            they are fetched; what comes later does not overtake them.

        Raises:
          ValueError: *batch* is below 1.
          MailboxDown: the mailbox does not run.
        """
        return Deliveries(self._up(), to, delivery, at_least_one(batch))

    async def read(
        self,
        *,
        since: int = 0,
        limit: int = PAGE,
        to: str | None = None,
        kind: Kind | None = None,
    ) -> list[StoredLetter]:
        """Read letters with numbers above *since*; see `read_letters`.

        A checkpoint. Works while the mailbox does not run. Cannot be cancelled while
        it reads.
        """
        wanted, limit = Wanted(to, kind), at_least_one(limit)
        return await self._read(partial(self._reader.after, since, limit, wanted))

    async def newest(
        self, limit: int, *, to: str | None = None, kind: Kind | None = None
    ) -> list[StoredLetter]:
        """Read the last *limit* letters, the oldest of them first; see `read`."""
        wanted, limit = Wanted(to, kind), at_least_one(limit)
        return await self._read(partial(self._reader.newest, limit, wanted))

    async def find(self, letter_id: str) -> StoredLetter | None:
        """Read the letter with that id, and what became of it; see `find_letter`."""
        return await self._read(partial(self._reader.find, letter_id))

    async def validate(self) -> tuple[MailboxProblem, ...]:
        """Compare all that is on disk with what was written; see `validate_mailbox`.

        A checkpoint. Reads every archive, and cannot be cancelled meanwhile.
        """
        return await self._read(partial(validate_mailbox, self.path))

    def statistics(self) -> DurableStatistics:
        """Tell the figures of this moment. Not a checkpoint.

        Raises:
          MailboxDown: the mailbox does not run.
        """
        writer = self._up()
        ledger = writer.ledger
        return DurableStatistics(
            path=self.path,
            capacity=self.capacity,
            capacity_bytes=self.capacity_bytes,
            accepted=writer.accepted,
            queued=ledger.counts["queued"],
            in_hand=ledger.counts["in_hand"],
            awaiting=ledger.counts["awaiting"],
            acknowledged=ledger.counts["acknowledged"],
            replied=ledger.counts["replied"],
            expired=ledger.counts["expired"],
            dead=ledger.counts["dead"],
            lost=ledger.counts["lost"],
            duplicates=writer.duplicates,
            refused=writer.refused,
            pending=writer.pending,
            open_bytes=ledger.size,
            settled_bytes=ledger.settled_weight,
            archives=len(writer.archives),
            archived=sum(row.letters for row in writer.archives),
            archive_bytes=sum(row.size for row in writer.archives),
            dropped=writer.dropped,
        )

    def _up(self) -> Writer:
        if self._writer is None:
            raise MailboxDown(self.path, self._down)
        return self._writer

    async def _read(self, query: Callable[[], R]) -> R:
        return await trio.to_thread.run_sync(query, limiter=self._reading)


@final
@attrs.define(eq=False)
class Deliveries:
    """The letters for one receiver, one after the other. See `DurableMailbox.receive`.

    A context manager and an endless iterator: leaving the block gives back what was
    not acknowledged. Ends when the mailbox is closed.
    """

    _writer: Writer
    _to: str
    _mode: DeliveryMode | None
    _batch: int
    _entered: bool = attrs.field(default=False, init=False)
    _fetched: deque[Held] = attrs.field(factory=deque[Held], init=False)
    _out: dict[int, Held] = attrs.field(factory=dict[int, Held], init=False)
    """What was fetched and is not settled, as far as this reader knows."""

    def __enter__(self) -> "Deliveries":
        self._entered = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._entered = False
        self._fetched.clear()
        for held in self._out.values():
            self._writer.give_back(self, held)
        self._out.clear()

    def __aiter__(self) -> "Deliveries":
        return self

    async def __anext__(self) -> "Delivery":
        """Wait for the next letter; its delivery is on disk.

        A checkpoint. A cancelled call takes nothing; it counts as a delivery if the
        disk was at it already.

        Raises:
          DurableMailboxError: the mailbox failed.
          RuntimeError: called outside of the block.
        """
        if not self._entered:
            raise RuntimeError("enter it first: with box.receive(...) as deliveries")
        while True:
            if not self._fetched:
                await self._fetch()
            else:
                await trio.lowlevel.checkpoint()
            held = self._fetched.popleft()
            if held.state == "in_hand" and held.reader is self:
                return Delivery(self, self._writer, held)
            self._out.pop(held.seq, None)  # its time was over meanwhile

    async def _fetch(self) -> None:
        try:
            taken = await self._writer.take(self, self._to, self._mode, self._batch)
        except MailboxDown:
            raise StopAsyncIteration from None
        self._fetched.extend(taken)
        self._out.update((held.seq, held) for held in taken)

    def release(self, held: Held) -> None:
        """Note that the reader needs *held* no more."""
        self._out.pop(held.seq, None)


@final
@attrs.define(eq=False)
class Delivery:
    """A letter in the hand of its reader."""

    _deliveries: Deliveries
    _writer: Writer
    _held: Held

    @property
    def letter(self) -> Letter:
        """What was sent."""
        return self._held.letter

    @property
    def seq(self) -> int:
        """The number of the letter."""
        return self._held.seq

    @property
    def sent_at(self) -> float:
        """When it was sent, in seconds since 1970."""
        return self._held.sent_at

    @property
    def attempt(self) -> int:
        """1 for the first delivery; above, the letter may have been dealt with."""
        return self._held.attempts

    async def acknowledge(self) -> None:
        """Say that the letter was dealt with; on return that is on disk.

        It is never delivered again. If a reply is expected it may still be given, with
        `DurableMailbox.reply`, until its time is over. Acknowledging again, or after
        the time is over, changes nothing. A checkpoint. A cancelled call may have
        acknowledged it.

        Raises:
          DurableMailboxError: the mailbox ended or failed. The letter may come again.
        """
        self._deliveries.release(self._held)
        await self._writer.acknowledge(self._held)

    async def reply(self, body: bytes) -> Receipt:
        """Acknowledge the letter and send *body* to its sender, both or neither.

        The sender finds a response that `answers` the letter. A checkpoint. A cancelled
        call may have replied.

        Raises:
          LetterSettled: it was replied to or acknowledged for good, or its time is
            over. Nothing was sent.
          BadLetter: it has no sender, or *body* is too large. Nothing was sent.
          DurableMailboxFull: there is no room for *body*. Nothing was sent.
          DurableMailboxError: the mailbox ended or failed. The letter may come again.
        """
        receipt = _receipt(await self._writer.reply(self._held, body))
        self._deliveries.release(self._held)
        return receipt

    def give_back(self) -> None:
        """Queue the letter again, at its old place. Not a checkpoint."""
        self._deliveries.release(self._held)
        self._writer.give_back(self._deliveries, self._held)


async def _close_when_cancelled(writer: Writer) -> None:
    try:
        await trio.sleep_forever()
    finally:
        writer.close()


def _receipt(incoming: Incoming) -> Receipt:
    return Receipt(incoming.seq, incoming.letter.id, incoming.duplicate)
