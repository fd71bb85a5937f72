"""What strangers wrote is made fit to be shown."""

import os

import pytest
from hypothesis import given, strategies as st

from crew_actors.survey._shown import one_line
from crew_actors.survey._text import (
    LineNumbers,
    amount,
    clip,
    clip_path,
    percent,
    places,
    printable,
    size_of,
)


@given(st.text() | st.binary().map(os.fsdecode))
def test_what_is_printable_has_one_line_and_is_utf8(text: str) -> None:
    shown = printable(text)
    assert shown.encode("utf-8", "strict") is not None
    assert "\n" not in shown
    assert shown.splitlines() in ([], [shown])
    assert printable(shown) == shown


def test_broken_and_invisible_characters_become_escapes() -> None:
    assert printable("a\nb\t\x1b[0m") == r"a\nb\t\x1b[0m"
    assert printable(os.fsdecode(b"\xff")) == r"\xff"
    assert printable("a\u202eb\ud800") == r"a\u202eb\ud800"
    assert printable("größe 漢字") == "größe 漢字"


@given(st.text(), st.integers(1, 50))
def test_a_clipped_text_is_no_longer_than_asked(text: str, length: int) -> None:
    assert len(clip(text, length)) <= length
    assert len(clip_path(text, length)) <= length
    assert len(one_line(text, length)) <= length


def test_a_long_path_keeps_its_ends() -> None:
    assert clip_path("abc" + "x" * 100 + "def", 9) == "abcx…xdef"


@pytest.mark.parametrize(
    ("bytes_", "shown"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (3 << 20, "3.0 MiB"),
        (5 << 30, "5.0 GiB"),
    ],
)
def test_a_size_is_told_in_its_unit(bytes_: int, shown: str) -> None:
    assert size_of(bytes_) == shown


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (0, "0 %"),
        (0.0001, "< 0.1 %"),
        (0.004, "0.4 %"),
        (0.01, "1 %"),
        (0.997, "> 99 %"),
        (1, "100 %"),
    ],
)
def test_a_small_share_is_never_told_as_nothing(share: float, shown: str) -> None:
    assert percent(share) == shown


def test_an_amount_agrees_with_its_word() -> None:
    assert amount(1, "file") == "1 file"
    assert amount(1200, "file") == "1,200 files"
    assert amount(2, "person", "people") == "2 people"


@given(st.text(alphabet="ab\n"), st.data())
def test_line_numbers_are_those_of_an_editor(text: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(text)))
    numbers = LineNumbers(text)
    assert numbers.at(place) == text.count("\n", 0, place) + 1
    assert numbers.at(place) == text.count("\n", 0, place) + 1


def test_places_do_not_overlap() -> None:
    assert list(places("aaaa", "aa")) == [0, 2]
