"""Who imports whom, read from the sources."""

import pytest
from hypothesis import given, strategies as st

from crew_actors.survey._data import View
from crew_actors.survey._graph import cycles
from crew_actors.survey._imports import ImportGraph
from crew_actors.survey._python_imports import parse, python_imports


def _edges(files: dict[str, str]) -> dict[str, set[str]]:
    return {node: found for node, found in _graph(files)._edges.items() if found}


def _graph(files: dict[str, str]) -> ImportGraph:
    graph = ImportGraph.of(files)
    languages = {
        ".py": "Python",
        ".ts": "TypeScript",
        ".js": "JavaScript",
        ".c": "C",
        ".h": "C",
        ".go": "Go",
        ".rs": "Rust",
        ".mod": "",
        ".md": "Markdown",
    }
    for path, text in files.items():
        if path.endswith("go.mod"):
            graph.other.add_go_module(path.rpartition("/")[0], text)
    for path, text in files.items():
        language = languages[path[path.rindex(".") :]]
        tree = parse(text) if language == "Python" else None
        if tree is not None:
            graph.add_python(path, python_imports(tree))
        else:
            graph.add_other(path, language, text)
    return graph


@pytest.mark.parametrize(
    ("statement", "target"),
    [
        ("import pkg.b", "pkg/b.py"),
        ("import pkg.b as x, os", "pkg/b.py"),
        ("from pkg import b", "pkg/b.py"),
        ("from pkg import NAME", "pkg/__init__.py"),
        ("from pkg.b import NAME", "pkg/b.py"),
        ("from . import b", "pkg/b.py"),
        ("from .b import *", "pkg/b.py"),
        ("from .sub import deep", "pkg/sub/deep.py"),
        ("import pkg.missing", "pkg/__init__.py"),
        ("from ...... import b", "pkg/b.py"),
        ("import json", None),
        ("import nowhere", None),
        ("from . import a", None),
    ],
)
def test_a_python_import_is_looked_up_as_python_does(
    statement: str, target: str | None
) -> None:
    files = {
        "pkg/__init__.py": "",
        "pkg/a.py": statement,
        "pkg/b.py": "",
        "pkg/sub/__init__.py": "",
        "pkg/sub/deep.py": "",
        "json.py": "",
    }
    files = {f"src/{name}": text for name, text in files.items()} | {
        "tools/json.py": ""
    }
    if target is None and statement == "import json":
        target = "json.py"  # beside the package: the nearest root wins
    if statement.startswith("from ......"):
        target = None if target is None else target
        assert _edges(files).get("src/pkg/a.py", set()) <= {f"src/{target}"}
        return
    wanted = {f"src/{target}"} if target else set[str]()
    assert _edges(files).get("src/pkg/a.py", set()) == wanted


def test_a_standard_name_is_not_taken_for_a_file_of_another_root() -> None:
    assert _edges({"a/x.py": "import json", "b/json.py": ""}) == {}


def test_namespace_packages_are_found_from_the_top() -> None:
    assert _edges({"ns/one/a.py": "import ns.two.b", "ns/two/b.py": ""}) == {
        "ns/one/a.py": {"ns/two/b.py"}
    }
    assert _edges({"src/ns/a.py": "import ns.b", "src/ns/b.py": ""}) == {
        "src/ns/a.py": {"src/ns/b.py"}
    }


def test_an_ambiguous_name_makes_no_edge() -> None:
    assert _edges({"a/util.py": "", "b/util.py": "", "c/x.py": "import util"}) == {}
    assert _edges({"a/util.py": "", "c/x.py": "import util"}) == {
        "c/x.py": {"a/util.py"}
    }


def test_imports_in_every_kind_of_block_are_found() -> None:
    text = """
try:
    import m.a
except ImportError:
    import m.b
else:
    import m.c
finally:
    import m.d
with x:
    import m.e
match x:
    case 1:
        import m.f
class K:
    import m.g
def f():
    import m.h
if TYPE_CHECKING:
    import m.i
else:
    import m.j
if typing.TYPE_CHECKING:
    import m.k
if __name__ == "__main__":
    import m.l
"""
    tree = parse(text)
    assert tree is not None
    found = {one.module[-1]: one.deferred for one in python_imports(tree)}
    assert "".join(sorted(found)) == "abcdefghijkl"
    assert {name for name, deferred in found.items() if deferred} == set("hikl")


@pytest.mark.parametrize(
    "text", ["def", "a\0b", "(" * 5000, "x = " + "-" * 100_000 + "1", "print 'x'"]
)
def test_what_is_no_python_has_no_tree(text: str) -> None:
    assert parse(text) is None


def test_a_broken_escape_is_no_warning_of_ours() -> None:
    assert parse(r"x = '\d'") is not None


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("import x from './b'", "web/b.ts"),
        ("import './b.js'", "web/b.ts"),
        ("export * from '../lib'", "lib/index.js"),
        ("const x = require('./c.js')", "web/c.js"),
        ("await import('./b')", "web/b.ts"),
        ("import x from 'react'", None),
        ("import x from './none'", None),
        ("import x from '../../../etc'", None),
    ],
)
def test_a_relative_import_of_javascript_is_found(
    text: str, target: str | None
) -> None:
    files = {"web/a.ts": text, "web/b.ts": "", "web/c.js": "", "lib/index.js": ""}
    assert _edges(files) == ({"web/a.ts": {target}} if target else {})


