# Risks that a file's name, size or mode tell, and those of the repository as a whole.
"""Risks of files as files. Pure."""

import re
from collections.abc import Iterable, Iterator

import attrs

from crew_actors.survey._manifests import Manifest
from crew_actors.survey._paths import file_name, is_built, is_foreign, is_sample
from crew_actors.survey._reading import Document
from crew_actors.survey._risks import Advice, Risk, lowered
from crew_actors.survey._shown import shown_path
from crew_actors.survey._text import amount, size_of
from crew_actors.survey._walk import Tree

FILE_LINES = 2000
_LARGE = 5 << 20
_KEY_FILE = re.compile(
    r"id_(?:rsa|dsa|ecdsa|ed25519)|\.pypirc|\.netrc|\.htpasswd"
    r"|.*\.(?:p12|pfx|jks|keystore|kdbx|ppk)"
)
_ENV = re.compile(r"\.env(?:\.(?:local|production|prod|staging|development|dev))?")
_ASSIGNED = re.compile(r"=\s{0,9}[^\s#]")
_ENVIRONMENT = Advice(
    "high",
    "environment file",
    "files of this name hold passwords, and git does not ignore it",
    "remove it from git, add it to .gitignore, change what is in it",
)
_KEYS = Advice(
    "medium",
    "key or password file",
    "files of this name hold keys or passwords",
    "keep it outside of the repository, change what is in it",
)
_LARGE_FILE = Advice(
    "low",
    "large file",
    "more than 5 MiB in each clone, for ever",
    "keep it in releases or git LFS, if it is not source",
)
_LONG_FILE = Advice(
    "low",
    "long file",
    f"more than {FILE_LINES:,} lines: nobody holds it in the head",
    "split it along its subjects",
)
_NO_LICENCE = Advice(
    "medium",
    "no licence",
    "without a licence nobody else may use the code",
    "add a LICENSE file, or say that the code is private",
)
_NO_LICENCE_FILE = Advice(
    "low",
    "no licence file",
    "only a manifest declares it",
    "add the text of the licence as LICENSE",
)
_WRITABLE = Advice(
    "low",
    "world-writable",
    "everybody on this machine can change it",
    "chmod o-w",
)
_NO_LOCK = Advice(
    "low",
    "no lock file",
    "each installation may get other versions",
    "commit the lock file, unless this is a library",
)
_BUILT = Advice(
    "low",
    "build output",
    "tools make it from the source, and git does not ignore it",
    "git rm -r --cached, and add it to .gitignore",
)
_MUCH_BUILT = 100
_RUNS = re.compile(r"(?:.*/)?node_modules/.*|.*\.(?:py[co]|class)")
_LOCKING = frozenset({"JavaScript", "Rust", "Go", "Ruby", "PHP"})


def odd_file(document: Document, source: str) -> Iterator[Risk]:
    """Yield what is risky about a file by its name and its size.

    *source* is the tree's: without git nobody knows what would be committed.
    """
    path, size = document.path, document.entry.size
    if _ENV.fullmatch(file_name(path)) and _ASSIGNED.search(document.text):
        severity = "high" if source == "git" else "medium"
        yield _ENVIRONMENT.at(path, 0, _here(path, severity))
    elif _KEY_FILE.fullmatch(file_name(path)):
        yield _KEYS.at(path, 0, _here(path, "medium"))
    if size > _LARGE and not is_built(path):
        yield attrs.evolve(_LARGE_FILE.at(path, 0), note=size_of(size))


def long_file(document: Document) -> Risk:
    """Return the risk of a source file with more than FILE_LINES lines."""
    risk = _LONG_FILE.at(document.path, 0)
    return attrs.evolve(risk, note=amount(document.lines, "line"))


def no_licence(manifests: Iterable[Manifest]) -> Iterator[Risk]:
    """Yield the risk of code without a licence file.

    It is a small one when a manifest of the project declares the licence.
    """
    ours = (
        one
        for one in manifests
        if one.licence and not is_sample(one.path) and not is_foreign(one.path)
    )
    told = min(ours, key=lambda one: (one.path.count("/"), one.path), default=None)
    if told is None:
        yield _NO_LICENCE.at("", 0)
        return
    why = f"only {shown_path(told.path)} declares it: {told.licence}"
    yield attrs.evolve(_NO_LICENCE_FILE.at("", 0), why=why)


def whole_repository(
    writable: list[str],
    manifests: Iterable[Manifest],
    locks: list[str],
) -> Iterator[Risk]:
    """Yield the risks of the repository as a whole."""
    if writable:
        yield attrs.evolve(_WRITABLE.at(writable[0], 0), count=len(writable))
    for manifest in manifests:
        path = manifest.path
        locking = manifest.ecosystem in _LOCKING or file_name(path) == "Pipfile"
        ours = not is_sample(path) and not is_foreign(path)
        if locking and ours and manifest.names and manifest.lock(locks) is None:
            yield _NO_LOCK.at(path, 0)


def build_output(tree: Tree) -> Iterator[Risk]:
    """Yield one risk for all that tools made and git keeps, if there is any.

    What runs in place of the source, and masses of files, are the severer case.
    """
    if tree.source != "git":
        return  # nobody knows what would be committed
    built = [entry.path for entry in tree.files if is_built(entry.path)]
    if built:
        runs = any(map(_RUNS.fullmatch, built))
        severity = "medium" if runs or len(built) > _MUCH_BUILT else "low"
        yield attrs.evolve(_BUILT.at(built[0], 0, severity), count=len(built))


def _here(path: str, severity: str) -> str:
    return lowered(severity) if is_sample(path) else severity
