"""Errors say who is at fault, name the way out and survive pickle."""

import pickle

import pytest

from crew_mailbox import (
    AlreadyAsked,
    AlreadyReplied,
    LetterNotHeld,
    MailboxClosed,
    MailboxError,
    MailboxFull,
    NotAsked,
    ReaderBusy,
    StashFull,
)

ERRORS = [
    MailboxFull("inbox", 8),
    MailboxClosed("inbox"),
    ReaderBusy("inbox"),
    AlreadyReplied("Get()"),
    AlreadyAsked("Get()"),
    NotAsked("Get()"),
    StashFull("inbox", 3),
    LetterNotHeld(7, 9),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickle(error: MailboxError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_names_its_thing(error: MailboxError) -> None:
    things = ("inbox", "Get()", "dead letter 7 of 9")
    assert any(thing in str(error) for thing in things)


def test_a_full_mailbox_names_its_capacity() -> None:
    assert "8 messages" in str(MailboxFull("inbox", 8))
