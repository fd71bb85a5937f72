# A repair keeps what can be read of a damaged run, and says what cannot.
#
# 1. Nothing is deleted: the database gets another name next to the one that is made
#    from what could be read, `run.db.damaged-1` and so on, and so does its log.
# 2. The new database is made next to the old one and takes its place when it is whole.
#    A repair that is cut short is finished by the next owner, or leaves all as it was.
# 3. Numbers stay. Events that are lost are a gap, and readers are told of it.
# 4. An event that has no place in the run without those that are lost is lost as well:
#    what is left is the history of a run, which can be shown and taken up.
# 5. One wrong byte on the first page makes every table unreadable, and yet the page is
#    the same in each database of its kind: so it is replaced in a copy, which is read.
"""Repair of the damaged database of a run."""

import os
import shutil
import sqlite3
import tempfile
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final, final

import attrs

from crew_actors.journal._codec import decode
from crew_actors.journal._database import (
    HIDDEN,
    finish_repair,
    from_system,
    insert_events,
    log_of,
    read,
    sync_file,
    told,
)
from crew_actors.journal._errors import JournalCorrupt, JournalError, LeaseHeld
from crew_actors.journal._folder import RunFolder, sync_folder
from crew_actors.journal._lease import Lease, insert_lease, look_at, select_lease
from crew_actors.journal._log import hides_commits, mended
from crew_actors.journal._pages import Row, to_event
from crew_actors.journal._schema import (
    COMPACTED,
    LOST,
    PAGE_SIZE,
    create_tables,
    first_pages,
    set_up,
    version_of,
)
from crew_actors.model import IllegalEvent, Recorded, RunState, advance, begin

STEPS: Final = 1_000_000
"""So many numbers are tried one by one where a table cannot be read."""

_PAGES: Final = slice(28, 32)  # of the header: how many pages there are, big-endian
_UNREADABLE: Final = (sqlite3.Error, UnicodeDecodeError)


@final
@attrs.frozen(kw_only=True)
class JournalReport:
    """What a repair found and did."""

    problems: tuple[str, ...]
    """What was wrong; empty if nothing was, and then nothing was done."""
    kept: int
    """Events that can be read."""
    lost: tuple[tuple[int, int], ...]
    """The first and the last number of events that cannot be read any more. What came
    after the last one that can be read has no number."""
    aside: Path | None
    """The damaged database; None if nothing was damaged."""


@final
@attrs.define(eq=False)
class _Found:
    """What can be read of a database, and what is wrong with the rest."""

    problems: list[str] = attrs.field(factory=list[str], init=False)
    events: dict[int, tuple[float, bytes]] = attrs.field(
        factory=dict[int, tuple[float, bytes]], init=False
    )
    gaps: list[tuple[int, int, str, float]] = attrs.field(
        factory=list[tuple[int, int, str, float]], init=False
    )
    lease: Lease | None = attrs.field(default=None, init=False)


def repair_journal(folder: RunFolder, *, now: float) -> JournalReport:
    """Make the damaged journal of a run whole again, from what can be read of it.

    Blocks on the disk; may take long. A journal without a problem is left as it is.
    Whether a live runtime owns the run is told by its lease; where not even that can be
    read, make sure that none does.

    Args:
      folder: of the run.
      now: seconds since 1970.

    Raises:
      JournalMissing: there is no such run.
      JournalCorrupt: nothing of it can be read. Nothing was changed.
      LeaseHeld: a live runtime owns the run. Nothing was changed.
      NewerJournal: a later version of this program wrote it. Nothing was changed.
      JournalError: another class says what went wrong. The journal is as it was, or
        repaired.
    """
    finish_repair(folder)
    found, report = _examine(folder)
    if not report.problems:
        return report
    try:
        aside = _put_aside(folder)
        _build(folder, found, [(a, b, LOST, now) for a, b in report.lost])
    except OSError as error:
        raise from_system(error, folder.database) from error
    finish_repair(folder)
    return attrs.evolve(report, aside=aside)


