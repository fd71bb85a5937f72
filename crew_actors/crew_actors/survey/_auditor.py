# What somebody should look at: secrets, risky code, odd files, terms, dependencies.
"""The agent that looks for risks."""

import re
from collections import Counter
from collections.abc import Iterator

import attrs

from crew_actors.survey._data import Json
from crew_actors.survey._languages import language_of
from crew_actors.survey._licences import is_licence_file, licence_of, spdx_names
from crew_actors.survey._manifests import LOCK_NAMES, Manifest, read_manifest
from crew_actors.survey._odd_files import (
    FILE_LINES,
    build_output,
    long_file,
    no_licence,
    odd_file,
    whole_repository,
)
from crew_actors.survey._paths import (
    file_name,
    is_built,
    is_foreign,
    is_sample,
    suffix_of,
)
from crew_actors.survey._reading import Document, Reader
from crew_actors.survey._risks import SEVERITIES, Risk, by_kind, lowered, merged
from crew_actors.survey._risky import risky_places
from crew_actors.survey._secrets import find_secrets
from crew_actors.survey._shown import one_line, shown_path
from crew_actors.survey._sizes import long_functions
from crew_actors.survey._text import LineNumbers
from crew_actors.survey._walk import Entry, Tree

_MARKS = ("TODO", "FIXME", "XXX", "HACK")
_MARK = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b(?![-\w=])")
_COMMENT = re.compile(r"#|//|/\*|\*|--|;|%|<!--|\.\. ")
_AFTER_COMMENT = re.compile(
    r"(?:#|//|/\*|\*|--|;|%|<!--|\.\. )[!/*#]{0,3}[ \t@\[(]{0,9}$"
)
_AUTHOR = re.compile(r"\(([^)]{0,200})\)")
_REVOKE = "revoke it, then take it out; git keeps old versions"
_RISKS_KEPT = 300
_MARKS_KEPT = 200


@attrs.define
class _Audit:
    source: str
    risks: list[Risk] = attrs.field(factory=list[Risk])
    marks: Counter[str] = attrs.field(factory=Counter[str])
    mark_places: list[Json] = attrs.field(factory=list["Json"])
    licences: list[tuple[str, str]] = attrs.field(factory=list[tuple[str, str]])
    has_code: bool = False
    spdx: Counter[str] = attrs.field(factory=Counter[str])
    manifests: list[Manifest] = attrs.field(factory=list[Manifest])
    binaries: list[Entry] = attrs.field(factory=list[Entry])
    writable: list[str] = attrs.field(factory=list[str])
    long_functions: list[tuple[int, str, int, str]] = attrs.field(
        factory=list[tuple[int, str, int, str]]
    )

    def add(self, document: Document) -> None:
        path, text = document.path, document.text
        if document.binary and not is_built(path):
            self.binaries.append(document.entry)
        self.risks += odd_file(document, self.source)
        if document.entry.mode & 0o002:
            self.writable.append(path)
        if document.binary or not text:
            return
        if is_built(path):
            self.risks += _secrets(path, text)
            return
        if is_licence_file(file_name(path)):
            self.licences.append((path, licence_of(text)))
        self.has_code = self.has_code or _is_code(path, text)
        self.spdx.update(spdx_names(text))
        manifest = read_manifest(path, text)
        if manifest is not None:
            self.manifests.append(manifest)
        if file_name(path) not in LOCK_NAMES:
            self.risks += _secrets(path, text)
            self.risks += risky_places(path, text)
        self._notes(path, text)
        self._sizes(document)

    def _notes(self, path: str, text: str) -> None:
        if is_foreign(path) or not any(mark in text for mark in _MARKS):
            return
        language = language_of(path)
        if language is None or not language.counts:
            return
        numbers = LineNumbers(text)
        for found in _MARK.finditer(text):
            before = text[max(0, found.start() - 120) : found.start()].rpartition("\n")[
                2
            ]
            if not _is_mark(before, text[found.end() : found.end() + 1]):
                continue
            self.marks[found[1]] += 1
            if len(self.mark_places) < _MARKS_KEPT:
                place = f"{shown_path(path)}:{numbers.at(found.start())}"
                said = text[found.end() : found.end() + 1000].partition("\n")[0]
                self.mark_places.append(
                    {"mark": found[1], "place": place, **_note(said)}
                )

    def _sizes(self, document: Document) -> None:
        path = document.path
        language = language_of(path)
        if (
            language is None
            or language.kind != "code"
            or is_foreign(path)
            or is_sample(path)
        ):
            return
        if document.lines > FILE_LINES:
            self.risks.append(long_file(document))
        if suffix_of(path) == ".py":
            for function in long_functions(document.text):
                self.long_functions.append(
                    (-function.lines, path, function.line, function.name)
                )


