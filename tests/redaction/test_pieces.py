"""Redaction of random texts: in pieces, twice, and of prose."""

import sys
from collections.abc import Callable
from itertools import pairwise
from types import FrameType

import pytest
from hypothesis import given, settings, strategies as st

from crew_actors.redaction import Redactor, redact

KNOWN = ("correct-horse-battery", "two lines\nof one secret")
_FRAGMENTS = [
    *("password", "token", "api key", "Authorization", "secret", "-", "_", ".", "--"),
    *("=", ": ", ":", " = ", '"', "'", "\\", '\\"', " ", "\n", "\t", ",", ")", "@"),
    *("Bearer ", "bearer abcdefgh1", "Digest ", "Basic ", "x", "abc123", "the", "***"),
    *("://", "https://u:pw1@", "sk-" + "a1" * 10, "eyJ", "eyJ" + "a1" * 9 + ".abcd1"),
    *("AKIA" + "A1" * 8, "correct-horse-battery", "of one secret", "é", "\u0130", "<"),
    *("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "A" * 64, "\r\n"),
    *("A1" * 1500, "word " * 700, "x" * 2600, "\\" * 7, '"""', "\n\n"),
]
texts = st.lists(st.sampled_from(_FRAGMENTS), max_size=24).map("".join)


def in_pieces(text: str, cuts: list[int]) -> str:
    redactor = Redactor(KNOWN)
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    out = [redactor.feed(text[start:end]) for start, end in pairwise(places)]
    return "".join([*out, redactor.close()])


@settings(max_examples=400)
@given(texts, st.lists(st.integers(0, 20_000), max_size=12))
def test_pieces_make_no_difference(text: str, cuts: list[int]) -> None:
    assert in_pieces(text, cuts) == Redactor(KNOWN).redact(text)


@settings(max_examples=50)
@given(texts)
def test_pieces_of_one_character_make_no_difference(text: str) -> None:
    cuts = list(range(len(text)))
    assert in_pieces(text, cuts) == Redactor(KNOWN).redact(text)


@settings(max_examples=400)
@given(texts)
def test_to_redact_twice_is_to_redact_once(text: str) -> None:
    once = Redactor(KNOWN).redact(text)
    assert Redactor(KNOWN).redact(once) == once


@given(st.text())
def test_any_text_can_be_redacted(text: str) -> None:
    assert in_pieces(text, [3, 5]) == Redactor(KNOWN).redact(text)


_PROSE = [
    "the",
    "a",
    "team",
    "agent",
    "looked",
    "at",
    "files",
    "and",
    "found",
    "nothing",
    "secretary",
    "keyboard",
    "tokens",
    "monkey",
    "passes",
    "bearer",
    "of",
    "news.",
    "It's",
    "here,",
    "(really)!",
    "keys:",
    "two;",
    "author:",
    "Bob;",
    "12",
    "3.5",
    "https://host/a/b?c=d",
    "a@b.example",
    "-v",
    "--all",
    "x=1",
    "{}",
    "[1,",
    "2]",
    "'quoted'",
    '"too"',
]


@given(st.lists(st.sampled_from(_PROSE)).map(" ".join))
def test_prose_is_left_alone(text: str) -> None:
    assert redact(text) == text


@given(texts)
def test_a_known_secret_is_never_left(text: str) -> None:
    shown = Redactor(KNOWN).redact(f"{text} correct-horse-battery {text}")
    assert "correct-horse-battery" not in shown
    assert "of one secret" not in shown


@given(
    st.text(st.sampled_from("abcXYZ0189_-"), min_size=8, max_size=40).map("Q9".__add__)
)
def test_the_value_of_a_key_is_never_left(value: str) -> None:
    for form in ("password={}", '"token": "{}"', "a api_key: {}\n", "--secret {} b"):
        for cut in range(len(form.format(value))):
            assert value not in in_pieces(form.format(value), [cut])


def test_what_is_certain_is_given_out_at_the_end_of_a_line() -> None:
    redactor = Redactor()
    assert redactor.feed("token=abc") == ""
    assert redactor.feed("def1\nnext") == "token=***\n"
    assert redactor.close() == "next"
    assert redactor.feed("password=x1\n") == "password=***\n"


def test_what_is_held_back_is_bounded() -> None:
    redactor = Redactor()
    given_out = held = 0
    for _ in range(200):
        given_out += len(redactor.feed("word " * 100))
        held = max(held, len(redactor._text))
    assert given_out > 90_000
    assert held < 9_000
    redactor.feed(" password=")
    for _ in range(200):
        redactor.feed("A1" * 250)
        held = max(held, len(redactor._text))
    assert held < 9_000
    assert redactor.feed(" end\n") == " end\n"


@pytest.mark.parametrize("offset", range(-2, 24))
def test_a_name_is_whole_wherever_what_is_given_out_ends(offset: int) -> None:
    """A line without an end is given out but for its last 4,096 characters."""
    for name in ("api_key=", "public_key=", "task-", "db_password: "):
        line = f"{'w ' * 3000}{name}sk-a1b2c3d4e5f6g7h8i9 "
        size = 6000 + offset + 4096
        piece = f"{line}{'w ' * 3000}"[:size]
        redactor = Redactor()
        shown = redactor.feed(piece)
        assert len(shown) > 5000
        assert shown + redactor.close() == Redactor().redact(piece)


def test_an_escape_that_is_cut_in_the_middle_is_one() -> None:
    redactor = Redactor()
    head = f'password="{"x1" * 5000}\\'
    shown = redactor.feed(head) + redactor.feed('"more" end\n')
    assert shown + redactor.close() == 'password="***" end\n'


HOSTILE = [
    *(
        "token",
        "a",
        "password=",
        "password=f(",
        "://a:",
        "eyJ",
        "sk-",
        "Bearer x ",
        '\\"',
    ),
    *("-----BEGIN PRIVATE KEY-----\n", "authorization: digest ", "token_token_ ", "--"),
    *("-----BEGIN PRIVATE KEY-----" + "A" * 16, 'token="', "api key", "key", "x" * 70),
    *("https://", "-----", '"\\', "password: \\\\\\\\", "eyJa.", "AKIA", "Proc-Type: "),
]


def _steps(work: Callable[[], object]) -> int:
    """Count the calls and returns, of Python and of C, that *work* takes."""
    count = 0

    def step(frame: FrameType, event: str, arg: object) -> None:
        nonlocal count
        count += 1

    before = sys.getprofile()
    sys.setprofile(step)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("unit", HOSTILE)
def test_the_work_grows_with_the_text_and_not_faster(unit: str) -> None:
    """What one step looks at is bounded, or belongs to a secret that it ends."""
    small, large = (unit * (size // len(unit)) for size in (4_000, 32_000))
    few = _steps(lambda: redact(small))
    many = _steps(lambda: redact(large))
    assert many <= 9 * few + 200
