# The tables of a mailbox's database, and how they are asked.
#
# 1. Letters and records are only ever added. They leave together, and only into an
#    archive that is on disk already and that the same transaction names.
# 2. Letters are numbered 1, 2, 3 without a gap. Each number is in `letters`, in one
#    archive (which may be dropped: then its line is all that is left), or in `lost`.
# 3. A query that meets what nobody wrote says so; it never skips it.
"""What the database of a durable mailbox holds."""

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, final

import attrs

from crew_mailbox.durable._errors import (
    BadLetter,
    MailboxDamaged,
    NewerMailbox,
)
from crew_mailbox.durable._letters import (
    Record,
    StoredLetter,
    digest_of,
    from_row,
    is_number,
    to_record,
)
from crew_mailbox.durable._rules import standing

_HASH: Final = re.compile("[0-9a-f]{64}")

APPLICATION_ID: Final = 0x43726D62  # "Crmb"
SCHEMA_VERSION: Final = 1

LETTER_COLUMNS: Final = (
    "seq, id, recipient, sender, kind, priority, delivery, body, sent_at, reply_by,"
    " answers, outcome, digest"
)

SCHEMA: Final = (
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
    """CREATE TABLE letters (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        recipient TEXT NOT NULL,
        sender TEXT NOT NULL,
        kind TEXT NOT NULL,
        priority TEXT NOT NULL,
        delivery TEXT NOT NULL,
        body BLOB NOT NULL,
        sent_at REAL NOT NULL,   -- seconds since 1970
        reply_by REAL,           -- seconds after sent_at
        answers TEXT,            -- the id of another letter
        outcome TEXT,
        digest BLOB NOT NULL     -- of what the sender said
    ) STRICT""",
    """CREATE TABLE records (
        number INTEGER PRIMARY KEY,
        seq INTEGER NOT NULL,    -- of the letter
        kind TEXT NOT NULL,
        at REAL NOT NULL,        -- seconds since 1970
        answer INTEGER           -- seq of the response
    ) STRICT""",
    "CREATE INDEX records_by_letter ON records (seq, number)",
    """CREATE TABLE archives (
        number INTEGER PRIMARY KEY,
        sha256 TEXT NOT NULL,
        first INTEGER NOT NULL,  -- the least and the greatest seq in it
        last INTEGER NOT NULL,
        letters INTEGER NOT NULL,
        acknowledged INTEGER NOT NULL,
        replied INTEGER NOT NULL,
        expired INTEGER NOT NULL,
        dead INTEGER NOT NULL,
        size INTEGER NOT NULL,   -- bytes of the file
        at REAL NOT NULL,
        dropped INTEGER NOT NULL -- 1 when the file was removed to make room
    ) STRICT""",
    """CREATE TABLE remembered (   -- ids of archived letters
        id TEXT PRIMARY KEY,
        seq INTEGER NOT NULL,
        digest BLOB NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE lost (         -- letters that a repair could not save
        seq INTEGER PRIMARY KEY,
        why TEXT NOT NULL,
        at REAL NOT NULL
    ) STRICT""",
)


PAGE_SIZE: Final = 4096
"""Bytes of a page of the database."""


def create_tables(db: sqlite3.Connection) -> None:
    """Fill an empty database with the tables, which are empty."""
    db.execute(f"PRAGMA page_size = {PAGE_SIZE}")
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    db.execute("BEGIN")
    for statement in SCHEMA:
        db.execute(statement)
    db.execute("COMMIT")


@final
@attrs.frozen(kw_only=True)
class ArchiveRow:
    """What the database knows of one archive. Its fields are the columns."""

    sha256: str
    first: int
    last: int
    letters: int
    acknowledged: int
    replied: int
    expired: int
    dead: int
    size: int
    """Bytes of the file."""
    at: float
    dropped: int = 0
    """1 when the file was removed to make room, else 0."""

    def __attrs_post_init__(self) -> None:
        sha256, *numbers = attrs.astuple(self)
        if not (
            isinstance(sha256, str)
            and _HASH.fullmatch(sha256)
            and all(map(is_number, numbers))
            and 0 < self.first <= self.last
            and 0 < self.letters <= self.last - self.first + 1
        ):
            raise BadLetter(("archive: its line is not what was written",))

    @classmethod
    def of(
        cls, sha256: str, letters: Sequence[StoredLetter], size: int, at: float
    ) -> "ArchiveRow":
        """Describe the archive with *letters*, of which there is one at least."""
        states = Counter(standing(each).state for each in letters)
        return cls(
            sha256=sha256,
            first=letters[0].seq,
            last=letters[-1].seq,
            letters=len(letters),
            acknowledged=states["acknowledged"],
            replied=states["replied"],
            expired=states["expired"],
            dead=states["dead"],
            size=size,
            at=at,
        )


_ARCHIVE_COLUMNS: Final = ", ".join(field.name for field in attrs.fields(ArchiveRow))


def check_owner(path: Path, db: sqlite3.Connection) -> None:
    """Refuse a database that is not ours, or too new.

    Raises:
      MailboxDamaged: another program made it.
      NewerMailbox: a later version of this package made it.
    """
    application = db.execute("PRAGMA application_id").fetchone()[0]
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID:
        raise MailboxDamaged(path, "it is not the database of a mailbox")
    if version > SCHEMA_VERSION:
        detail = f"schema {version}; this one knows {SCHEMA_VERSION}"
        raise NewerMailbox(path, detail)


