"""What a durable mailbox tells about itself, and its figures."""

from pathlib import Path
from typing import TypeAlias, final

import attrs

from crew_mailbox.durable._letters import Letter


@final
@attrs.frozen
class LetterExpired:
    """Nobody replied in time. The sender finds a response that says so."""

    path: Path
    seq: int
    letter: Letter


@final
@attrs.frozen
class LetterDead:
    """The letter was delivered too often without being acknowledged.

    It is not delivered again. If its sender waits for a reply, a response says so.
    """

    path: Path
    seq: int
    letter: Letter
    attempts: int


@final
@attrs.frozen
class LettersReplayed:
    """The mailbox was opened and has letters that nobody acknowledged."""

    path: Path
    letters: int
    delivered_before: int
    """How many of them were delivered in an earlier life of the mailbox."""


@final
@attrs.frozen
class LettersArchived:
    """Settled letters were moved into an archive."""

    path: Path
    archive: Path
    letters: int
    size: int
    """Bytes of the file."""


@final
@attrs.frozen
class ArchiveDropped:
    """The oldest archive was removed, to keep within `keep_archives`."""

    path: Path
    archive: Path
    letters: int
    """How many settled letters it had; the figures count them still."""
    size: int
    """Bytes of the file."""


DurableEvent: TypeAlias = (
    LetterExpired | LetterDead | LettersReplayed | LettersArchived | ArchiveDropped
)


@final
@attrs.frozen(kw_only=True)
class DurableStatistics:
    """A durable mailbox at one moment. All numbers are letters, unless they say else.

    `accepted == queued + in_hand + awaiting + acknowledged + replied + expired + dead
    + lost` always holds. The counts are those of all lives of the mailbox.
    """

    path: Path
    capacity: int
    capacity_bytes: int
    accepted: int
    """On disk, each once; also the number of the newest letter."""
    queued: int
    """Waiting for a reader."""
    in_hand: int
    """With a reader that has neither acknowledged nor given back."""
    awaiting: int
    """Acknowledged, and their reply is not there yet."""
    acknowledged: int
    replied: int
    expired: int
    dead: int
    lost: int
    """Could not be read any more by a repair, which said so."""
    duplicates: int
    """Sent again under an id that was there, since the mailbox was opened."""
    refused: int
    """Not stored because the mailbox was full, since it was opened."""
    pending: int
    """On their way to the disk, and not accepted yet."""
    open_bytes: int
    """Bytes of the bodies of queued, in_hand and awaiting letters."""
    settled_bytes: int
    """Bytes that settled letters take outside of archives, about."""
    archives: int
    """How many archives there are."""
    archived: int
    """How many letters they have."""
    archive_bytes: int
    """Bytes of their files."""
    dropped: int
    """Letters in archives that were removed to keep within `keep_archives`; they are
    counted above still."""
