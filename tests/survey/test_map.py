"""The map: languages, folders, ways in, and what a project says it is."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from crew_actors.survey._about import first_sentence, readme_title, summary_line
from crew_actors.survey._areas import AreaTree, Piece
from crew_actors.survey._entry_points import (
    EntryPoint,
    entry_points,
    load_ini,
    load_json,
    load_toml,
)
from crew_actors.survey._languages import language_of
from crew_actors.survey._paths import (
    is_document,
    is_foreign,
    is_sample,
    is_test,
    is_test_file,
)

Write = Callable[[Mapping[str, str | bytes]], Path]
Survey = Callable[[str, Path], dict[str, Any]]


@pytest.mark.parametrize(
    ("path", "first", "name"),
    [
        ("a.py", "", "Python"), ("A.TS", "", "TypeScript"), ("Makefile", "", "Makefile"), ("Dockerfile.dev", "", "Dockerfile"),
        ("run", "#!/usr/bin/env python3", "Python"), ("run", "#!/bin/bash -e", "Shell"), ("run", "#!/usr/bin/env -S node", "JavaScript"),
        ("run", "#!/opt/strange", None), ("run", "#!", None), ("run", "text", None), ("a.unknown", "#!/bin/sh", None), ("x.m", "", "Objective-C"),
        ("go.sum", "", "Lock file"), (".bashrc", "", None),
    ],
)  # fmt: skip
def test_a_language_is_told_by_name_extension_or_first_line(
    path: str, first: str, name: str | None
) -> None:
    found = language_of(path, first)
    assert (found.name if found else None) == name


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        ("tests/x.py", "ts"), ("pkg/_tests/y.py", "ts"), ("test_a.py", "tfs"), ("a_test.go", "tfs"), ("x.spec.ts", "tfs"), ("FooTest.java", "tfs"),
        ("conftest.py", "ts"), ("src/testing.py", ""), ("trio/testing/a.py", ""), ("docs/a.py", "ds"), ("README.md", "ds"), ("examples/a.py", "s"),
        ("vendor/a.py", "v"), ("x.min.js", "v"), ("contest.py", ""), ("latest/a.py", ""),
    ],
)  # fmt: skip
def test_the_kind_of_a_file_is_told_by_its_path(path: str, kinds: str) -> None:
    found = "".join(
        letter
        for letter, tells in (
            ("t", is_test),
            ("f", is_test_file),
            ("d", is_document),
            ("s", is_sample),
            ("v", is_foreign),
        )
        if tells(path)
    )
    assert found == kinds


@pytest.mark.parametrize(
    ("readme", "sentence"),
    [
        ("# Title\n\nIt does a thing. It does more.\n", "It does a thing."),
        (
            "[![badge](x)](y)\n\n<p align=center>\n<img src=x>\n</p>\n\n# T\n\n**Fast** thing for [people](http://x), e.g. You. Next\n",
            "Fast thing for people, e.g. You.",
        ),
        (
            "Title\n=====\n\n.. image:: x\n\nA `link <http://x>`_ that says what it is\nover two lines.\n",
            "A link that says what it is over two lines.",
        ),
        (
            "# T\n\n- a list item that is long enough\n\n```\ncode here is long enough too\n```\n\nThen the words come at last.\n",
            "Then the words come at last.",
        ),
        ("# T\n\n> quoted words that are long\n", ""),
        (
            "<!-- a comment\nof lines -->\nShort.\n\nThis is the real first sentence of it!\n",
            "This is the real first sentence of it!",
        ),
        ("", ""),
    ],
)
def test_the_first_sentence_of_a_readme_is_prose(readme: str, sentence: str) -> None:
    assert first_sentence(readme) == sentence


@given(st.text(alphabet=st.sampled_from("ab .<>[]()!#=-`\n|*")))
def test_any_readme_has_a_title_and_a_sentence_of_one_line(text: str) -> None:
    assert "\n" not in first_sentence(text) + readme_title(text) + summary_line(text)


def test_a_title_is_the_first_heading() -> None:
    assert readme_title("<div>\n# The Name #\n") == "The Name"
    assert readme_title("x\n\nName\n----\n") == "Name"
    assert readme_title("words only") == ""


def test_a_docstring_that_is_only_a_name_is_passed_over() -> None:
    assert summary_line("pkg.mod\n\nDoes a thing. And more.") == "Does a thing."
    assert summary_line("Does a\n  thing") == "Does a thing"


@pytest.mark.parametrize("loader", [load_json, load_toml])
@pytest.mark.parametrize(
    "text", ["{", "[", "= =", "[" * 100_000, "a = " + "[" * 100_000]
)
def test_a_broken_manifest_is_empty(loader: Callable[[str], object], text: str) -> None:
    assert not loader(text)


def test_a_broken_ini_has_no_sections() -> None:
    assert load_ini("x\n[a").sections() == []
    assert load_ini("[a]\nb = %(c)s\n").get("a", "b") == "%(c)s"


@pytest.mark.parametrize(
    ("path", "text", "wanted"),
    [
        ("pyproject.toml", '[project.scripts]\nx = "a:b"\nbad = 1\n[project.entry-points.plug]\np = "c:d"\n[tool.poetry.scripts]\ny = "e:f"\n', [("command", "x", "a:b"), ("command", "y", "e:f"), ("plugin", "plug", "1 of them")]),
        ("pyproject.toml", "[project.entry-points]\nplug = 1\n", [("plugin", "plug", "0 of them")]),
        ("setup.cfg", "[options.entry_points]\nconsole_scripts =\n  x = a:b\n  nothing\n", [("command", "x", "a:b")]),
        ("setup.py", "setup(entry_points={'console_scripts': ['x = a.b:c']})", [("command", "x", "a.b:c")]),
        ("setup.py", "setup()", []),
        ("package.json", '{"name": "n", "bin": "x.js", "main": "m.js", "scripts": {"build": "tsc"}}', [("command", "n", "x.js"), ("library", "main", "m.js"), ("task", "npm run build", "tsc")]),
        ("package.json", '{"bin": {"x": "y.js"}}', [("command", "x", "y.js")]),
        ("Cargo.toml", '[[bin]]\nname = "x"\npath = "p.rs"\n', [("program", "x", "p.rs")]),
        ("src/main.rs", "fn main() {}", [("program", "main.rs", "cargo run")]),
        ("src/bin/x.rs", "", [("program", "x.rs", "cargo run")]),
        ("cmd/x/main.go", "package main\n\nfunc main() {}\n", [("program", "x", "go run ./cmd/x")]),
        ("x.go", "package main\n", []),
        ("pkg/__main__.py", "", [("module", "python -m pkg", "pkg")]),
        ("__main__.py", "", [("module", "python .", "")]),
        ("tool.py", "if __name__ == '__main__':\n", [("script", "tool.py", "python tool.py")]),
        ("Makefile", "all: x\nX := 1\n.PHONY: a\ntest:\n", [("task", "make", "all test")]),
        ("Makefile", "X := 1\n", []),
        ("Makefile", "".join(f"t{n}:\n" for n in range(22)), [("task", "make", " ".join(f"t{n}" for n in range(20)) + " and 2 more")]),
        ("Dockerfile", "FROM x\nCMD a\nCMD b\nENTRYPOINT c\n", [("image", "Dockerfile", "c b")]),
        ("Dockerfile.dev", "cmd a\n", [("image", "Dockerfile.dev", "a")]),
        ("Dockerfile", "FROM x\n", []),
        (".github/workflows/ci.yml", "name: 'Tests'\n", [("workflow", "Tests", "GitHub Actions")]),
        (".github/workflows/ci.yml", "on: push\n", [("workflow", "ci.yml", "GitHub Actions")]),
        (".gitlab-ci.yml", "", [("workflow", ".gitlab-ci.yml", "CI")]),
        ("tests/__main__.py", "", []),
    ],
)  # fmt: skip
def test_ways_in_are_found(
    path: str, text: str, wanted: list[tuple[str, str, str]]
) -> None:
    assert entry_points(path, text) == [EntryPoint(*one, path) for one in wanted]


def test_a_secret_in_a_command_is_masked() -> None:
    token = "gh" + "p_" + "aB3" * 12
    found = entry_points(
        "package.json", f'{{"scripts": {{"x": "push --token {token}"}}}}'
    )
    assert token not in str(found[0].data())


_PATHS = st.lists(
    st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=5).map("/".join),
    unique=True,
)


@given(_PATHS, st.integers(4, 12))
def test_areas_are_disjoint_cover_everything_and_are_few(
    paths: list[str], most: int
) -> None:
    pieces = [Piece(path, len(path), 10, "Python") for path in paths]
    areas = AreaTree.of(pieces).parts(most)
    assert len(areas) <= max(most, 1)
    assert sum(area.files for area in areas) == len(paths)
    assert sum(area.lines for area in areas) == sum(piece.lines for piece in pieces)
    assert len({area.path for area in areas}) == len(areas)


def test_a_flat_root_shows_its_largest_folders_and_one_rest() -> None:
    pieces = [Piece(f"d{n:02}/x.py", n, 1, "Python") for n in range(40)] + [
        Piece("a.md", 5, 1, "Markdown", shares=False)
    ]
    areas = AreaTree.of(pieces).parts(10)
    assert [area.path for area in areas] == [
        "*",
        "d37",
        "d38",
        "d39",
        "(37 other folders)",
    ]
    assert [area.language for area in areas] == [
        "Markdown",
        "Python",
        "Python",
        "Python",
        "Python",
    ]


def test_the_rest_of_a_folder_comes_after_its_parts() -> None:
    pieces = [Piece(f"a/d{n:02}/x.py", n, 1, "Python") for n in range(40)]
    areas = AreaTree.of([*pieces, Piece("b/x.py", 1, 1, "Python")]).parts(10)
    assert [area.rest for area in areas] == [False] * (len(areas) - 2) + [True, False]
    assert areas[-1].path == "b"
    assert areas[-2].path.startswith("a/(")


def test_a_map_tells_what_is_there(repository: Write, survey: Survey) -> None:
    root = repository(
        {
            "README.md": "# Thing\n\nA thing that does things well.\n", "pyproject.toml": '[project]\nname = "thing"\ndescription = "other words"\n',
            "thing/__init__.py": '"""The package of things."""\n', "thing/__main__.py": "import thing.a\n", "thing/a.py": "x = 1\n" * 100,
            "thing/broken.py": "def\n", "tests/test_a.py": "import thing.a\n", "tests/__init__.py": '"""All tests of it."""',
            "go/go.mod": "module m\n", "go/a.go": "package a\n", "rs/src/lib.rs": "//! Rust words.\n//! More\n", "data.json": "{}\n", "pic.png": b"\0\1",
            "web/package.json": '{"description": "The page."}', "web/x.js": "", "Cargo.toml": "[package]\n", "LICENSE": "x", "vendor/v.py": "y\n" * 500,
        }
    )  # fmt: skip
    data = survey("cartographer", root)["data"]
    assert (data["title"], data["about"], data["about_from"]) == (
        "thing",
        "A thing that does things well.",
        "README.md",
    )
    assert data["totals"]["files"] == 18
    assert data["totals"]["binary"] == 1
    assert data["languages"][0]["name"] == "Python"
    assert sum(one["share"] or 0 for one in data["languages"]) == pytest.approx(
        1, abs=0.001
    )
    assert data["biggest_files"][0]["path"] == "thing/a.py"
    said = {one["path"]: one["about"] for one in data["areas"]}
    assert said["thing"] == "The package of things."
    assert said["tests"] == "All tests of it."
    assert said["web"] == "The page."
    assert {one["name"] for one in data["entry_points"]} == {"python -m thing"}
    assert data["imports"]["most_imported"] == [{"path": "thing/a.py", "importers": 1}]
    assert data["not_seen"] == [
        "1 x Python file that is not valid Python 3 (imports unknown)"
    ]


def test_without_words_the_folder_gives_the_title(write: Write, survey: Survey) -> None:
    data = survey("cartographer", write({"a.py": "import os\n"}))["data"]
    assert (data["title"], data["about"], data["about_from"]) == ("project", "", "")


def test_an_empty_folder_has_an_empty_map(tmp_path: Path, survey: Survey) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    data = survey("cartographer", empty)["data"]
    assert data["totals"]["files"] == 0
    assert data["areas"] == []


def test_a_program_in_a_package_with_a_root_is_named_as_python_finds_it(
    repository: Write, survey: Survey
) -> None:
    root = repository(
        {
            "src/pkg/__init__.py": "",
            "src/pkg/sub/__init__.py": "",
            "src/pkg/sub/__main__.py": "",
        }
    )
    assert (
        survey("cartographer", root)["data"]["entry_points"][0]["name"]
        == "python -m pkg.sub"
    )


def test_a_readme_below_the_top_speaks_for_its_folder_only(
    write: Write, survey: Survey
) -> None:
    data = survey(
        "cartographer",
        write({"sub/README.md": "# Other\n\nThese are words about the folder.\n"}),
    )["data"]
    assert (data["title"], data["about"]) == ("project", "")
    assert data["areas"][0]["about"] == "These are words about the folder."
