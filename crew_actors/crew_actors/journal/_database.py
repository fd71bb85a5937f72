# One SQLite database for each run, and how it is opened, written and read.
#
# 1. One connection writes: the journal's. It commits with synchronous=FULL into a
#    write-ahead log, so readers never wait for it and it never waits for them.
# 2. A reader changes nothing in the folder of a run that nobody works on: without a
#    log next to it, the file is read as an immutable one, and read again if it
#    changed meanwhile. While there is a log (a live owner, or one that was killed),
#    SQLite may rebuild its index file, and nothing else.
# 3. A reader holds no connection between two pages, so nobody's pause keeps the log
#    from being folded into the file.
# 4. Every sqlite3 error leaves this module as one of ours.
"""The database of a run."""

import errno
import os
import sqlite3
import tempfile
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar, final

import attrs

from crew_actors.journal._compaction import Compactor, compacted
from crew_actors.journal._errors import (
    JournalCorrupt,
    JournalError,
    JournalExists,
    JournalFull,
    JournalIO,
    JournalLocked,
    JournalMissing,
    JournalReadOnly,
    NewerJournal,
)
from crew_actors.journal._folder import RunFolder, sync_folder
from crew_actors.journal._log import hides_commits, hides_pages
from crew_actors.journal._schema import (
    APPLICATION_ID,
    SCHEMA_VERSION,
    checksum,
    create_tables,
    migrate,
    set_up,
    version_of,
)

R = TypeVar("R")

BUSY_SECONDS = 5.0
"""How long to wait for another program that keeps the database locked."""

HIDDEN: Final = "a wrong byte in its log hides what was written after it"
_SPARE_PAGES: Final = 256
"""Free pages that stay in the file after events have left it."""

READ_AGAIN: Final = 8
"""How often a read is begun again because the file changed under it."""

_CODES: Final[dict[int, type[JournalError]]] = {
    sqlite3.SQLITE_FULL: JournalFull,
    sqlite3.SQLITE_CORRUPT: JournalCorrupt,
    sqlite3.SQLITE_NOTADB: JournalCorrupt,
    sqlite3.SQLITE_ERROR: JournalCorrupt,  # a table that should be there is not
    sqlite3.SQLITE_BUSY: JournalLocked,
    sqlite3.SQLITE_LOCKED: JournalLocked,
    sqlite3.SQLITE_READONLY: JournalReadOnly,
}

NewRow = tuple[int, float, bytes]
"""The number, moment and JSON of an event that is to be written."""


@final
@attrs.define(eq=False)
class Database:
    """The writing connection to a run's database. All of its methods block."""

    path: Path
    _connection: sqlite3.Connection
    _identity: tuple[int, int]

    def last(self) -> int:
        """Tell the number of the newest event, 0 without any.

        Raises:
          JournalError: by its class.
        """
        with told(self.path):
            query = "SELECT coalesce(max(seq), 0) FROM events"
            return int(self._connection.execute(query).fetchone()[0])

    def write(self, rows: Sequence[NewRow]) -> None:
        """Commit *rows*: on return they are on disk.

        Raises:
          JournalError: by its class. None of the rows is stored, or, after
            `JournalIO` or `JournalMissing`, perhaps all of them.
        """
        self.transaction(lambda connection: insert_events(connection, rows))
        if _identity_of(self.path) != self._identity:
            # A file that was unlinked takes writes, and nobody ever finds them.
            raise JournalMissing(self.path, "the file was removed")

    def transaction(self, work: Callable[[sqlite3.Connection], object]) -> None:
        """Do *work* as the only writer, and commit it, or leave all as it was.

        Raises:
          JournalError: by its class.
          Exception: what *work* raised.
        """
        connection = self._connection
        with told(self.path):
            connection.execute("BEGIN IMMEDIATE")
            try:
                work(connection)
                connection.execute("COMMIT")
            except BaseException:  # all or nothing, whatever it was
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def own(self, take: Callable[[sqlite3.Connection], object]) -> None:
        """*take* the lease, and bring the tables to this version, both or neither.

        Raises:
          JournalError: by its class.
          Exception: what *take* raised. Nothing was changed.
        """

        def work(connection: sqlite3.Connection) -> None:
            take(connection)
            migrate(connection)

        self.transaction(work)

    def compact(self, compactor: Compactor, now: float) -> None:
        """Remove some needless events, if the database is too large.

        Raises:
          JournalError: by its class.
        """
        with told(self.path):
            if not compactor.is_too_large(self._connection):
                return
            self.transaction(lambda db: compactor.slice(db, now))
            free = self._connection.execute("PRAGMA freelist_count").fetchone()[0]
            spare = max(int(free) - _SPARE_PAGES, 0)
            # `execute` would give back one page: only a script is stepped to its end.
            self._connection.executescript(f"PRAGMA incremental_vacuum({spare})")

    def count_compacted(self) -> int:
        """Tell how many events were compacted so far.

        Raises:
          JournalError: by its class.
        """
        with told(self.path):
            return compacted(self._connection)

    def close(self) -> None:
        """Fold the log into the file and close both. Never fails."""
        self._connection.close()


