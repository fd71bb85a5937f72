# The first page of a database says which tables there are and where they begin. One
# changed byte in it makes all of them unreadable, and yet it is the same in every
# mailbox: so the page of an empty one is put into a copy, and the copy is read.
#
# A copy is only read. What the page knew besides, the free pages, is not needed then.
"""A damaged database, read in a copy with a whole first page."""

import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final, TypeVar

from crew_mailbox.durable._disk import MailboxFolder, log_of, told
from crew_mailbox.durable._tables import PAGE_SIZE, create_tables

R = TypeVar("R")

_PAGES: Final = slice(28, 32)
"""Where the header says how many pages there are, as a big-endian number."""


def schema_of(db: sqlite3.Connection) -> list[tuple[str, str | None]]:
    """Tell how the tables and indexes of a database are described in it."""
    return db.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()


def usual_schema() -> list[tuple[str, str | None]]:
    """Tell how the tables and indexes of every mailbox are described."""
    with closing(_empty()) as db:
        return schema_of(db)


def read_copy(folder: MailboxFolder, query: Callable[[sqlite3.Connection], R]) -> R:
    """Ask a copy of the database, with a log if there is one.

    Raises:
      DurableMailboxError: by its class. It cannot be copied, or not even so be read.
    """
    with (
        tempfile.TemporaryDirectory(prefix="crew-mailbox-") as temporary,
        told(folder.database),
    ):
        copy = Path(temporary) / "copy.db"
        shutil.copyfile(folder.database, copy)
        if log_of(folder.database).exists():
            shutil.copyfile(log_of(folder.database), log_of(copy))
        with copy.open("r+b") as file:
            file.write(_first_page(copy.stat().st_size // PAGE_SIZE))
        db = sqlite3.connect(copy, isolation_level=None)
        try:
            return query(db)
        finally:
            db.close()


def _first_page(pages: int) -> bytes:
    with closing(_empty()) as db:
        page = bytearray(db.serialize()[:PAGE_SIZE])
    page[_PAGES] = pages.to_bytes(4, "big")
    page[18:20] = b"\x02\x02"  # it may have a write-ahead log
    return bytes(page)


def _empty() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None)
    create_tables(db)
    return db
