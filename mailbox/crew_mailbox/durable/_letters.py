# What is stored, as values.
#
# 1. A letter never changes. What happens to it is told by records, which are only
#    ever added; where a letter stands is a fold over them (see `_rules`).
# 2. A letter knows its id from its birth, so that a sender who does not know whether
#    it was stored can send the same one again.
# 3. This file neither waits nor reads a clock.
"""Letters, and the records about them."""

import hashlib
import os
from types import UnionType
from typing import Final, Literal, TypeAlias, cast, final, get_args

import attrs

from crew_mailbox.durable._errors import BadLetter

Kind: TypeAlias = Literal["message", "steer", "follow_up", "response", "group_join"]
"""What a letter is for. A steer corrects a running turn, a follow_up begins the next
one, a response answers a letter, a group_join tells that a group has finished."""

Priority: TypeAlias = Literal["urgent", "normal", "low"]

DeliveryMode: TypeAlias = Literal["interrupt", "next_turn"]
"""Whether the letter is for the middle of the receiver's turn, or for its next one."""

Outcome: TypeAlias = Literal["replied", "expired", "dead"]
"""What a response says of the letter that it answers: here is the reply; nobody
replied in time; nobody ever will, because its delivery failed too often."""

RecordKind: TypeAlias = Literal[
    "delivered", "acknowledged", "replied", "expired", "dead"
]

State: TypeAlias = Literal[
    "queued", "in_hand", "awaiting", "acknowledged", "replied", "expired", "dead"
]
"""Where a letter stands. The first three are open: it waits for a reader; a reader
has it; it was acknowledged and its reply is awaited. The other four are final."""

KINDS: Final[tuple[str, ...]] = get_args(Kind)
PRIORITIES: Final[tuple[str, ...]] = get_args(Priority)
MODES: Final[tuple[str, ...]] = get_args(DeliveryMode)
OUTCOMES: Final[tuple[str, ...]] = get_args(Outcome)
RECORDS: Final[tuple[str, ...]] = get_args(RecordKind)

NAME_LENGTH: Final = 200
"""The longest id, sender or receiver, in characters."""

LARGEST_BODY: Final = 64 << 20
"""The most that a mailbox may be told to take as one body, in bytes."""

LONGEST_WAIT: Final = 366 * 86_400.0
"""The longest time that a reply may take: a year, in seconds."""


def new_letter_id() -> str:
    """Make an id that no other letter has: 128 random bits in hexadecimal."""
    return os.urandom(16).hex()


def _usual_priority(letter: "Letter") -> Priority:
    return "urgent" if letter.kind == "steer" else "normal"


def _usual_delivery(letter: "Letter") -> DeliveryMode:
    return "interrupt" if letter.kind == "steer" else "next_turn"


@final
@attrs.frozen(kw_only=True)
class Letter:
    """One message for a durable mailbox. Its body is bytes; their meaning is yours.

    Raises:
      BadLetter: one or more fields are wrong; each is named.
    """

    to: str
    """Who shall have it: 1 to 200 printable characters."""
    body: bytes = b""
    sender: str = ""
    """Who gets the reply; empty if nobody."""
    kind: Kind = "message"
    priority: Priority = attrs.field(
        default=attrs.Factory(_usual_priority, takes_self=True)
    )
    """A steer is urgent, every other kind is normal, unless you say otherwise."""
    delivery: DeliveryMode = attrs.field(
        default=attrs.Factory(_usual_delivery, takes_self=True)
    )
    """A steer interrupts, every other kind waits for the next turn."""
    reply_by: float | None = None
    """Seconds from the sending within which it must be replied to; None for ever.
    For a group_join, acknowledging it is enough."""
    answers: str | None = None
    """The id of the letter that this one answers; only a response has one."""
    outcome: Outcome | None = None
    """Set on the answers that the mailbox makes."""
    id: str = attrs.field(factory=new_letter_id)
    """The same id sent twice is one letter."""

    def __attrs_post_init__(self) -> None:
        problems = tuple(_problems_of(self))
        if problems:
            raise BadLetter(problems)


def _problems_of(letter: Letter) -> list[str]:
    found = [
        *_bad_name("to", letter.to),
        *_bad_name("id", letter.id),
        *(_bad_name("sender", letter.sender) if letter.sender else ()),
        *_not_among("kind", letter.kind, KINDS),
        *_not_among("priority", letter.priority, PRIORITIES),
        *_not_among("delivery", letter.delivery, MODES),
    ]
    if not _is(bytes, letter.body):
        found.append(f"body: must be bytes, not {type(letter.body).__name__}")
    if letter.reply_by is not None:
        if not is_number(letter.reply_by) or not 0 < letter.reply_by <= LONGEST_WAIT:
            found.append(
                f"reply_by: {letter.reply_by} is not between 0 and {LONGEST_WAIT:.0f} s"
            )
        if not letter.sender:
            found.append("reply_by: needs a sender, who gets the reply")
    if letter.answers is not None:
        found += _bad_name("answers", letter.answers)
        if letter.kind != "response":
            found.append("answers: only a response answers a letter")
    if letter.outcome is not None:
        found += _not_among("outcome", letter.outcome, OUTCOMES)
        if letter.answers is None:
            found.append("outcome: needs the letter that it is about, in answers")
    return found


