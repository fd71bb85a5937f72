# 1. What an agent says lies in the folder of its attempt, written a few times in a
#    second by whoever owns the run. It is read on from where it was read to, while
#    somebody watches and the agent is at work; else nothing looks at it.
# 2. A new client is given the end of it from the disk, the others what has come since.
#    Who is too slow for what is kept here finds a gap: the offset tells how large.
# 3. So does everybody if the agent writes more than anybody can read: what is shown is
#    what it writes now.
"""The feed of what the agent of a task writes."""

from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Final, final

import attrs
import trio

from crew_actors.console.feeds._feed import SLOW_PACE, Feed
from crew_actors.console.feeds._json import to_json
from crew_actors.console.feeds._watch import RunWatch, Watching
from crew_actors.journal import RunFolder
from crew_actors.model import AttemptId
from crew_actors.runs import find_task
from crew_actors.runtimes import Stream, read_on, said_so_far

KEPT: Final = 256 * 1024
"""Bytes that are kept for clients which are not quite up to date."""

BEHIND: Final = 1024 * 1024
"""Bytes that may lie unread. Of more than that, only the end is read."""

PACE: Final = 0.1
"""Seconds between two looks while the agent writes."""

LIVELY: Final = 5.0
"""Seconds after which an agent that is at work counts as one that does not write."""

_CONTINUES: Final = 0b1100_0000  # the first bits of a byte of UTF-8 tell its place


@final
@attrs.define(eq=False)
class Tail:
    """The newest part of one stream."""

    stream: Stream
    offset: int = attrs.field(default=0, init=False)
    """How far it was read, in bytes from its beginning."""
    _chunks: deque[tuple[int, int, bytes]] = attrs.field(
        factory=deque[tuple[int, int, bytes]], init=False
    )
    """Each with its revision and the place of its first byte."""
    _size: int = attrs.field(default=0, init=False)

    def begin(self, offset: int) -> None:
        """Begin anew, at *offset*."""
        self.offset = offset
        self._chunks.clear()
        self._size = 0

    def add(self, first: int, data: bytes, rev: int) -> int:
        """Take over what was read; tell the newest revision that was given up for it."""
        given_up = 0
        if self._chunks and first != self.offset:
            given_up = self._chunks[-1][0]  # what is between is known to nobody
            self._chunks.clear()
            self._size = 0
        self.offset = first + len(data)
        self._chunks.append((rev, first, data))
        self._size += len(data)
        while self._size > KEPT and len(self._chunks) > 1:
            given_up, _, old = self._chunks.popleft()
            self._size -= len(old)
        return given_up

    def newer(self, base: int) -> dict[str, object] | None:
        """Give what came after revision *base*."""
        found = [chunk for chunk in self._chunks if chunk[0] > base]
        if not found:
            return None
        return _piece(found[0][1], b"".join(data for _, _, data in found))


