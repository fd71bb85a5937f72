# Imports of Python files, read from the syntax tree. Pure.
#
# 1. An import inside a function, under `if TYPE_CHECKING` or under `if __name__ ==` is
#    deferred: it is not done when the module is imported, so it makes no cycle.
# 2. A name is looked up as Python would: from the folder that the importing package
#    stands in, then from any other root if only one file fits.
"""What Python files import."""

import ast
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator

import attrs

from crew_actors.survey._paths import folder_of


@attrs.frozen
class PythonImport:
    """One imported name, as written."""

    module: str
    """The dotted name after `import` or `from`; may be empty in `from . import x`."""

    name: str
    """The name after `from ... import`, else empty."""

    level: int
    """The number of leading dots."""

    deferred: bool


def parse(text: str) -> ast.Module | None:
    """Return the syntax tree of Python source, or None if it has none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the source, not about us
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None  # the last two are how the parser refuses deep nesting


def python_imports(tree: ast.Module) -> list[PythonImport]:
    """Return the imports of a module in the order of its statements."""
    return list(_statements(tree.body))


def _statements(body: Iterable[ast.stmt]) -> Iterator[PythonImport]:
    work: list[tuple[ast.stmt, bool]] = [(node, False) for node in reversed(list(body))]
    while work:
        node, deferred = work.pop()
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield PythonImport(alias.name, "", 0, deferred)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield PythonImport(node.module or "", alias.name, node.level, deferred)
        else:
            work += [
                (child, deferred or later) for child, later in reversed(_children(node))
            ]


def _children(node: ast.stmt) -> list[tuple[ast.stmt, bool]]:
    later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    if isinstance(node, ast.If) and _is_apart(node.test):
        return [(child, True) for child in node.body] + [
            (child, False) for child in node.orelse
        ]
    found: list[tuple[ast.stmt, bool]] = []
    for field in ("body", "orelse", "finalbody"):
        found += [(child, later) for child in getattr(node, field, ())]
    for field in ("handlers", "cases"):
        for part in getattr(node, field, ()):
            found += [(child, later) for child in part.body]
    return found


def _is_apart(test: ast.expr) -> bool:
    """Tell whether *test* is false when the module is imported."""
    if isinstance(test, ast.Compare):
        test = test.left
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")
    return name in {"TYPE_CHECKING", "__name__"}


@attrs.define
class PythonIndex:
    """Which file a dotted name means, for each file that may ask."""

    _by_root: dict[tuple[str, str], str] = attrs.field(
        factory=dict[tuple[str, str], str]
    )
    _by_name: dict[str, list[str]] = attrs.field(
        factory=lambda: defaultdict[str, list[str]](list)
    )
    _names: dict[str, tuple[str, str]] = attrs.field(factory=dict[str, tuple[str, str]])

    @classmethod
    def of(cls, paths: Iterable[str]) -> "PythonIndex":
        """Index the Python files *paths* of one repository."""
        files = sorted(paths)
        packages = {folder_of(path) for path in files if path.endswith("/__init__.py")}
        index = cls()
        for path in files:
            index._add(path, packages)
        return index

    def _add(self, path: str, packages: set[str]) -> None:
        root = folder_of(path)
        while root in packages:
            root = folder_of(root)
        dotted = _dotted(path, root)
        self._names[path] = root, dotted
        self._by_root.setdefault((root, dotted), path)
        self._by_name[dotted].append(path)
        for other in ("", "src"):  # namespace packages, counted from the top
            if other != root and (not other or path.startswith("src/")):
                self._by_root.setdefault((other, _dotted(path, other)), path)

    def package_name(self, folder: str) -> str:
        """Return the dotted name of the package in *folder*, or ""."""
        init = f"{folder}/__init__.py"
        return self._names[init][1] if init in self._names else ""

    def targets(self, path: str, found: PythonImport) -> str | None:
        """Return the file that *found* in the file *path* imports, if it is one of ours."""
        root, own = self._names.get(path, (folder_of(path), ""))
        module = found.module
        if found.level:
            parts = own.split(".") if own else []
            drop = found.level - path.endswith("__init__.py")
            base = parts[: max(0, len(parts) - drop)]
            module = ".".join([*base, *([module] if module else [])])
        full = (
            f"{module}.{found.name}" if found.name and module else module or found.name
        )
        while full:
            target = self._lookup(root, full, absolute=not found.level)
            if target is not None:
                return target if target != path else None
            full = full.rpartition(".")[0]
        return None

    def _lookup(self, root: str, dotted: str, *, absolute: bool) -> str | None:
        here = self._by_root.get((root, dotted))
        if here is not None:
            return here
        if absolute and dotted.partition(".")[0] in sys.stdlib_module_names:
            return None
        there = self._by_root.get(("", dotted)) or self._by_root.get(("src", dotted))
        if there is not None:
            return there
        known = self._by_name.get(dotted, ())
        return known[0] if len(known) == 1 else None


def _dotted(path: str, root: str) -> str:
    inside = path[len(root) + 1 :] if root else path
    name = inside.rpartition(".")[0].replace("/", ".")
    return name.removesuffix("__init__").removesuffix(".")
