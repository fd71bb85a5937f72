# Events as they are read: in the order of their numbers, and none missing unsaid.
#
# Events may have been removed: compacted, because a later one says the same and more,
# or lost, because a repair could not read them. The next event that is there says how
# many: it is an `AfterGap`. The newest event is never removed.
"""Pages of events from the database of a run."""

import sqlite3
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Final, final

import attrs

from crew_actors.journal._codec import decode
from crew_actors.journal._database import read
from crew_actors.journal._errors import (
    BadEvent,
    JournalCorrupt,
    NewerJournal,
    UnknownEvent,
)
from crew_actors.journal._folder import RunFolder
from crew_actors.journal._schema import COMPACTED, LOST, checksum, version_of
from crew_actors.model import Recorded

Gap = tuple[int, int, str]
"""The first and the last number of what is missing, and why."""

Row = tuple[int, float, bytes, int | None]
"""An event as it lies in the database; without its checksum in the first version."""


@final
@attrs.frozen
class AfterGap(Recorded):
    """An event before which others are missing, all that were between it and the last.

    What was compacted changes nothing about the state of the run.
    """

    compacted: int = 0
    """How many of them were removed to make room."""
    lost: int = 0
    """How many of them a repair could not read."""


def read_page(folder: RunFolder, since: int, limit: int) -> list[Recorded]:
    """Read the events after number *since*, *limit* of them at most.

    Raises:
      JournalCorrupt: an event is damaged, or one is missing in between.
      JournalError: another class says what went wrong.
    """
    return _read(folder, "seq > ? ORDER BY seq LIMIT ?", (since, limit), since)


def read_newest(folder: RunFolder, count: int) -> list[Recorded]:
    """Read the last *count* events, oldest first; see `read_page`."""
    newest = f"seq IN ({_NEWEST}) ORDER BY seq"
    return _read(folder, newest, (count,), None)


_NEWEST: Final = "SELECT seq FROM events ORDER BY seq DESC LIMIT ?"


def _read(
    folder: RunFolder, condition: str, values: tuple[int, ...], since: int | None
) -> list[Recorded]:
    def ask(connection: sqlite3.Connection) -> tuple[list[Row], list[Gap]]:
        checked = version_of(connection) > 1
        rows = connection.execute(
            f"SELECT seq, at, cast(body AS BLOB), {'crc' if checked else 'NULL'}"  # noqa: S608  ours
            f" FROM events WHERE {condition}",
            values,
        ).fetchall()
        if not (checked and rows):
            return rows, []
        first = rows[0][0] if since is None else since
        gaps = connection.execute(
            "SELECT first, last, why FROM gaps"
            " WHERE first < ? AND last > ? ORDER BY first",
            (rows[-1][0], first),
        )
        return rows, gaps.fetchall()

    rows, gaps = read(folder, ask)
    first = (rows[0][0] if rows else 1) if since is None else max(since, 0) + 1
    return to_events(folder.database, rows, gaps, first)


def to_events(
    path: Path, rows: Sequence[Row], gaps: Sequence[Gap], first: int
) -> list[Recorded]:
    """Decode *rows*, which are numbered from *first* without a gap but *gaps*.

    Raises:
      JournalCorrupt: they are not, or one of them is no event.
      NewerJournal: one of them is of a kind that is not known here.
    """
    events: list[Recorded] = []
    left = deque(gaps)
    expected = first
    for row in rows:
        recorded = to_event(path, row)
        if recorded.seq != expected:
            recorded = _after_gap(path, recorded, left, expected)
        events.append(recorded)
        expected = recorded.seq + 1
    return events


def to_event(path: Path, row: Row) -> Recorded:
    """Decode *row*. Raises what `to_events` raises."""
    seq, at, body, crc = row
    if crc is not None and crc != checksum(seq, at, body):
        raise JournalCorrupt(path, f"event {seq} is not what was written")
    try:
        return Recorded(seq, at, decode(body))
    except UnknownEvent as error:
        raise NewerJournal(path, f"event {seq}: {error}") from error
    except BadEvent as error:
        raise JournalCorrupt(path, f"event {seq}: {error}") from error


def _after_gap(
    path: Path, recorded: Recorded, gaps: deque[Gap], expected: int
) -> AfterGap:
    """Count what is missing before *recorded*, from the event *expected* on."""
    missing = {COMPACTED: 0, LOST: 0}
    while expected < recorded.seq:
        while gaps and gaps[0][1] < expected:
            gaps.popleft()
        if not gaps or not gaps[0][0] <= expected < recorded.seq:
            raise JournalCorrupt(path, f"event {expected} is missing")
        _, last, why = gaps[0]
        if last >= recorded.seq or why not in missing:
            raise JournalCorrupt(path, f"nobody knows why event {expected} is missing")
        missing[why] += last - expected + 1
        expected = last + 1
    return AfterGap(
        recorded.seq,
        recorded.at,
        recorded.event,
        compacted=missing[COMPACTED],
        lost=missing[LOST],
    )
