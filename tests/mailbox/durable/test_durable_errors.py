"""Errors say who is at fault, name the way out and survive pickle."""

import pickle
from pathlib import Path

import attrs
import pytest

import crew_mailbox
from crew_mailbox import (
    BadLetter,
    DurableMailboxError,
    DurableMailboxFull,
    LetterIdTaken,
    LetterSettled,
    MailboxError,
    MailboxOwned,
    UnknownLetter,
    durable,
)
from crew_mailbox.durable import _errors

BOX = Path("box")

ERRORS: list[DurableMailboxError] = [
    DurableMailboxFull(BOX, 5, 5, 100, 1000),
    MailboxOwned(BOX, "process 7 on box"),
    BadLetter(("to: empty in box",)),
    LetterIdTaken(BOX, "id-1", 3),
    UnknownLetter(BOX, "id-1"),
    LetterSettled(BOX, "id-1", "expired"),
    *(
        each(BOX, "no luck")
        for each in vars(_errors).values()
        if isinstance(each, type)
        and issubclass(each, _errors._AtPath)
        and each is not _errors._AtPath
    ),
]


def test_every_error_of_the_package_is_looked_at() -> None:
    known = {
        each
        for each in vars(_errors).values()
        if isinstance(each, type)
        and issubclass(each, DurableMailboxError)
        and each not in {DurableMailboxError, _errors._AtPath}
    }
    assert {type(error) for error in ERRORS} == known
    assert issubclass(DurableMailboxError, MailboxError)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickle_and_names_its_thing(
    error: DurableMailboxError,
) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)
    assert "box" in str(error)


def test_the_door_gives_the_names_of_durable_mailboxes_when_they_are_asked_for() -> (
    None
):
    for name in crew_mailbox._DURABLE:
        assert getattr(crew_mailbox, name) is getattr(durable, name)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = crew_mailbox.nothing  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]  on purpose


def test_each_error_and_event_is_documented() -> None:
    page = Path(__file__).parents[3] / "docs" / "reference" / "durable-mailbox.md"
    text = page.read_text(encoding="utf-8")
    names = [type(error).__name__ for error in ERRORS]
    names += ["LetterExpired", "LetterDead", "LettersReplayed", "LettersArchived"]
    names += ["ArchiveDropped"]
    for name in names:
        assert f"`{name}`" in text
    for value in (durable.Letter, durable.DurableStatistics, durable.StoredLetter):
        for field in attrs.fields(value):
            assert f"`{field.name}`" in text
