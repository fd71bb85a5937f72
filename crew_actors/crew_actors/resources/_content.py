# Which files of a project a command names, and a hash over all of them.
#
# 1. A file counts as the system opens it: links are followed the way the system
#    follows them, and what is hashed is what stands at their end.
# 2. Too many names are better than too few. A word that only looks like a name and
#    happens to be one costs the user one more question when that file changes.
# 3. What a command runs without naming it cannot be known here (a Makefile, the
#    scripts of a package.json, what a program loads). Nobody may be told otherwise.
# 4. A file that cannot be read counts as content of its own: once it can be read,
#    the content is another one.
"""The content that an agreement covers."""

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

_CHUNK: Final = 1 << 20  # bytes
_NAME: Final = 255  # bytes of one part of a path, on each system
_WORKSPACE: Final = re.compile(r"\{workspace\}|\$(?:PWD|CREW_WORKSPACE)\b")
_BETWEEN_WORDS: Final = re.compile(r"[\s;&|()<>\"'`,]+")
_BETWEEN_VALUES: Final = re.compile(r"[=:,]")
_GLUED: Final = re.compile(r"-([A-Za-z0-9]+)")
_MODULE: Final = re.compile(r"-[A-Za-z]*m(.*)", re.DOTALL)


def content_hash(project_root: Path, agent_file: Path, argv: Sequence[str]) -> str:
    """Return the hash of what an agreement to run *argv* covers, as it is now.

    *argv* is that of the agent's command, its placeholders still in it. The hash is
    equal to `Executable.sha256` exactly as long as neither *argv*, nor the agent's
    file, nor a file of the project that *argv* names has changed. A file that is not
    there or cannot be read is no error, it is content of its own. Blocks on the disk.
    """
    return hash_of(digest_of(agent_file), argv, named_files(project_root, argv))


def hash_of(agent: str, argv: Sequence[str], files: Mapping[str, str]) -> str:
    """Return one hash of an agent file's digest, a command and its files."""
    content = json.dumps([agent, list(argv), sorted(files.items())])
    return hashlib.sha256(content.encode("utf-8", "surrogateescape")).hexdigest()


def named_files(root: Path, argv: Sequence[str]) -> dict[str, str]:
    """Return the files of the project that *argv* names, each with its digest.

    They are called by their paths relative to *root*; one that is reached through
    a link is called `as written -> where it is`.
    """
    top = os.path.realpath(root)
    found: dict[str, str] = {}
    for name in dict.fromkeys(_names(argv, str(root))):
        for path in _paths(name, root):
            real = os.path.realpath(path)
            lexical = os.path.normpath(path)
            if _is_inside(real, top) or _is_inside(lexical, str(root)):
                found.setdefault(_called(path, real, root, top), digest_of(Path(real)))
    return found


def digest_of(path: Path) -> str:
    """Return the hash of a file's bytes, or why there is none."""
    digest = hashlib.sha256()
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return "not a regular file"
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        return f"unreadable: {error.errno}"
    return digest.hexdigest()


def _is_inside(path: str, folder: str) -> bool:
    return Path(path).is_relative_to(folder)


def _called(path: str, real: str, root: Path, top: str) -> str:
    """Return how a file is shown: its place, and how it was written if by a link."""
    lexical = os.path.normpath(path)
    bases = (top, str(root))
    place = _below(real, bases)
    if _below(lexical, bases) == place:
        return place
    return f"{_below(path, bases)} -> {place}"


def _below(path: str, bases: tuple[str, ...]) -> str:
    """Return *path* relative to one of *bases*, unresolved; itself if it is elsewhere."""
    for base in bases:
        if path.startswith(base + os.sep):
            return path[len(base) + 1 :]
    return path


def _paths(name: str, root: Path) -> Iterator[str]:
    """Yield what stands at *name*; of a folder, what Python would run there."""
    path = os.path.join(root, name)  # noqa: PTH118 (a Path would drop `x/..` and `./`)
    try:
        if os.path.isdir(path):  # noqa: PTH112 (as above)
            path = os.path.join(path, "__main__.py")  # noqa: PTH118 (as above)
        mode = os.lstat(path).st_mode
    except (OSError, ValueError):  # nothing, or nothing that can be a name
        return
    if not stat.S_ISDIR(mode):
        yield path


def _names(argv: Sequence[str], root: str) -> Iterator[str]:
    """Yield what may be the name of a file in *argv*."""
    lines = [tuple(argv), *(_words(part) for part in argv)]
    for line in lines:
        for previous, word in zip(("", *line), line, strict=False):
            for name in (*_modules(previous, word), *_pieces(word)):
                full = _WORKSPACE.sub(lambda _: root, name)
                if full:
                    yield full


def _words(part: str) -> tuple[str, ...]:
    """Return the words inside of one argument, as a shell would see them, roughly."""
    return tuple(word for word in _BETWEEN_WORDS.split(part) if word)


def _pieces(word: str) -> Iterator[str]:
    """Yield *word*, the values in it, and what may be glued to an option."""
    yield word
    glued = _GLUED.match(word)
    if glued is not None:
        last = glued.end()
        yield from (word[at:] for at in range(max(2, last - _NAME), last + 1))
    if _BETWEEN_VALUES.search(word):
        yield word.partition("=")[2]
        yield from _BETWEEN_VALUES.split(word)


def _modules(previous: str, word: str) -> Iterator[str]:
    """Yield the files that Python runs for `-m module`."""
    glued = _MODULE.fullmatch(word)
    before = _MODULE.fullmatch(previous)
    names = [glued[1]] if glued is not None and glued[1] else []
    if before is not None and not before[1]:
        names.append(word)
    for name in names:
        path = name.replace(".", "/")
        yield from (f"{path}.py", f"{path}/__main__.py")
        parts = path.split("/")
        yield from (
            "/".join([*parts[:count], "__init__.py"])
            for count in range(1, min(len(parts), _NAME) + 1)
        )
