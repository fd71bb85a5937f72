# SQLite reads the log of a database up to the first page whose checksum is wrong, and
# takes the rest for what a writer was about to write. So a wrong byte hides all that
# was committed after it, without a word. Therefore the log is looked at here before
# anybody writes to a database, or throws it away because nothing could be read.
#
# 1. A killed writer leaves pages that are whole, and at most one that is not, at the end.
# 2. A machine that stops may leave the pages of the last commit in any state: it was not
#    acknowledged. All commits before were on disk when it began.
# 3. A log that SQLite has begun anew has pages of the one before at its end. Their salts
#    are others than those in its header.
#
# The format: https://www.sqlite.org/fileformat2.html#walformat
"""What the log of a database holds beside what SQLite reads."""

import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs

from crew_actors.journal._schema import PAGE_SIZE

_HEADER: Final = 32  # bytes at the beginning of a log
_FRAME: Final = 24  # bytes before each page
_STEP: Final = _FRAME + PAGE_SIZE
_MAGIC: Final = {0x377F0682: "<", 0x377F0683: ">"}  # the byte order of the checksums
_VERSION: Final = 3_007_000
_WORD: Final = 0xFFFFFFFF
_MOST_PAGES: Final = 1 << 24  # of a database of 64 GiB

_Sums = tuple[int, int]


@attrs.frozen
class _Frame:
    """A page in a log, with what is told of it."""

    number: int
    """Of the page in the database, from 1."""
    commits: int
    """Pages of the database after the commit that ends here; 0: none does."""
    salts: bytes
    sums: _Sums
    page: bytes

    @property
    def is_believable(self) -> bool:
        return 0 < self.number <= _MOST_PAGES


@attrs.frozen
class _Log:
    head: bytes
    order: str
    is_whole: bool
    """Whether its header can be read."""
    salts: bytes
    """Of its pages, for all that is known."""
    frames: tuple[_Frame, ...]

    @classmethod
    def of(cls, data: bytes) -> "_Log":
        head = data[:_HEADER]
        magic = struct.unpack_from(">I", head)[0]
        order = _MAGIC.get(magic, "<" if sys.byteorder == "little" else ">")
        sums = _summed(head[:24], order, (0, 0))
        is_whole = magic in _MAGIC and sums == struct.unpack_from(">II", head, 24)
        frames = tuple(_frames(data))
        salts = head[16:24] if is_whole or not frames else frames[0].salts
        return cls(head, order, is_whole, salts, frames)

    def first_unread(self) -> int:
        """Tell the place of the first frame that SQLite does not read."""
        if not self.is_whole:
            return 0
        sums = struct.unpack_from(">II", self.head, 24)
        for place, frame in enumerate(self.frames):
            sums = _summed(_told(frame) + frame.page, self.order, sums)
            if frame.salts != self.salts or frame.sums != sums:
                return place
        return len(self.frames)


def hides_pages(database: Path) -> bool:
    """Tell whether the log of *database* has whole pages that SQLite does not read.

    So it is also if the database itself is gone. Blocks on the disk; changes nothing.

    Raises:
      OSError: the system refused.
    """
    log = _log_of(database)
    if log is None:
        return False
    return not database.exists() or log.first_unread() < len(log.frames)


def hides_commits(database: Path) -> bool:
    """Tell whether a wrong byte in the log of *database* hides what was acknowledged.

    It is told if anything was written after the hidden commit: only then must that have
    been on disk. Blocks on the disk; changes nothing.

    Raises:
      OSError: the system refused.
    """
    log = _log_of(database)
    if log is None:
        return False
    hidden = log.frames[log.first_unread() :]
    mine = [frame for frame in hidden if frame.salts == log.salts]
    return any(frame.commits for frame in mine[:-1])


def mended(data: bytes) -> bytes:
    """Make of the bytes of a log one in which SQLite reads all pages that are there.

    A wrong byte in a page stays where it is; whoever reads the page may find it.
    """
    log = _Log.of(data)
    head = log.head[:24]
    if not log.is_whole:
        magic = next(key for key, order in _MAGIC.items() if order == log.order)
        head = struct.pack(">IIII", magic, _VERSION, PAGE_SIZE, 0) + log.salts
    sums = _summed(head, log.order, (0, 0))
    pieces = [head, struct.pack(">II", *sums)]
    mine = [place for place, one in enumerate(log.frames) if one.salts == log.salts]
    for frame in log.frames[: mine[-1] + 1 if mine else 0]:
        if not frame.is_believable:
            continue  # nobody knows which page it is
        sums = _summed(_told(frame) + frame.page, log.order, sums)
        pieces += (_told(frame), log.salts, struct.pack(">II", *sums), frame.page)
    return b"".join(pieces)


def _log_of(database: Path) -> _Log | None:
    try:
        data = database.with_name(f"{database.name}-wal").read_bytes()
    except FileNotFoundError:
        return None
    return _Log.of(data) if len(data) > _HEADER else None


def _frames(data: bytes) -> Iterator[_Frame]:
    for at in range(_HEADER, len(data) - _STEP + 1, _STEP):
        number, commits = struct.unpack_from(">II", data, at)
        sums: _Sums = struct.unpack_from(">II", data, at + 16)
        page = data[at + _FRAME : at + _STEP]
        yield _Frame(number, commits, data[at + 8 : at + 16], sums, page)


def _told(frame: _Frame) -> bytes:
    return struct.pack(">II", frame.number, frame.commits)


def _summed(data: bytes, order: str, sums: _Sums) -> _Sums:
    """Go on with the checksums of a log over *data*."""
    first, second = sums
    for one, other in struct.iter_unpack(f"{order}II", data):
        first = (first + one + second) & _WORD
        second = (second + other + first) & _WORD
    return first, second
