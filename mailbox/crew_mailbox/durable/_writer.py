# The one task that writes a mailbox, and what it knows.
#
# 1. What is asked for is queued at once, without waiting: a letter, a record, or a
#    record with its answer. The queue is bounded by the letters that may be open. All
#    that is queued is committed as one group, and whoever waits for it is told.
# 2. A call that is cancelled while it waits for the disk leaves its job in the queue,
#    and it is written. Sending the same letter again is safe.
# 3. After a failed write nothing is written any more: everybody who waits, and
#    everybody who comes, is told why.
# 4. The writer is shielded: what was queued is committed even when the mailbox is
#    cancelled. The shield ends `CLOSE_SECONDS` after the mailbox begins to close.
"""The task that writes a durable mailbox."""

import copy
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar, final

import attrs
import trio

from crew_mailbox.durable._database import Database, Incoming, Outgoing
from crew_mailbox.durable._disk import MailboxFolder
from crew_mailbox.durable._errors import (
    BadLetter,
    DurableMailboxError,
    DurableMailboxFull,
    LetterSettled,
    MailboxDown,
    MailboxStuck,
    UnknownLetter,
)
from crew_mailbox.durable._events import (
    ArchiveDropped,
    DurableEvent,
    LetterDead,
    LetterExpired,
    LettersArchived,
    LettersReplayed,
)
from crew_mailbox.durable._ledger import Held, Ledger
from crew_mailbox.durable._letters import (
    DeliveryMode,
    Letter,
    Outcome,
    Record,
    RecordKind,
    weight_of,
)
from crew_mailbox.durable._rules import (
    FINAL,
    archive_cut,
    archives_to_drop,
    awaits_reply,
    is_due,
)
from crew_mailbox.durable._tables import ArchiveRow

R = TypeVar("R")

GROUP_JOBS: Final = 512
"""The most jobs of one commit."""

GROUP_BYTES: Final = 4 << 20
"""The most bytes of bodies in one commit, except for a single larger letter."""

CLOSE_SECONDS = 10.0
"""How long closing waits for the disk."""


@final
@attrs.frozen(kw_only=True)
class Limits:
    """The bounds of one mailbox. The public names are those of `DurableMailbox`."""

    capacity: int
    capacity_bytes: int
    max_body: int
    archive_at: int
    keep_archives: int | None
    max_deliveries: int


@final
@attrs.define(eq=False)
class _Job:
    """What is committed as one, and who is told."""

    letters: tuple[Incoming, ...] = ()
    records: tuple[Outgoing, ...] = ()
    settles: Held | None = None
    """The letter whose end is on disk when this job is."""
    event: DurableEvent | None = None
    settled: trio.Event = attrs.field(factory=trio.Event, init=False)
    done: bool = attrs.field(default=False, init=False)


