# What is on disk, compared with what was written.
#
# 1. All problems are found, not the first one: what cannot be read is stepped over,
#    and said.
# 2. Each number from 1 to the newest is in exactly one place: in the database, in one
#    archive, or among the lost. The numbers of an archive that was dropped are not
#    looked for.
# 3. A number that is not proved by the hash of its letter is believed only as far as
#    there are enough lines that mention one: a damaged number may be any.
# 4. Checking changes nothing. A database whose first page is damaged is read in a copy.
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
    DurableMailboxError,
    MailboxDamaged,
)
from crew_mailbox.durable._letters import Record, StoredLetter, is_number, to_record
from crew_mailbox.durable._readers import snapshot
from crew_mailbox.durable._salvage import read_copy, schema_of, usual_schema
from crew_mailbox.durable._tables import (
    LETTER_COLUMNS,
    ArchiveRow,
    read_letter,
    select_archives,
)

STEPS: Final = 1_000_000
"""The most numbers that are tried one by one where a table cannot be read."""

_UNREADABLE: Final = (sqlite3.Error, UnicodeDecodeError)
"""What SQLite raises about a damaged file; it quotes what need not be a text."""

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
    """The greatest number that a letter is known to have had."""
    _mentioned: set[int] = attrs.field(factory=set[int], init=False)
    """Numbers that nothing proves."""
    problems: list[MailboxProblem] = attrs.field(
        factory=list[MailboxProblem], init=False
    )

    def error(self, place: str, message: str) -> None:
        self.problems.append(MailboxProblem("error", place, message))

    def warning(self, place: str, message: str) -> None:
        self.problems.append(MailboxProblem("warning", place, message))

    def prove(self, seq: int) -> None:
        """Note that there was a letter *seq*."""
        self.newest = max(self.newest, seq)

    def mention(self, seq: int) -> None:
        """Note that there may have been a letter *seq*."""
        self._mentioned.add(seq)

    def count(self) -> None:
        """Settle which number is the newest, when all is read."""
        gone = sum(
            row.letters
            for sha256, row in self.named.items()
            if sha256 not in self.archives
        )
        slack = len(self._mentioned) + min(gone, STEPS)
        for seq in sorted(self._mentioned):
            if self.newest < seq <= self.newest + slack:
                self.newest = seq

    def rows(self) -> int:
        """Tell how many lines of the database are as they were written."""
        records = sum(map(len, self.records.values()))
        return len(self.letters) + records + len(self.lost) + len(self.named)

    def dropped(self) -> list[ArchiveRow]:
        """Tell which archives were removed to make room."""
        return [row for row in self.named.values() if row.dropped]

    def was_dropped(self, seq: int) -> bool:
        """Tell whether the letter *seq* may have been in one of those."""
        return any(row.first <= seq <= row.last for row in self.dropped())

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
    if found.problems:
        found = _better(found)
    _survey_archives(found, files)
    found.count()
    _compare(found)
    return found


def _better(found: Survey) -> Survey:
    """Read a copy as well, and take of the two the one that says more."""
    try:
        other = read_copy(found.folder, lambda db: _survey_database(found.folder, db))
    except DurableMailboxError:
        return found
    if other.rows() <= found.rows():
        return found
    other.problems[:0] = found.problems
    return other


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
        if schema_of(db) != usual_schema():
            found.error(name, "its tables are not described as they were made")
    except _UNREADABLE as error:
        found.error(name, f"it cannot be checked: {error}")
    for row in _rows(found, db, "letters", LETTER_COLUMNS, "seq"):
        try:
            found.letters[row[0]] = read_letter(folder.database, row, ())
            found.prove(row[0])
        except MailboxDamaged as error:
            found.error(f"letter {row[0]}", error.detail)
            found.unreadable.add(row[0])
            found.mention(row[0])
    _survey_records(found, db)
    for seq, why, at in _rows(found, db, "lost", "seq, why, at", "seq"):
        found.lost[seq] = (str(why), at if is_number(at) else 0.0)
        found.mention(seq)
    try:
        found.named = {row.sha256: row for row in select_archives(db)}
    except (*_UNREADABLE, BadLetter) as error:
        found.error(name, f"its list of archives cannot be read: {error}")
    return found


def _survey_records(found: Survey, db: sqlite3.Connection) -> None:
    columns = "number, seq, kind, at, answer"
    for _, seq, kind, at, answer in _rows(found, db, "records", columns, "number"):
        try:
            record = to_record(kind, at, answer)
            if not isinstance(seq, int):
                raise BadLetter(("record: it is about no letter",))  # noqa: TRY301  as the others
        except BadLetter as error:
            found.error(f"letter {seq}", str(error))
            continue
        found.records.setdefault(seq, []).append(record)
        found.mention(seq)
        if answer is not None:
            found.mention(answer)


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
    except _UNREADABLE as error:
        place = found.folder.database.name
        found.error(place, f"{table} after {key} {last}: {error}")
    else:
        return
    top = last
    with suppress(*_UNREADABLE):
        top = db.execute(f"SELECT max({key}) FROM {table}").fetchone()[0] or last  # noqa: S608  ours
    for number in range(last + 1, min(top, last + STEPS) + 1):
        with suppress(*_UNREADABLE):  # said above
            yield from db.execute(f"{select} WHERE {key} = ?", (number,)).fetchall()


def _survey_archives(found: Survey, files: list[Path]) -> None:
    for sha256, row in found.named.items():
        path = found.folder.archive(sha256)
        if row.dropped:
            found.mention(row.last)
        elif path.exists():
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
        elif found.named[path.stem].dropped:
            found.warning(_place(found, path), "it was dropped: it is not needed")
            found.aside.append(path)


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
    found.prove(numbers[-1])


def _place(found: Survey, path: Path) -> str:
    return str(path.relative_to(found.folder.path))


def _compare(found: Survey) -> None:
    """Check that each number is in one place."""
    places = bytearray(found.newest + 1)
    for seq in chain(found.letters, found.lost, *found.archives.values()):
        if seq <= found.newest:
            places[seq] = min(places[seq] + 1, 2)
        else:
            found.error(f"letter {seq}", "there was no such letter")
    for seq in range(1, found.newest + 1):
        if places[seq] > 1:
            found.error(f"letter {seq}", "it is in more than one place")
        elif not (places[seq] or seq in found.unreadable or found.was_dropped(seq)):
            found.error(f"letter {seq}", "it is missing")
    for seq in sorted(found.records.keys() - found.letters.keys()):
        if seq > found.newest or places[seq]:
            found.error(f"letter {seq}", "records of it are not where it is")