def _is_code(path: str, text: str) -> bool:
    language = language_of(path, text[:200].partition("\n")[0])
    return language is not None and language.counts and not is_foreign(path)


def _note(said: str) -> dict[str, Json]:
    """Return who is named in parentheses after a mark, and what the mark says."""
    author = _AUTHOR.match(said)
    said = said[author.end() :] if author else said
    said = said.rstrip().removesuffix("*/").removesuffix("-->").rstrip()
    return {
        "author": one_line(author[1], 40) if author else "",
        "text": one_line(said.lstrip(":) \t-*/"), 100),
    }


def _is_mark(before: str, after: str) -> bool:
    """Tell whether a word is a mark: first in a comment, or followed by a colon."""
    if _AFTER_COMMENT.search(before[-20:]):
        return True
    return after in {":", "("} and bool(_COMMENT.search(before))


def _secrets(path: str, text: str) -> Iterator[Risk]:
    sample = is_sample(path)
    for secret in find_secrets(text, text.lower()):
        severity = "high" if secret.certain else "medium"
        if sample:
            severity = "low" if secret.kind == "private key" else lowered(severity)
        yield Risk(
            severity,
            secret.kind,
            path,
            secret.line,
            "looks like a secret, and whoever can read the repository has it",
            "make sure that it is made up" if sample else _REVOKE,
            one_line(secret.shown, 60),
        )


def audit(tree: Tree, reader: Reader) -> dict[str, Json]:
    """Return the data of the risks of *tree*."""
    found = _Audit(source=tree.source)
    for document in reader.documents(tree):
        found.add(document)
    locks = sorted(
        entry.path for entry in tree.files if file_name(entry.path) in LOCK_NAMES
    )
    licensed = any("/" not in path for path, _ in found.licences)
    whole = [*whole_repository(found.writable, found.manifests, locks)]
    if found.has_code and not licensed:
        whole += no_licence(found.manifests)
    risks = merged([*found.risks, *build_output(tree), *whole])
    counts = Counter(risk.severity for risk in risks)
    declared = sorted(
        {
            manifest.licence
            for manifest in found.manifests
            if manifest.licence and not is_foreign(manifest.path)
        }
    )
    return {
        "agent": "auditor",
        "risk_counts": {severity: counts[severity] for severity in SEVERITIES},
        "risk_kinds": by_kind(risks),
        "risks": [risk.data() for risk in risks[:_RISKS_KEPT]],
        "marks": {mark: found.marks[mark] for mark in _MARKS if found.marks[mark]},
        "mark_places": found.mark_places,
        "binary": {
            "count": len(found.binaries),
            "bytes": sum(entry.size for entry in found.binaries),
            "largest": [
                {"path": shown_path(entry.path), "bytes": entry.size}
                for entry in sorted(
                    found.binaries, key=lambda one: (-one.size, one.path)
                )[:10]
            ],
        },
        "largest_files": [
            {"path": shown_path(entry.path), "bytes": entry.size}
            for entry in sorted(
                (entry for entry in tree.files if not is_built(entry.path)),
                key=lambda one: (-one.size, one.path),
            )[:10]
        ],
        "long_functions": [
            {"name": name, "place": f"{shown_path(path)}:{line}", "lines": -lines}
            for lines, path, line, name in sorted(found.long_functions)[:20]
        ],
        "long_function_count": len(found.long_functions),
        "licences": [
            {"path": shown_path(path), "licence": name}
            for path, name in found.licences[:30]
        ],
        "declared_licences": list(declared[:10]),
        "spdx": {name: found.spdx[name] for name in sorted(found.spdx)[:20]},
        "manifests": [manifest.data(locks) for manifest in found.manifests[:60]],
        "manifest_count": len(found.manifests),
        "not_seen": [*tree.notes(), *reader.notes()],
    }