def examine_journal(folder: RunFolder) -> JournalReport:
    """Tell what a repair would keep and lose. Changes nothing; may take long.

    Raises:
      JournalError: as `repair_journal` does.
    """
    return _examine(folder)[1]


def _examine(folder: RunFolder) -> tuple[_Found, JournalReport]:
    """Find out what can be kept, unless a live runtime owns the run."""
    found = _survey(folder)
    if found.lease is not None and look_at(found.lease) == "held":
        raise LeaseHeld(folder.path, found.lease)
    if _missing(found) or found.problems:
        _drop_misfits(found)
    lost = tuple(_missing(found))
    problems = (*found.problems, *(f"events {a} to {b} are missing" for a, b in lost))
    if problems and not found.events:
        raise JournalCorrupt(folder.database, f"nothing can be read: {problems[0]}")
    report = JournalReport(
        problems=problems, kept=len(found.events), lost=lost, aside=None
    )
    return found, report


def _drop_misfits(found: _Found) -> None:
    """Take out the events that have no place in the run without those that are lost.

    Where the first one is gone, there is nothing that they could fit into: all stay.
    """
    state: RunState | None = None
    for number, (at, body) in sorted(found.events.items()):
        try:
            recorded = Recorded(number, at, decode(body))
            if state is None:
                state = begin(recorded)
            else:
                state = advance(attrs.evolve(state, seq=number - 1), recorded)
        except IllegalEvent as error:
            if state is None:
                found.problems.append(f"the plan of the run is lost: {error}")
                return
            found.problems.append(f"event {number} fits no more: {error}")
            del found.events[number]
    newest = max(found.events, default=0)
    found.gaps = [gap for gap in found.gaps if gap[1] < newest]


def _missing(found: _Found) -> list[tuple[int, int]]:
    """Give the first and last number of the events that should be there, and are not."""
    there = [(seq, seq) for seq in found.events]
    there += [(first, last) for first, last, _, _ in found.gaps]
    missing: list[tuple[int, int]] = []
    expected = 1
    for first, last in sorted(there):
        if first > expected:
            missing.append((expected, first - 1))
        expected = last + 1
    return missing


def _survey(folder: RunFolder) -> _Found:
    try:
        found = read(folder, lambda db: _look(folder.database, db))
    except JournalCorrupt as error:
        found = _Found()
        found.problems.append(error.detail)
    pages: list[bytes | None] = [*first_pages()]
    if hides_commits(folder.database):
        found.problems.insert(0, HIDDEN)
        pages.insert(0, None)
    if found.problems:
        for page in pages:
            with suppress(JournalError):
                other = _look_into_copy(folder.database, page)
                if len(other.events) > len(found.events):
                    other.problems[:0] = found.problems
                    found = other
    return found


def _look_into_copy(path: Path, page: bytes | None) -> _Found:
    """Read a copy of the database that has *page* as its first one, and a whole log."""
    with tempfile.TemporaryDirectory(prefix="crew-journal-") as temporary:
        copy = Path(temporary) / "copy.db"
        try:
            shutil.copyfile(path, copy)
            if hides_commits(path):
                log_of(copy).write_bytes(mended(log_of(path).read_bytes()))
            elif log_of(path).exists():
                shutil.copyfile(log_of(path), log_of(copy))
            if page is not None:
                _begin_with(copy, page)
        except OSError as error:
            raise from_system(error, path) from error
        with told(path), closing(sqlite3.connect(copy, isolation_level=None)) as db:
            return _look(path, db)


