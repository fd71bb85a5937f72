# The layout of one durable mailbox:
#
#   <path>/
#       letters.db             its open letters, and the newest settled ones
#       archives/<sha256>.gz   older settled letters, named by the hash of the file
#       owner                  locked by its owner, and says who that is
#       quarantine/<time>/     what a repair could not use
#
# 1. Only the user may look inside (0700): letters are private.
# 2. A file that was written, and the folder that lists it, are on disk when the
#    function returns.
# 3. Every sqlite3.Error and OSError leaves this package as one of ours.
"""Where the files of a mailbox lie, and what errors about them mean."""

import errno
import os
import sqlite3
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, final

import attrs

from crew_mailbox.durable._errors import (
    BadLetter,
    DurableMailboxError,
    MailboxDamaged,
    MailboxDiskFull,
    MailboxIO,
    MailboxLocked,
    MailboxMissing,
    MailboxReadOnly,
)

_NO_ROOM: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

_CODES: Final[
    dict[
        int,
        type[MailboxDiskFull | MailboxDamaged | MailboxLocked | MailboxReadOnly],
    ]
] = {
    sqlite3.SQLITE_FULL: MailboxDiskFull,
    sqlite3.SQLITE_CORRUPT: MailboxDamaged,
    sqlite3.SQLITE_NOTADB: MailboxDamaged,
    sqlite3.SQLITE_ERROR: MailboxDamaged,  # a table that should be there is not
    sqlite3.SQLITE_CONSTRAINT: MailboxDamaged,  # a row that should not be there is
    sqlite3.SQLITE_BUSY: MailboxLocked,
    sqlite3.SQLITE_LOCKED: MailboxLocked,
    sqlite3.SQLITE_READONLY: MailboxReadOnly,
}


TEMPORARY: Final = ".tmp"
"""How the name of a file ends that is not whole yet."""


@final
@attrs.frozen
class MailboxFolder:
    """The files of the mailbox at *path*. They need not exist."""

    path: Path

    @property
    def database(self) -> Path:
        return self.path / "letters.db"

    @property
    def repaired(self) -> Path:
        """A whole database that a repair is about to put in place of the other."""
        return self.path / "letters.db.repaired"

    @property
    def archives(self) -> Path:
        return self.path / "archives"

    @property
    def owner(self) -> Path:
        return self.path / "owner"

    @property
    def quarantine(self) -> Path:
        return self.path / "quarantine"

    def archive(self, sha256: str) -> Path:
        """Tell where the archive with that hash lies."""
        return self.archives / f"{sha256}.gz"

    def sweep(self) -> None:
        """Remove the files that were not whole when an owner was killed.

        What they were to hold is where it was. Only the owner may do this.
        """
        with told(self.path):
            for folder in (self.path, self.archives):
                for file in folder.glob(f"*{TEMPORARY}"):
                    file.unlink(missing_ok=True)

    def make(self) -> None:
        """Make the folders that do not exist yet; the one above has to exist.

        Raises:
          MailboxMissing: the folder above does not exist.
          DurableMailboxError: the system refused.
        """
        with told(self.path):
            for folder in (self.path, self.archives):
                if not folder.is_dir():
                    folder.mkdir(mode=0o700)
                    sync_folder(folder.parent)


def log_of(database: Path) -> Path:
    """Tell where the write-ahead log of *database* lies, if there is one."""
    return database.with_name(database.name + "-wal")


def index_of(database: Path) -> Path:
    """Tell where the index of that log lies, if there is one."""
    return database.with_name(database.name + "-shm")


def size_of(path: Path) -> int:
    """Tell how many bytes *path* has; 0 without such a file."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def identity_of(path: Path) -> tuple[int, int]:
    """Tell which file *path* is, whatever its name; zeros if there is none."""
    try:
        status = path.stat()
    except OSError:
        return (0, 0)
    return (status.st_dev, status.st_ino)


def sync_folder(path: Path) -> None:
    """Put the entries of the folder *path* on disk. Windows does so by itself."""
    if os.name == "nt":  # pragma: no cover  a folder cannot be opened there
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_file(path: Path, content: bytes) -> None:
    """Write *path* whole or not at all, and put it on disk. OSErrors pass."""
    descriptor, name = tempfile.mkstemp(prefix=".", suffix=TEMPORARY, dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


@contextmanager
def told(path: Path) -> Generator[None, None, None]:
    """Turn an error of SQLite or of the system about *path* into one of ours.

    SQLite quotes a damaged schema in its errors; that need not be a text.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise explained(error, path) from error
    except (UnicodeDecodeError, BadLetter) as error:
        raise MailboxDamaged(path, str(error)) from error
    except OSError as error:
        raise from_system(error, path) from error


def explained(error: sqlite3.Error, path: Path) -> DurableMailboxError:
    """Say what an error of SQLite means for the caller."""
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    detail = str(error)
    if code == sqlite3.SQLITE_READONLY_DBMOVED or not path.exists():
        return MailboxMissing(path, "the file was removed")
    primary = code & 0xFF
    if primary == sqlite3.SQLITE_IOERR and not _has_room(path):
        return MailboxDiskFull(path, detail)
    if primary == sqlite3.SQLITE_CANTOPEN and not os.access(path.parent, os.W_OK):
        return MailboxReadOnly(path, detail)
    return _CODES.get(primary, MailboxIO)(path, detail)


def from_system(error: OSError, path: Path) -> DurableMailboxError:
    """Say what an error of the operating system means for the caller."""
    detail = error.strerror or str(error)
    if error.errno in _NO_ROOM:
        return MailboxDiskFull(path, detail)
    if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
        return MailboxReadOnly(path, detail)
    if error.errno == errno.ENOENT:
        return MailboxMissing(path, detail)
    return MailboxIO(path, detail)


def _has_room(path: Path) -> bool:
    """Tell whether the log of *path* may grow; SQLite does not say why it cannot."""
    try:
        with tempfile.TemporaryFile(dir=path.parent, buffering=0) as probe:
            probe.seek(size_of(log_of(path)))
            probe.write(bytes(65536))
            os.fsync(probe.fileno())
    except OSError as error:
        return error.errno not in _NO_ROOM
    return True
