"""Markdown that is made of strangers' words shows these words and nothing else."""

from hypothesis import example, given, strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from crew_actors.survey._markdown import bullets, code, joined, plain, table
from crew_actors.survey._text import printable

_TEXT = (
    st.text(alphabet=st.sampled_from("ab1 .-+*_`~|<>[]()!#&;:/\\$=\n\té@w")) | st.text()
)


def _inline(markdown: str) -> list[Token]:
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(markdown)
    return [child for token in tokens for child in token.children or []]


def _kinds(markdown: str) -> set[str]:
    return {
        token.type
        for token in MarkdownIt("gfm-like", {"linkify": False}).parse(markdown)
    }


@given(_TEXT)
@example("__0__")
def test_plain_text_stays_plain_text(text: str) -> None:
    wanted = " ".join(printable(text).split())
    shown = plain(text)
    assert "\n" not in shown
    assert _kinds(shown) <= {"paragraph_open", "inline", "paragraph_close"}
    inline = _inline(shown)
    assert {token.type for token in inline} <= {"text", "text_special"}
    assert "".join(token.content for token in inline) == wanted


@given(_TEXT)
def test_a_code_span_shows_its_content_and_nothing_else(text: str) -> None:
    inline = _inline("x " + code(text))
    assert {token.type for token in inline} <= {"text", "text_special", "code_inline"}
    said = "".join(token.content for token in inline)
    assert said.split() == ["x", *printable(text).split()]


@given(st.lists(st.tuples(_TEXT, _TEXT), min_size=1, max_size=4))
def test_no_cell_breaks_its_table(rows: list[tuple[str, str]]) -> None:
    lines = table(["a", "b"], [[code(one), plain(two)] for one, two in rows])
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse("\n".join(lines))
    assert tokens[0].type == "table_open"
    assert tokens[-1].type == "table_close"
    assert sum(token.type == "td_open" for token in tokens) == 2 * len(rows)


@given(_TEXT)
def test_an_item_stays_one_item_of_its_list(text: str) -> None:
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(
        "\n".join(bullets([plain(text), "b"], 5))
    )
    assert sum(token.type == "list_item_open" for token in tokens) == 2


def test_a_long_list_says_how_many_are_missing() -> None:
    assert bullets(["a", "b", "c"], 2) == ["- a", "- b", "- … and 1 more", ""]
    assert bullets(["a"], 2, total=5) == ["- a", "- … and 4 more", ""]
    assert bullets([], 2) == []
    assert joined(["a", "b", "c"], 2) == "a, b and 1 more"
    assert joined(["a"], 2, total=9) == "a and 8 more"


def test_a_table_without_rows_is_nothing() -> None:
    assert table(["a"], []) == []