def _begin_with(copy: Path, page: bytes) -> None:
    """Write *page* over the first one. OSErrors pass."""
    changed = bytearray(page)
    changed[_PAGES] = (copy.stat().st_size // PAGE_SIZE).to_bytes(4, "big")
    changed[18:20] = b"\x02\x02"  # it may have a write-ahead log
    with copy.open("r+b") as file:
        file.write(changed)


def _look(path: Path, db: sqlite3.Connection) -> _Found:
    found = _Found()
    try:
        for (line,) in db.execute("PRAGMA integrity_check(100)"):
            if line != "ok":
                found.problems.append(line)
    except _UNREADABLE as error:
        found.problems.append(f"it cannot be checked: {error}")
    crc, lists_gaps = ("crc", True) if version_of(db) > 1 else ("NULL", False)
    columns = f"seq, at, cast(body AS BLOB), {crc}"
    for row in _rows(found, db, columns):
        before = max(found.events, default=0)
        try:
            recorded = to_event(path, row)
            if row[3] is None and recorded.seq > before + STEPS:
                raise JournalCorrupt(path, f"event {recorded.seq} is not believed")  # noqa: TRY301  as the others
        except (JournalCorrupt, TypeError, AttributeError) as error:
            found.problems.append(getattr(error, "detail", f"event {row[0]}: {error}"))
            continue
        found.events[recorded.seq] = (recorded.at, row[2])
    try:
        found.lease = select_lease(db)
        if lists_gaps:
            numbers = sorted(found.events)
            rows = db.execute("SELECT first, last, why, at FROM gaps ORDER BY first")
            found.gaps = [row for row in rows if _is_gap(found, numbers, row)]
    except (*_UNREADABLE, TypeError) as error:
        found.problems.append(f"its owner or its gaps cannot be read: {error}")
    return found


def _is_gap(found: _Found, numbers: list[int], row: tuple[Any, ...]) -> bool:
    """Tell whether events are missing just there."""
    first, last, why, at = row
    good = (
        isinstance(last, int)
        and isinstance(at, float)
        and why in {COMPACTED, LOST}
        and 1 <= first <= last
        and bool(numbers)
        and last < numbers[-1]
        and bisect_left(numbers, first) == bisect_right(numbers, last)
    )
    if not good:
        found.problems.append(f"the gap at event {first} is none")
    return good


def _rows(found: _Found, db: sqlite3.Connection, columns: str) -> Iterator[Row]:
    """Give all events that can be read, in their order."""
    select = f"SELECT {columns} FROM events"  # noqa: S608  ours
    last = 0
    try:
        for row in db.execute(f"{select} ORDER BY seq"):
            yield row
            last = row[0]
    except _UNREADABLE as error:
        found.problems.append(f"after event {last}: {error}")
    else:
        return
    top = last
    with suppress(*_UNREADABLE):
        top = db.execute("SELECT max(seq) FROM events").fetchone()[0] or last
    for number in range(last + 1, min(top, last + STEPS) + 1):
        with suppress(*_UNREADABLE):  # said above
            yield from db.execute(f"{select} WHERE seq = ?", (number,)).fetchall()


def _put_aside(folder: RunFolder) -> Path:
    """Keep the damaged database and its log under another name; OSErrors pass."""
    database = folder.database
    number = 1
    while (aside := database.with_name(f"{database.name}.damaged-{number}")).exists():
        number += 1
    for file, kept in ((database, aside), (log_of(database), log_of(aside))):
        if file.exists():
            shutil.copy2(file, kept)
            sync_file(kept)
    sync_folder(folder.path)
    return aside


def _build(
    folder: RunFolder, found: _Found, lost: list[tuple[int, int, str, float]]
) -> None:
    """Make a database of what was found; it is whole when it has its name."""
    temporary = folder.repaired.with_suffix(".tmp")
    temporary.unlink(missing_ok=True)
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    with (
        told(temporary),
        closing(sqlite3.connect(temporary, isolation_level=None)) as db,
    ):
        set_up(db)
        db.execute("PRAGMA journal_mode = MEMORY")  # all of it, or no file
        db.execute("PRAGMA synchronous = FULL")
        db.execute("BEGIN")
        create_tables(db)
        insert_events(
            db, ((seq, at, body) for seq, (at, body) in sorted(found.events.items()))
        )
        db.executemany("INSERT INTO gaps VALUES (?, ?, ?, ?)", [*found.gaps, *lost])
        if found.lease is not None:
            insert_lease(db, found.lease)
        db.execute("COMMIT")
    temporary.replace(folder.repaired)
    sync_folder(folder.path)
