"""The report: whole when everything is there, plain about what is not."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from markdown_it import MarkdownIt

from crew_actors.survey._data import Json, View
from crew_actors.survey._protocol import Inputs
from crew_actors.survey._treemap import Box, squarified
from crew_actors.survey._writer import AGENTS, write_report

Write = Callable[[Mapping[str, str | bytes]], Path]
Survey = Callable[[str, Path], dict[str, Any]]

_HOSTILE = "a`|b\n<script>alert(1)</script>[x](http://evil)&amp;]]>\u202e"
_WORD = st.text() | st.just(_HOSTILE)
_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _WORD,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(_WORD, inner, max_size=3)
    ),
    max_leaves=8,
)


def _inputs(
    results: Mapping[str, Any], goal: str = "What is in this repository?"
) -> Inputs:
    return Inputs(
        goal, tuple((step, View(result)) for step, result in sorted(results.items()))
    )


def _project(repository: Write, git: Callable[..., str]) -> Path:
    root = repository(
        {
            "README.md": "# Thing\n\nA thing that does things well.\n", "LICENSE": "Permission is hereby granted, free of charge",
            "pyproject.toml": '[project]\nname = "thing"\ndependencies = ["attrs>=1"]\n[project.scripts]\nthing = "thing.a:main"\n[tool.pytest.ini_options]\n',
            "thing/__init__.py": '"""Things."""\n', "thing/a.py": "from thing import b\n" + "x = 1\n" * 80, "thing/b.py": "import thing.c\n", "thing/c.py": "import thing.b\n# TODO: x\n",
            "thing/we|ird`\nname.py": "eval(x)\n", "tests/test_a.py": "def test_a(): pass\n", "web/x.ts": "import './y'\n", "web/y.ts": "", "pic.png": b"\0", ".github/workflows/ci.yml": "steps:\n  - run: pytest\n",
            "script.py": "if __name__ == '__main__':\n    pass\n", "lonely/z.py": "def f():\n" + "    x\n" * 200,
        }
    )  # fmt: skip
    for month in range(1, 10):
        (root / "thing" / "a.py").write_text(f"from thing import b\nx = {month}\n" * 40)
        git(
            root,
            "commit",
            "-qam",
            f"change <b>{month}</b>",
            GIT_AUTHOR_DATE=f"2025-0{month}-01T00:00:00Z",
            GIT_AUTHOR_NAME="Bob|`",
        )
    git(root, "tag", "v1")
    return root


@pytest.fixture
def results(
    repository: Write, git: Callable[..., str], survey: Survey
) -> dict[str, Any]:
    root = _project(repository, git)
    return {f"step-{agent}": survey(agent, root) for agent in AGENTS}


def test_a_report_has_every_part(results: dict[str, Any]) -> None:
    report = write_report(_inputs(results))
    headings = [line for line in report.summary.splitlines() if line.startswith("#")]
    assert headings == [
        "# thing: what is in this repository", "## Do first", "## Layout", "## Entry points", "## Who imports whom", "## History",
        "## Risks", "## Tests", "## Dependencies", "## Licences", "## What could not be determined",
    ]  # fmt: skip
    assert "**A thing that does things well.** (`README.md`)" in report.summary
    assert (
        "![Languages, folders and activity of the repository](repository.svg)"
        in report.summary
    )
    assert "One import cycle" in report.summary
    assert "`thing/b.py`, `thing/c.py`" in report.summary
    assert "**command** `thing` → `thing.a:main` (`pyproject.toml`)" in report.summary
    assert "10 commits from 2024-03-01 to 2025-09-01" in report.summary
    assert "`python -m pytest`" in report.summary
    assert report.data["missing"] == []
    assert "there is no result" not in report.summary


def test_a_report_is_the_same_each_time(results: dict[str, Any]) -> None:
    assert write_report(_inputs(results)) == write_report(
        _inputs(json.loads(json.dumps(results)))
    )


def test_no_markup_gets_in_from_outside(results: dict[str, Any]) -> None:
    report = write_report(
        _inputs(
            results,
            goal="# not a heading\n<img src=x onerror=alert(1)> [a](b) `code` | gh"
            "p_" + "aB3" * 12,
        )
    )
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(report.summary)
    inline = [child for token in tokens for child in token.children or []]
    assert {token.type for token in inline} <= {
        "text",
        "text_special",
        "code_inline",
        "strong_open",
        "strong_close",
        "image",
        "softbreak",
    }
    assert sum(token.type == "image" for token in inline) == 1
    assert sum(token.type == "blockquote_open" for token in tokens) == 1
    assert not any(token.type == "html_block" for token in tokens)
    assert "aB3aB3" not in report.summary


def test_the_tables_are_tables(results: dict[str, Any]) -> None:
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(
        write_report(_inputs(results)).summary
    )
    assert sum(token.type == "table_open" for token in tokens) == 5
    text = "".join(token.content for token in tokens if token.type == "inline")
    assert "|---" not in text


@pytest.mark.parametrize("gone", AGENTS)
def test_a_missing_result_is_said_and_the_rest_is_whole(
    results: dict[str, Any], gone: str
) -> None:
    del results[f"step-{gone}"]
    report = write_report(_inputs(results))
    assert report.data["missing"] == [gone]
    assert f"**{gone}**: there is no result of it" in report.summary
    assert ET.fromstring(report.picture).tag.endswith("svg")


def test_a_result_without_data_is_quoted() -> None:
    report = write_report(
        _inputs(
            {
                "tester": {"text": "it broke: <b>\nno", "data": None},
                "auditor": {"text": ""},
            }
        )
    )
    assert r"It said: it broke: \<b> no" in report.summary
    assert "**auditor**: it gave no data." in report.summary


def test_with_nothing_there_is_still_a_report() -> None:
    report = write_report(Inputs())
    assert report.summary.startswith(
        "# This repository: what is in this repository\n\nNothing could be found out"
    )
    assert report.data["missing"] == list(AGENTS)
    assert "nothing is known of it" in report.picture


def test_results_of_other_steps_are_named(results: dict[str, Any]) -> None:
    results["a-step|of_mine"] = {"text": "x", "data": {"agent": "other"}}
    assert (
        r"not part of this report: a-step\|of_mine"
        in write_report(_inputs(results)).summary
    )


def test_a_result_that_was_cut_is_said(results: dict[str, Any]) -> None:
    results["step-auditor"]["data"]["cut"] = 10
    assert "were too long for a message" in write_report(_inputs(results)).summary


def test_the_writer_writes_its_files_and_says_so(
    results: dict[str, Any],
    messages: Callable[..., tuple[int, list[dict[str, Any]]]],
    tmp_path: Path,
) -> None:
    inputs, output = tmp_path / "inputs.json", tmp_path / "output"
    output.mkdir()
    inputs.write_text(json.dumps({"goal": "why?", "dependencies": results}))
    code, said = messages(
        "writer", tmp_path, CREW_INPUTS=str(inputs), CREW_OUTPUT=str(output)
    )
    assert code == 0
    assert [one.get("name") for one in said] == ["repository.svg", None]
    assert [path.name for path in output.iterdir()] == ["repository.svg"]
    assert said[-1]["text"].startswith("# thing: what is in this repository")
    assert ET.parse(output / "repository.svg").getroot().tag.endswith("svg")
    assert said[-1]["data"]["figures"]["commits"] == 10


def test_an_empty_repository_is_said_to_be_empty_and_no_more(
    tmp_path: Path, survey: Survey
) -> None:
    root = tmp_path / "empty"
    root.mkdir()
    results = {agent: survey(agent, root) for agent in AGENTS}
    report = write_report(_inputs(results, goal=""))
    title = "# empty: what is in this repository"
    assert report.summary == f"{title}\n\nThe repository is empty.\n"
    (root / "link").symlink_to("nowhere")
    results = {agent: survey(agent, root) for agent in AGENTS}
    assert "is empty" not in write_report(_inputs(results)).summary


def test_what_is_urgent_is_counted_as_it_is_listed() -> None:
    def risk(severity: str, kind: str, place: str) -> Json:
        return {"severity": severity, "kind": kind, "place": place}

    audit: dict[str, Json] = {
        "agent": "auditor",
        "risks": [
            risk("high", "npm token", "a:1"),
            risk("medium", "eval", "a:2"),
            risk("medium", "eval", "b:1"),
            risk("low", "large file", "c"),
        ],
        "risk_kinds": [
            {"severity": "high", "kind": "npm token", "count": 1},
            {"severity": "medium", "kind": "eval", "count": 5},
            {"severity": "low", "kind": "large file", "count": 1},
        ],
    }
    report = write_report(_inputs({"a": {"data": audit}})).summary
    assert "2 kinds of risk at 6 places to look at soon" in report
    audit["risks"] = [risk("medium", "no licence", "")]
    report = write_report(_inputs({"a": {"data": audit}})).summary
    assert "1 kind of risk at 1 place to look at soon" in report
    audit["risks"] = [risk("low", "large file", "c")]
    report = write_report(_inputs({"a": {"data": audit}})).summary
    assert "Nothing urgent among the risks" in report


def test_units_and_times_are_named() -> None:
    past: dict[str, Json] = {
        "agent": "historian",
        "state": "ok",
        "months": [{"month": f"m{n}", "commits": 1} for n in range(13)],
    }
    languages: dict[str, Json] = {
        "agent": "cartographer",
        "languages": [{"name": "C", "share": 1}],
    }
    report = write_report(_inputs({"a": {"data": past}, "b": {"data": languages}}))
    assert "12 of them in the 12 months up to the last commit" in report.summary
    assert "| language | share of bytes |" in report.summary


def _shape(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Data as the agents give it, with anything at the leaves."""
    rows = st.lists(
        st.fixed_dictionaries(
            {},
            optional=dict.fromkeys(
                [
                    "path",
                    "name",
                    "lines",
                    "files",
                    "bytes",
                    "language",
                    "about",
                    "share",
                    "kind",
                    "target",
                    "place",
                    "severity",
                    "why",
                    "do",
                    "note",
                    "count",
                    "months",
                    "importers",
                    "imports",
                    "imported_by",
                    "members",
                    "size",
                    "text",
                    "mark",
                    "licence",
                    "ecosystem",
                    "pinned",
                    "lock",
                    "names",
                    "tool",
                    "run",
                    "evidence",
                    "system",
                    "commands",
                    "month",
                    "commits",
                    "date",
                    "id",
                    "subject",
                    "added",
                    "deleted",
                    "author",
                    "authors",
                    "changes",
                ],
                leaf,
            ),
        ),
        max_size=3,
    )
    return st.fixed_dictionaries(
        {"agent": st.sampled_from(AGENTS)},
        optional={
            "state": st.just("ok") | leaf, "test_functions": st.just(3), "totals": st.dictionaries(st.sampled_from(["files", "lines"]), leaf),
            "imports": st.fixed_dictionaries({"files": st.just(2), "groups": rows, "cycles": rows, "most_imported": rows, "languages": leaf}),
            "spdx": st.dictionaries(_WORD, leaf, max_size=2), "marks": st.dictionaries(_WORD, leaf, max_size=2), "binary": st.fixed_dictionaries({"count": leaf, "largest": rows}),
            **dict.fromkeys(
                ["languages", "areas", "entry_points", "biggest_files", "hot_spots", "active_folders", "large_commits", "authors", "months", "tags", "risks", "risk_kinds", "mark_places", "long_functions", "manifests", "licences", "suites", "ci", "untested_folders"],
                rows,
            ),
            **dict.fromkeys(["title", "about", "about_from", "declared_licences", "note", "first", "last", "ratio", "not_seen", "author_count"], leaf),
        },
    )  # fmt: skip


