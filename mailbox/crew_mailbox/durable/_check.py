# What is on disk, compared with what was written.
#
# 1. All problems are found, not the first one: what cannot be read is stepped over,
#    and said.
# 2. Each number from 1 to the newest is in exactly one place: in the database, in one
#    archive, or among the lost.
# 3. Checking changes nothing.
"""Validation of a durable mailbox."""

import sqlite3
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any, Final, Literal, final

import attrs

from crew_mailbox.durable import _archive
from crew_mailbox.durable._disk import TEMPORARY, MailboxFolder, told
from crew_mailbox.durable._errors import (
    BadLetter,
    MailboxDamaged,
)
from crew_mailbox.durable._letters import Record, StoredLetter, to_record
from crew_mailbox.durable._readers import snapshot
from crew_mailbox.durable._tables import (
    LETTER_COLUMNS,
    ArchiveRow,
    read_letter,
    select_archives,
)

MOST_LINES: Final = 100
"""The most lines of SQLite's own check that are reported."""


@final
@attrs.frozen
class MailboxProblem:
    """Something about a mailbox on disk that is not as it was written."""

    severity: Literal["error", "warning"]
    """A warning loses nothing."""
    place: str
    """A file, or a letter by its number."""
    message: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.place}: {self.message}"


@final
@attrs.define(eq=False)
class Survey:
    """What can be read of a mailbox, and what is wrong with the rest."""

    folder: MailboxFolder
    letters: dict[int, StoredLetter] = attrs.field(
        factory=dict[int, StoredLetter], init=False
    )
    """Those in the database, without their records."""
    records: dict[int, list[Record]] = attrs.field(
        factory=dict[int, list[Record]], init=False
    )
    unreadable: set[int] = attrs.field(factory=set[int], init=False)
    """Letters in the database that are not what was written."""
    archives: dict[str, "array[int]"] = attrs.field(
        factory=dict[str, "array[int]"], init=False
    )
    """The archives that are whole, by hash, and the numbers of their letters."""
    named: dict[str, ArchiveRow] = attrs.field(
        factory=dict[str, ArchiveRow], init=False
    )
    """The archives that the database names."""
    aside: list[Path] = attrs.field(factory=list[Path], init=False)
    """Files that are no archives, or not what their names say, or not needed."""
    lost: dict[int, tuple[str, float]] = attrs.field(
        factory=dict[int, tuple[str, float]], init=False
    )
    newest: int = attrs.field(default=0, init=False)
    """The greatest number that is mentioned anywhere."""
    problems: list[MailboxProblem] = attrs.field(
        factory=list[MailboxProblem], init=False
    )

    def error(self, place: str, message: str) -> None:
        self.problems.append(MailboxProblem("error", place, message))

    def warning(self, place: str, message: str) -> None:
        self.problems.append(MailboxProblem("warning", place, message))

    def mention(self, seq: int) -> None:
        self.newest = max(self.newest, seq)

    def has(self, seq: int) -> bool:
        """Tell whether the letter *seq* was found already."""
        if seq in self.letters or seq in self.lost:
            return True
        for numbers in self.archives.values():
            at = bisect_left(numbers, seq)
            if at < len(numbers) and numbers[at] == seq:
                return True
        return False


def validate_mailbox(path: Path) -> tuple[MailboxProblem, ...]:
    """Compare all that is on disk with what was written; empty if all is well.

    Reads every letter and every archive. Blocks on the disk; changes nothing. Sound
    also while somebody owns the mailbox; an archive that is just being written may
    then be warned about.

    Raises:
      MailboxMissing: there is no mailbox.
      NewerMailbox: a later version of this package wrote it.
      DurableMailboxError: another class says what went wrong.
    """
    return tuple(survey(MailboxFolder(path)).problems)


def survey(folder: MailboxFolder) -> Survey:
    """Read all that can be read; see `validate_mailbox`."""
    files = _files_in(folder)
    try:
        found = snapshot(folder, lambda db: _survey_database(folder, db))
    except MailboxDamaged as error:
        found = Survey(folder)
        found.error(folder.database.name, error.detail)
    _survey_archives(found, files)
    _compare(found)
    return found


def _files_in(folder: MailboxFolder) -> list[Path]:
    """List the archives, before the database is asked: later ones are not missed."""
    with told(folder.path):
        return sorted(folder.archives.iterdir()) if folder.archives.is_dir() else []


