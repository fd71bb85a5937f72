# A mailbox is a bounded queue with many senders and one reader.
#
# 1. A message is in exactly one place: with its sender, in the queue, or with the
#    reader. Nothing awaits between taking it from one place and putting it into the
#    next, so a cancellation always finds it in one of them.
# 2. While senders are blocked the queue is full: whoever makes room admits the one
#    that has waited longest, at once. Nobody slips in between.
# 3. accepted = handled + dead + returned + queued, at every moment. The message in
#    the reader's hand counts as queued; it is handled when the reader asks for the
#    next one or calls `ack`.
# 4. System messages are read before the others and never wait for room.
# 5. Closing is final. What was queued is still read, in order, or is taken out with
#    `drain` or `bury`.
# 6. The ordinary lane is a plain deque, and what few mailboxes need is made when they
#    need it: `_ready` tells how many messages can be taken without a look at
#    other lanes, requests and blocked senders.
#
# When a task gives way to others is told in `_turn.py`.
"""A bounded queue with many senders and one reader."""

from collections.abc import AsyncIterator, Callable
from typing import Final, TypeVar, cast, final

import attrs
from trio.lowlevel import Abort, reschedule, wait_task_rescheduled

from crew_mailbox._address import Address
from crew_mailbox._errors import MailboxClosed, ReaderBusy, StashFull
from crew_mailbox._intake import Intake
from crew_mailbox._letter import Reason
from crew_mailbox._notices import Notice
from crew_mailbox._requests import Answer, AnyRequest
from crew_mailbox._statistics import MailboxStatistics

M = TypeVar("M")


class _Nothing:
    """The reader's hand when no message is in it."""


_EMPTY: Final = _Nothing()


