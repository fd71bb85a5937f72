# The database of a mailbox, as its owner writes it.
#
# 1. One connection writes. It commits with synchronous=FULL into a write-ahead log:
#    when a commit returns, its letters are on disk.
# 2. A letter has its number when it is on disk, in the order of acceptance; one that
#    was sent twice has one number.
# 3. An archive is written first and named by the database second. What is cut short
#    in between leaves a file too many, and no letter too few.
"""The writing side of a mailbox's database."""

import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, final

import attrs

from crew_mailbox.durable import _archive
from crew_mailbox.durable._disk import (
    TEMPORARY,
    MailboxFolder,
    identity_of,
    index_of,
    log_of,
    sync_folder,
    told,
)
from crew_mailbox.durable._errors import LetterIdTaken, MailboxDamaged, MailboxMissing
from crew_mailbox.durable._letters import (
    Letter,
    LetterRow,
    Record,
    StoredLetter,
    digest_of,
    to_row,
)
from crew_mailbox.durable._tables import (
    ArchiveRow,
    check_owner,
    create_tables,
    insert_archive,
    insert_letters,
    insert_records,
    mark_dropped,
    newest_number,
    remember,
    select_archives,
    select_letters,
)

BUSY_SECONDS = 5.0
"""How long to wait for another program that keeps the database locked."""

REMEMBERED = 100_000
"""For how many further letters the id of an archived one is kept."""

_SPARE_PAGES: Final = 256
"""Free pages that stay in the file after letters have left it."""


@final
@attrs.define(eq=False)
class Incoming:
    """A letter on its way to the database, and what became of it."""

    letter: Letter
    sent_at: float
    deadline: float | None = None
    """When its reply is due, in seconds of the loop's clock."""
    seq: int = attrs.field(default=0, init=False)
    """Its number, once it is on disk."""
    duplicate: bool = attrs.field(default=False, init=False)
    """It was there already."""
    refused: LetterIdTaken | None = attrs.field(default=None, init=False)
    """It is not on disk."""


@final
@attrs.define(eq=False)
class Outgoing:
    """A record on its way to the database."""

    seq: int
    record: Record
    answer: Incoming | None = None
    """The response that goes with it."""


@final
@attrs.define(eq=False)
class Database:
    """The writing connection to a mailbox's database. All of its methods block."""

    folder: MailboxFolder
    connection: sqlite3.Connection
    _identity: tuple[int, int]
    _owner: tuple[int, int]
    last: int
    """The number of the newest letter."""
    archives: tuple[ArchiveRow, ...]
    """Those that there were when it was opened."""
    lost: int
    """How many letters a repair could not save."""

    def write(self, letters: Sequence[Incoming], records: Sequence[Outgoing]) -> None:
        """Commit *letters* and *records* as one: on return they are on disk.

        Each incoming letter is told its number, or why it was refused.

        Raises:
          DurableMailboxError: by its class. Nothing is stored, or, after `MailboxIO`
            or `MailboxMissing`, perhaps all.
        """
        self.transaction(lambda db: self._insert(db, letters, records))

    def _insert(
        self,
        db: sqlite3.Connection,
        letters: Sequence[Incoming],
        records: Sequence[Outgoing],
    ) -> None:
        known = self._known(db, [each.letter.id for each in letters])
        rows: list[tuple[LetterRow, bytes]] = []
        seq = self.last
        for each in letters:
            found = known.get(each.letter.id)
            if found is None:
                seq += 1
                each.seq = seq
                digest = digest_of(seq, each.letter)
                known[each.letter.id] = (seq, digest)
                rows.append((to_row(seq, each.sent_at, each.letter), digest))
            elif found[1] == digest_of(found[0], each.letter):
                each.seq, each.duplicate = found[0], True
            else:
                path = self.folder.path
                each.refused = LetterIdTaken(path, each.letter.id, found[0])
        insert_letters(db, rows)
        insert_records(
            db,
            [
                (o.seq, o.record.kind, o.record.at, o.answer.seq if o.answer else None)
                for o in records
            ],
        )
        self.last = seq

    def _known(
        self, db: sqlite3.Connection, ids: list[str]
    ) -> dict[str, tuple[int, bytes]]:
        """Find the letters that have one of *ids*."""
        marks = ", ".join("?" * len(ids))
        found = db.execute(
            f"SELECT id, seq, digest FROM letters WHERE id IN ({marks})"  # noqa: S608  only marks
            f" UNION ALL SELECT id, seq, digest FROM remembered WHERE id IN ({marks})",
            ids + ids,
        )
        return {name: (seq, digest) for name, seq, digest in found}

    def transaction(self, work: Callable[[sqlite3.Connection], object]) -> None:
        """Do *work* as the only writer, and commit it, or leave all as it was.

        Raises:
          MailboxMissing: the lock or the database is not in its place any more.
          DurableMailboxError: another class says what went wrong.
          Exception: what *work* raised.
        """
        self._check(self.folder.owner, self._owner)  # else there may be another owner
        self._commit(work)
        # A file that was unlinked takes writes, and nobody ever finds them.
        self._check(self.folder.database, self._identity)

    def _check(self, path: Path, identity: tuple[int, int]) -> None:
        if identity_of(path) != identity:
            raise MailboxMissing(path, "the file was removed")

    def _commit(self, work: Callable[[sqlite3.Connection], object]) -> None:
        db = self.connection
        with told(self.folder.database):
            db.execute("BEGIN IMMEDIATE")
            try:
                work(db)
                db.execute("COMMIT")
            except BaseException:  # all or nothing, whatever it was
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    def load(self) -> list[StoredLetter]:
        """Read all letters that are in no archive, in the order of their numbers.

        Raises:
          MailboxDamaged: one of them is not what was written, or SQLite finds that
            the indexes, by which records are read, do not fit.
          DurableMailboxError: another class says what went wrong.
        """
        path = self.folder.database
        with told(path):
            line = self.connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if line != "ok":
                raise MailboxDamaged(path, line)
            return select_letters(path, self.connection, "ORDER BY seq", ())

    def archive(self, numbers: Sequence[int], now: float) -> ArchiveRow:
        """Move the settled letters with *numbers*, ascending, into one archive.

        If they might not fit, the first ones of them only: the row counts them.

        Raises:
          DurableMailboxError: by its class. The letters are where they were.
        """
        path = self.folder.database
        first, last = numbers[0], numbers[-1]
        with told(path):
            between = select_letters(
                path,
                self.connection,
                "WHERE seq BETWEEN ? AND ? ORDER BY seq",
                (first, last),
            )
        chosen = set(numbers)
        letters = _archive.fitting([each for each in between if each.seq in chosen])
        sha256, size = _archive.store(self.folder, letters)
        row = ArchiveRow.of(sha256, letters, size, now)

        def move(db: sqlite3.Connection) -> None:
            insert_archive(db, row)
            remember(db, letters)
            for table in ("records", "letters"):
                db.executemany(
                    f"DELETE FROM {table} WHERE seq = ?",  # noqa: S608  ours
                    [(each.seq,) for each in letters],
                )
            db.execute(
                "DELETE FROM remembered WHERE seq <= ?", (self.last - REMEMBERED,)
            )

        self.transaction(move)
        with told(path):
            free = self.connection.execute("PRAGMA freelist_count").fetchone()[0]
            spare = max(int(free) - _SPARE_PAGES, 0)
            # `execute` would give back one page: only a script is stepped to its end.
            self.connection.executescript(f"PRAGMA incremental_vacuum({spare})")
        return row

    def drop(self, archive: ArchiveRow) -> None:
        """Remove the file of *archive*; its line says that it was there.

        Raises:
          DurableMailboxError: by its class. The file may be left; the next opening
            removes it.
        """
        self.transaction(lambda db: mark_dropped(db, archive))
        _archive.remove(self.folder, [archive.sha256])

    def close(self) -> None:
        """Fold the log into the file and close both. Never fails."""
        self.connection.close()


