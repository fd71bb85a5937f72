"""Tools for single files: read, write, edit."""

import difflib
import os
import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, TypeVar, final

import attrs
import trio

from crew_actors.runtimes.live._place import NotThere, Place
from crew_actors.runtimes.live._tool import (
    Arguments,
    Tool,
    ToolFailed,
    text,
    tool,
    whole,
)

LINES: Final = 2000
"""Lines of a file that are read at once."""

SIZE: Final = 50_000
"""Characters that are read at once."""

WHOLE: Final = 8 << 20
"""Bytes of a file that can be read or edited at all."""

ENTRIES: Final = 500
"""Entries of a folder that are told."""

_LINE: Final = 2000  # characters of one line that are told
_T = TypeVar("_T")


@final
@attrs.frozen
class FileTools:
    """The tools of one agent. A file is written whole, or not at all."""

    place: Place

    def readers(self) -> tuple[Tool, ...]:
        """Make those that change nothing."""
        read = tool(
            "read",
            "Read a text file, or list a folder. Lines are numbered from 1. Long files "
            f"are cut after {LINES} lines: read on with `offset`.",
            self._read,
            required={"path": text("relative to the workspace, or absolute")},
            optional={
                "offset": whole("the first line to read", 1, 10_000_000),
                "limit": whole("how many lines", 1, LINES),
            },
        )
        return (read,)

    def writers(self) -> tuple[Tool, ...]:
        """Make those that change files."""
        write = tool(
            "write",
            "Write a text file, in place of what is there. Folders are made.",
            self._write,
            required={
                "path": text("relative to the workspace"),
                "content": text("all that the file is to hold"),
            },
        )
        edit = tool(
            "edit",
            "Replace a piece of a text file. `old` must stand in it exactly once, with "
            "its white space; give it with enough around it.",
            self._edit,
            required={
                "path": text("relative to the workspace"),
                "old": text("what is there"),
                "new": text("what is to be there"),
            },
        )
        return (edit, write)

    async def _read(self, given: Arguments) -> str:
        first, most = given.get("offset", 1), given.get("limit", LINES)
        return await _in_thread(partial(self._read_now, given["path"], first, most))

    def _read_now(self, path: str, first: int, most: int) -> str:
        real = self.place.to_read(path)
        if real.is_dir():
            return _listed(real)
        lines = _content(real, path).split("\n")
        if lines[-1] == "":
            lines.pop()
        if not lines:
            return "(the file is empty)"
        if first > len(lines):
            raise ToolFailed(f"{path} has {len(lines)} lines only")
        told: list[str] = []
        room = SIZE
        for number, line in enumerate(lines[first - 1 : first - 1 + most], first):
            row = f"{number}\t{line[:_LINE]}{'…' if len(line) > _LINE else ''}"
            room -= len(row)
            if room < 0 and told:
                break
            told.append(row)
        after = first + len(told)
        if after <= len(lines):
            rest = len(lines) - after + 1
            told.append(f"({rest} more lines; read on with offset {after})")
        return "\n".join(told)

    async def _write(self, given: Arguments) -> str:
        return await _in_thread(
            partial(self._write_now, given["path"], given["content"])
        )

    def _write_now(self, path: str, content: str) -> str:
        real = self.place.to_write(path)
        before = real.exists()
        _replace(real, content)
        what = "replaced" if before else "written"
        return f"{self.place.told(real)} is {what}: {len(content.splitlines())} lines"

    async def _edit(self, given: Arguments) -> str:
        path, old, new = given["path"], given["old"], given["new"]
        return await _in_thread(partial(self._edit_now, path, old, new))

    def _edit_now(self, path: str, old: str, new: str) -> str:
        real = self.place.to_write(path)
        content = _content(real, path)
        if "\r\n" in content and "\r\n" not in old:  # as models write lines
            old, new = old.replace("\n", "\r\n"), new.replace("\n", "\r\n")
        count = content.count(old) if old else 0
        if count == 0:
            raise ToolFailed(_not_found(path, old, content))
        if count > 1:
            raise ToolFailed(f"`old` stands {count} times in {path}: give more of it")
        place = content.index(old)
        _replace(real, content[:place] + new + content[place + len(old) :])
        line = content.count("\n", 0, place) + 1
        return f"{self.place.told(real)} is changed from line {line} on"


async def _in_thread(work: Callable[[], _T]) -> _T:
    """Do *work* in a thread; a cancellation waits for it, as it does not take long."""
    try:
        return await trio.to_thread.run_sync(work)
    except (NotThere, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else None
        raise ToolFailed(why or str(error)) from error


def _content(real: Path, path: str) -> str:
    try:
        if not real.is_file():
            raise ToolFailed(f"{path} is no file" if real.exists() else _missing(real))
        with real.open("rb") as file:
            data = file.read(WHOLE + 1)
    except OSError as error:
        raise ToolFailed(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > WHOLE:
        raise ToolFailed(f"{path} has more than {WHOLE:,} bytes; search in it instead")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise ToolFailed(f"{path} is no text in UTF-8") from None


def _missing(real: Path) -> str:
    try:
        names = [one.name for one in real.parent.iterdir()]
    except OSError:
        names = []
    near = difflib.get_close_matches(real.name, names, n=1)
    hint = f"; there is {near[0]}" if near else ""
    return f"there is no {real.name} in {real.parent}{hint}"


def _not_found(path: str, old: str, content: str) -> str:
    if not old:
        return "`old` is empty: give what is to be replaced"
    first = old.strip().split("\n")[0].strip()
    lines = [line.strip() for line in content.split("\n")]
    if first and first in lines:
        number = lines.index(first) + 1
        return (
            f"`old` is not in {path} as it is written; its first line stands in line "
            f"{number}, so look at the white space and at what follows"
        )
    return f"`old` is not in {path}: read the file first"


def _listed(folder: Path) -> str:
    with os.scandir(folder) as found:
        names = sorted(
            f"{one.name}/" if one.is_dir(follow_symlinks=False) else one.name
            for one in found
        )
    if len(names) > ENTRIES:
        names = [*names[:ENTRIES], f"({len(names) - ENTRIES} more)"]
    return "\n".join(names) or "(the folder is empty)"


def _replace(real: Path, content: str) -> None:
    """Put *content* into the place of the file: all of it, or nothing."""
    real.parent.mkdir(parents=True, exist_ok=True)
    if real.is_dir():
        raise ToolFailed(f"{real.name} is a folder")
    mode = real.stat().st_mode & 0o7777 if real.exists() else None
    beside = real.with_name(f".{real.name[:100]}.{secrets.token_hex(4)}.tmp")
    try:
        with beside.open("xb") as file:
            file.write(content.encode("utf-8", "replace"))
        if mode is not None:
            beside.chmod(mode)
        beside.replace(real)
    finally:
        beside.unlink(missing_ok=True)
