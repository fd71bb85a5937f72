# What the program of an attempt says is kept as it comes, masked, for whoever asks.
#
# 1. A stream is kept in files named after the place of their first byte in it:
#    `stdout.0.log`, `stdout.2097152.log`. The newest two are kept, so of a program that
#    says much the end is there, and how much is missing can be told.
# 2. It is for looking only: nothing is synced, and a disk that fails costs the rest of
#    the log, never the attempt.
# 3. What comes after a silence is written at once, what follows it a few times in a
#    second. Who says more than that can take waits.
"""The log of what the program of an attempt says."""

import logging
import os
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal, final

import attrs
import trio

from crew_actors.redaction import Redactor, new_redactor
from crew_actors.runtimes._answer import DETAIL_LIMIT

_log = logging.getLogger("crew_actors.runtimes")

Stream = Literal["stdout", "stderr"]

FILE_BYTES: Final = 2 * 1024 * 1024
"""Bytes of one file of a log; of two that are kept, one is full."""

_INTERVAL: Final = 0.25  # seconds between two writes, at least
_WAITING: Final = 256 * 1024  # characters that may wait to be written
_LAST: Final = 1.0  # seconds that the last write may hold up a cancellation


@attrs.frozen(kw_only=True)
class Said:
    """The end of what a program has said."""

    text: str
    """What is no UTF-8 in it is replaced."""
    first: int
    """The place of its first byte, from 0, among all that was said."""
    size: int
    """Bytes that were said in all, as they are kept."""


def read_said(folder: Path, stream: Stream, limit: int) -> Said | None:
    """Read the last *limit* bytes that *folder* keeps of *stream*; None if none are.

    Blocks on the disk.

    Raises:
      OSError: the system refused.
    """
    data, first = b"", 0
    for start, path in _files(folder, stream):
        try:
            more = path.read_bytes()
        except FileNotFoundError:
            continue  # newer ones have taken its place just now
        if start != first + len(data):
            data, first = b"", start
        data += more
    size = first + len(data)
    if not size:
        return None
    data = data[-limit:]
    text = data.decode("utf-8", "replace")
    return Said(text=text, first=size - len(data), size=size)


def said_so_far(folder: Path, stream: Stream) -> int:
    """Tell how many bytes of *stream* were said so far. Blocks on the disk.

    Raises:
      OSError: the system refused.
    """
    files = _files(folder, stream)
    if not files:
        return 0
    start, path = files[-1]
    return start + path.stat().st_size


def read_on(folder: Path, stream: Stream, first: int, limit: int) -> tuple[int, bytes]:
    """Read *stream* on from its byte *first*, *limit* bytes at most.

    Returns the bytes and the place of the first of them: if *first* is not kept any
    more, of the oldest one that is. Blocks on the disk.

    Raises:
      OSError: the system refused.
    """
    data = b""
    for start, path in _files(folder, stream):
        place = first + len(data)
        if start > place:
            if data:
                break
            first = place = start
        try:
            with path.open("rb") as file:
                file.seek(place - start)
                data += file.read(limit - len(data))
        except FileNotFoundError:
            continue  # newer ones have taken its place just now
    return first, data


def _files(folder: Path, stream: Stream) -> list[tuple[int, Path]]:
    """List the files of a log, the oldest first, with the places of their beginnings."""
    found: list[tuple[int, Path]] = []
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            name, _, rest = entry.name.partition(".")
            start, _, kind = rest.partition(".")
            mine = name == stream and kind == "log" and start.isdecimal()
            if mine and not entry.is_symlink():
                found.append((int(start), Path(entry.path)))
    return sorted(found)


def drop_log(folder: Path) -> None:
    """Remove the log in *folder*, of which nobody writes any more. Blocks.

    Raises:
      OSError: the system refused.
    """
    for stream in ("stdout", "stderr"):
        for _, path in _files(folder, stream):
            path.unlink(missing_ok=True)


@attrs.define(eq=False)
class _Kept:
    """One stream of a log. Written by one thread at a time."""

    folder: Path
    stream: Stream
    redactor: Redactor = attrs.field(factory=new_redactor)
    waiting: list[str] = attrs.field(factory=list[str])
    end: str = ""
    """The last of it that is certain by now."""
    _start: int = 0
    _size: int = 0

    def write(self, text: str) -> None:
        """Append *text*. Blocks on the disk.

        Raises:
          OSError: the system refused.
        """
        data = text.encode("utf-8", "replace")
        if self._size and self._size + len(data) > FILE_BYTES:
            self._start += self._size
            self._size = 0
            for _, path in _files(self.folder, self.stream)[:-1]:
                path.unlink(missing_ok=True)
        path = self.folder / f"{self.stream}.{self._start}.log"
        mode = "ab" if self._size else "xb"  # what another one has put there stays
        with path.open(mode) as file:
            file.write(data)
        self._size += len(data)


@final
class OutputLog:
    """Keeps what the program of one attempt says in the folder of the attempt."""

    def __init__(self, folder: Path) -> None:
        self._streams: Mapping[Stream, _Kept] = {
            "stdout": _Kept(folder, "stdout"),
            "stderr": _Kept(folder, "stderr"),
        }
        self._waiting = 0
        self._came = trio.Event()
        self._lock = trio.Lock()
        self._broken = False
        # A write that is cancelled goes on in its thread. Whichever thread comes next
        # waits for it, so that what was said first is written first.
        self._due = deque[tuple[_Kept, str]]()
        self._disk = threading.Lock()

    async def add(self, stream: Stream, line: str) -> None:
        """Take in one line. Waits, a checkpoint, if the disk cannot keep up."""
        kept = self._streams[stream]
        masked = kept.redactor.feed(f"{line}\n")
        kept.end = (kept.end + masked)[-DETAIL_LIMIT:]
        if self._broken:
            return
        kept.waiting.append(masked)
        self._waiting += len(line)
        self._came.set()
        if self._waiting > _WAITING:
            await self._write()

    async def run(self) -> None:
        """Write what comes; until cancelled."""
        while True:
            await self._came.wait()
            self._came = trio.Event()
            await self._write()
            await trio.sleep(_INTERVAL)

    async def close(self) -> None:
        """Write the rest. A cancellation waits for it, for a second at most."""
        for kept in self._streams.values():
            masked = kept.redactor.close()
            kept.end = (kept.end + masked)[-DETAIL_LIMIT:]
            kept.waiting.append(masked)
        limit = trio.current_time() + _LAST
        with trio.CancelScope(shield=True, deadline=limit):
            await self._write()

    def end(self, stream: Stream) -> str:
        """Tell the last `DETAIL_LIMIT` characters of what was said, masked.

        They are there whatever becomes of the disk; all of them when the log is closed.
        They were masked before they were cut: half of a secret would not be known.
        """
        return self._streams[stream].end

    async def _write(self) -> None:
        async with self._lock:
            for kept in self._streams.values():
                if text := "".join(kept.waiting):
                    self._due.append((kept, text))
                kept.waiting.clear()
            self._waiting = 0
            if (self._due or self._disk.locked()) and not self._broken:
                await trio.to_thread.run_sync(self._write_due, abandon_on_cancel=True)

    def _write_due(self) -> None:
        """Write what is due. Blocks on the disk, and on another that writes."""
        with self._disk:
            try:
                while self._due:
                    kept, text = self._due.popleft()
                    kept.write(text)
            except OSError as error:
                self._broken = True
                self._due.clear()
                _log.warning("what an agent says is kept no more: %s", error)