def open_database(folder: MailboxFolder) -> Database:
    """Open the database of a mailbox for writing; make it if there is none.

    Only the owner may call this, see `_owner`.

    Raises:
      NewerMailbox: a later version of this package made it. It was not touched.
      DurableMailboxError: another class says what went wrong.
    """
    finish_repair(folder)
    folder.sweep()
    path = folder.database
    with told(path):
        if not path.exists():
            create_file(folder)
        connection = connect(folder)
        try:
            check_owner(path, connection)
            connection.execute("PRAGMA journal_mode = WAL")
            last = newest_number(connection)
            archives = tuple(select_archives(connection))
            lost = connection.execute("SELECT count(*) FROM lost").fetchone()[0]
            _archive.remove(folder, [row.sha256 for row in archives if row.dropped])
        except BaseException:  # whatever it was: nobody else would close it
            connection.close()
            raise
    return Database(
        folder,
        connection,
        identity_of(path),
        identity_of(folder.owner),
        last,
        archives,
        lost,
    )


def create_file(folder: MailboxFolder) -> None:
    """Make an empty database with its tables. It has its name when it is whole."""
    build(folder, lambda _db: None)
    folder.repaired.replace(folder.database)
    sync_folder(folder.path)


def build(folder: MailboxFolder, fill: Callable[[sqlite3.Connection], object]) -> None:
    """Make a database and *fill* it; it is whole when it has the name `repaired`."""
    temporary = folder.repaired.with_suffix(TEMPORARY)
    temporary.unlink(missing_ok=True)
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    connection = sqlite3.connect(temporary, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = MEMORY")  # all of it, or no file
        connection.execute("PRAGMA synchronous = FULL")
        create_tables(connection)
        connection.execute("BEGIN")
        fill(connection)
        connection.execute("COMMIT")
    finally:
        connection.close()
    temporary.replace(folder.repaired)
    sync_folder(folder.path)


def finish_repair(folder: MailboxFolder) -> None:
    """Put a repaired database in its place, if one is there.

    Each step can be done again: it ends well also when it is cut short. The log of
    the damaged database would be read into the repaired one, so it goes first.

    Raises:
      DurableMailboxError: by its class.
    """
    if not folder.repaired.exists():
        return
    with told(folder.path):
        for companion in (log_of(folder.database), index_of(folder.database)):
            companion.unlink(missing_ok=True)
        sync_folder(folder.path)
        folder.repaired.replace(folder.database)
        sync_folder(folder.path)


def connect(folder: MailboxFolder) -> sqlite3.Connection:
    """Open the connection that writes. sqlite3.Errors pass."""
    connection = sqlite3.connect(
        f"{folder.database.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,  # BEGIN and COMMIT are ours
        check_same_thread=False,  # one thread at a time, but not always the same
    )
    try:
        connection.execute("PRAGMA synchronous = FULL")
    except BaseException:  # whatever it was: nobody else would close it
        connection.close()
        raise
    return connection
