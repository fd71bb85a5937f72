# What is in the repository: languages, folders, ways in, who imports whom.
"""The agent that draws the map."""

import ast
from collections import Counter, defaultdict
from collections.abc import Iterable

import attrs

from crew_actors.survey._about import first_sentence, readme_title, summary_line
from crew_actors.survey._areas import Area, AreaTree, Piece
from crew_actors.survey._data import Json
from crew_actors.survey._entry_points import (
    EntryPoint,
    entry_points,
    load_json,
    load_toml,
)
from crew_actors.survey._imports import ImportGraph, counts
from crew_actors.survey._languages import Language, language_of
from crew_actors.survey._paths import file_name, folder_of, is_foreign
from crew_actors.survey._python_imports import parse, python_imports
from crew_actors.survey._reading import Document, Reader
from crew_actors.survey._shown import shown_path
from crew_actors.survey._walk import Tree

_PARSED_BYTES = 96 << 20
_AREAS = 32
_README = (
    "readme.md",
    "readme.rst",
    "readme.txt",
    "readme",
    "readme.adoc",
    "readme.org",
)


@attrs.define
class _Map:
    graph: ImportGraph
    pieces: list[Piece] = attrs.field(factory=list[Piece])
    languages: dict[Language, Counter[str]] = attrs.field(
        factory=lambda: defaultdict[Language, Counter[str]](Counter[str])
    )
    entries: list[EntryPoint] = attrs.field(factory=list[EntryPoint])
    about: dict[str, str] = attrs.field(factory=dict[str, str])
    """What each folder says it is, by folder."""

    name: str = ""
    title: str = ""
    about_from: str = ""
    binary: int = 0
    unparsed: int = 0
    parsed_bytes: int = 0

    def add(self, document: Document) -> None:
        path, size = document.path, document.entry.size
        if document.binary:
            self.binary += 1
            self.pieces.append(Piece(path, 0, size, ""))
            return
        language = language_of(path, document.text.partition("\n")[0])
        shares = language is not None and language.counts and not is_foreign(path)
        name = language.name if language else ""
        self.pieces.append(Piece(path, document.lines, size, name, shares))
        self.entries += [
            self._named(entry) for entry in entry_points(path, document.text)
        ]
        self._describe(path, document.text)
        if language is None:
            return
        if shares or language.kind in {"prose", "data"}:
            self.languages[language].update(files=1, lines=document.lines, bytes=size)
        if language.name == "Python":
            self._python(path, document.text)
        elif language.kind in {"code", "markup"}:
            self.graph.add_other(path, language.name, document.text)

    def _named(self, entry: EntryPoint) -> EntryPoint:
        """Give a runnable package the name under which Python finds it."""
        package = self.graph.python.package_name(folder_of(entry.place))
        if entry.kind != "module" or not package:
            return entry
        return attrs.evolve(entry, name=f"python -m {package}")

    def _python(self, path: str, text: str) -> None:
        if not counts(path) and file_name(path) != "__init__.py":
            return
        self.parsed_bytes += len(text)
        tree = parse(text) if self.parsed_bytes <= _PARSED_BYTES else None
        if tree is None:
            self.unparsed += 1
            return
        if counts(path):
            self.graph.add_python(path, python_imports(tree))
        if file_name(path) == "__init__.py":
            said = summary_line(ast.get_docstring(tree) or "")
            self._tell(folder_of(path), said, path)

    def _describe(self, path: str, text: str) -> None:
        name, folder = file_name(path), folder_of(path)
        if name.lower() in _README:
            self._tell(folder, first_sentence(text), path)
            if not folder:
                self.title = self.title or readme_title(text)
        elif name == "go.mod":
            self.graph.other.add_go_module(folder, text)
        elif name in {"lib.rs", "mod.rs", "main.rs"} and text.startswith("//!"):
            lines = [
                line[3:] for line in text.split("\n")[:20] if line.startswith("//!")
            ]
            self._tell(folder, summary_line("\n".join(lines)), path)
        elif name in {"package.json", "pyproject.toml", "Cargo.toml"}:
            self._manifest(name, folder, text)

    def _manifest(self, name: str, folder: str, text: str) -> None:
        view = load_json(text) if name == "package.json" else load_toml(text)
        if name == "pyproject.toml":
            view = view.at("project") or view.at("tool").at("poetry")
        elif name == "Cargo.toml":
            view = view.at("package")
        if not folder:
            self.name = self.name or view.text("name")
        self._tell(folder, summary_line(view.text("description")), name)

    def _tell(self, folder: str, text: str, place: str) -> None:
        """Take note of what a folder says it is; a README has the last word."""
        if text and (folder not in self.about or place.lower().endswith(_README)):
            self.about[folder] = text
            if not folder:
                self.about_from = place


