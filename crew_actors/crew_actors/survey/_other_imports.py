# Imports of other languages, read by patterns. Pure.
#
# 1. Only what is written as a path into the same project is found: aliases of a
#    bundler, generated code and include paths of a build are not.
# 2. Patterns are linear: each repeat is bounded.
"""What JavaScript, TypeScript, C, Go and Rust files import."""

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable

import attrs

from crew_actors.survey._paths import file_name, folder_of

_SCRIPT = re.compile(
    r"""\b(?:from|import|require)\s{0,9}\(?\s{0,9}['"](\.{1,2}(?:/[^'"\n]{0,300})?)['"]"""
)
_INCLUDE = re.compile(
    r"""^[ \t]{0,99}#[ \t]{0,9}include[ \t]{0,9}"([^"\n]{1,300})\"""", re.MULTILINE
)
_QUOTED = re.compile(r'"([^"\n]{1,300})"')
_USE = re.compile(
    r"^[ \t]{0,99}(?:pub(?:\([^)\n]{0,99}\))?[ \t]{1,9})?use[ \t]{1,9}crate::([\w:]{1,300})",
    re.MULTILINE,
)
_MOD = re.compile(
    r"^(?:pub(?:\([^)\n]{0,99}\))?[ \t]{1,9})?mod[ \t]{1,9}(\w{1,99});", re.MULTILINE
)
_GO_MODULE = re.compile(r"^module[ \t]{1,9}(\S{1,300})", re.MULTILINE)
_SCRIPT_ENDS = ("", ".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".vue", ".svelte", ".d.ts", "/index.ts", "/index.tsx", "/index.js", "/index.mjs")  # fmt: skip


def go_module(text: str) -> str:
    """Return the module's path in the text of a `go.mod`, or ""."""
    found = _GO_MODULE.search(text)
    return found[1].strip('"') if found else ""


@attrs.define
class OtherIndex:
    """Which file an import of another language means."""

    paths: frozenset[str]
    folders: frozenset[str]
    headers: dict[str, list[str]]
    go_modules: list[tuple[str, str]] = attrs.field(factory=list[tuple[str, str]])
    """Pairs of a module's path and its folder, longest path first."""

    @classmethod
    def of(cls, paths: Iterable[str]) -> "OtherIndex":
        """Index all files *paths* of one repository."""
        every = frozenset(paths)
        headers: dict[str, list[str]] = defaultdict(list)
        for path in sorted(every):
            headers[file_name(path)].append(path)
        go = frozenset(folder_of(path) for path in every if path.endswith(".go"))
        return cls(paths=every, folders=go, headers=dict(headers))

    def add_go_module(self, folder: str, text: str) -> None:
        """Take note of a `go.mod` in *folder*."""
        name = go_module(text)
        if name:
            self.go_modules.append((name, folder))
            self.go_modules.sort(key=lambda pair: (-len(pair[0]), pair))

    def targets(self, path: str, language: str, text: str) -> list[str]:
        """Return the files (for Go: folders) of the project that the text imports."""
        if language in {"JavaScript", "TypeScript", "Vue", "Svelte"}:
            found = [self._script(path, name) for name in _SCRIPT.findall(text)]
        elif language in {"C", "C++", "Objective-C", "CUDA"}:
            found = [self._header(path, name) for name in _INCLUDE.findall(text)]
        elif language == "Go":
            found = [
                self._package(name)
                for name in _QUOTED.findall(text.partition("\nfunc ")[0])
            ]
        else:
            found = self._rust(path, text)
        own = node_of(path, language)
        return sorted({target for target in found if target and target != own})

    def _script(self, path: str, name: str) -> str | None:
        base = posixpath.normpath(posixpath.join(folder_of(path), name))
        stem = (
            base.rpartition(".")[0] if base.endswith((".js", ".mjs", ".jsx")) else base
        )
        for start in (base, stem):  # TypeScript imports x.ts as x.js
            for end in _SCRIPT_ENDS:
                if start + end in self.paths:
                    return start + end
        return None

    def _header(self, path: str, name: str) -> str | None:
        near = posixpath.normpath(posixpath.join(folder_of(path), name))
        if near in self.paths:
            return near
        fits = [
            known
            for known in self.headers.get(file_name(name), ())[:50]
            if known == name or known.endswith("/" + name)
        ]
        return fits[0] if len(fits) == 1 else None

    def _package(self, name: str) -> str | None:
        for module, folder in self.go_modules:
            if name == module or name.startswith(module + "/"):
                inside = posixpath.normpath(
                    posixpath.join(folder, name[len(module) + 1 :])
                )
                inside = "" if inside == "." else inside
                return inside + "/" if inside in self.folders else None
        return None

    def _rust(self, path: str, text: str) -> list[str | None]:
        found: list[str | None] = []
        root = path.partition("/src/")[0] + "/src" if "/src/" in path else "src"
        for name in _USE.findall(text):
            parts = name.strip(":").split("::")
            tries = [
                self._module(root, parts[:end]) for end in range(len(parts), 0, -1)
            ]
            found.append(next((hit for hit in tries if hit), None))
        own = folder_of(path)
        if file_name(path) not in {"mod.rs", "lib.rs", "main.rs"}:
            own = path.removesuffix(".rs")
        found += [self._module(own, [name]) for name in _MOD.findall(text)]
        return found

    def _module(self, root: str, parts: list[str]) -> str | None:
        base = "/".join([root, *parts]) if root else "/".join(parts)
        return next(
            (base + end for end in (".rs", "/mod.rs") if base + end in self.paths),
            None,
        )


def node_of(path: str, language: str) -> str:
    """Return the name of the node of *path*: itself, or its folder for Go."""
    return folder_of(path) + "/" if language == "Go" else path
