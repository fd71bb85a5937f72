# Too long lines, on their way into files.
#
# 1. A piece is written before the next is read, so memory stays bounded, and a slow
#    disk slows the program down and nobody else: writing is done in a thread.
# 2. Each write opens and closes the file: a thread that hangs in the system can be left
#    to itself, and holds nothing that somebody else waits for.
# 3. A file is created, never opened: what is there already stays as it is.
# 4. All files together have a limit: a program without line ends must not fill a disk.
"""Files for lines that are too long for memory."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar, TypeVarTuple, final

import trio

from crew_supervisors.processes._lines import CutLine

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


@final
class Overflow:
    """The files of the too long lines of one stream."""

    def __init__(self, folder: Path, prefix: str, limit: int) -> None:
        self.dropped = 0
        """Bytes that could not be written."""
        self._folder = folder
        self._prefix = prefix
        self._count = 0
        self._room = limit
        self._size = 0  # of the file that grows
        self._limiter = trio.CapacityLimiter(1)

    async def take(self, pieces: list[tuple[CutLine, bytes]]) -> None:
        """Append each piece to the file of its line. A checkpoint if there are any.

        What cannot be written is noted in the line; nothing is raised. Cancelled: the
        piece may be written or not.
        """
        for line, piece in pieces:
            if line.problem:
                self.dropped += len(piece)
                continue
            if len(piece) > self._room:
                await self._give_up(
                    line, "its files have no more room (overflow_limit)"
                )
                continue
            try:
                line.file = await self._write(line.file, piece)
            except OSError as error:
                await self._give_up(line, f"{self._folder}: {error.strerror}")

    async def _give_up(self, line: CutLine, why: str) -> None:
        """Leave no half of *line* behind: it helps nobody, and may need the room."""
        line.problem = why
        self.dropped += line.size - len(line.text.encode(errors="replace"))
        if line.file is not None:
            path, line.file = line.file, None
            self._room += self._size
            await self._in_thread(_remove, path)

    async def _write(self, path: Path | None, piece: bytes) -> Path:
        if path is None:
            self._size = 0
            path = await self._in_thread(self._begin, piece)
        else:
            await self._in_thread(_append, path, piece)
        self._size += len(piece)
        self._room -= len(piece)
        return path

    async def _in_thread(self, work: Callable[[*Ts], T], *arguments: *Ts) -> T:
        return await trio.to_thread.run_sync(
            work, *arguments, abandon_on_cancel=True, limiter=self._limiter
        )

    def _begin(self, piece: bytes) -> Path:
        """Begin the next file."""
        self._folder.mkdir(parents=True, exist_ok=True)
        while True:
            self._count += 1
            path = self._folder / f"{self._prefix}-{self._count}.line"
            try:
                path.touch(exist_ok=False)
            except FileExistsError:
                continue
            try:
                _append(path, piece)
            except OSError:
                _remove(path)
                raise
            return path


def _append(path: Path, piece: bytes) -> None:
    with path.open("ab") as file:
        file.write(piece)


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
