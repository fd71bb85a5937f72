"""What is committed is on disk: SQLite is told to sync each commit."""

from crew_actors.journal import RunFolder
from crew_actors.journal._database import create_database

FULL = 2  # https://www.sqlite.org/pragma.html#pragma_synchronous


def test_each_commit_is_synced_to_the_disk(folder: RunFolder) -> None:
    found: list[object] = []
    database = create_database(folder)
    try:
        database.transaction(
            lambda db: found.extend(
                db.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("synchronous", "journal_mode")
            )
        )
    finally:
        database.close()
    assert found == [FULL, "wal"]
