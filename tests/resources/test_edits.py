"""Changes of the text of resource files."""

import pytest
from hypothesis import example, given, strategies as st
from tests.resources._house import agent_of, source_file, team_of

from crew_actors.resources import Kind
from crew_actors.resources._edit import KEYS, set_keys, set_role_agent
from crew_actors.resources._frontmatter import split_document
from crew_actors.resources._load import parse_file
from crew_actors.resources._problems import Findings

TEXT = """\
---
# who it is
name: x
description: >
  first
  # second

  third
# about tools
tools: read

---

The body: stays.

tools: not a key
"""


def test_a_key_is_replaced_and_all_else_stays() -> None:
    assert set_keys(TEXT, {"tools": "read, bash"}) == TEXT.replace(
        "tools: read\n", "tools: read, bash\n"
    )


def test_a_value_of_several_lines_goes_as_a_whole() -> None:
    text = set_keys(TEXT, {"description": "short"})
    assert text == TEXT.replace(
        "description: >\n  first\n  # second\n\n  third\n", "description: short\n"
    )


def test_an_empty_value_takes_the_key_away_and_no_comment() -> None:
    assert set_keys(TEXT, {"tools": ""}) == TEXT.replace("tools: read\n", "")
    assert set_keys(TEXT, {"model": ""}) == TEXT


def test_a_key_that_is_not_there_comes_last_in_the_head() -> None:
    assert set_keys(TEXT, {"model": "m"}) == TEXT.replace(
        "read\n\n---", "read\n\nmodel: m\n---"
    )


def test_the_other_name_of_a_key_is_kept() -> None:
    assert set_keys("---\nskill: a\n---\n", {"skills": "b"}) == "---\nskill: b\n---\n"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_ends_of_lines_and_the_byte_order_mark_stay(end: str) -> None:
    text = "\ufeff" + TEXT.replace("\n", end)
    wanted = "\ufeff" + TEXT.replace("read\n", "bash\nmodel: m\n").replace("\n", end)
    assert set_keys(set_keys(text, {"model": "m"}), {"tools": "bash"}) == (
        wanted.replace(f"model: m{end}{end}", f"{end}model: m{end}")
    )


def test_a_file_without_a_head_gets_one() -> None:
    assert set_keys("Just text.", {"name": "y"}) == "---\nname: y\n---\n\nJust text."
    assert set_keys("", {"name": "y"}) == "---\nname: y\n---\n"


@given(
    key=st.sampled_from(["name", "model", "tools", "description"]),
    value=st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"])),
    body=st.text(st.sampled_from("ab:-#\n\r \t")),
    head=st.lists(st.sampled_from(["name: a", "# x", "", "tools:", "- b", "  c: d"])),
)
@example(key="name", value="", body="", head=["tools:", "name: a", "- b"])
def test_an_edit_never_touches_the_body(
    key: str, value: str, body: str, head: list[str]
) -> None:
    text = "\n".join(["---", *head, "---", body])
    before = split_document(text, Findings(source_file("agent", text).source.path))
    edited = set_keys(text, {key: value})
    after = split_document(edited, Findings(source_file("agent", edited).source.path))
    assert after.body == before.body
    for name in before.fields.keys() - {key}:
        assert after.fields[name].text.rstrip() == before.fields[name].text.rstrip()
    if value and before.fields.keys() >= {key}:
        assert after.fields[key].first == value


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        ("- build: agent=old makes it", "- build: agent=new makes it"),
        (
            "- build: makes it model=m agent = old",
            "- build: makes it model=m agent = new",
        ),
        ("- old: makes it", "- old: agent=new makes it"),
        ("- old:", "- old: agent=new"),
    ],
)
def test_a_role_is_given_another_agent(row: str, wanted: str) -> None:
    text = f"---\nname: x\n---\n\n# agent=old\n{row}\n"
    (role,) = team_of(text)[0].roles
    assert role.agent == "old"
    edited = set_role_agent(text, role.line, "new")
    assert edited == text.replace(row, wanted)
    assert team_of(edited)[0].roles[0].agent == "new"


@pytest.mark.parametrize(
    ("kind", "key"), [(kind, key) for kind, keys in KEYS.items() for key in keys]
)
def test_each_key_that_can_be_set_is_known_to_the_reader(kind: Kind, key: str) -> None:
    file = source_file(kind, f"---\n{key}: x\n---\n")
    findings = Findings(file.source.path)
    parse_file(file, findings)
    assert not [one for one in findings.problems if "not known" in one.message]


def test_the_reader_tells_of_a_key_that_is_not_known() -> None:
    _, problems = agent_of("---\nname: x\ncolours: red\n---\n")
    assert any("not known" in one for one in problems)
