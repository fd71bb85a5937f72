# Who imports whom, inside of the project.
#
# 1. A node is a file (for Go a folder). An edge means: the first imports the second.
# 2. Tests import everything and what is vendored belongs to others, so neither is an
#    importer here.
# 3. Cycles are those of import time. In Rust and in C a cycle of files is ordinary
#    or guarded, so neither is searched.
"""The graph of imports."""

from collections import Counter, defaultdict
from collections.abc import Iterable

import attrs

from crew_actors.survey._data import Json
from crew_actors.survey._graph import cycles
from crew_actors.survey._other_imports import OtherIndex, node_of
from crew_actors.survey._paths import folder_of, is_foreign, is_test
from crew_actors.survey._python_imports import PythonImport, PythonIndex
from crew_actors.survey._shown import shown_path

_READ = frozenset(
    {
        "JavaScript",
        "TypeScript",
        "Vue",
        "Svelte",
        "C",
        "C++",
        "Objective-C",
        "CUDA",
        "Go",
        "Rust",
    }
)
_CYCLIC = frozenset({"Python", "JavaScript", "TypeScript", "Vue", "Svelte"})
_GROUPS = 24
_DEEPEST = 6


def counts(path: str) -> bool:
    """Tell whether the imports of the file *path* are counted."""
    return not is_test(path) and not is_foreign(path)


@attrs.define
class ImportGraph:
    """Collects imports file by file; `data` then tells the graph."""

    python: PythonIndex
    other: OtherIndex
    _nodes: set[str] = attrs.field(factory=set[str])
    _edges: dict[str, set[str]] = attrs.field(
        factory=lambda: defaultdict[str, set[str]](set)
    )
    _strict: dict[str, set[str]] = attrs.field(
        factory=lambda: defaultdict[str, set[str]](set)
    )
    _languages: Counter[str] = attrs.field(factory=Counter[str])

    @classmethod
    def of(cls, paths: Iterable[str]) -> "ImportGraph":
        """Prepare for the files *paths*."""
        every = list(paths)
        python = [path for path in every if path.endswith((".py", ".pyi"))]
        return cls(python=PythonIndex.of(python), other=OtherIndex.of(every))

    def add_python(self, path: str, imports: Iterable[PythonImport]) -> None:
        """Take in one Python file."""
        edges: dict[str, bool] = {}
        for found in imports:
            target = self.python.targets(path, found)
            if target is not None:
                edges[target] = edges.get(target, True) and found.deferred
        self._add(path, "Python", edges)

    def add_other(self, path: str, language: str, text: str) -> None:
        """Take in one file of another language; of unread languages, nothing."""
        if language in _READ and counts(path):
            targets = self.other.targets(path, language, text)
            self._add(path, language, dict.fromkeys(targets, language not in _CYCLIC))

    def _add(self, path: str, language: str, edges: dict[str, bool]) -> None:
        node = node_of(path, language)
        self._languages[language] += 1
        self._nodes.add(node)
        self._edges[node].update(edges)
        self._strict[node].update(
            target for target, deferred in edges.items() if not deferred
        )

    def data(self) -> dict[str, Json]:
        """Return the graph's figures, its ranking, its groups and its cycles."""
        importers = Counter(
            target for edges in self._edges.values() for target in edges
        )
        ranking = sorted(importers, key=lambda path: (-importers[path], path))
        loops = cycles(
            {node: tuple(sorted(self._strict[node])) for node in self._nodes}
        )
        return {
            "files": sum(self._languages.values()),
            "languages": [*sorted(self._languages)],
            "edges": sum(map(len, self._edges.values())),
            "most_imported": [
                {"path": shown_path(path), "importers": importers[path]}
                for path in ranking[:25]
            ],
            "cycle_count": len(loops),
            "cycles": [
                {
                    "size": len(loop),
                    "members": [shown_path(path) for path in loop[:40]],
                }
                for loop in loops[:20]
            ],
            "groups": self._groups(),
        }

    def _groups(self) -> list[Json]:
        """Return folders and the folders they import, at the depth that still reads."""
        names = self._grouping()
        between: dict[str, Counter[str]] = defaultdict(Counter)
        back: dict[str, Counter[str]] = defaultdict(Counter)
        for node, targets in self._edges.items():
            for target in targets:
                one, two = names[node], names.get(target)
                if two is not None and one != two:
                    between[one][two] += 1
                    back[two][one] += 1
        files = Counter(names[node] for node in self._nodes)
        order = sorted(files, key=lambda name: (-sum(back[name].values()), name))
        groups: list[Json] = [
            {
                "path": shown_path(name),
                "files": files[name],
                "imports": _ranked(between[name]),
                "imported_by": _ranked(back[name]),
            }
            for name in order
            if between[name] or back[name]
        ]
        return groups[:_GROUPS]

    def _grouping(self) -> dict[str, str]:
        folders = {
            node: node[:-1] if node.endswith("/") else folder_of(node)
            for node in self._nodes
        }
        names = folders
        for depth in range(_DEEPEST, 0, -1):
            names = {
                node: "/".join(name.split("/")[:depth])
                for node, name in folders.items()
            }
            if len(set(names.values())) <= _GROUPS:
                break
        labels = self._labels(set(names.values()))
        return {node: labels[name] for node, name in names.items()}

    def _labels(self, folders: set[str]) -> dict[str, str]:
        """Name each folder: by its Python package where that is unmistakable."""
        packages = {name: self.python.package_name(name) for name in folders}
        used = Counter(packages.values())
        return {
            name: package if package and used[package] == 1 else name or "."
            for name, package in packages.items()
        }


def _ranked(counts: Counter[str]) -> list[Json]:
    order = sorted(counts, key=lambda name: (-counts[name], name))
    return [{"path": shown_path(name), "count": counts[name]} for name in order[:12]]
