import pytest
from hypothesis import given, strategies as st

from crew_actors.observe import (
    cells,
    clean,
    counted,
    cut,
    duration,
    escaped,
    padded,
    size,
)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain", "plain"),
        ("  two\n\tlines \r\n", "two lines"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]0;never closed", ""),
        ("\x1bPdevice\x9cafter", "after"),
        ("\x9b2Jcleared", "cleared"),
        ("\x1b(Bset", "set"),
        ("\x1b7saved\x1b8", "saved"),
        ("back\x08\x7fspace\x00", "backspace"),
        ("right\u202eleft\u2066x\u200b", "rightleftx"),
        ("half \ud800 pair", "half pair"),
        ("a\u2028b", "a b"),
        ("[bold]markup[/bold]", "[bold]markup[/bold]"),
    ],
)
def test_clean_text_controls_nothing(text: str, seen: str) -> None:
    assert clean(text) == seen


def test_clean_text_is_taken_from_the_first_4096_characters() -> None:
    assert clean("x" * 10_000) == "x" * 4096


@given(st.text())
def test_whatever_is_cleaned_is_one_printable_line(text: str) -> None:
    found = clean(text)
    assert found.isprintable()
    assert found == clean(found)


@given(st.text())
def test_what_is_escaped_is_printable_and_loses_nothing(text: str) -> None:
    found = escaped(text)
    assert all(char.isprintable() or char.isspace() for char in found)
    assert len(found) >= len(text)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain ä 漢", "plain ä 漢"),
        ("\x1b[2K\r", "\\x1b[2K\\r"),
        ("a\nb", "a\\nb"),
        ("\u202e", "\\u202e"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_is_harmful_becomes_visible(text: str, seen: str) -> None:
    assert escaped(text) == seen


def test_widths_are_terminal_cells() -> None:
    assert cells("abc") == 3
    assert cells("漢字") == 4
    assert cells("e\u0301") == 1
    assert padded("漢", 4) == "漢  "


@pytest.mark.parametrize(
    ("text", "width", "seen"),
    [
        ("fits", 4, "fits"),
        ("too long", 4, "too…"),
        ("漢字漢字", 5, "漢字…"),
        ("漢字漢字", 4, "漢…"),
        ("any", 1, "…"),
        ("any", 0, ""),
    ],
)
def test_a_cut_is_told_by_an_ellipsis(text: str, width: int, seen: str) -> None:
    assert cut(text, width) == seen


@given(st.text(), st.integers(0, 40))
def test_nothing_is_wider_than_its_cut(text: str, width: int) -> None:
    assert cells(cut(clean(text), width)) <= width


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-3.0, "0.0 s"),
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.95, "10 s"),
        (59.4, "59 s"),
        (59.5, "1 min 00 s"),
        (3599.0, "59 min 59 s"),
        (3600.0, "1 h 00 min"),
        (90061.0, "25 h 01 min"),
    ],
)
def test_durations_are_said_as_people_do(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1023 bytes"),
        (1536, "1.5 KiB"),
        (3 << 20, "3.0 MiB"),
        (5 << 30, "5.0 GiB"),
    ],
)
def test_sizes_are_said_as_people_do(count: int, said: str) -> None:
    assert size(count) == said


def test_one_thing_has_no_plural() -> None:
    assert counted(1, "task") == "1 task"
    assert counted(0, "task") == "0 tasks"