def draw_map(tree: Tree, reader: Reader, folder_name: str) -> dict[str, Json]:
    """Return the data of the map of *tree*.

    *folder_name* is its title when neither a manifest nor a README has one.
    """
    found = _Map(graph=ImportGraph.of(entry.path for entry in tree.files))
    documents = reader.documents(tree)
    late: list[Document] = []
    for document in documents:  # a go.mod must be known before the files it names
        if document.path.endswith(".go"):
            late.append(document)
        else:
            found.add(document)
    for document in late:
        found.add(document)
    areas = AreaTree.of(found.pieces)
    ways = Counter(entry.kind for entry in found.entries)
    notes = tree.notes() + reader.notes()
    if found.unparsed:
        notes.append(
            f"{found.unparsed} x Python file that is not valid Python 3 (imports unknown)"
        )
    return {
        "agent": "cartographer",
        "title": shown_path(found.name or found.title or folder_name),
        "about": found.about.get("", ""),
        "about_from": shown_path(found.about_from),
        "source": tree.source,
        "totals": {
            "files": len(tree.files),
            "binary": found.binary,
            "folders": len(areas.whole) - 1,
            "lines": sum(piece.lines for piece in found.pieces),
            "bytes": sum(entry.size for entry in tree.files),
            "code_lines": sum(
                count["lines"]
                for language, count in found.languages.items()
                if language.counts
            ),
        },
        "languages": _languages(found.languages),
        "biggest_files": _biggest(found.pieces),
        "areas": [_area(area, found.about) for area in areas.parts(_AREAS)],
        "entry_points": [entry.data() for entry in _ordered(found.entries)[:80]],
        "entry_point_counts": {kind: ways[kind] for kind in _ORDER if ways[kind]},
        "imports": found.graph.data(),
        "not_seen": list(notes),
    }


def _languages(counted: dict[Language, Counter[str]]) -> list[Json]:
    total = sum(
        count["bytes"] for language, count in counted.items() if language.counts
    )
    order = sorted(
        counted, key=lambda one: (not one.counts, -counted[one]["bytes"], one.name)
    )
    return [
        {
            "name": language.name,
            "kind": language.kind,
            "files": counted[language]["files"],
            "lines": counted[language]["lines"],
            "bytes": counted[language]["bytes"],
            "share": round(counted[language]["bytes"] / total, 4)
            if language.counts and total
            else None,
        }
        for language in order
    ]


def _biggest(pieces: Iterable[Piece]) -> list[Json]:
    order = sorted(
        (piece for piece in pieces if piece.language and piece.shares),
        key=lambda piece: (-piece.lines, piece.path),
    )
    return [
        {
            "path": shown_path(piece.path),
            "lines": piece.lines,
            "bytes": piece.bytes,
            "language": piece.language,
        }
        for piece in order[:15]
    ]


def _area(area: Area, about: dict[str, str]) -> Json:
    return {
        "path": shown_path(area.path),
        "files": area.files,
        "lines": area.lines,
        "bytes": area.bytes,
        "language": area.language,
        "about": about.get(area.path.removesuffix("*").rstrip("/"), "")
        if area.path != "*"
        else "",
    }


_ORDER = (
    "command",
    "module",
    "program",
    "image",
    "library",
    "plugin",
    "task",
    "workflow",
    "script",
)


def _ordered(entries: Iterable[EntryPoint]) -> list[EntryPoint]:
    return sorted(
        entries,
        key=lambda entry: (
            _ORDER.index(entry.kind),
            entry.place.count("/"),
            entry.place,
            entry.name,
        ),
    )