@settings(max_examples=50)
@given(st.lists(_shape(_ANY), max_size=4) | st.lists(_ANY, max_size=4), _WORD)
def test_whatever_the_agents_give_the_report_is_markdown_and_the_picture_is_xml(
    given_: list[Any], goal: str
) -> None:
    report = write_report(
        _inputs(
            {
                str(number): {"data": one, "text": "x"}
                for number, one in enumerate(given_)
            },
            goal,
        )
    )
    assert ET.fromstring(report.picture).tag == "{http://www.w3.org/2000/svg}svg"
    assert report.summary.encode("utf-8", "strict")
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(report.summary)
    inline = [child for token in tokens for child in token.children or []]
    assert not {token.type for token in [*tokens, *inline]} & {
        "html_block",
        "html_inline",
        "link_open",
        "heading_open_injected",
        "fence",
        "code_block",
        "hr",
    }
    assert sum(token.type == "image" for token in inline) == 1


@given(
    st.lists(st.floats(0.1, 1000), max_size=40), st.floats(10, 500), st.floats(10, 500)
)
def test_a_treemap_fills_its_box_in_proportion(
    weights: list[float], width: float, height: float
) -> None:
    weights.sort(reverse=True)
    boxes = squarified(weights, Box(5, 7, width, height))
    assert len(boxes) == len(weights)
    total = sum(weights)
    for weight, box in zip(weights, boxes, strict=True):
        assert box.width * box.height == pytest.approx(
            width * height * weight / total, rel=1e-6
        )
        assert box.x >= 5 - 1e-6
        assert box.y >= 7 - 1e-6
        assert box.x + box.width <= 5 + width + 1e-6
        assert box.y + box.height <= 7 + height + 1e-6


