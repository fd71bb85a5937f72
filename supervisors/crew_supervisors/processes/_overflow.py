# Too long lines, on their way into files.
#
# 1. A piece is written before the next is read, so memory stays bounded, and a slow
#    disk slows the program down and nobody else: writing is done in a thread.
# 2. Each write opens and closes the file: a thread that hangs in the system can be left
#    to itself, and holds nothing that somebody else waits for.
# 3. A file is created, never opened: what is there already stays as it is.
"""Files for lines that are too long for memory."""

from pathlib import Path
from typing import final

import trio

from crew_supervisors.processes._lines import CutLine


@final
class Overflow:
    """The files of the too long lines of one stream."""

    def __init__(self, folder: Path, prefix: str) -> None:
        self.dropped = 0
        """Bytes that could not be written."""
        self._folder = folder
        self._prefix = prefix
        self._count = 0
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
            try:
                line.file = await self._write(line.file, piece)
            except OSError as error:
                line.problem = f"{line.file or self._folder}: {error.strerror}"
                line.file = None
                self.dropped += line.size - len(line.text.encode(errors="replace"))

    async def _write(self, path: Path | None, piece: bytes) -> Path:
        return await trio.to_thread.run_sync(
            self._begin if path is None else _append,
            path or self._folder,
            piece,
            abandon_on_cancel=True,
            limiter=self._limiter,
        )

    def _begin(self, folder: Path, piece: bytes) -> Path:
        """Begin the next file in *folder*."""
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            self._count += 1
            path = folder / f"{self._prefix}-{self._count}.line"
            try:
                path.touch(exist_ok=False)
            except FileExistsError:
                continue
            return _append(path, piece)


def _append(path: Path, piece: bytes) -> Path:
    try:
        with path.open("ab") as file:
            file.write(piece)
    except OSError:
        path.unlink(missing_ok=True)  # half a line helps nobody, and may need the room
        raise
    return path