def newest_number(db: sqlite3.Connection) -> int:
    """Tell the number of the newest letter that there ever was; 0 without any."""
    query = (
        "SELECT max(coalesce((SELECT max(seq) FROM letters), 0),"
        " coalesce((SELECT max(last) FROM archives), 0),"
        " coalesce((SELECT max(seq) FROM lost), 0))"
    )
    return int(db.execute(query).fetchone()[0])


def select_letters(
    path: Path, db: sqlite3.Connection, condition: str, values: Sequence[object]
) -> list[StoredLetter]:
    """Read the letters that meet *condition*, as SQL, in the order that it says.

    Raises:
      MailboxDamaged: one of them, or a record, is not what was written.
    """
    query = f"SELECT {LETTER_COLUMNS} FROM letters {condition}"  # noqa: S608  ours
    rows = db.execute(query, values).fetchall()
    if not rows:
        return []
    numbers = [row[0] for row in rows]
    records = select_records(path, db, min(numbers), max(numbers))
    return [read_letter(path, row, records.get(row[0], ())) for row in rows]


def read_letter(
    path: Path, row: Sequence[Any], records: Iterable[Record]
) -> StoredLetter:
    """Turn a row of `LETTER_COLUMNS` into a letter.

    Raises:
      MailboxDamaged: it is not what was written.
    """
    *columns, digest = row
    try:
        stored = from_row(tuple(columns), tuple(records))
    except BadLetter as error:
        raise MailboxDamaged(path, f"letter {row[0]}: {error}") from error
    if digest_of(stored.seq, stored.letter) != digest:
        raise MailboxDamaged(path, f"letter {row[0]} is not what was sent")
    return stored


def select_records(
    path: Path, db: sqlite3.Connection, first: int, last: int
) -> dict[int, list[Record]]:
    """Read the records about the letters from *first* to *last*, by their numbers.

    Raises:
      MailboxDamaged: one of them is not what was written.
    """
    found: dict[int, list[Record]] = {}
    rows = db.execute(
        "SELECT seq, kind, at, answer FROM records WHERE seq BETWEEN ? AND ?"
        " ORDER BY seq, number",
        (first, last),
    )
    for seq, kind, at, answer in rows:
        try:
            found.setdefault(seq, []).append(to_record(kind, at, answer))
        except BadLetter as error:
            raise MailboxDamaged(path, f"a record of letter {seq}: {error}") from error
    return found


def select_archives(db: sqlite3.Connection) -> list[ArchiveRow]:
    """Read what is known of each archive, the oldest first.

    Raises:
      BadLetter: a line is not what was written.
    """
    rows = db.execute(f"SELECT {_ARCHIVE_COLUMNS} FROM archives ORDER BY number")  # noqa: S608  ours
    names = _ARCHIVE_COLUMNS.split(", ")
    return [ArchiveRow(**dict(zip(names, row, strict=True))) for row in rows]


def mark_dropped(db: sqlite3.Connection, archive: ArchiveRow) -> None:
    """Note that the file of *archive* is about to be removed."""
    db.execute("UPDATE archives SET dropped = 1 WHERE sha256 = ?", (archive.sha256,))


def insert_archive(db: sqlite3.Connection, row: ArchiveRow) -> None:
    """Name an archive that is on disk."""
    values = attrs.astuple(row)
    marks = ", ".join("?" * len(values))
    db.execute(f"INSERT INTO archives ({_ARCHIVE_COLUMNS}) VALUES ({marks})", values)  # noqa: S608  ours


def insert_letters(
    db: sqlite3.Connection, rows: Iterable[tuple[tuple[object, ...], bytes]]
) -> None:
    """Add letters, each as its columns and its digest."""
    marks = ", ".join("?" * len(LETTER_COLUMNS.split(", ")))
    db.executemany(
        f"INSERT INTO letters ({LETTER_COLUMNS}) VALUES ({marks})",  # noqa: S608  ours
        ((*row, digest) for row, digest in rows),
    )


def insert_records(
    db: sqlite3.Connection, rows: Iterable[tuple[int, str, float, int | None]]
) -> None:
    """Add records, each as the number of its letter and its fields."""
    query = "INSERT INTO records (seq, kind, at, answer) VALUES (?, ?, ?, ?)"
    db.executemany(query, rows)


def remember(db: sqlite3.Connection, letters: Iterable[StoredLetter]) -> None:
    """Keep the ids, numbers and digests of *letters*, which are in an archive."""
    rows = ((s.letter.id, s.seq, digest_of(s.seq, s.letter)) for s in letters)
    db.executemany("INSERT OR REPLACE INTO remembered VALUES (?, ?, ?)", rows)


def number_of(db: sqlite3.Connection, letter_id: str) -> int | None:
    """Tell the number of the letter with that id; None if it is not known."""
    row = db.execute(
        "SELECT seq FROM letters WHERE id = ?1"
        " UNION ALL SELECT seq FROM remembered WHERE id = ?1",
        (letter_id,),
    ).fetchone()
    return None if row is None else int(row[0])