def test_a_treemap_without_room_is_flat() -> None:
    assert squarified([2, 1], Box(0, 0, 0, 0)) == [Box(0, 0, 0, 0), Box(0, 0, 0, 0)]


def test_long_lists_are_cut_and_say_how_much_is_missing() -> None:
    def rows(count: int, **more: Json) -> list[Json]:
        return [
            {"path": f"p{n}", "name": f"n{n}", "lines": 9, "share": 0.05, **more}
            for n in range(count)
        ]

    data: dict[str, Json] = {
        "agent": "cartographer",
        "languages": rows(12),
        "areas": rows(30),
        "entry_points": [
            {
                "kind": "program",
                "name": "x",
                "target": "cargo run",
                "place": "src/main.rs",
            },
            {
                "kind": "program",
                "name": "y",
                "target": "go run ./y.go",
                "place": "y.go",
            },
            {"kind": "module", "name": "python -m x", "place": "x/__main__.py"},
        ],
        "imports": {
            "files": 2,
            "cycle_count": 9,
            "cycles": [{"size": 8, "members": list("abcdefgh")}],
            "groups": [
                {"path": "a", "imports": [{"path": "b", "count": 3}], "imported_by": []}
            ],
        },
    }
    audit: dict[str, Json] = {
        "agent": "auditor",
        "manifests": rows(14),
        "manifest_count": 99,
    }
    report = write_report(_inputs({"a": {"data": data}, "b": {"data": audit}})).summary
    assert "| and 4 more | | | |" in report
    assert "| and 4 smaller ones | | | | |" in report
    assert (
        "- **program** `cargo run` (`src/main.rs`)\n- **program** `go run ./y.go`\n"
        in report
    )
    assert "9 import cycles" in report
    assert "`a`, `b`, `c`, `d`, `e`, `f` and 2 more\n- … and 8 more" in report
    assert "| `a` | `b` 3 | - |" in report
    assert "| and 87 more | | | | | |" in report


def test_tests_without_a_known_suite_are_told_as_they_are() -> None:
    data: dict[str, Json] = {"agent": "tester", "test_files": 2, "test_functions": 5}
    report = write_report(_inputs({"a": {"data": data}})).summary
    assert "5 test functions in 2 test files. Nothing was executed" in report
    assert "How to run them" not in report