@final
@attrs.define(eq=False, on_setattr=attrs.setters.NO_OP)
class Mailbox(Intake[M]):
    """A bounded queue with many senders and one reader.

    Messages that one sender sends with one priority arrive in the order in which they
    were sent. Must be made and used within one trio run. *capacity* counts messages
    that wait; the message in the reader's hand is not among them, nor are those that
    it put back or aside.
    """

    _hand: M | _Nothing = attrs.field(default=_EMPTY, init=False, repr=False)
    _again: int = attrs.field(default=0, init=False, repr=False)
    """How many times the message in hand was put back."""
    _opened: Notice[M] | None = attrs.field(default=None, init=False, repr=False)
    """The notice that the message in hand came by."""
    _rejected: int = attrs.field(default=0, init=False, repr=False)
    _returned: int = attrs.field(default=0, init=False, repr=False)

    @property
    def address(self) -> Address[M]:
        """The sending half, to be given away."""
        return Address(self)

    # Reading

    async def receive(self) -> M:
        """Wait for the next message and take it; the one in hand is now handled.

        A checkpoint when it waits or when the reader's turn is used up; always
        notices cancellation. A cancelled receive takes nothing.

        Raises:
          MailboxClosed: the mailbox is closed and empty.
          ReaderBusy: another task is reading. Nothing was taken.
        """
        try:
            return await self.__anext__()
        except StopAsyncIteration:
            raise MailboxClosed(self.name) from None

    def __aiter__(self) -> AsyncIterator[M]:
        return self

    async def __anext__(self) -> M:
        turn = self._turn
        task = turn.here["task"]
        if (
            self._ready
            and self._user
            and turn.task is task
            and not task._cancel_status.effectively_cancelled  # noqa: SLF001  see `_turn`
        ):
            self._ready -= 1
            self._hand = message = self._user.popleft()
            if self._has_line:
                self._admit()
            return message
        if self._reader is not None:
            raise ReaderBusy(self.name)
        self.ack()
        self._look_again()
        self.last_reader = task
        while True:
            # In here, and in no method of its own: a program may have very many idle
            # readers, and each frame that waits takes some 250 bytes.
            readable = self._user or self._has_more()
            gives_way = (readable or self._closed) and turn.is_over(task, self.budget)
            if gives_way or not readable:
                self._reader = task
                try:
                    if gives_way:
                        await turn.give_way(task)
                        readable = self._user or self._has_more()
                    while not readable:
                        if self._closed:
                            raise StopAsyncIteration
                        self._parked = True
                        await wait_task_rescheduled(self._leave)
                        turn.begin(task)
                        readable = self._user or self._has_more()
                finally:
                    self._reader = None
            entry = self._user.popleft() if self._lanes is None else self._take()
            if not isinstance(entry, _Nothing):
                break
        self._hold(entry)
        return entry

    def _hold(self, message: M) -> None:
        """Put *message* into the reader's hand; find out what may follow it at once."""
        turn, duties = self._turn, self._duties
        turn.left -= 1
        self._taken += 1
        self._hand = message
        if duties is not None and isinstance(message, AnyRequest):
            duties.take(message)
        if self._has_line:
            self._admit()
        if turn.left > 0 and self._is_plain():
            self._ready = turn.left
            self._taken += turn.left
            turn.left = 0

    def _is_plain(self) -> bool:
        """Tell whether only the ordinary lane matters, and no request."""
        duties, lanes = self._duties, self._lanes
        return not (
            self._again
            or self._opened
            or (duties is not None and duties.matter)
            or (lanes is not None and not lanes.is_plain)
        )

    def _take(self) -> M | _Nothing:
        """Take the next message; nothing, if that was a notice that does not hold."""
        assert self._lanes is not None
        entry, self._again = self._lanes.take()
        self._measure()
        if not isinstance(entry, Notice):
            return entry
        notice = cast("Notice[M]", entry)
        if not notice.open():
            return _EMPTY
        self._opened = notice
        self._accepted += 1
        return notice.message

    @property
    def queued(self) -> int:
        """How many messages are queued: so many can be taken without waiting."""
        return len(self._user if self._lanes is None else self._lanes)

    @property
    def load(self) -> int:
        """How many messages the reader has before it handles another one.

        Those that are queued and in its hand, and those whose senders wait for room.
        """
        in_hand = 0 if self._hand is _EMPTY else 1
        return self.queued + in_hand + self._senders_waiting

    @property
    def _senders_waiting(self) -> int:
        return 0 if self._blocked is None else self._blocked.waiting

    def _has_more(self) -> bool:
        """Tell whether there is something to read in the other lanes."""
        return self._lanes is not None and not self._lanes.is_plain

    def _leave(self, _raise_cancel: Callable[[], object]) -> Abort:
        self._parked = False
        return Abort.SUCCEEDED

    # Settling

    def ack(self) -> None:
        """Count the message in hand as handled. Not a checkpoint.

        An ask that it carried and that was neither answered nor deferred fails.
        Without a message in hand this does nothing.
        """
        self._hand = _EMPTY
        self._again = 0
        self._opened = None
        if self._duties is not None:
            self._duties.end_asked()

    def reject(self, reason: Reason, cause: BaseException | None = None) -> None:
        """Make the message in hand a dead letter. Not a checkpoint.

        Without a message in hand this does nothing.
        """
        message, deliveries = self._hand, self.deliveries
        self.ack()
        if isinstance(message, _Nothing):
            return
        self._rejected += 1
        self.dead_letters.record(
            reason, message, receiver=self.name, cause=cause, deliveries=deliveries
        )

    @property
    def deliveries(self) -> int:
        """How often the message in hand was delivered: 1 plus the times it was put back.

        0 without a message in hand.
        """
        return 0 if self._hand is _EMPTY else 1 + self._again

    def put_back(self) -> None:
        """Have the message in hand read again, next after system messages.

        Not a checkpoint. An ask that it carries goes on waiting. What came by a notice is
        asked again whether it holds. Without a message in hand this does nothing.
        """
        message, again = self._hand, self._again
        if not isinstance(message, _Nothing):
            entry = message if self._opened is None else self._opened
            self._lay_down(message)
            self._all_lanes().back.insert(0, (entry, again + 1))

    def stash(self, limit: int) -> None:
        """Put the message in hand aside, until `unstash`. Not a checkpoint.

        It counts as queued, and an ask that it carries goes on waiting. What came by a
        notice is asked again whether it holds. Without a message in hand this does
        nothing.

        Raises:
          StashFull: *limit* messages are aside already. The message stays in hand.
        """
        message, again = self._hand, self._again
        if isinstance(message, _Nothing):
            return
        aside = self._all_lanes().aside
        if len(aside) >= limit:
            raise StashFull(self.name, limit)
        entry = message if self._opened is None else self._opened
        self._lay_down(message)
        aside.append((entry, again))

    def unstash(self) -> int:
        """Have what was put aside read next, oldest first; tell how many.

        Not a checkpoint. System messages are still read before.
        """
        count = 0 if self._lanes is None else self._lanes.bring_back()
        if count:
            self._look_again()
            if self._parked:
                self._wake_reader()
        return count

    def _lay_down(self, message: M) -> None:
        """Take *message* out of the hand: it is queued again."""
        self._hand = _EMPTY
        self._again = 0
        self._taken -= 1
        self._look_again()
        if self._opened is not None:  # it is accepted when it is read again
            self._opened = None
            self._accepted -= 1
        if self._duties is not None and isinstance(message, AnyRequest):
            self._duties.put_back()

    @property
    def is_repeatable(self) -> bool:
        """Whether it makes sense to read the message in hand again.

        Not without one, not for a request that was answered or sent on, and not for what
        came by a notice.
        """
        message = self._hand
        if isinstance(message, _Nothing) or self._opened is not None:
            return False
        if not isinstance(message, AnyRequest):
            return True
        return self._duties is not None and self._duties.holds(message)

    def owes(self, answer: Answer) -> bool:
        """Tell whether it is this mailbox's reader who has to give *answer*."""
        return self._duties is not None and answer.holder is self._duties

    def fail_asks(self, error: Callable[[], Exception], *, queued: bool) -> None:
        """Fail the asks that the reader owes an answer; each gets its own error.

        These are the one in hand and the deferred ones; with *queued*, also those
        that wait in the queue. Not a checkpoint.
        """
        if self._duties is not None:
            self._duties.fail(error, self._messages() if queued else ())

    def _messages(self) -> list[M]:
        """Return what waits, in the order of reading; what is aside comes early."""
        return list(self._user) if self._lanes is None else self._lanes.all()

    # Ending

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def close(self) -> None:
        """Take no more messages. Idempotent; not a checkpoint.

        Blocked senders get `MailboxClosed` and keep their messages. The reader still
        gets what was queued; then its iteration ends. What it put aside and does not
        bring back stays for `drain` and `bury`.
        """
        self._closed = True
        self._room = -1
        while self._blocked is not None and self._blocked.waiting:
            reschedule(self._blocked.pop().task)
        if self._parked:
            self._wake_reader()

    def drain(self) -> list[M]:
        """Close the mailbox and hand back what is queued, in the order of reading.

        What was put back or aside comes between system messages and the others. Not a
        checkpoint. The message in hand stays with the reader.
        """
        self.close()
        messages = self._take_out()
        self._returned += len(messages)
        if self._duties is not None:
            self._duties.hand_over(messages)
        return messages

    def bury(self, cause: BaseException | None = None) -> int:
        """Close the mailbox and make what is queued dead letters; tell how many.

        Not a checkpoint. Asks among them end as `AnswerState.DROPPED`.
        """
        self.close()
        messages = self._take_out()
        self._dropped += len(messages)
        if self._duties is not None:
            self._duties.give_up(messages)
        for message in messages:
            self.dead_letters.record(
                Reason.UNDELIVERED, message, receiver=self.name, cause=cause
            )
        return len(messages)

    def withdraw(self, matches: Callable[[M], bool]) -> list[M]:
        """Take out what is queued and *matches*, and hand it back, as `drain` does.

        Not a checkpoint. The room is given to blocked senders at once. What *matches*
        raises passes through, and nothing was taken out.
        """
        messages = [message for message in self._messages() if matches(message)]
        if messages:
            self._all_lanes().remove(messages)
            self._returned += len(messages)
            if self._duties is not None:
                self._duties.hand_over(messages)
            self._measure()
            if self._has_line:
                self._admit()
        return messages

    def _take_out(self) -> list[M]:
        messages = self._messages()
        self._user.clear()
        self._lanes = None
        return messages

    def statistics(self) -> MailboxStatistics:
        """Count. Not a checkpoint."""
        lanes = self._lanes
        in_hand = 0 if self._hand is _EMPTY else 1
        return MailboxStatistics(
            name=self.name,
            capacity=self.capacity,
            closed=self._closed,
            accepted=self._accepted,
            handled=self._taken - self._ready - self._rejected - in_hand,
            dead=self._rejected + self._dropped,
            returned=self._returned,
            queued=len(self._user if lanes is None else lanes) + in_hand,
            urgent=0 if lanes is None else len(lanes.urgent),
            low=0 if lanes is None else len(lanes.low),
            stashed=0 if lanes is None else lanes.stashed,
            in_hand=in_hand,
            senders_waiting=self._senders_waiting,
        )
