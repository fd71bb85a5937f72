"""A mailbox in figures."""

from typing import final

import attrs


@final
@attrs.frozen(kw_only=True)
class MailboxStatistics:
    """A mailbox at one moment. All numbers are counts of messages.

    `accepted == handled + dead + returned + queued` always holds.
    """

    name: str
    capacity: int
    closed: bool
    accepted: int
    """Sends that returned without an error, dropped messages included."""
    handled: int
    """Read, and settled by the next read or by `ack`."""
    dead: int
    """Recorded as dead letters: dropped, rejected or buried."""
    returned: int
    """Handed back by `drain`."""
    queued: int
    """Waiting in the queue or in the reader's hand."""
    in_hand: int
    """1 while the reader works on a message, else 0."""
    senders_waiting: int
    """Senders blocked for room. Their messages are not accepted yet."""