def _bad_name(field: str, value: str) -> list[str]:
    if not _is(str, value) or not value:
        return [f"{field}: must be a text that is not empty"]
    if len(value) > NAME_LENGTH or not value.isprintable():
        return [f"{field}: must be 1 to {NAME_LENGTH} printable characters"]
    return []


def _is(kind: type | UnionType, value: object) -> bool:
    """Tell whether *value* is what its annotation says; a database may lie."""
    return isinstance(value, kind)


def is_number(value: object) -> bool:
    """Tell whether *value* can be a time."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _not_among(field: str, value: str, known: tuple[str, ...]) -> list[str]:
    if value in known:
        return []
    return [f"{field}: {value!r} is not one of {', '.join(known)}"]


def digest_of(seq: int, letter: Letter) -> bytes:
    """Hash the number of a letter and all that its sender said, in 16 bytes.

    It tells a copy from another letter, and what was stored from what is damaged.
    """
    head = repr(
        (
            seq,
            letter.id,
            letter.to,
            letter.sender,
            letter.kind,
            letter.priority,
            letter.delivery,
            None if letter.reply_by is None else float(letter.reply_by),
            letter.answers,
            letter.outcome,
        )
    )
    hasher = hashlib.blake2b(head.encode(), digest_size=16)
    hasher.update(b"\0")
    hasher.update(letter.body)
    return hasher.digest()


OVERHEAD: Final = 256
"""About what a letter and its records take on disk besides the texts, in bytes."""


def weight_of(letter: Letter) -> int:
    """Tell about how many bytes *letter* takes on disk, with its records."""
    return OVERHEAD + len(letter.body) + len(letter.to) + len(letter.sender)


@final
@attrs.frozen
class Record:
    """One thing that happened to a letter."""

    kind: RecordKind
    at: float
    """Seconds since 1970."""
    answer: int | None = None
    """The number of the response that was sent with it."""


@final
@attrs.frozen(kw_only=True)
class StoredLetter:
    """A letter in a mailbox, and all that happened to it."""

    seq: int
    """Counts from 1 in the order in which the mailbox accepted letters."""
    letter: Letter
    sent_at: float
    """Seconds since 1970."""
    records: tuple[Record, ...] = ()
    """In the order in which they happened."""


LetterRow: TypeAlias = tuple[
    int,
    str,
    str,
    str,
    str,
    str,
    str,
    bytes,
    float,
    float | None,
    str | None,
    str | None,
]
"""A letter as it stands in the database, without its digest."""


def to_row(seq: int, sent_at: float, letter: Letter) -> LetterRow:
    """Lay *letter* out for the database."""
    return (
        seq,
        letter.id,
        letter.to,
        letter.sender,
        letter.kind,
        letter.priority,
        letter.delivery,
        letter.body,
        sent_at,
        letter.reply_by,
        letter.answers,
        letter.outcome,
    )


def from_row(row: LetterRow, records: tuple[Record, ...] = ()) -> StoredLetter:
    """Read a letter from the database.

    Raises:
      BadLetter: the row is no letter.
    """
    seq, name, to, sender, kind, priority, delivery, body, at, wait, answers, out = row
    if not _is(int, seq) or not is_number(at):
        raise BadLetter(("sent_at: a letter has a number and a time",))
    letter = Letter(
        id=name,
        to=to,
        sender=sender,
        kind=cast("Kind", kind),
        priority=cast("Priority", priority),
        delivery=cast("DeliveryMode", delivery),
        body=body,
        reply_by=wait,
        answers=answers,
        outcome=cast("Outcome | None", out),
    )
    return StoredLetter(seq=seq, letter=letter, sent_at=at, records=records)


def to_record(kind: str, at: float, answer: int | None) -> Record:
    """Read a record from the database.

    Raises:
      BadLetter: it is of no known kind.
    """
    problems = _not_among("record", kind, RECORDS)
    if not is_number(at) or not _is(int | None, answer):
        problems.append("record: its time or its answer is no number")
    if problems:
        raise BadLetter(tuple(problems))
    return Record(cast("RecordKind", kind), at, answer)
