# What becomes of messages that nobody handled.
#
# 1. Each lost message leaves one record here, with its reason. A record holds a
#    bounded description, never the message itself.
# 2. The newest `capacity` records are kept; the counters count all of them.
# 3. The messages of the newest `held` letters are held beside the records, so that
#    they can be sent again. A message that was sent again is held no more: there is
#    one way out, and it is used once.
# 4. A subscriber reads the kept records by their numbers. One that is too slow
#    misses the oldest, is told how many, and slows nobody down.
"""Dead letters: a bounded stream of what was not handled, and why."""

from collections import Counter, OrderedDict, deque
from collections.abc import Mapping
from typing import Any, Protocol, final

import attrs
import trio

from crew_mailbox._errors import LetterNotHeld
from crew_mailbox._letter import DeadLetter, Reason, summary_of
from crew_mailbox._requests import AnyRequest, asker_of, release, set_answer


class Takes(Protocol):
    """What takes messages at once: a mailbox, or the address of one."""

    def send_nowait(self, message: Any) -> None:  # noqa: ANN401  a stream holds messages of all types
        """Queue *message* now."""
        ...


@final
@attrs.frozen(kw_only=True)
class DeadLetterStatistics:
    """A stream of dead letters in figures."""

    capacity: int
    """How many records are kept at most."""
    total: int
    """How many letters there were in all."""
    kept: int
    """How many records are kept now."""
    held: int
    """How many messages can be requeued now."""
    requeued: int
    """How many messages were sent again."""
    by_reason: Mapping[Reason, int]
    """How many there were for each reason; reasons without one are absent."""


@final
@attrs.define(eq=False, on_setattr=attrs.setters.NO_OP)
class DeadLetters:
    """The newest dead letters, their counters, and ways to follow and requeue them.

    *capacity* is the number of records that are kept, *held* the number of messages.
    """

    capacity: int = attrs.field(default=1000, validator=attrs.validators.ge(1))
    held: int = attrs.field(default=100, validator=attrs.validators.ge(0))
    _kept: deque[DeadLetter] = attrs.field(init=False, repr=False)
    _messages: OrderedDict[int, object] = attrs.field(
        factory=OrderedDict[int, object], init=False, repr=False
    )
    _counts: Counter[Reason] = attrs.field(
        factory=Counter[Reason], init=False, repr=False
    )
    _total: int = attrs.field(default=0, init=False)
    _requeued: int = attrs.field(default=0, init=False)
    _followers: trio.lowlevel.ParkingLot = attrs.field(
        factory=trio.lowlevel.ParkingLot, init=False, repr=False
    )

    def __attrs_post_init__(self) -> None:
        self._kept = deque(maxlen=self.capacity)

    def record(
        self,
        reason: Reason,
        message: object,
        *,
        receiver: str,
        sender: str | None = None,
        cause: BaseException | None = None,
        deliveries: int = 0,
    ) -> DeadLetter:
        """Keep a record of *message*. Not a checkpoint; must run under trio.

        The sender of a request is its asker. Replies are recorded and not held:
        sending one again would reach nobody.
        """
        self._total += 1
        self._counts[reason] += 1
        if sender is None and isinstance(message, AnyRequest):
            sender = asker_of(message)
        letter = DeadLetter(
            number=self._total,
            at=trio.current_time(),
            reason=reason,
            receiver=receiver,
            sender=sender,
            kind=type(message).__name__,
            summary=summary_of(message),
            cause=None if cause is None else summary_of(cause),
            deliveries=deliveries,
        )
        self._kept.append(letter)
        if self.held and reason not in (Reason.LATE_REPLY, Reason.UNASKED_REPLY):
            self._messages[letter.number] = message
            if len(self._messages) > self.held:
                self._messages.popitem(last=False)
        self._followers.unpark_all()
        return letter

    @property
    def total(self) -> int:
        """How many dead letters there were in all."""
        return self._total

    def counts(self) -> Mapping[Reason, int]:
        """How many there were for each reason; reasons without one are absent."""
        return dict(self._counts)

    def statistics(self) -> DeadLetterStatistics:
        """Count. Not a checkpoint."""
        return DeadLetterStatistics(
            capacity=self.capacity,
            total=self._total,
            kept=len(self._kept),
            held=len(self._messages),
            requeued=self._requeued,
            by_reason=self.counts(),
        )

    def newest(self) -> tuple[DeadLetter, ...]:
        """The records that are kept, oldest first."""
        return tuple(self._kept)

    def requeue(self, number: int, to: Takes) -> None:
        """Send the message of letter *number* to *to*. Not a checkpoint.

        At most once: the message is held no more. The letter stays on record. A request
        is sent without its asker, who was told already.

        Raises:
          LetterNotHeld: there is no message to that number any more, or never was.
          AlreadyAsked: it is a request whose asker still waits, for somebody to whom
            it was sent on. Nothing was sent.
          MailboxError: what *to* raises. Nothing was sent; the message is still held.
        """
        try:
            message = self._messages[number]
        except KeyError:
            raise LetterNotHeld(number, self._total) from None
        answer = release(message) if isinstance(message, AnyRequest) else None
        try:
            to.send_nowait(message)
        except BaseException:  # whatever it was: the letter stays as it was
            if answer is not None and isinstance(message, AnyRequest):
                set_answer(message, answer)
            raise
        self._messages.pop(number, None)  # a letter that this made may have evicted it
        self._requeued += 1

    def subscribe(self) -> "LetterSubscription":
        """Follow the letters that are recorded from now on."""
        return LetterSubscription(self, self._total)

    async def after(self, number: int) -> DeadLetter:
        """Return the oldest kept letter with a higher number than *number*.

        Waits until there is one. Always a checkpoint.
        """
        if number >= self._total:
            await self._followers.park()
        else:
            await trio.lowlevel.checkpoint()
        ahead = self._kept[0].number - 1
        return self._kept[max(number - ahead, 0)]


@final
@attrs.define(eq=False)
class LetterSubscription:
    """An endless iterator over dead letters; each one is seen at most once.

    Each step is a checkpoint. A cancelled wait loses nothing. It needs no closing.
    """

    _letters: DeadLetters
    _seen: int
    _missed: int = attrs.field(default=0, init=False)

    @property
    def missed(self) -> int:
        """How many letters were gone before they could be read."""
        return self._missed

    def __aiter__(self) -> "LetterSubscription":
        return self

    async def __anext__(self) -> DeadLetter:
        letter = await self._letters.after(self._seen)
        self._missed += letter.number - self._seen - 1
        self._seen = letter.number
        return letter
