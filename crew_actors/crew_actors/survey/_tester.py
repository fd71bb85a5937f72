# Which tests there are, how they are started, and which code none of them names.
#
# Nothing is executed. Tests are counted by how they are written; "without tests" means
# that no test is in the folder, has its name or imports from it. That is a hint, not a
# measure: what the tests reach is what a coverage tool says.
"""The agent that looks at the tests."""

import re
from collections import Counter, defaultdict

import attrs

from crew_actors.survey._data import Json
from crew_actors.survey._languages import language_of
from crew_actors.survey._manifests import read_manifest
from crew_actors.survey._paths import (
    file_name,
    folder_of,
    is_foreign,
    is_sample,
    is_test,
    is_test_file,
)
from crew_actors.survey._reading import Document, Reader
from crew_actors.survey._shown import shown_path
from crew_actors.survey._suites import Ci, Suite, ci_of, suites_of
from crew_actors.survey._walk import Tree

_SCRIPT_TEST = re.compile(r"^[ \t]{0,40}(?:it|test)(?:\.\w{1,20}){0,2}\(", re.MULTILINE)
_FUNCTIONS = {
    "Python": re.compile(
        r"^[ \t]{0,40}(?:async[ \t]{1,9})?def[ \t]{1,9}test\w{0,200}", re.MULTILINE
    ),
    "JavaScript": _SCRIPT_TEST,
    "TypeScript": _SCRIPT_TEST,
    "Go": re.compile(r"^func (?:Test|Fuzz|Example|Benchmark)\w{0,200}\(", re.MULTILINE),
    "Rust": re.compile(r"^[ \t]{0,40}#\[(?:\w{1,40}::)?test\b", re.MULTILINE),
    "Java": re.compile(
        r"^[ \t]{0,40}@(?:Test|ParameterizedTest|RepeatedTest)\b", re.MULTILINE
    ),
    "Kotlin": re.compile(
        r"^[ \t]{0,40}@(?:Test|ParameterizedTest|RepeatedTest)\b", re.MULTILINE
    ),
    "C#": re.compile(r"^[ \t]{0,40}\[(?:Fact|Theory|Test|TestMethod)\b", re.MULTILINE),
    "Ruby": re.compile(
        r"^[ \t]{0,40}(?:it|specify|test)[ \t(]{1,3}['\"]|^[ \t]{0,40}def[ \t]{1,9}test_",
        re.MULTILINE,
    ),
    "PHP": re.compile(r"^[ \t]{0,40}public function test", re.MULTILINE),
    "C++": re.compile(
        r"^[ \t]{0,40}(?:TEST|TEST_F|TEST_P|TEST_CASE|BOOST_AUTO_TEST_CASE)\(",
        re.MULTILINE,
    ),
    "Shell": re.compile(r"^@test ", re.MULTILINE),
    "Elixir": re.compile(r"^[ \t]{0,40}test \"", re.MULTILINE),
}
_IMPORTED = re.compile(
    r"^[ \t]{0,40}(?:from|import)[ \t]{1,9}([\w.]{1,200})(?:[ \t]{1,9}import[ \t]{1,9}\(?([\w, \t]{1,300}))?",
    re.MULTILINE,
)
_PATHS = re.compile(r"""['"](?:[\w@./-]{0,200}/)([\w.-]{1,100})['"]""")
_COMMON = frozenset({"", "src", "lib", "app", "main", "test", "tests", "python", "java", "packages", "pkg", "internal", "cmd", "scripts", "tools", "__init__", "index", "utils", "util", "os", "sys", "re", "json", "typing", "pytest"})  # fmt: skip
_IMPORTS_PYTEST = re.compile(r"^[ \t]{0,40}(?:import|from) pytest\b", re.MULTILINE)
_LEAST_LINES = 50


