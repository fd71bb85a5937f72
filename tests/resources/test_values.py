"""What is written for one key becomes text or a list of texts."""

import contextlib
import json
import subprocess
import sys

import pytest
from hypothesis import given, strategies as st

from crew_actors.resources._frontmatter import Field
from crew_actors.resources._values import BadValue, items_of, text_of


def field(text: str) -> Field:
    first, *rest = text.split("\n")
    return Field("key", 7, first, tuple(rest))


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("plain", "plain"),
        ("", ""),
        ("a: b # c", "a: b # c"),
        ('"quoted"', "quoted"),
        ("'it''s'", "it's"),
        ('"two\\nlines"', "two\nlines"),
        ('"C:\\qath"', "C:\\qath"),
        ('"a" and "b"', '"a" and "b"'),
        ("'tis", "'tis"),
        ("[WIP] do it", "[WIP] do it"),
        ("{goal}", "{goal}"),
        ("|\n  a\n  b\n", "a\nb"),
        (">\n  a\n  b: c\n", "a b: c"),
        (">-\n  a", "a"),
        ("|", ""),
        ("\n  folded\n  text", "folded text"),
    ],
)
def test_a_text_is_what_is_written(written: str, text: str) -> None:
    assert text_of(field(written)) == text


@pytest.mark.parametrize(
    "word", ["yes", "no", "on", "010", "12:30", "1e3", "null", "~"]
)
def test_yaml_gives_no_type_to_a_word(word: str) -> None:
    assert text_of(field(word)) == word
    assert text_of(field(f"\n  {word}")) == word
    assert items_of(field(f"[{word}, 'x']")) == (word, "x")
    assert items_of(field(f"\n- {word}")) == (word,)


@pytest.mark.parametrize(
    ("written", "items"),
    [
        ("", ()),
        ("a, b", ("a", "b")),
        ("a,,b,", ("a", "b")),
        ('"a, b", c', ("a, b", "c")),
        ('"a, b"', ("a", "b")),
        ('a"b', ("ab",)),
        ("[a, b]", ("a", "b")),
        ('["a", "b, c"]', ("a", "b, c")),
        ("[1, 2]", ("1", "2")),
        ("[]", ()),
        ("\n- a\n- 'b, c'", ("a", "b, c")),
        ("\n  - a\n  - -P", ("a", "-P")),
        ("[\n  a,\n  b\n]", ("a", "b")),
        ('[\n  "a",\n  "b"\n]', ("a", "b")),
        ("\n  a,\n  b", ("a", "b")),
        (">\n  a, b", ("a", "b")),
    ],
)
def test_a_list_has_three_forms(written: str, items: tuple[str, ...]) -> None:
    assert items_of(field(written)) == items


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("[a", "is no YAML: expected ',' or ']', but got '<stream end>' in line 7"),
        ("[{python}, -m]", "expects texts, not keys with values; put quotes around"),
        ("[[a], b]", "expects texts, not lists inside a list"),
        ("[*a]", "expects texts, not lists inside a list or references"),
        ("[&a b]", "may not use the anchors and tags of YAML"),
        ("[!!python/name:os.system x]", "may not use the anchors and tags of YAML"),
        ("!!seq\n- a", "may not use the anchors and tags of YAML"),
        ("\n  a: b", "expects texts, not keys with values"),
        (
            "plain\n  more: x",
            "is no YAML: mapping values are not allowed here in line 8",
        ),
        ("[x, '\ud800']", "is no YAML: "),
        ('[x, "\\ud800"]', "holds the character U+D800"),
        ('[x, "\\U00110000"]', "is no YAML: "),
        ('[x, "\\UFFFFFFFF"]', "is no YAML: "),
        ('["\\ud800"]', "holds the character U+D800"),
        ('["\\u001b[2J"]', "holds the character U+001B"),
        ('"\\u001b"', "holds the character U+001B"),
        ("[" * 5000, "expects texts, not lists inside a list"),
        ("\n  \x01", "is no YAML: "),
    ],
)
def test_what_cannot_be_a_list_says_why(written: str, reason: str) -> None:
    with pytest.raises(BadValue) as bad:
        items_of(field(written))
    assert reason in str(bad.value)


def test_a_list_is_no_text() -> None:
    with pytest.raises(BadValue, match="expects a text, not a list"):
        text_of(field("\n- a"))


_TEXTS = st.text(alphabet="ab,:#-[]{}\"'\\|>&*!%@` \n\t1\u00e9", max_size=40)


@given(_TEXTS)
def test_no_value_makes_the_reading_raise_anything_else(written: str) -> None:
    for read in (text_of, items_of):
        with contextlib.suppress(BadValue):
            read(field(written))


@given(st.lists(st.text(st.characters(exclude_categories=["C"]), min_size=1)))
def test_a_list_in_json_is_read_back_as_it_is(items: list[str]) -> None:
    assert items_of(field(json.dumps(items))) == tuple(items)
    assert items_of(field(json.dumps(items, indent=1))) == tuple(items)


def test_yaml_is_not_imported_before_a_file_needs_it() -> None:
    program = (
        "import sys; from pathlib import Path; "
        "from crew_actors.places import Places; "
        "from crew_actors.resources import load_catalog; "
        "catalog = load_catalog(Places(Path('/no'), Path('/no')), None); "
        "assert len(catalog.agents) == 15; "
        "late = [m for m in sys.modules if m.startswith(('ruamel', 'markdown'))]; "
        "assert not late, late"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": ":".join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
