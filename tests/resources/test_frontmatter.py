"""A resource file is a block of keys between two lines `---`, then a body."""

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from crew_actors.resources._frontmatter import Document, split_document
from crew_actors.resources._problems import Findings


def split(text: str) -> tuple[Document, list[str]]:
    findings = Findings(Path("x.md"))
    return split_document(text, findings), [str(one) for one in findings.problems]


def values(document: Document) -> dict[str, str]:
    return {key: field.text for key, field in document.fields.items()}


def test_keys_and_body_know_their_lines() -> None:
    document, problems = split("---\nname: a\n\nmodel: b\n---\nbody\nmore\n")
    assert values(document) == {"name": "a", "model": "b"}
    assert document.fields["model"].line == 4
    assert document.body == ("body", "more", "")
    assert document.body_line == 6
    assert problems == []


@pytest.mark.parametrize(
    "text",
    [
        "---\r\nname: a\r\n---\r\nbody",
        "\ufeff---\nname: a\n---\nbody",
        "---\rname: a\r---\rbody",
        "---  \nname: a\n--- \nbody",
        "---\nname:a\n---\nbody",
    ],
    ids=["crlf", "bom", "cr", "blanks", "no blank"],
)
def test_all_line_ends_and_a_byte_order_mark_are_understood(text: str) -> None:
    document, problems = split(text)
    assert values(document) == {"name": "a"}
    assert document.body == ("body",)
    assert problems == []


def test_the_end_marker_may_end_the_file() -> None:
    document, problems = split("---\nname: a\n---")
    assert values(document) == {"name": "a"}
    assert document.body == ()
    assert problems == []


def test_a_missing_end_marker_is_an_error_at_the_first_line() -> None:
    document, problems = split("---\nname: a\n")
    assert document == Document({}, (), 4)
    assert problems == [
        "x.md:1: error: the frontmatter has no end; add a line '---' below it"
    ]


def test_a_file_without_frontmatter_is_all_body() -> None:
    document, problems = split("# Title\n")
    assert document == Document({}, ("# Title", ""), 1)
    assert problems == [
        "x.md:1: warning: no frontmatter; the name is taken from the file"
    ]


def test_a_value_may_hold_a_colon_and_a_hash() -> None:
    document, problems = split("---\ndescription: Use when: x # y\n---\n")
    assert values(document) == {"description": "Use when: x # y"}
    assert problems == []


def test_comment_lines_and_empty_lines_are_skipped() -> None:
    document, problems = split("---\n# one\n\nname: a\n  # two\n# three\n\n---\n")
    assert values(document) == {"name": "a"}
    assert problems == []


def test_indented_lines_items_and_closing_brackets_belong_to_the_key_above() -> None:
    text = "---\ntools:\n- a\n- b\nargs: [\n  x\n]\nname: n\n---\n"
    document, problems = split(text)
    assert values(document) == {"tools": "\n- a\n- b", "args": "[\n  x\n]", "name": "n"}
    assert problems == []


def test_an_empty_line_inside_a_block_text_is_kept() -> None:
    document, _ = split("---\ntext: |\n  a\n\n  b\n---\n")
    assert values(document) == {"text": "|\n  a\n\n  b"}


def test_a_key_that_stands_twice_names_both_lines_and_the_first_counts() -> None:
    document, problems = split("---\nmodel: a\nname: n\nmodel: b\n  more\n---\n")
    assert values(document) == {"model": "a", "name": "n"}
    assert problems == ["x.md:4: error: model: stands twice, in line 2 and in line 4"]


@pytest.mark.parametrize("row", ["no colon", "- item", "  indented", "?: x"])
def test_a_line_that_belongs_to_nothing_is_a_warning(row: str) -> None:
    _, problems = split(f"---\n{row}\n---\n")
    assert problems == [
        "x.md:2: warning: this line is ignored; it is not of the form 'key: value'"
    ]


def test_items_below_a_key_with_a_value_are_not_its_value() -> None:
    document, problems = split("---\nname: a\n- b\n---\n")
    assert values(document) == {"name": "a"}
    assert len(problems) == 1


@pytest.mark.parametrize(
    ("character", "name"),
    [("\x1b", "U+001B"), ("\x00", "U+0000"), ("\u202e", "U+202E"), ("\x85", "U+0085")],
)
def test_a_character_that_could_fool_a_terminal_is_an_error_with_its_line(
    character: str, name: str
) -> None:
    _, problems = split(f"---\nname: a\n---\n\nx{character}\n")
    assert problems == [
        f"x.md:5: error: holds the character {name}, which has no place in a text"
    ]


def test_a_block_of_keys_has_a_bound_in_size_and_number() -> None:
    _, problems = split(f"---\nname: {'x' * 70_000}\n---\n")
    assert problems == ["x.md:2: error: more than 65536 characters of keys"]
    keys = "".join(f"k{number}: x\n" for number in range(201))
    document, problems = split(f"---\n{keys}---\n")
    assert problems == ["x.md:2: error: more than 200 keys"]
    assert document.fields == {}


def test_no_more_than_a_hundred_problems_are_told() -> None:
    rows = "x\n" * 150
    _, problems = split(f"---\n{rows}---\n")
    assert len(problems) == 101
    assert problems[-1] == (
        "x.md: error: has more than 100 problems; these are the first"
    )


def test_a_problem_is_told_in_few_words() -> None:
    findings = Findings(Path("x.md"))
    findings.error(1, "k" * 5000, "m" * 5000)
    assert len(str(findings.problems[0])) < 900


@given(st.text())
def test_no_text_makes_the_splitter_raise(text: str) -> None:
    split(text)


@given(st.text(alphabet="-ab: \n\t#[]{}\"'|>\r&*!", max_size=60))
def test_no_block_of_keys_makes_the_splitter_raise(text: str) -> None:
    document, _ = split(f"---\n{text}\n---\n")
    assert all(field.key == key for key, field in document.fields.items())


_KEYS = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,9}", fullmatch=True)
_PLAIN = st.text(
    st.characters(exclude_categories=["C", "Z"]) | st.just(" "), max_size=30
).map(str.strip)


@given(st.dictionaries(_KEYS, _PLAIN, max_size=8), _PLAIN)
def test_what_is_written_flat_is_read_back_as_it_is(
    fields: dict[str, str], body: str
) -> None:
    block = "".join(f"{key}: {value}\n" for key, value in fields.items())
    document, problems = split(f"---\n{block}---\n{body}")
    assert {key: field.first for key, field in document.fields.items()} == fields
    assert document.body == (body,)
    assert problems == []
