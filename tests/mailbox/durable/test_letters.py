"""Letters know what they are, and say all that is wrong with them."""

from pathlib import Path

import attrs
import pytest
from hypothesis import given, strategies as st

from crew_mailbox import BadLetter, Letter
from crew_mailbox.durable import _archive, _letters
from crew_mailbox.durable._letters import (
    KINDS,
    MODES,
    PRIORITIES,
    RECORDS,
    Record,
    StoredLetter,
    digest_of,
    from_row,
    to_record,
    to_row,
)

NAMES = st.text(min_size=1, max_size=20).filter(str.isprintable)
TIMES = st.floats(min_value=0, max_value=1e10, allow_nan=False)

LETTERS = st.builds(
    Letter,
    to=NAMES,
    body=st.binary(max_size=50) | st.text(max_size=20).map(str.encode),
    sender=NAMES,
    kind=st.sampled_from(["message", "steer", "follow_up", "group_join"]),
    priority=st.sampled_from(PRIORITIES),
    delivery=st.sampled_from(MODES),
    reply_by=st.none() | st.floats(min_value=0.001, max_value=3600),
    id=NAMES,
) | st.builds(
    Letter,
    to=NAMES,
    kind=st.just("response"),
    answers=NAMES,
    outcome=st.sampled_from([None, "replied", "expired", "dead"]),
)

RECORD_LISTS = st.lists(
    st.builds(
        Record,
        kind=st.sampled_from(RECORDS),
        at=TIMES,
        answer=st.none() | st.integers(1, 99),
    ),
    max_size=4,
).map(tuple)


def test_a_steer_is_urgent_and_interrupts() -> None:
    letter = Letter(to="ann", kind="steer")
    assert (letter.priority, letter.delivery) == ("urgent", "interrupt")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "steer"])
def test_every_other_kind_is_normal_and_waits_for_the_next_turn(kind: str) -> None:
    letter = Letter(to="ann", kind=kind)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  one of them
    assert (letter.priority, letter.delivery) == ("normal", "next_turn")


def test_each_letter_has_an_id_of_its_own() -> None:
    assert Letter(to="ann").id != Letter(to="ann").id


def test_a_letter_with_wrong_fields_names_each_of_them() -> None:
    with pytest.raises(BadLetter) as caught:
        Letter(
            to="",
            sender="tab\t",
            id="x" * 201,
            kind="shout",  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  on purpose
            priority="whatever",  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  on purpose
            delivery="soon",  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  on purpose
            body="text",  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  on purpose
            reply_by=-1,
            answers="\n",
            outcome="lost",  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  on purpose
        )
    named = [problem.partition(":")[0] for problem in caught.value.problems]
    assert named == [
        *("to", "id", "sender", "kind", "priority", "delivery", "body", "reply_by"),
        *("answers", "answers", "outcome"),
    ]
    assert "shout" in str(caught.value)


@pytest.mark.parametrize("seconds", [0, float("nan"), float("inf"), 1e9, True, "5"])
def test_a_reply_is_due_in_more_than_no_time_and_less_than_a_year(
    seconds: float,
) -> None:
    with pytest.raises(BadLetter, match="reply_by"):
        Letter(to="ann", sender="bob", reply_by=seconds)


def test_a_reply_needs_somebody_who_gets_it() -> None:
    with pytest.raises(BadLetter, match="needs a sender"):
        Letter(to="ann", reply_by=5)


def test_an_outcome_needs_the_letter_that_it_is_about() -> None:
    with pytest.raises(BadLetter, match="in answers"):
        Letter(to="ann", kind="response", outcome="expired")


def test_a_lone_surrogate_is_no_name() -> None:
    with pytest.raises(BadLetter, match="printable"):
        Letter(to="\ud800")


@given(LETTERS, st.integers(1, 2**60), TIMES, RECORD_LISTS)
def test_a_letter_comes_back_from_its_row_as_it_was(
    letter: Letter, seq: int, at: float, records: tuple[Record, ...]
) -> None:
    stored = from_row(to_row(seq, at, letter), records)
    assert stored == StoredLetter(seq=seq, letter=letter, sent_at=at, records=records)
    assert digest_of(seq, stored.letter) == digest_of(seq, letter)


@given(st.lists(st.tuples(LETTERS, TIMES, RECORD_LISTS), min_size=1, max_size=5))
def test_letters_come_back_from_an_archive_as_they_were(
    some: list[tuple[Letter, float, tuple[Record, ...]]],
) -> None:
    letters = [
        StoredLetter(seq=number, letter=letter, sent_at=at, records=records)
        for number, (letter, at, records) in enumerate(some, start=3)
    ]
    content = _archive.pack(letters)
    assert content == _archive.pack(letters)
    assert _archive.unpack(Path("x"), content) == letters


@given(LETTERS, LETTERS)
def test_two_letters_have_one_digest_only_if_the_sender_said_the_same(
    one: Letter, other: Letter
) -> None:
    for again in (other, attrs.evolve(other, id=one.id)):
        assert (digest_of(3, one) == digest_of(3, again)) == (one == again)
    assert digest_of(3, one) != digest_of(4, one)


def test_a_row_without_a_number_or_a_time_is_no_letter() -> None:
    row = to_row(1, 5.0, Letter(to="ann"))
    with pytest.raises(BadLetter, match="a number and a time"):
        from_row((*row[:8], "soon", *row[9:]))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  on purpose


@pytest.mark.parametrize(
    ("kind", "at", "answer"),
    [("eaten", 1.0, None), ("dead", "soon", None), ("dead", 1.0, "x")],
)
def test_a_record_of_an_unknown_kind_or_shape_is_none(
    kind: str, at: float, answer: int
) -> None:
    with pytest.raises(BadLetter):
        to_record(kind, at, answer)


def test_a_letter_weighs_more_than_its_body() -> None:
    letter = Letter(to="ann", sender="bob", body=bytes(100))
    assert _letters.weight_of(letter) == 100 + 6 + _letters.OVERHEAD
