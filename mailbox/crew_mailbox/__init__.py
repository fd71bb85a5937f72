# Layers, each standing on those above it:
#
#   _errors     what can go wrong
#   _letters    dead letters: what nobody handled, and why
#   _requests   messages that carry the place for their answer
#   _turn       how long a task may keep the loop
#   _mailbox    the queue itself, with _address, its sending half, and _statistics
#   _open       how one is made
"""Mailboxes for trio: bounded, cancel-safe, and accountable for each message."""

from crew_mailbox._address import Address as Address
from crew_mailbox._errors import (
    AlreadyAsked as AlreadyAsked,
    AlreadyReplied as AlreadyReplied,
    MailboxClosed as MailboxClosed,
    MailboxError as MailboxError,
    MailboxFull as MailboxFull,
    NotAsked as NotAsked,
    ReaderBusy as ReaderBusy,
)
from crew_mailbox._letters import (
    DeadLetter as DeadLetter,
    DeadLetters as DeadLetters,
    LetterSubscription as LetterSubscription,
    Reason as Reason,
    summary_of as summary_of,
)
from crew_mailbox._mailbox import Mailbox as Mailbox, OnFull as OnFull
from crew_mailbox._open import open_mailbox as open_mailbox
from crew_mailbox._requests import (
    Answer as Answer,
    AnswerState as AnswerState,
    AnyRequest as AnyRequest,
    Asks as Asks,
    Request as Request,
    clear_answer as clear_answer,
)
from crew_mailbox._statistics import MailboxStatistics as MailboxStatistics