def insert_events(connection: sqlite3.Connection, rows: Iterable[NewRow]) -> None:
    """Add events to the database."""
    connection.executemany(
        "INSERT INTO events (seq, at, body, crc) VALUES (?, ?, cast(? AS TEXT), ?)",
        ((*row, checksum(*row)) for row in rows),
    )


@contextmanager
def told(path: Path) -> Generator[None, None, None]:
    """Turn a sqlite3 error about the database at *path* into one of ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise _explained(error, path) from error
    except UnicodeDecodeError as error:  # SQLite quotes what it cannot read
        raise JournalCorrupt(path, str(error)) from error


def create_database(folder: RunFolder) -> Database:
    """Make the database of a run that has none yet, with its tables.

    Raises:
      JournalExists: there is one. It was not touched.
      JournalError: another class says what went wrong.
    """
    path = folder.database
    try:
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR
        os.close(os.open(path, flags, 0o600))
        sync_folder(folder.path)
    except FileExistsError:
        raise JournalExists(path, "the database exists") from None
    except FileNotFoundError as error:
        raise JournalMissing(path, "its folder does not exist") from error
    except OSError as error:
        raise from_system(error, path) from error
    database = _connect(path)
    try:
        database.transaction(create_tables)
    except BaseException:  # whatever it was: nobody else would close it
        database.close()
        raise
    return database


def open_database(folder: RunFolder) -> Database:
    """Open the database of a run for writing.

    Raises:
      JournalMissing: there is none.
      NewerJournal: a later version of this program made it. It was not touched.
      JournalError: another class says what went wrong.
    """
    finish_repair(folder)
    try:
        if hides_commits(folder.database):
            raise JournalCorrupt(folder.database, HIDDEN)
    except OSError as error:
        raise from_system(error, folder.database) from error
    read(folder, lambda _connection: None)
    return _connect(folder.database)


def finish_repair(folder: RunFolder) -> None:
    """Put a repaired database in its place, if one is there.

    Each step can be done again: it ends well also when it is cut short. The log of the
    damaged database would be read into the repaired one, so it goes first.

    Raises:
      JournalError: by its class.
    """
    if not folder.repaired.exists():
        return
    path = folder.database
    try:
        for companion in (log_of(path), path.with_name(f"{path.name}-shm")):
            companion.unlink(missing_ok=True)
        sync_folder(folder.path)
        folder.repaired.replace(path)
        sync_folder(folder.path)
    except OSError as error:
        raise from_system(error, path) from error


def log_of(path: Path) -> Path:
    """Tell where the write-ahead log of the database *path* lies, if there is one."""
    return path.with_name(f"{path.name}-wal")


def sync_file(path: Path) -> None:
    """Put the content of *path* on disk. OSErrors pass."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _connect(path: Path) -> Database:
    with told(path):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,  # BEGIN and COMMIT are ours
            check_same_thread=False,  # one thread at a time, but not always the same
        )
        try:
            set_up(connection)  # of no effect unless the file is empty
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
        except BaseException:  # whatever it was: nobody else would close it
            connection.close()
            raise
    return Database(path, connection, _identity_of(path))


