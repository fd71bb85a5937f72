# The tables of a run's database, in all versions that there ever were.
#
# 1. A version is made from the one before it by its step, in one transaction with the
#    taking of the lease: nobody's database is changed under him.
# 2. A step that was given out never changes. What a reader asks for is there in the
#    first version, or is asked for by version.
"""What the database of a run holds."""

import sqlite3
import zlib
from typing import Final

APPLICATION_ID: Final = 0x43726577  # "Crew"

PAGE_SIZE: Final = 4096
"""Bytes of a page of the database."""

_FIRST: Final = (
    f"PRAGMA application_id = {APPLICATION_ID}",
    "PRAGMA user_version = 1",
    """CREATE TABLE events (
        seq INTEGER PRIMARY KEY,  -- 1, 2, 3; what is missing is in gaps
        at REAL NOT NULL,         -- seconds since 1970
        body TEXT NOT NULL        -- JSON
    ) STRICT""",
    """CREATE TABLE lease (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        pid INTEGER NOT NULL,
        create_time REAL NOT NULL,
        boot_id TEXT NOT NULL,
        host TEXT NOT NULL,
        acquired_at REAL NOT NULL,
        control_port INTEGER,
        token TEXT NOT NULL,
        released_at REAL
    ) STRICT""",
)

_STEPS: Final = {
    2: (
        "ALTER TABLE events ADD COLUMN crc INTEGER",  # of seq, at and body
        """CREATE TABLE gaps (
            first INTEGER PRIMARY KEY,  -- the first and the last event
            last INTEGER NOT NULL,
            why TEXT NOT NULL,          -- compacted: not needed; lost: not readable
            at REAL NOT NULL
        ) STRICT""",
        "PRAGMA user_version = 2",
    ),
}

SCHEMA_VERSION: Final = max(_STEPS)

COMPACTED: Final = "compacted"
"""Why events are missing: later ones made them needless."""

LOST: Final = "lost"
"""Why events are missing: a repair could not read them."""


def set_up(connection: sqlite3.Connection) -> None:
    """Choose what can be chosen in an empty file only, outside of a transaction.

    In any other file nothing is written: its owner may be another.
    """
    if connection.execute("PRAGMA page_count").fetchone()[0]:
        return
    connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")


def create_tables(
    connection: sqlite3.Connection, version: int = SCHEMA_VERSION
) -> None:
    """Make the tables of *version* in an empty database."""
    for line in _FIRST:
        connection.execute(line)
    migrate(connection, version)


def migrate(connection: sqlite3.Connection, version: int = SCHEMA_VERSION) -> None:
    """Bring the tables to *version*; nothing if they are there."""
    for step in range(version_of(connection) + 1, version + 1):
        for line in _STEPS[step]:
            connection.execute(line)


def version_of(connection: sqlite3.Connection) -> int:
    """Tell the version of a database."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def checksum(seq: int, at: float, body: bytes) -> int:
    """Sum up an event, so that a wrong byte of it is found."""
    return zlib.crc32(body, zlib.crc32(f"{seq} {float(at)!r} ".encode()))


def first_pages() -> list[bytes]:
    """Give the first page of an empty database, for each way in which one was made.

    It says where the tables begin, which is the same in each database of its kind.
    """
    pages: list[bytes] = []
    versions = range(1, SCHEMA_VERSION + 1)
    for vacuum, version in [(True, SCHEMA_VERSION), *((False, v) for v in versions)]:
        connection = sqlite3.connect(":memory:", isolation_level=None)
        if vacuum:
            set_up(connection)
        create_tables(connection, version)
        pages.append(connection.serialize()[:PAGE_SIZE])
        connection.close()
    return pages
