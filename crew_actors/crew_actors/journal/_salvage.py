# A damaged registry is read in memory, from a copy whose header is that of a registry
# without a damage: what is wrong there hides every run otherwise.
"""Read what can be read of a damaged registry."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from typing import Final, TypeAlias

Row: TypeAlias = tuple[str, str, str, str, str, str, float]
"""The run, its folder, project, goal, team and workflow, and when it was created."""

_HEADER: Final = 100  # bytes at the beginning of each SQLite file
_SIZE: Final = slice(28, 32)  # of these, the number of pages


def salvage(data: bytes, schema: Iterable[str]) -> list[Row]:
    """Read the rows of table `runs` in the content of a database, as far as they go.

    *schema* makes an empty one of its kind. What cannot be read is left out.
    """
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for line in schema:
            connection.execute(line)
        empty = connection.serialize()
        page = int(connection.execute("PRAGMA page_size").fetchone()[0])
        header = bytearray(empty[:_HEADER])
        header[_SIZE] = (len(data) // page).to_bytes(4, "big")
        connection.deserialize(bytes(header) + data[_HEADER:])
        return _rows(connection)


def _rows(connection: sqlite3.Connection) -> list[Row]:
    rows: list[Row] = []
    try:
        for row in connection.execute("SELECT * FROM runs NOT INDEXED"):
            *texts, moment = row
            if all(isinstance(text, str) for text in texts) and moment >= 0:
                rows.append(row)
    except (sqlite3.Error, UnicodeDecodeError, TypeError, ValueError):
        return rows  # those before the damage
    return rows
