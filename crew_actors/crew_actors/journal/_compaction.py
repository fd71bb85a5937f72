# Which events a run can do without, so that its journal stays small.
#
# 1. Of what an agent says on its way, and of its signs of life, among which is that a
#    claim is extended, the last counts. An earlier one goes if the same attempt was at work, and nothing happened to its task
#    or its run, between the two: then the fold over the rest is the same state. Only
#    its count of events that came too late may be lower.
# 2. All other kinds stay, also those that are not known here. So do the newest
#    `KEPT_EVENTS`, whatever they are.
# 3. It is done in slices between two commits: nobody waits long for it.
"""Removing events that later ones have made needless."""

import sqlite3
from collections.abc import Sequence
from typing import Final, final

import attrs

from crew_actors.journal._schema import COMPACTED

KEPT_EVENTS: Final = 2048
"""So many of the newest events are never compacted."""

SLICE_EVENTS: Final = 1024
"""So many events are looked at between two commits."""

_LAST_COUNTS: Final = frozenset(
    ("attempt.progress", "attempt.heartbeat", "claim.extended")
)

_BEGINS: Final = frozenset(("attempt.started", "claim.taken"))
"""The kinds that begin an attempt."""

_BETWEEN: Final = frozenset(
    (
        *("attempt.usage", "attempt.artifact"),
        *("process.started", "process.ended", "process.discarded"),
    )
)
"""What happens often, and has nothing to do with what an agent says."""

_ENDS: Final = ("task.", "attempt.failed", "claim.released")
"""How the kinds begin that end an attempt."""


@final
@attrs.define(eq=False)
class Needless:
    """Finds the events that a later one makes needless. It is told all, in order."""

    _working: dict[str, str] = attrs.field(factory=dict[str, str], init=False)
    """The attempt that is at work on a task, as far as is known."""
    _last: dict[tuple[str, str], int] = attrs.field(
        factory=dict[tuple[str, str], int], init=False
    )
    """The newest event of a task and a kind, of the attempt that is at work."""

    def take(
        self, seq: int, kind: str, task: str | None, attempt: str | None
    ) -> int | None:
        """Note an event; tell the number of the one that is needless now, if any."""
        if kind in _BETWEEN:
            return None
        if task is None:
            self._last.clear()
            return None
        if kind in _LAST_COUNTS:
            if attempt is None or self._working.get(task) != attempt:
                return None  # too late or too early: it is counted by the fold
            before = self._last.get((task, kind))
            self._last[task, kind] = seq
            return before
        for each in _LAST_COUNTS:
            self._last.pop((task, each), None)
        if kind in _BEGINS and attempt is not None:
            self._working[task] = attempt
        elif kind.startswith(_ENDS):
            self._working.pop(task, None)
        return None


@final
@attrs.define(eq=False)
class Compactor:
    """Compacts one journal, slice by slice. Its methods block on the disk."""

    limit: int
    """Bytes of the database above which events go."""
    removed: int
    """How many events were compacted, in all lives of the journal."""
    _cursor: int = attrs.field(default=0, init=False)
    """The number of the last event that was looked at."""
    _needless: Needless = attrs.field(factory=Needless, init=False)

    def has_work(self, committed: int) -> bool:
        """Tell whether there are old events that nobody looked at. Does not block."""
        return committed - KEPT_EVENTS - self._cursor >= SLICE_EVENTS

    def is_too_large(self, connection: sqlite3.Connection) -> bool:
        """Tell whether the journal is larger than it shall be."""
        pages, free, size = (
            int(connection.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size > self.limit

    def slice(self, connection: sqlite3.Connection, now: float) -> None:
        """Look at some more events, and remove the needless, in a transaction."""
        rows = connection.execute(
            "SELECT seq, json_extract(body, '$.kind'), json_extract(body, '$.task'),"
            " json_extract(body, '$.attempt')"
            " FROM events WHERE seq > ? ORDER BY seq LIMIT ?",
            (self._cursor, SLICE_EVENTS),
        ).fetchall()
        found = sorted(
            seq for row in rows if (seq := self._needless.take(*row)) is not None
        )
        remove(connection, found, now)
        self.removed += len(found)
        self._cursor = rows[-1][0]


def remove(connection: sqlite3.Connection, numbers: Sequence[int], now: float) -> None:
    """Remove the events with *numbers*, ascending, and say so in the gaps."""
    connection.executemany(
        "DELETE FROM events WHERE seq = ?", [(number,) for number in numbers]
    )
    for first, last in runs_of(numbers):
        begin, end = first, last
        before = connection.execute(
            "SELECT first, last, why FROM gaps WHERE first < ?"
            " ORDER BY first DESC LIMIT 1",
            (first,),
        ).fetchone()
        if before is not None and before[1:] == (first - 1, COMPACTED):
            begin = before[0]
        after = connection.execute(
            "SELECT last FROM gaps WHERE first = ? AND why = ?", (last + 1, COMPACTED)
        ).fetchone()
        if after is not None:
            end = after[0]
            connection.execute("DELETE FROM gaps WHERE first = ?", (last + 1,))
        connection.execute(
            "INSERT OR REPLACE INTO gaps VALUES (?, ?, ?, ?)",
            (begin, end, COMPACTED, now),
        )


def runs_of(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Join ascending *numbers* that follow each other: the first and last of each."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def compacted(connection: sqlite3.Connection) -> int:
    """Tell how many events were compacted so far."""
    query = "SELECT coalesce(sum(last - first + 1), 0) FROM gaps WHERE why = ?"
    return int(connection.execute(query, (COMPACTED,)).fetchone()[0])
