# What becomes of messages that nobody handled.
#
# 1. Each lost message leaves one record here, with its reason. Records hold a
#    bounded description, never the message itself: a dead letter keeps nothing alive.
# 2. The newest `capacity` records are kept; the counters count all of them.
# 3. A subscriber reads the kept records by their numbers. One that is too slow
#    misses the oldest, is told how many, and slows nobody down.
"""Dead letters: a bounded stream of what was not handled, and why."""

import reprlib
from collections import Counter, deque
from collections.abc import Mapping
from enum import Enum, unique
from typing import Final, final

import attrs
import trio

SUMMARY_LENGTH: Final = 200
"""The longest description of a message, in characters."""

_short = reprlib.Repr()
_short.maxstring = _short.maxother = SUMMARY_LENGTH


def summary_of(message: object) -> str:
    """Describe *message* in at most `SUMMARY_LENGTH` characters; never raises."""
    try:
        text = _short.repr(message)
    except Exception:  # noqa: BLE001  a message that cannot be shown is still recorded
        text = f"<{type(message).__name__}>"
    if len(text) <= SUMMARY_LENGTH:
        return text
    return text[: SUMMARY_LENGTH - 1] + "…"


@unique
class Reason(Enum):
    """Why a message was not handled. The set is closed."""

    DROPPED_NEW = "dropped_new"
    """The mailbox was full and its policy gives up the newest message."""

    DROPPED_OLD = "dropped_old"
    """The mailbox was full and its policy gives up the oldest message."""

    HANDLER_FAILED = "handler_failed"
    """The reader raised while it had the message in hand."""

    HANDLER_CANCELLED = "handler_cancelled"
    """The reader was stopped while it had the message in hand."""

    UNDELIVERED = "undelivered"
    """The message was still queued when its reader ended for good."""

    LATE_REPLY = "late_reply"
    """A reply to an ask whose asker had stopped waiting."""

    UNASKED_REPLY = "unasked_reply"
    """A reply to a request that was sent as a message, so that nobody waits."""


@final
@attrs.frozen(kw_only=True)
class DeadLetter:
    """One message that was not handled."""

    number: int
    """Counts from 1 within its stream, without a gap."""

    at: float
    """When it was recorded, in seconds of trio's clock."""

    reason: Reason

    receiver: str
    """The mailbox that it was for; for a late reply, the task that asked."""

    sender: str | None
    """The task that sent it, where that is known."""

    kind: str
    """The name of the message's class."""

    summary: str
    """The message as text, cut at `SUMMARY_LENGTH` characters."""

    cause: str | None
    """The failure that it belongs to, as text, cut likewise."""


@final
@attrs.define(eq=False, on_setattr=attrs.setters.NO_OP)
class DeadLetters:
    """The newest dead letters, their counters, and a way to follow them.

    *capacity* is the number of records kept.
    """

    capacity: int = attrs.field(default=1000, validator=attrs.validators.ge(1))
    _kept: deque[DeadLetter] = attrs.field(init=False, repr=False)
    _counts: Counter[Reason] = attrs.field(
        factory=Counter[Reason], init=False, repr=False
    )
    _total: int = attrs.field(default=0, init=False)
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
    ) -> DeadLetter:
        """Keep a record of *message*. Not a checkpoint; must run under trio."""
        self._total += 1
        self._counts[reason] += 1
        letter = DeadLetter(
            number=self._total,
            at=trio.current_time(),
            reason=reason,
            receiver=receiver,
            sender=sender,
            kind=type(message).__name__,
            summary=summary_of(message),
            cause=None if cause is None else summary_of(cause),
        )
        self._kept.append(letter)
        self._followers.unpark_all()
        return letter

    @property
    def total(self) -> int:
        """How many dead letters there were in all."""
        return self._total

    def counts(self) -> Mapping[Reason, int]:
        """How many there were for each reason; reasons without one are absent."""
        return dict(self._counts)

    def newest(self) -> tuple[DeadLetter, ...]:
        """The records that are kept, oldest first."""
        return tuple(self._kept)

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