def _identity_of(path: Path) -> tuple[int, int]:
    """Tell which file *path* is, whatever its name; zeros if there is none."""
    try:
        status = path.stat()
    except OSError:
        return (0, 0)
    return (status.st_dev, status.st_ino)


def read(folder: RunFolder, query: Callable[[sqlite3.Connection], R]) -> R:
    """Ask the database of a run, without changing anything. Blocks on the disk.

    *query* sees one state of the database, and may be called again.

    Raises:
      JournalMissing: there is no such run.
      NewerJournal: a later version of this program made it.
      JournalError: another class says what went wrong.
    """
    path = folder.database
    for _ in range(READ_AGAIN):
        before = _look(path)
        try:
            found = _ask(path, query, immutable=before.quiet)
        except JournalError:
            after = _look(path)
            if after.quiet != before.quiet or (before.quiet and after != before):
                continue  # it was opened or closed meanwhile
            raise
        if not before.quiet or _look(path) == before:
            return found
    raise JournalLocked(path, "it changes all the time")


@attrs.frozen
class _Look:
    """A database file from outside."""

    size: int
    changed: int
    quiet: bool
    """There is no log next to it, so nobody writes to it."""


def _look(path: Path) -> _Look:
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise JournalMissing(path, "no such file") from error
    except OSError as error:
        raise from_system(error, path) from error
    return _Look(status.st_size, status.st_mtime_ns, quiet=_log_size(path) == 0)


def _log_size(path: Path) -> int:
    """Tell how many bytes the log of the database *path* has; 0 without a log."""
    try:
        return log_of(path).stat().st_size
    except OSError:
        return 0


def _ask(path: Path, query: Callable[[sqlite3.Connection], R], *, immutable: bool) -> R:
    way = "mode=ro&immutable=1" if immutable else "mode=ro"
    uri = f"{path.absolute().as_uri()}?{way}"
    with told(path):
        connection = sqlite3.connect(
            uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None
        )
        try:
            connection.execute("BEGIN")
            _check_owner(path, connection)
            return query(connection)
        finally:
            connection.close()


def _check_owner(path: Path, connection: sqlite3.Connection) -> None:
    """Refuse a database that is not ours, or too new, or was never finished."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = version_of(connection)
    if application == 0 and version == 0:
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables == 0:
            if hides_pages(path):
                raise JournalCorrupt(path, HIDDEN)
            raise JournalMissing(path, "its creation was cut short")
    if application != APPLICATION_ID:
        raise JournalCorrupt(path, "it is the database of another program")
    if version > SCHEMA_VERSION:
        raise NewerJournal(path, f"schema {version}; this one knows {SCHEMA_VERSION}")


def _explained(error: sqlite3.Error, path: Path) -> JournalError:
    """Say what a sqlite3 error means for the caller."""
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    detail = str(error)
    if code == sqlite3.SQLITE_READONLY_DBMOVED or not path.exists():
        return JournalMissing(path, "the file was removed")
    primary = code & 0xFF
    if primary == sqlite3.SQLITE_IOERR and not _has_room(path):
        return JournalFull(path, detail)
    if primary == sqlite3.SQLITE_CANTOPEN and not os.access(path.parent, os.W_OK):
        return JournalReadOnly(path, detail)
    kind = _CODES.get(primary, JournalIO)
    return kind(path, detail)


def _has_room(path: Path) -> bool:
    """Tell whether the log of *path* may grow; SQLite does not say why it cannot."""
    try:
        with tempfile.TemporaryFile(dir=path.parent, buffering=0) as probe:
            probe.seek(_log_size(path))
            probe.write(bytes(65536))
            os.fsync(probe.fileno())
    except OSError as error:
        return error.errno not in _NO_ROOM
    return True


_NO_ROOM: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def from_system(error: OSError, path: Path) -> JournalError:
    """Say what an error of the operating system means for the caller."""
    detail = error.strerror or str(error)
    if error.errno in _NO_ROOM:
        return JournalFull(path, detail)
    if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
        return JournalReadOnly(path, detail)
    return JournalIO(path, detail)