def test_an_include_is_found_beside_the_file_or_where_only_one_fits() -> None:
    files = {
        "src/a.c": '#include "b.h"\n  # include "deep/c.h"\n#include <stdio.h>\n#include "two.h"\n',
        "src/b.h": "",
        "include/deep/c.h": "",
        "x/two.h": "",
        "y/two.h": "",
    }
    assert _edges(files) == {"src/a.c": {"src/b.h", "include/deep/c.h"}}


def test_a_go_import_means_a_folder_of_the_module() -> None:
    files = {
        "go.mod": "module example.org/x\n",
        "main.go": 'package main\nimport (\n "example.org/x/inner"\n "fmt"\n "example.org/x/none"\n)\nfunc main() { f("example.org/x/late") }',
        "inner/a.go": 'package inner\nimport "example.org/x"\n',
        "late/a.go": "package late",
    }
    assert _edges(files) == {"/": {"inner/"}, "inner/": {"/"}}


def test_a_go_mod_without_a_module_is_no_module() -> None:
    assert _edges({"go.mod": "go 1.22\n", "a.go": 'import "x/y"', "y/b.go": ""}) == {}


def test_rust_modules_and_uses_are_found() -> None:
    files = {
        "src/lib.rs": "mod a;\npub mod b;\nmod none;\n",
        "src/a.rs": "use crate::b::c::Thing;\nuse crate::none;\nmod inner;\n",
        "src/a/inner.rs": "use std::io;\n",
        "src/b/mod.rs": "pub mod c;\n",
        "src/b/c.rs": "",
    }
    assert _edges(files) == {
        "src/lib.rs": {"src/a.rs", "src/b/mod.rs"},
        "src/a.rs": {"src/b/c.rs", "src/a/inner.rs"},
        "src/b/mod.rs": {"src/b/c.rs"},
    }


def test_tests_and_vendored_files_are_no_importers() -> None:
    files = {
        "a.py": "",
        "tests/test_a.py": "import a",
        "vendor/b.py": "import a",
        "tests/x.test.ts": "import '../y'",
        "y.ts": "",
        "notes.md": "",
    }
    graph = ImportGraph.of(files)
    graph.add_other("tests/x.test.ts", "TypeScript", files["tests/x.test.ts"])
    graph.add_other("notes.md", "Markdown", "")
    assert graph.data()["edges"] == 0


def test_a_cycle_of_import_time_is_told_and_a_deferred_one_is_not() -> None:
    files = {
        "p/__init__.py": "",
        "p/a.py": "from p import b",
        "p/b.py": "from p import a",
        "p/c.py": "import p.d",
        "p/d.py": "def f():\n    import p.c\n",
    }
    data = View(_graph(files).data())
    assert data.whole("cycle_count") == 1
    assert data.views("cycles")[0].texts("members") == ["p/a.py", "p/b.py"]
    assert data.views("cycles")[0].whole("size") == 2


def test_groups_tell_which_part_imports_which() -> None:
    files = {f"p/{name}/__init__.py": "" for name in ("one", "two")} | {
        "p/__init__.py": "",
        "p/one/a.py": "import p.two.b",
        "p/two/b.py": "",
        "web/x.ts": "import '../lib/y'",
        "lib/y.ts": "",
    }
    groups = {
        one.text("path"): one for one in View(_graph(files).data()).views("groups")
    }
    assert list(groups) == ["lib", "p.two", "p.one", "web"]
    assert groups["p.one"].views("imports")[0].value == {"path": "p.two", "count": 1}
    assert groups["p.two"].views("imported_by")[0].text("path") == "p.one"


def test_a_wide_tree_is_grouped_where_it_still_reads() -> None:
    files = {f"a/b{n}/x.ts": "import '../c'" for n in range(40)} | {
        "a/c.ts": "",
        "z/d.ts": "import '../a/c'",
    }
    groups = View(_graph(files).data()).views("groups")
    assert [one.text("path") for one in groups] == ["a", "z"]


_NODES = st.sampled_from("abcdefg")


@given(st.dictionaries(_NODES, st.lists(_NODES).map(tuple)))
def test_a_cycle_is_a_set_of_nodes_that_reach_each_other(
    graph: dict[str, tuple[str, ...]],
) -> None:
    def reach(start: str) -> set[str]:
        seen: set[str] = set()
        work = [start]
        while work:
            for target in graph.get(work.pop(), ()):
                if target in graph and target not in seen:
                    seen.add(target)
                    work.append(target)
        return seen

    wanted = {
        frozenset(other for other in reach(node) if node in reach(other))
        for node in graph
    }
    assert {frozenset(group) for group in cycles(graph)} == {
        group for group in wanted if len(group) > 1
    }


def test_a_chain_of_any_length_is_no_recursion() -> None:
    graph = {str(n): (str(n + 1),) for n in range(50_000)} | {"50000": ("0",)}
    assert [len(group) for group in cycles(graph)] == [50_001]


def test_a_tree_that_is_wide_at_the_top_is_cut_to_its_most_imported_parts() -> None:
    files = {f"b{n:02}/x.ts": "import '../a/c'" for n in range(30)} | {"a/c.ts": ""}
    groups = View(_graph(files).data()).views("groups")
    assert len(groups) == 24
    assert groups[0].text("path") == "a"
