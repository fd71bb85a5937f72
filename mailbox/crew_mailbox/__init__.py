# Layers, each standing on those above it:
#
#   _errors      what can go wrong
#   _letter      one dead letter
#   _requests    messages that carry the place for their answer
#   _letters     the stream of dead letters
#   _turn        how long a task may keep the loop
#   _notices     messages that may be withdrawn until they are read
#   _lanes       which message is read next
#   _senders     who waits for room
#   _duties      which answers the reader owes
#   _intake      the sending side of a mailbox
#   _mailbox     the whole of it, with _address, its sending half, and _statistics
#   _open        how one is made
"""Mailboxes for trio: bounded, cancel-safe, and accountable for each message."""

from typing import TYPE_CHECKING

from crew_mailbox._address import Address as Address
from crew_mailbox._errors import (
    AlreadyAsked as AlreadyAsked,
    AlreadyReplied as AlreadyReplied,
    LetterNotHeld as LetterNotHeld,
    MailboxClosed as MailboxClosed,
    MailboxError as MailboxError,
    MailboxFull as MailboxFull,
    NotAsked as NotAsked,
    ReaderBusy as ReaderBusy,
    StashFull as StashFull,
)
from crew_mailbox._intake import OnFull as OnFull
from crew_mailbox._lanes import Priority as Priority
from crew_mailbox._letter import (
    DeadLetter as DeadLetter,
    Reason as Reason,
    summary_of as summary_of,
)
from crew_mailbox._letters import (
    DeadLetters as DeadLetters,
    DeadLetterStatistics as DeadLetterStatistics,
    LetterSubscription as LetterSubscription,
    Takes as Takes,
)
from crew_mailbox._mailbox import Mailbox as Mailbox
from crew_mailbox._notices import Notice as Notice
from crew_mailbox._open import open_mailbox as open_mailbox
from crew_mailbox._requests import (
    Answer as Answer,
    AnswerState as AnswerState,
    AnyRequest as AnyRequest,
    Asks as Asks,
    Request as Request,
    answer_of as answer_of,
    clear_answer as clear_answer,
)
from crew_mailbox._statistics import MailboxStatistics as MailboxStatistics

if TYPE_CHECKING:
    from crew_mailbox.durable import (
        ArchiveDropped as ArchiveDropped,
        BadLetter as BadLetter,
        Deliveries as Deliveries,
        Delivery as Delivery,
        DurableEvent as DurableEvent,
        DurableMailbox as DurableMailbox,
        DurableMailboxError as DurableMailboxError,
        DurableMailboxFull as DurableMailboxFull,
        DurableStatistics as DurableStatistics,
        Letter as Letter,
        LetterDead as LetterDead,
        LetterExpired as LetterExpired,
        LetterIdTaken as LetterIdTaken,
        LettersArchived as LettersArchived,
        LetterSettled as LetterSettled,
        LettersReplayed as LettersReplayed,
        MailboxDamaged as MailboxDamaged,
        MailboxDiskFull as MailboxDiskFull,
        MailboxDown as MailboxDown,
        MailboxIO as MailboxIO,
        MailboxLocked as MailboxLocked,
        MailboxMissing as MailboxMissing,
        MailboxOwned as MailboxOwned,
        MailboxProblem as MailboxProblem,
        MailboxReadOnly as MailboxReadOnly,
        MailboxStuck as MailboxStuck,
        NewerMailbox as NewerMailbox,
        Receipt as Receipt,
        RepairReport as RepairReport,
        StoredLetter as StoredLetter,
        UnknownLetter as UnknownLetter,
        find_letter as find_letter,
        newest_letters as newest_letters,
        open_durable_mailbox as open_durable_mailbox,
        read_letters as read_letters,
        repair_mailbox as repair_mailbox,
        validate_mailbox as validate_mailbox,
    )

_DURABLE = frozenset(
    (
        "ArchiveDropped",
        "BadLetter",
        "Deliveries",
        "Delivery",
        "DurableEvent",
        "DurableMailbox",
        "DurableMailboxError",
        "DurableMailboxFull",
        "DurableStatistics",
        "Letter",
        "LetterDead",
        "LetterExpired",
        "LetterIdTaken",
        "LetterSettled",
        "LettersArchived",
        "LettersReplayed",
        "MailboxDamaged",
        "MailboxDiskFull",
        "MailboxDown",
        "MailboxIO",
        "MailboxLocked",
        "MailboxMissing",
        "MailboxOwned",
        "MailboxProblem",
        "MailboxReadOnly",
        "MailboxStuck",
        "NewerMailbox",
        "Receipt",
        "RepairReport",
        "StoredLetter",
        "UnknownLetter",
        "find_letter",
        "newest_letters",
        "open_durable_mailbox",
        "read_letters",
        "repair_mailbox",
        "validate_mailbox",
    )
)

if not TYPE_CHECKING:  # checkers would take every name for one of ours

    def __getattr__(name: str) -> object:
        if name not in _DURABLE:
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        from crew_mailbox import durable  # noqa: PLC0415  # late on purpose

        value: object = getattr(durable, name)
        globals()[name] = value
        return value