@final
@attrs.define(eq=False)
class Writer:
    """Owns the letters of one open mailbox, from its opening to its end."""

    folder: MailboxFolder
    limits: Limits
    database: Database
    ledger: Ledger
    clock: Callable[[], float]
    on_event: Callable[[DurableEvent], object]
    archives: list[ArchiveRow]
    """Those whose files are there, the oldest first."""
    dropped: int
    """How many letters were in archives that are gone."""
    opening: LettersReplayed
    """What there was to be delivered when the mailbox was opened."""
    failure: DurableMailboxError | None = attrs.field(default=None, init=False)
    """Why nothing is written any more."""
    ended: bool = attrs.field(default=False, init=False)
    duplicates: int = attrs.field(default=0, init=False)
    refused: int = attrs.field(default=0, init=False)
    pending: int = attrs.field(default=0, init=False)
    accepted: int = attrs.field(init=False)
    _pending_size: int = attrs.field(default=0, init=False)
    _closing: bool = attrs.field(default=False, init=False)
    _jobs: deque[_Job] = attrs.field(factory=deque[_Job], init=False)
    _group: list[_Job] = attrs.field(factory=list[_Job], init=False)
    """What was taken from the queue, until its fate is known."""
    _work: trio.Event = attrs.field(factory=trio.Event, init=False)
    _readers: dict[str, trio.lowlevel.ParkingLot] = attrs.field(
        factory=dict[str, trio.lowlevel.ParkingLot], init=False
    )
    _thread: trio.CapacityLimiter = attrs.field(init=False)
    _shield: trio.CancelScope = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.accepted = self.database.last
        self._thread = trio.CapacityLimiter(1)
        self._shield = trio.CancelScope(shield=True)

    # For callers

    async def send(self, letter: Letter) -> Incoming:
        """Store *letter*; see `DurableMailbox.send`."""
        incoming = self._admit(letter)
        await self._submit(_Job(letters=(incoming,)))
        if incoming.refused is not None:
            raise incoming.refused
        return incoming

    async def acknowledge(self, held: Held) -> None:
        """Note that the reader has dealt with a letter; see `Delivery.acknowledge`."""
        if held.state in FINAL or held.state == "awaiting":
            await self._submit(_Job())  # done already, and then on disk
            return
        final = not awaits_reply(held.letter)
        record = Outgoing(held.seq, self._record("acknowledged"))
        job = _Job(records=(record,), settles=held if final else None)
        self._check_up()
        self.ledger.move(held, "acknowledged" if final else "awaiting")
        await self._submit(job)

    async def reply(self, held: Held, body: bytes) -> Incoming:
        """Settle a letter with an answer to its sender; see `Delivery.reply`."""
        if held.state in FINAL:
            raise LetterSettled(self.folder.path, held.letter.id, held.state)
        if not held.letter.sender:
            raise BadLetter(("sender: the letter has none, so nobody gets a reply",))
        answer = self._admit(_answer_to(held.letter, "replied", body), freed=held)
        await self._submit(self._settle(held, "replied", answer))
        return answer

    async def take(
        self, reader: object, to: str, mode: DeliveryMode | None, limit: int
    ) -> list[Held]:
        """Wait for letters for *to*; their delivery is on disk when they are returned.

        A cancelled call takes none. If the disk had begun to write its deliveries they
        count, and the letters are queued again.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        while True:
            self._check_up()
            taken = self._choose(reader, to, mode, limit)
            if not taken:
                await self._wait_for_letters(to)
                continue
            records = tuple(
                Outgoing(held.seq, self._record("delivered")) for held in taken
            )
            job = _Job(records=records)
            try:
                await self._submit(job)
            except BaseException:  # what was not handed over stays
                delivered = job not in self._jobs
                if not delivered:
                    self._jobs.remove(job)
                for held in taken:
                    held.attempts -= not delivered
                    self.give_back(reader, held)
                raise
            still = [held for held in taken if held.state == "in_hand"]
            if still:  # else their time was over meanwhile
                return still

    async def _wait_for_letters(self, to: str) -> None:
        lot = self._readers.setdefault(to, trio.lowlevel.ParkingLot())
        try:
            await lot.park()
        finally:
            if not lot and self._readers.get(to) is lot:
                del self._readers[to]

    def give_back(self, reader: object, held: Held) -> None:
        """Queue a letter again that *reader* has in hand; nothing if it has not."""
        if held.state == "in_hand" and held.reader is reader:
            self.ledger.move(held, "queued")
            self._wake_readers(held.letter.to)

    def held(self, letter_id: str) -> Held:
        """Return the open letter with that id.

        Raises:
          UnknownLetter: there is none.
        """
        try:
            return self.ledger.by_id[letter_id]
        except KeyError:
            raise UnknownLetter(self.folder.path, letter_id) from None

    def why_not(self) -> DurableMailboxError:
        """Make an error for one caller; each has a traceback of its own."""
        if self.failure is None:
            return MailboxDown(self.folder.path, "it was closed")
        return copy.copy(self.failure)

    def _choose(
        self, reader: object, to: str, mode: DeliveryMode | None, limit: int
    ) -> list[Held]:
        taken: list[Held] = []
        while len(taken) < limit:
            held = self.ledger.take(to, mode)
            if held is None:
                break
            if held.attempts > self.limits.max_deliveries:
                self._give_up(held, "dead")
                continue
            held.reader = reader
            taken.append(held)
        return taken

    def _admit(self, letter: Letter, freed: Held | None = None) -> Incoming:
        """Make room for *letter*, which takes the place of *freed*.

        Raises:
          BadLetter: its body is too large.
          DurableMailboxFull: there is no room.
        """
        size, limits = len(letter.body), self.limits
        if size > limits.max_body:
            raise BadLetter((f"body: {size} bytes, the limit is {limits.max_body}",))
        letters = len(self.ledger) + self.pending
        total = self.ledger.size + self._pending_size
        if freed is not None:
            letters -= 1
            total -= len(freed.letter.body)
        if letters >= limits.capacity or total + size > limits.capacity_bytes:
            self.refused += 1
            raise DurableMailboxFull(
                self.folder.path, letters, limits.capacity, total, limits.capacity_bytes
            )
        return self._incoming(letter)

    def _incoming(self, letter: Letter) -> Incoming:
        wait = letter.reply_by
        deadline = None if wait is None else trio.current_time() + wait
        return Incoming(letter, self.clock(), deadline)

    def _record(self, kind: RecordKind) -> Record:
        return Record(kind, self.clock())

    def _give_up(self, held: Held, end: Outcome) -> None:
        """Settle a letter that nobody replied to, and tell its sender."""
        path = self.folder.path
        if end == "expired":
            event: DurableEvent = LetterExpired(path, held.seq, held.letter)
        else:
            held.attempts -= 1  # this one was not delivered
            event = LetterDead(path, held.seq, held.letter, held.attempts)
        answer = None
        if held.letter.reply_by is not None:
            answer = self._incoming(_answer_to(held.letter, end, b""))
        self._enqueue(self._settle(held, end, answer, event))

    def _settle(
        self,
        held: Held,
        end: Outcome,
        answer: Incoming | None,
        event: DurableEvent | None = None,
    ) -> _Job:
        self._check_up()
        self.ledger.move(held, end)
        return _Job(
            letters=() if answer is None else (answer,),
            records=(Outgoing(held.seq, self._record(end), answer),),
            settles=held,
            event=event,
        )

    def _check_up(self) -> None:
        if self._closing or self.ended:
            raise self.why_not() from self.failure

    async def _submit(self, job: _Job) -> None:
        self._check_up()
        self._enqueue(job)
        await job.settled.wait()
        if not job.done:
            raise self.why_not() from self.failure

    def _enqueue(self, job: _Job) -> None:
        for incoming in job.letters:
            self.pending += 1
            self._pending_size += len(incoming.letter.body)
        self._jobs.append(job)
        self._work.set()

    # The task

    async def run(self) -> None:
        """Write what is queued until the mailbox is closed or a write fails."""
        try:
            with self._shield:
                try:
                    await self._keep_writing()
                finally:
                    await self._in_thread(self.database.close)
        except DurableMailboxError as error:
            self.failure = error
        finally:
            if self._shield.cancelled_caught:
                detail = f"not within {CLOSE_SECONDS:g} seconds"
                self.failure = MailboxStuck(self.folder.path, detail)
            self.ended = True
            for job in (*self._group, *self._jobs):
                job.settled.set()
            for lot in self._readers.values():
                lot.unpark_all()

    def close(self) -> None:
        """Begin the end: commit what is queued, and take no more."""
        self._closing = True
        self._shield.deadline = trio.current_time() + CLOSE_SECONDS
        self._work.set()
        for lot in self._readers.values():
            lot.unpark_all()

    async def _keep_writing(self) -> None:
        if self.opening.letters:
            self.on_event(self.opening)
        await self._archive()
        while True:
            if not self._closing:
                self._expire()
            if self._jobs:
                await self._commit_group()
                await self._archive()
            elif self._closing:
                return
            else:
                await self._wait_for_work()

    async def _wait_for_work(self) -> None:
        """Wait for a job, or until a reply is due."""
        first = self.ledger.next_deadline()
        until = float("inf") if first is None else first[0]
        self._work = trio.Event()
        with trio.move_on_at(until):
            await self._work.wait()

    def _expire(self) -> None:
        """Settle letters whose reply is due; not more than one commit takes."""
        for _ in range(GROUP_JOBS):
            first = self.ledger.next_deadline()
            if first is None or not is_due(first[0], trio.current_time()):
                return
            self._give_up(first[1], "expired")

    async def _commit_group(self) -> None:
        """Write what is queued, and tell everybody who waits for it."""
        group, size = self._group, 0
        while self._jobs and len(group) < GROUP_JOBS:
            job = self._jobs[0]
            size += sum(len(each.letter.body) for each in job.letters)
            if group and size > GROUP_BYTES:
                break
            group.append(self._jobs.popleft())
        letters = [each for job in group for each in job.letters]
        records = [each for job in group for each in job.records]
        if letters or records:
            await self._in_thread(lambda: self.database.write(letters, records))
        for job in group:
            self._finish(job)
        events = [job.event for job in group if job.event is not None]
        group.clear()
        for event in events:
            self.on_event(event)

    def _finish(self, job: _Job) -> None:
        for incoming in job.letters:
            self._take_in(incoming)
        if job.settles is not None:
            self.ledger.file(job.settles.seq, weight_of(job.settles.letter))
        job.done = True
        job.settled.set()

    def _take_in(self, incoming: Incoming) -> None:
        """Deal with a letter that is on disk, or was refused there."""
        letter = incoming.letter
        self.pending -= 1
        self._pending_size -= len(letter.body)
        if incoming.refused is not None:
            return
        if incoming.duplicate:
            self.duplicates += 1
            return
        self.accepted += 1
        deadline = incoming.deadline
        self.ledger.add(Held(incoming.seq, letter, incoming.sent_at, deadline=deadline))
        self._wake_readers(letter.to)

    def _wake_readers(self, to: str) -> None:
        lot = self._readers.pop(to, None)
        if lot is not None:
            lot.unpark_all()

    async def _archive(self) -> None:
        """Move settled letters into archives while there are too many of them."""
        limit = self.limits.archive_at
        while self.ledger.settled_weight >= limit:
            numbers = archive_cut(sorted(self.ledger.settled.items()), limit)
            row = await self._in_thread(
                partial(self.database.archive, numbers, self.clock())
            )
            self.ledger.archived(numbers[: row.letters])
            self.archives.append(row)
            path = self.folder.archive(row.sha256)
            self.on_event(
                LettersArchived(self.folder.path, path, row.letters, row.size)
            )
        await self._drop_archives()

    async def _drop_archives(self) -> None:
        """Remove the oldest archives while all of them take too much room."""
        limit = self.limits.keep_archives
        if limit is None:
            return
        for _ in range(archives_to_drop((row.size for row in self.archives), limit)):
            row = self.archives[0]
            await self._in_thread(partial(self.database.drop, row))
            del self.archives[0]
            self.dropped += row.letters
            path = self.folder.archive(row.sha256)
            self.on_event(ArchiveDropped(self.folder.path, path, row.letters, row.size))

    async def _in_thread(self, work: Callable[[], R]) -> R:
        """Do *work* in the mailbox's thread.

        Left alone only when the shield ends, that is, when the disk hangs: its thread
        cannot be stopped, and the connection stays with it.
        """
        return await trio.to_thread.run_sync(
            work, abandon_on_cancel=True, limiter=self._thread
        )


def _answer_to(letter: Letter, outcome: Outcome, body: bytes) -> Letter:
    return Letter(
        to=letter.sender,
        sender=letter.to,
        kind="response",
        body=body,
        answers=letter.id,
        outcome=outcome,
    )
