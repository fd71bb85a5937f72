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
    """Handed back by `drain` or `withdraw`."""
    queued: int
    """Waiting in a lane or in the stash, or in the reader's hand."""
    urgent: int
    """Those of `queued` that wait with priority "urgent"."""
    low: int
    """Those of `queued` that wait with priority "low"."""
    stashed: int
    """Those of `queued` that the reader has put aside."""
    in_hand: int
    """1 while the reader works on a message, else 0."""
    senders_waiting: int
    """Senders blocked for room. Their messages are not accepted yet."""
