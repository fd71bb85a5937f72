# Reading a file of settings.
#
# 1. A project's file must really lie in the project, and everything has a bound.
# 2. What was read is told by line, so that its reader finds it.
"""Files of settings."""

import os
import re
import stat
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, cast

import attrs

from crew_actors.config._problems import BadFile

MAX_SIZE: Final = 256 << 10
"""Bytes of a file of settings."""

_HEADER = re.compile(r"\s*\[\s*([A-Za-z0-9_.\- \"']+?)\s*\]")
_ENTRY = re.compile(r"\s*([A-Za-z0-9_.\- \"']+?)\s*=")
_LINE = re.compile(r"\(at line ([0-9]+), column [0-9]+\)")
_QUOTES = ('"""', "'''")


@attrs.frozen
class Content:
    """What a file says."""

    text: str
    table: Mapping[str, object]

    def line_of(self, name: str) -> int | None:
        """Return the line that sets *name*, or opens the table that it stands in."""
        lines = dict(reversed(list(_lines(self.text))))
        while name and name not in lines:
            name = name.rpartition(".")[0]
        return lines.get(name)


def read_file(path: Path, within: Path | None = None) -> Content | None:
    """Read the file at *path*, which must really lie *within* if that is given.

    Returns None if it is not there.

    Raises:
      BadFile: it cannot be read, or is not TOML.
    """
    try:
        real = path.resolve(strict=True)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, RuntimeError) as error:  # RuntimeError: links that form a loop
        raise BadFile(f"cannot be read: {error}") from error
    if within is not None and not real.is_relative_to(within.resolve()):
        raise BadFile(
            "is a link that leads out of the project; put the file itself here"
        )
    try:
        text = _bytes(real).decode("utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise BadFile("is not UTF-8 from this line on", line) from error
    except OSError as error:
        raise BadFile(f"cannot be read: {error.strerror}") from error
    return Content(text, parse(text))


def parse(text: str) -> dict[str, object]:
    """Parse TOML.

    Raises:
      BadFile: it is none.
    """
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = _LINE.search(str(error))
        line = None if found is None else int(found[1])
        raise BadFile(f"is not TOML: {error}", line) from error


def _bytes(path: Path) -> bytes:
    # O_NONBLOCK: opening a named pipe must not wait for somebody who writes to it
    flags = os.O_RDONLY
    for name in ("O_NONBLOCK", "O_NOFOLLOW", "O_BINARY"):
        flags |= getattr(os, name, 0)  # each exists on some systems only
    handle = os.open(path, flags)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise BadFile("is not a regular file")
        with os.fdopen(handle, "rb", closefd=False) as file:
            data = file.read(MAX_SIZE + 1)
    finally:
        os.close(handle)
    if len(data) > MAX_SIZE:
        raise BadFile(f"has more than {MAX_SIZE:,} bytes")
    return data


def _lines(text: str) -> Iterator[tuple[str, int]]:
    """Yield the name that each line sets or opens. Texts of several lines are left out."""
    section = ""
    inside = False
    for number, line in enumerate(text.split("\n"), 1):
        quotes = sum(line.count(quote) for quote in _QUOTES)
        if not inside:
            header, entry = _HEADER.match(line), _ENTRY.match(line)
            if header is not None:
                section = _plain(header[1])
                yield section, number
            elif entry is not None:
                name = _plain(entry[1])
                yield (f"{section}.{name}" if section else name), number
        inside ^= bool(quotes % 2)


def _plain(name: str) -> str:
    return ".".join(part.strip(" \"'\t") for part in name.split("."))


def flat(
    table: Mapping[str, object], sections: frozenset[str]
) -> Iterator[tuple[str, object]]:
    """Yield what a file sets, by whole names; a table that is no section is one value."""
    for name, value in table.items():
        if name in sections and isinstance(value, dict):
            inner = cast("dict[str, object]", value)
            yield from ((f"{name}.{key}", item) for key, item in inner.items())
        else:
            yield name, value
