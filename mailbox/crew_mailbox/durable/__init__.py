# crew_mailbox.durable, from the ground up:
#
#   _errors             what can go wrong
#   _letters            what is stored, as values
#   _rules _ledger      pure: what is due, what is delivered, what is archived
#   _disk _owner        files, their owner, and what errors about them mean
#   _archive            settled letters as bytes
#   _tables _database   the database: its tables, and its writing side
#   _readers _check     queries and validation, which change nothing
#   _salvage            a damaged database, read in a copy
#   _repair             what puts a damaged mailbox right
#   _events _writer     the task that writes, and what it tells
#   _opening _mailbox   the handle that programs hold
#   _open               a mailbox for the length of a block
"""Mailboxes on disk: what was sent is there after a crash, until it is acknowledged."""

from crew_mailbox.durable._check import (
    MailboxProblem as MailboxProblem,
    validate_mailbox as validate_mailbox,
)
from crew_mailbox.durable._errors import (
    BadLetter as BadLetter,
    DurableMailboxError as DurableMailboxError,
    DurableMailboxFull as DurableMailboxFull,
    LetterIdTaken as LetterIdTaken,
    LetterSettled as LetterSettled,
    MailboxDamaged as MailboxDamaged,
    MailboxDiskFull as MailboxDiskFull,
    MailboxDown as MailboxDown,
    MailboxIO as MailboxIO,
    MailboxLocked as MailboxLocked,
    MailboxMissing as MailboxMissing,
    MailboxOwned as MailboxOwned,
    MailboxReadOnly as MailboxReadOnly,
    MailboxStuck as MailboxStuck,
    NewerMailbox as NewerMailbox,
    UnknownLetter as UnknownLetter,
)
from crew_mailbox.durable._events import (
    ArchiveDropped as ArchiveDropped,
    DurableEvent as DurableEvent,
    DurableStatistics as DurableStatistics,
    LetterDead as LetterDead,
    LetterExpired as LetterExpired,
    LettersArchived as LettersArchived,
    LettersReplayed as LettersReplayed,
)
from crew_mailbox.durable._letters import (
    DeliveryMode as DeliveryMode,
    Kind as Kind,
    Letter as Letter,
    Outcome as Outcome,
    Priority as Priority,
    Record as Record,
    State as State,
    StoredLetter as StoredLetter,
    new_letter_id as new_letter_id,
)
from crew_mailbox.durable._mailbox import (
    Deliveries as Deliveries,
    Delivery as Delivery,
    DurableMailbox as DurableMailbox,
    Receipt as Receipt,
)
from crew_mailbox.durable._open import open_durable_mailbox as open_durable_mailbox
from crew_mailbox.durable._readers import (
    find_letter as find_letter,
    newest_letters as newest_letters,
    read_letters as read_letters,
)
from crew_mailbox.durable._repair import (
    RepairReport as RepairReport,
    repair_mailbox as repair_mailbox,
)
from crew_mailbox.durable._rules import Standing as Standing, standing as standing
