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
#
# When a task gives way to others is told in `_turn.py`.
"""A bounded queue with many senders and one reader."""

from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Final, Generic, Literal, TypeAlias, TypeVar, final, get_args

import attrs
import trio
from trio.lowlevel import Abort, Task, current_task

from crew_mailbox._address import Address
from crew_mailbox._errors import MailboxClosed, MailboxFull, ReaderBusy
from crew_mailbox._letters import DeadLetters, Reason
from crew_mailbox._requests import (
    Answer,
    AnswerState,
    AnyRequest,
    answer_of,
    set_answer,
)
from crew_mailbox._statistics import MailboxStatistics
from crew_mailbox._turn import RUN, Turn, turn_of_this_run

M = TypeVar("M")

OnFull: TypeAlias = Literal["wait", "fail", "drop_new", "drop_old"]
"""What a send does when the mailbox is full."""

SYSTEM_CAPACITY: Final = 64
"""How many system messages a mailbox holds. There are few kinds of them."""


class _Nothing:
    """The reader's hand when no message is in it."""


_EMPTY: Final = _Nothing()


@final
@attrs.define(eq=False)
class _BlockedSend(Generic[M]):
    """A message that is still with its sender."""

    message: M
    accepted: bool = False


@final
@attrs.define(eq=False, on_setattr=attrs.setters.NO_OP)
class Mailbox(Generic[M]):
    """A bounded queue with many senders and one reader.

    Messages of one sender arrive in the order in which they were sent. Must be made
    and used within one trio run. *capacity* counts messages that wait; the message
    in the reader's hand is not among them.
    """

    name: str
    capacity: int = attrs.field(validator=attrs.validators.ge(1))
    on_full: OnFull = attrs.field(
        default="wait", validator=attrs.validators.in_(get_args(OnFull))
    )
    dead_letters: DeadLetters = attrs.field(factory=DeadLetters, repr=False)
    budget: int = attrs.field(default=64, validator=attrs.validators.ge(1))
    strict_checkpoints: bool = False

    _user: deque[M] = attrs.field(factory=deque[M], init=False, repr=False)
    _system: deque[M] | None = attrs.field(default=None, init=False, repr=False)
    _room: int = attrs.field(init=False, repr=False)  # capacity; -1 when closed
    _blocked: OrderedDict[Task, _BlockedSend[M]] | None = attrs.field(
        default=None, init=False, repr=False
    )
    _reader: Task | None = attrs.field(default=None, init=False, repr=False)
    _parked: bool = attrs.field(default=False, init=False, repr=False)
    _hand: M | _Nothing = attrs.field(default=_EMPTY, init=False, repr=False)
    _asked: Answer | None = attrs.field(default=None, init=False, repr=False)
    _owed: set[Answer] | None = attrs.field(default=None, init=False, repr=False)
    _plain: bool = attrs.field(default=False, init=False, repr=False)
    """Whether no request, system message, blocked sender or waiting reader is here."""
    _turn: Turn = attrs.field(init=False, repr=False)

    _accepted: int = attrs.field(default=0, init=False, repr=False)
    _taken: int = attrs.field(default=0, init=False, repr=False)
    _rejected: int = attrs.field(default=0, init=False, repr=False)
    _dropped: int = attrs.field(default=0, init=False, repr=False)
    _returned: int = attrs.field(default=0, init=False, repr=False)
    _requests: int = attrs.field(default=0, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._room = self.capacity
        self._turn = turn_of_this_run(strict=self.strict_checkpoints)

    # Sending

    async def send(self, message: M) -> None:
        """Queue *message*; when there is no room, do what `on_full` says.

        A checkpoint when it waits for room or when the sender's turn is used up;
        always notices cancellation. A cancelled send queued nothing.

        Raises:
          MailboxFull: there is no room and `on_full` is "fail". Nothing was queued.
          MailboxClosed: nothing was queued, and nothing ever will be.
        """
        task = RUN.task
        turn = self._turn
        if (
            turn.task is not task
            or turn.left <= 0
            or task._cancel_status.effectively_cancelled  # noqa: SLF001  see RUN
        ) and turn.is_over(task, self.budget):
            await turn.give_way(task)
        turn.left -= 1
        user = self._user
        if len(user) >= self._room:
            if self.on_full != "wait" or self.closed:
                self._overflow(message)
                return
            await self._send_blocked(task, message)
            turn.begin(task)
            return
        if isinstance(message, AnyRequest):
            self._accept_request(message)
        user.append(message)
        self._accepted += 1
        if self._parked:
            self._wake_reader()

    def send_nowait(self, message: M) -> None:
        """Queue *message* now. Not a checkpoint, and blind to cancellation.

        Raises:
          MailboxFull: there is no room and `on_full` is "fail" or "wait". Nothing was
            queued.
          MailboxClosed: nothing was queued, and nothing ever will be.
        """
        if len(self._user) >= self._room:
            self._overflow(message)
            return
        self._accept(self._user, message)

    def send_system(self, message: M) -> None:
        """Queue *message* before all ordinary ones. Not a checkpoint.

        System messages keep their order among themselves.

        Raises:
          MailboxFull: `SYSTEM_CAPACITY` of them wait already. Nothing was queued.
          MailboxClosed: nothing was queued, and nothing ever will be.
        """
        if self.closed:
            raise MailboxClosed(self.name)
        self._plain = False
        if self._system is None:
            self._system = deque()
        if len(self._system) >= SYSTEM_CAPACITY:
            raise MailboxFull(self.name, SYSTEM_CAPACITY)
        self._accept(self._system, message)

    @property
    def address(self) -> Address[M]:
        """The sending half, to be given away."""
        return Address(self)

    def _accept(self, lane: deque[M], message: M) -> None:
        if isinstance(message, AnyRequest):
            self._accept_request(message)
        lane.append(message)
        self._accepted += 1
        if self._parked:
            self._wake_reader()

    def _accept_request(self, request: AnyRequest) -> None:
        answer = answer_of(request)
        if answer is None:
            answer = Answer(asker="nobody", state=AnswerState.UNASKED)
            set_answer(request, answer)
        if answer.deferred and answer.holder is not None:
            answer.holder.forget(answer)
            answer.deferred = False
        if answer is self._asked:  # the reader sends it to itself
            self._asked = None
        answer.holder = self
        self._requests += 1
        self._plain = False

    def _overflow(self, message: M) -> None:
        """Do with *message*, for which there is no room, what the policy says."""
        if self.closed:
            raise MailboxClosed(self.name)
        if self.on_full == "drop_old":
            oldest = self._user.popleft()
            self._accept(self._user, message)
            self._drop(oldest, Reason.DROPPED_OLD, sender=None)
        elif self.on_full == "drop_new":
            self._accepted += 1
            if isinstance(message, AnyRequest):
                self._accept_request(message)
            self._drop(message, Reason.DROPPED_NEW, sender=current_task().name)
        else:
            raise MailboxFull(self.name, self.capacity)

    def _drop(self, message: M, reason: Reason, sender: str | None) -> None:
        self._dropped += 1
        if isinstance(message, AnyRequest):
            self._requests -= 1
            self._give_up((message,))
        self.dead_letters.record(reason, message, receiver=self.name, sender=sender)

    async def _send_blocked(self, task: Task, message: M) -> None:
        """Wait until a reader makes room, behind all that wait already."""
        blocked = self._blocked
        if blocked is None:
            blocked = self._blocked = OrderedDict()
        self._plain = False
        entry = _BlockedSend(message)
        blocked[task] = entry

        def withdraw(_raise_cancel: Callable[[], object]) -> Abort:
            del blocked[task]
            return Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(withdraw)
        if not entry.accepted:
            raise MailboxClosed(self.name)

    def _admit(self, blocked: OrderedDict[Task, _BlockedSend[M]]) -> None:
        """Move messages of blocked senders into the room that there is now."""
        while blocked and len(self._user) < self._room:
            task, entry = blocked.popitem(last=False)
            entry.accepted = True
            self._accept(self._user, entry.message)
            trio.lowlevel.reschedule(task)

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
        task = RUN.task
        turn = self._turn
        user = self._user
        if (
            self._plain
            and user
            and turn.task is task
            and turn.left > 0
            and not task._cancel_status.effectively_cancelled  # noqa: SLF001  see RUN
        ):
            turn.left -= 1
            self._taken += 1
            self._hand = message = user.popleft()
            return message
        return await self._next(task)

    async def _next(self, task: Task) -> M:
        """Do what `__anext__` does, where more than a plain message is at stake."""
        if self._reader is not None:
            raise ReaderBusy(self.name)
        self._hand = _EMPTY
        self._end_asked()
        is_over = self._turn.is_over(task, self.budget)
        if is_over or not (self._user or self._system):
            await self._until_ready(task, give_way=is_over)
        self._turn.left -= 1
        message = self._system.popleft() if self._system else self._user.popleft()
        self._taken += 1
        self._hand = message
        if isinstance(message, AnyRequest):
            self._take_request(message)
        if self._blocked:
            self._admit(self._blocked)
        self._plain = not (
            self._asked or self._requests or self._blocked or self._system
        )
        return message

    async def _until_ready(self, task: Task, *, give_way: bool) -> None:
        """Return when a message can be taken; StopAsyncIteration when none will be."""
        self._plain = False
        self._reader = task
        try:
            if give_way:
                await self._turn.give_way(task)
            while not (self._user or self._system):
                if self.closed:
                    raise StopAsyncIteration
                self._parked = True
                await trio.lowlevel.wait_task_rescheduled(self._leave)
                self._turn.begin(task)
        finally:
            self._reader = None

    def _leave(self, _raise_cancel: Callable[[], object]) -> Abort:
        self._parked = False
        return Abort.SUCCEEDED

    def _wake_reader(self) -> None:
        assert self._reader is not None
        self._parked = False
        trio.lowlevel.reschedule(self._reader)

    def _take_request(self, request: AnyRequest) -> None:
        self._requests -= 1
        answer = answer_of(request)
        if answer is not None and answer.state is AnswerState.WAITING:
            self._asked = answer

    def _end_asked(self) -> None:
        """End the duty to answer the request that was in hand."""
        answer, self._asked = self._asked, None
        if answer is not None and answer.holder is self and not answer.deferred:
            answer.settle(AnswerState.UNANSWERED)

    # Settling

    def ack(self) -> None:
        """Count the message in hand as handled. Not a checkpoint.

        An ask that it carried and that was neither answered nor deferred fails.
        Without a message in hand this does nothing.
        """
        self._hand = _EMPTY
        self._end_asked()

    def reject(self, reason: Reason, cause: BaseException | None = None) -> None:
        """Make the message in hand a dead letter. Not a checkpoint.

        Without a message in hand this does nothing.
        """
        message, self._hand = self._hand, _EMPTY
        if isinstance(message, _Nothing):
            return
        self._rejected += 1
        self._end_asked()
        self.dead_letters.record(reason, message, receiver=self.name, cause=cause)

    def fail_asks(self, error: Callable[[], Exception], *, queued: bool) -> None:
        """Fail the asks that the reader owes an answer; each gets its own error.

        These are the one in hand and the deferred ones; with *queued*, also those
        that wait in the queue. Not a checkpoint.
        """
        answers = list(self._owed or ())
        if self._asked is not None:
            answers.append(self._asked)
        if queued and self._requests:
            answers += self._asks_in((*(self._system or ()), *self._user))
        for answer in answers:
            if answer.holder is self and answer.state is AnswerState.WAITING:
                answer.settle(AnswerState.FAILED, error=error())

    def _give_up(self, messages: Iterable[M]) -> None:
        for answer in self._asks_in(messages):
            answer.settle(AnswerState.DROPPED)

    def _asks_in(self, messages: Iterable[M]) -> list[Answer]:
        """Return the answers that *messages* wait for from this mailbox."""
        requests = (each for each in messages if isinstance(each, AnyRequest))
        answers = (answer_of(request) for request in requests)
        return [each for each in answers if each is not None and each.holder is self]

    def owe(self, answer: Answer) -> None:
        """Remember that the reader owes *answer*, which it deferred."""
        if self._owed is None:
            self._owed = set()
        self._owed.add(answer)

    def forget(self, answer: Answer) -> None:
        """Forget a deferred *answer* that is settled."""
        assert self._owed is not None  # it was owed
        self._owed.discard(answer)

    # Ending

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._room < 0

    def close(self) -> None:
        """Take no more messages. Idempotent; not a checkpoint.

        Blocked senders get `MailboxClosed` and keep their messages. The reader still
        gets what was queued; then its iteration ends.
        """
        self._room = -1
        while self._blocked:
            task, _ = self._blocked.popitem(last=False)
            trio.lowlevel.reschedule(task)
        if self._parked:
            self._wake_reader()

    def drain(self) -> list[M]:
        """Close the mailbox and hand back what is queued, system messages first.

        Not a checkpoint. The message in hand stays with the reader.
        """
        self.close()
        messages = [*(self._system or ()), *self._user]
        self._user.clear()
        self._system = None
        self._requests = 0
        self._returned += len(messages)
        return messages

    def bury(self, cause: BaseException | None = None) -> int:
        """Close the mailbox and make what is queued dead letters; tell how many.

        Not a checkpoint. Asks among them end as `AnswerState.DROPPED`.
        """
        messages = self.drain()
        self._returned -= len(messages)
        self._dropped += len(messages)
        self._give_up(messages)
        for message in messages:
            self.dead_letters.record(
                Reason.UNDELIVERED, message, receiver=self.name, cause=cause
            )
        return len(messages)

    def statistics(self) -> MailboxStatistics:
        """Count. Not a checkpoint."""
        waiting = len(self._user) + len(self._system or ())
        in_hand = 0 if self._hand is _EMPTY else 1
        return MailboxStatistics(
            name=self.name,
            capacity=self.capacity,
            closed=self.closed,
            accepted=self._accepted,
            handled=self._taken - self._rejected - in_hand,
            dead=self._rejected + self._dropped,
            returned=self._returned,
            queued=waiting + in_hand,
            in_hand=in_hand,
            senders_waiting=len(self._blocked or ()),
        )