@attrs.define
class _Tests:
    suites: list[Suite] = attrs.field(factory=list[Suite])
    ci: list[Ci] = attrs.field(factory=list[Ci])
    files: Counter[str] = attrs.field(factory=Counter[str])
    functions: Counter[str] = attrs.field(factory=Counter[str])
    test_lines: int = 0
    source_lines: int = 0
    inline: int = 0
    sources: dict[str, list[tuple[str, int]]] = attrs.field(
        factory=lambda: defaultdict[str, list[tuple[str, int]]](list)
    )
    tested_folders: set[str] = attrs.field(factory=set[str])
    words: set[str] = attrs.field(factory=set[str])
    """What the tests name: their folders, their own names, what they import."""

    folders: Counter[str] = attrs.field(factory=Counter[str])
    python: str = ""
    """The first Python file with tests."""

    pytest: str = ""
    """The first file that needs pytest: it imports it, or names it as a dependency."""

    def add(self, document: Document) -> None:
        path, text = document.path, document.text
        if document.binary or is_foreign(path):
            return
        if not is_sample(path) or file_name(path) in {"conftest.py", "pytest.ini"}:
            self.suites += suites_of(path, text)
        ci = ci_of(path, text)
        if ci is not None:
            self.ci.append(ci)
        if not self.pytest and _needs_pytest(path, text, ci):
            self.pytest = path
        language = language_of(path, text[:200].partition("\n")[0])
        if language is None or language.kind != "code":
            return
        pattern = _FUNCTIONS.get(language.name)
        count = (
            sum(1 for _ in pattern.finditer(text))
            if pattern and "est" in text + "it"
            else 0
        )
        if is_test(path):
            self._test(document, language.name, count)
        elif not is_sample(path):
            self.source_lines += document.lines
            self.sources[folder_of(path)].append((path, document.lines))
            if language.name == "Rust" and count:
                self.inline += count
                self.functions["Rust"] += count
                self.tested_folders.add(folder_of(path))

    def _test(self, document: Document, language: str, count: int) -> None:
        path, text = document.path, document.text
        self.test_lines += document.lines
        if is_test_file(path) or count:
            self.files[language] += 1
            self.functions[language] += count
            self.folders[folder_of(path)] += 1
            self.tested_folders.add(folder_of(path))
        if language == "Python" and count:
            self.python = self.python or path
        self.words.update(folder_of(path).split("/"))
        stem = file_name(path).partition(".")[0].lower()
        self.words.add(re.sub(r"^tests?[_-]?|[_-]?(?:tests?|spec)$", "", stem))
        for module, names in _IMPORTED.findall(text):
            self.words.update(module.split("."))
            self.words.update(name.strip() for name in names.split(","))
        self.words.update(name.partition(".")[0] for name in _PATHS.findall(text))

    def untested(self) -> list[tuple[int, str, int]]:
        """Return lines, name and files of the folders that no test names, largest first."""
        words = {word.lower() for word in self.words} - _COMMON
        found: list[tuple[int, str, int]] = []
        for folder, files in self.sources.items():
            lines = sum(count for _, count in files)
            names = {
                file_name(path).partition(".")[0].lower().lstrip("_")
                for path, _ in files
            }
            names.add(file_name(folder).lower())
            bare = {word.lstrip("_") for word in words}
            if (
                lines >= _LEAST_LINES
                and folder not in self.tested_folders
                and names.isdisjoint(bare)
            ):
                found.append((-lines, folder, len(files)))
        return sorted(found)


def _needs_pytest(path: str, text: str, ci: Ci | None) -> bool:
    if "pytest" not in text:
        return False
    if file_name(path) == "setup.py":
        return True
    if is_test(path) and path.endswith(".py"):
        return _IMPORTS_PYTEST.search(text) is not None
    if ci is not None:
        return any("pytest" in command for command in ci.commands)
    manifest = read_manifest(path, text)
    return manifest is not None and any("pytest" in name for name in manifest.names)


def look_at_tests(tree: Tree, reader: Reader) -> dict[str, Json]:
    """Return the data of the tests of *tree*."""
    found = _Tests()
    for document in reader.documents(tree):
        found.add(document)
    untested = found.untested()
    test_files = sum(found.files.values())
    return {
        "agent": "tester",
        "suites": [suite.data() for suite in _suites(found)[:20]],
        "test_files": test_files,
        "test_functions": sum(found.functions.values()),
        "inline_tests": found.inline,
        "by_language": [
            {
                "language": name,
                "files": found.files[name],
                "functions": found.functions[name],
            }
            for name in sorted(
                {*found.files, *found.functions},
                key=lambda one: (-found.functions[one], one),
            )
        ],
        "test_lines": found.test_lines,
        "source_lines": found.source_lines,
        "ratio": round(found.test_lines / found.source_lines, 3)
        if found.source_lines
        else None,
        "test_folders": [
            {"path": shown_path(folder) or ".", "files": count}
            for folder, count in sorted(
                found.folders.items(), key=lambda pair: (-pair[1], pair[0])
            )[:20]
        ],
        "untested_folders": [
            {"path": shown_path(folder) or ".", "lines": -lines, "files": files}
            for lines, folder, files in untested[:20]
        ],
        "untested_count": len(untested),
        "ci": [ci.data() for ci in found.ci[:20]],
        "not_seen": [*tree.notes(), *reader.notes()],
    }


def _suites(found: _Tests) -> list[Suite]:
    """Return one suite for each tool and command; those told by files come last."""
    suites = {
        (suite.tool, suite.run): suite
        for suite in sorted(found.suites, key=_near, reverse=True)
    }
    nested = {suite.tool for suite in suites.values() if "/" not in suite.evidence}
    kept = [
        suite
        for suite in sorted(suites.values(), key=_near)
        if "/" not in suite.evidence or suite.tool not in nested
    ]
    tools = {suite.tool for suite in kept}
    folder = min(found.folders, default="")
    if found.files["Python"] and not tools & {"pytest", "tox", "nox"}:
        tool = "pytest" if found.pytest else "unittest"
        evidence = found.pytest or found.python or folder
        kept.append(Suite(tool, f"python -m {tool}", evidence))
    for language, tool, run in (
        ("Go", "go test", "go test ./..."),
        ("Rust", "cargo test", "cargo test"),
        ("Shell", "bats", f"bats {folder}"),
    ):
        if found.functions[language] and tool not in tools:
            kept.append(Suite(tool, run, folder))
    return kept


def _near(suite: Suite) -> tuple[int, str, str]:
    return suite.evidence.count("/"), suite.evidence, suite.tool