def _survey_database(folder: MailboxFolder, db: sqlite3.Connection) -> Survey:
    found = Survey(folder)
    name = folder.database.name
    try:
        for (line,) in db.execute(f"PRAGMA integrity_check({MOST_LINES})"):
            if line != "ok":
                found.error(name, line)
    except sqlite3.Error as error:
        found.error(name, f"it cannot be checked: {error}")
    for row in _rows(found, db, "letters", LETTER_COLUMNS, "seq"):
        found.mention(row[0])
        try:
            found.letters[row[0]] = read_letter(folder.database, row, ())
        except MailboxDamaged as error:
            found.error(f"letter {row[0]}", error.detail)
            found.unreadable.add(row[0])
    columns = "number, seq, kind, at, answer"
    for _, seq, kind, at, answer in _rows(found, db, "records", columns, "number"):
        try:
            record = to_record(kind, at, answer)
        except BadLetter as error:
            found.error(f"letter {seq}", str(error))
            continue
        found.records.setdefault(seq, []).append(record)
        found.mention(max(seq, answer or 0))
    for seq, why, at in _rows(found, db, "lost", "seq, why, at", "seq"):
        found.lost[seq] = (why, at)
        found.mention(seq)
    try:
        found.named = {row.sha256: row for row in select_archives(db)}
    except sqlite3.Error as error:
        found.error(name, f"its list of archives cannot be read: {error}")
    return found


def _rows(
    found: Survey, db: sqlite3.Connection, table: str, columns: str, key: str
) -> Iterator[Sequence[Any]]:
    """Give all rows of *table* that can be read, in the order of *key*."""
    select = f"SELECT {columns} FROM {table}"  # noqa: S608  ours
    last = 0
    try:
        for row in db.execute(f"{select} ORDER BY {key}"):
            yield row
            last = row[0]
    except sqlite3.Error as error:
        place = found.folder.database.name
        found.error(place, f"{table} after {key} {last}: {error}")
    else:
        return
    top = last
    with suppress(sqlite3.Error):
        top = db.execute(f"SELECT max({key}) FROM {table}").fetchone()[0] or last  # noqa: S608  ours
    for number in range(last + 1, top + 1):
        with suppress(sqlite3.Error):  # said above
            yield from db.execute(f"{select} WHERE {key} = ?", (number,)).fetchall()


def _survey_archives(found: Survey, files: list[Path]) -> None:
    for sha256, row in found.named.items():
        path = found.folder.archive(sha256)
        if path.exists():
            _survey_archive(found, path, row)
        else:
            place = _place(found, path)
            found.error(place, f"the archive of {row.letters} letters is gone")
            found.mention(row.last)
    for path in files:
        if path.suffix == TEMPORARY:
            continue  # its owner writes it, or will remove it when it opens
        if path.suffix != ".gz":
            found.warning(_place(found, path), "it is no archive")
            found.aside.append(path)
        elif path.stem not in found.named:
            _survey_archive(found, path, None)


def _survey_archive(found: Survey, path: Path, row: ArchiveRow | None) -> None:
    """Look at one archive; *row* is what the database says of it, if it does."""
    place = _place(found, path)
    try:
        letters = _archive.load(found.folder, path.stem)
    except MailboxDamaged as error:
        found.error(place, error.detail)
        found.aside.append(path)
        return
    numbers = array("q", [each.seq for each in letters])
    if row is None:
        if all(map(found.has, numbers)):
            found.warning(place, "its letters are elsewhere: it is not needed")
            found.aside.append(path)
            return
        found.error(place, "the database does not name it")
    elif (row.first, row.last, row.letters) != (numbers[0], numbers[-1], len(numbers)):
        found.error(place, "the database says that it has other letters")
    found.archives[path.stem] = numbers
    found.mention(numbers[-1])


def _place(found: Survey, path: Path) -> str:
    return str(path.relative_to(found.folder.path))


def _compare(found: Survey) -> None:
    """Check that each number is in one place."""
    places = bytearray(found.newest + 1)
    for seq in chain(found.letters, found.lost, *found.archives.values()):
        places[seq] = min(places[seq] + 1, 2)
    for seq in range(1, found.newest + 1):
        if places[seq] > 1:
            found.error(f"letter {seq}", "it is in more than one place")
        elif not places[seq] and seq not in found.unreadable:
            found.error(f"letter {seq}", "it is missing")
    for seq in sorted(found.records.keys() - found.letters.keys()):
        if places[seq]:
            found.error(f"letter {seq}", "records of it are not where it is")