@final
@attrs.define(eq=False)
class OutputFeed(Feed):
    """What the agent of a task writes to its two streams, in its newest attempt."""

    folder: RunFolder
    task: str
    watching: Watching
    _attempt: AttemptId | None = attrs.field(default=None, init=False)
    _attempt_rev: int = attrs.field(default=0, init=False)
    _tails: tuple[Tail, Tail] = attrs.field(
        factory=lambda: (Tail("stdout"), Tail("stderr")), init=False
    )

    async def keep_up(self) -> None:
        """Read on while the agent is at work.

        Raises:
          UnknownTask: there is no such task.
          OSError: what it has written cannot be read.
        """
        with self.watching(self.folder) as watch:
            await watch.up()
            self._attempt = find_task(watch.state, self.task).attempt
            await self._begin_at_the_end()
            last = trio.current_time()
            while True:
                version = watch.version
                task = find_task(watch.state, self.task)
                if task.attempt != self._attempt:
                    self._begin_anew(task.attempt)
                wrote = await self._read_on()
                self.ready.set()
                if wrote or task.status.active:
                    if wrote:
                        last = trio.current_time()
                    lively = trio.current_time() - last < LIVELY
                    await trio.sleep(PACE if lively else SLOW_PACE)
                else:
                    await self._rest(watch, version)

    async def _rest(self, watch: RunWatch, version: int) -> None:
        """Wait until another attempt begins."""
        while find_task(watch.state, self.task).attempt == self._attempt:
            version = await watch.newer(version)

    @property
    def _work(self) -> Path | None:
        return None if self._attempt is None else self.folder.work(self._attempt)

    async def _begin_at_the_end(self) -> None:
        work = self._work
        if work is not None:
            for tail in self._tails:
                size = await trio.to_thread.run_sync(said_so_far, work, tail.stream)
                tail.begin(size)

    def _begin_anew(self, attempt: AttemptId | None) -> None:
        self._attempt, self._attempt_rev = attempt, self.rev + 1
        for tail in self._tails:
            tail.begin(0)
        self.changed(self.rev + 1)

    async def _read_on(self) -> bool:
        """Read what was written; tell whether anything was."""
        work = self._work
        if work is None:
            return False
        read = await trio.to_thread.run_sync(_read_all, work, self._tails)
        rev = self.rev + 1
        wrote = False
        for tail, (first, data) in zip(self._tails, read, strict=True):
            if data:
                wrote = True
                self.floor = max(self.floor, tail.add(first, data, rev))
        if wrote:
            self.changed(rev)
        return wrote

    async def first(self, since: int | None, tail: int) -> tuple[int, bytes | None]:
        """Give the last *tail* bytes, from the disk."""
        if since is not None and self.floor <= since <= self.rev:
            await trio.lowlevel.checkpoint()
            return since, None
        rev, attempt, work = self.rev, self._attempt, self._work
        places: list[tuple[Stream, int]]
        places = [(one.stream, one.offset) for one in self._tails]
        if work is None:
            pieces = [_piece(0, b"") for _ in places]
        else:
            pieces = [
                await trio.to_thread.run_sync(_end, work, stream, offset, tail)
                for stream, offset in places
            ]
        said, errors = pieces
        return rev, to_json({"attempt": attempt, **said, "errors": errors})

    def newer(self, base: int) -> object:
        """Give what was written after *base*."""
        said, errors = (tail.newer(base) for tail in self._tails)
        changes: dict[str, object] = {"attempt": self._attempt}
        if said is not None or self._attempt_rev > base:
            changes |= said or _piece(0, b"")
        if errors is not None or self._attempt_rev > base:
            changes["errors"] = errors or _piece(0, b"")
        return changes


def _piece(offset: int, data: bytes) -> dict[str, object]:
    return {"offset": offset, "text": data.decode("utf-8", "replace")}


def _read_all(folder: Path, tails: Iterable[Tail]) -> list[tuple[int, bytes]]:
    """Read each stream on, up to the end of a character. Blocks on the disk."""
    found: list[tuple[int, bytes]] = []
    for tail in tails:
        begin, skip = tail.offset, 0
        end = said_so_far(folder, tail.stream)
        if end - begin > BEHIND:
            begin = end - KEPT
        first, data = read_on(folder, tail.stream, begin, KEPT)
        if first != tail.offset:
            skip = first_character(data)
        found.append((first + skip, data[skip : whole_characters(data)]))
    return found


def _end(folder: Path, stream: Stream, end: int, limit: int) -> dict[str, object]:
    """Read the last *limit* bytes before place *end*. Blocks on the disk."""
    first, data = read_on(folder, stream, max(end - limit, 0), limit)
    data = data[: max(end - first, 0)]
    skip = first_character(data)
    return _piece(first + skip, data[skip:])


def first_character(data: bytes) -> int:
    """Tell where the first character of *data* begins that begins in it."""
    return next((n for n in range(min(4, len(data))) if not _continues(data[n])), 0)


def whole_characters(data: bytes) -> int:
    """Tell how many bytes of *data*, from the first, are characters to their end."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if not _continues(byte):
            length = 1 if byte < 0x80 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4  # noqa: PLR2004  UTF-8
            return len(data) if back >= length else len(data) - back
    return len(data)  # no text at all; shown as it can be


def _continues(byte: int) -> bool:
    return byte & _CONTINUES == 0b1000_0000  # noqa: PLR2004  UTF-8
