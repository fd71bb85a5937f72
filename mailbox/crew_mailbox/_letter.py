"""One dead letter: a message that nobody handled, as a record."""

import reprlib
from enum import Enum, unique
from typing import Final, final

import attrs

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

    POISONED = "poisoned"
    """It was delivered again and again, and the reader failed each time."""

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
    """The task that sent it, where that is known: it was asked, or given up at once."""

    kind: str
    """The name of the message's class."""

    summary: str
    """The message as text, cut at `SUMMARY_LENGTH` characters."""

    cause: str | None
    """The failure that it belongs to, as text, cut likewise."""

    deliveries: int
    """How often its reader was given it. 0 for what no reader has seen."""
