# Reading a mailbox changes nothing in it, whoever owns it.
#
# 1. Without a log next to it nobody writes the database: it is read as an immutable
#    file, and read again if it changed meanwhile. With a log (a live owner, or one
#    that was killed) SQLite may rebuild the index of that log, and nothing else.
# 2. Letters come in the order of their numbers, wherever they lie. The database says
#    in one snapshot which letters it has and which archives have the others.
# 3. The two archives that were read last are kept unpacked: who pages through a box
#    unpacks each of them once.
"""Queries, with the archives included."""

import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar, final

import attrs

from crew_mailbox.durable import _archive, _database
from crew_mailbox.durable._disk import MailboxFolder, log_of, size_of, told
from crew_mailbox.durable._errors import (
    DurableMailboxError,
    MailboxDamaged,
    MailboxLocked,
)
from crew_mailbox.durable._letters import Kind, StoredLetter
from crew_mailbox.durable._tables import (
    ArchiveRow,
    check_owner,
    number_of,
    select_archives,
    select_letters,
)

R = TypeVar("R")

PAGE: Final = 256
"""How many letters a page has, unless you say otherwise."""

READ_AGAIN: Final = 8
"""How often a read is begun again because the file changed under it."""

_UNPACKED: Final = 2


@final
@attrs.frozen
class Wanted:
    """Which letters a query is about; None stands for all."""

    to: str | None = None
    kind: Kind | None = None

    def condition(self) -> tuple[str, list[object]]:
        """Say it in SQL, to be joined by AND with what goes before it."""
        parts, values = [""], list[object]()
        for column, value in (("recipient", self.to), ("kind", self.kind)):
            if value is not None:
                parts.append(f"{column} = ?")
                values.append(value)
        return " AND ".join(parts), values

    def has(self, stored: StoredLetter) -> bool:
        """Tell whether *stored* is among them."""
        letter = stored.letter
        return self.to in {None, letter.to} and self.kind in {None, letter.kind}


@final
@attrs.define(eq=False)
class Reader:
    """Reads one mailbox. All of its methods block on the disk."""

    folder: MailboxFolder
    _unpacked: OrderedDict[str, list[StoredLetter]] = attrs.field(
        factory=OrderedDict[str, list[StoredLetter]], init=False, repr=False
    )

    def after(self, since: int, limit: int, wanted: Wanted) -> list[StoredLetter]:
        """Read the first *limit* letters with numbers above *since*."""
        condition, values = wanted.condition()
        query = f"WHERE seq > ?{condition} ORDER BY seq LIMIT ?"
        live, archives = self._snapshot(query, [since, *values, limit])
        found = live
        for archive in sorted(archives, key=lambda each: each.first):
            if len(found) == limit and archive.first > found[-1].seq:
                break
            if archive.last > since:
                more = [
                    s
                    for s in self._archived(archive)
                    if s.seq > since and wanted.has(s)
                ]
                found = sorted(found + more, key=lambda each: each.seq)[:limit]
        return found

    def newest(self, limit: int, wanted: Wanted) -> list[StoredLetter]:
        """Read the last *limit* letters, the oldest of them first."""
        condition, values = wanted.condition()
        query = f"WHERE seq > 0{condition} ORDER BY seq DESC LIMIT ?"
        live, archives = self._snapshot(query, [*values, limit])
        found = live[::-1]
        for archive in sorted(archives, key=lambda each: -each.last):
            if len(found) == limit and archive.last < found[0].seq:
                break
            more = [s for s in self._archived(archive) if wanted.has(s)]
            found = sorted(found + more, key=lambda each: each.seq)[-limit:]
        return found

    def find(self, letter_id: str) -> StoredLetter | None:
        """Read the letter with that id; None if it is not known."""
        seq = snapshot(self.folder, lambda db: number_of(db, letter_id))
        if seq is None:
            return None
        found = self.after(seq - 1, 1, Wanted())
        return found[0] if found and found[0].letter.id == letter_id else None

    def _snapshot(
        self, condition: str, values: Sequence[object]
    ) -> tuple[list[StoredLetter], list[ArchiveRow]]:
        path = self.folder.database

        def ask(db: sqlite3.Connection) -> tuple[list[StoredLetter], list[ArchiveRow]]:
            return select_letters(path, db, condition, values), select_archives(db)

        return snapshot(self.folder, ask)

    def _archived(self, archive: ArchiveRow) -> list[StoredLetter]:
        if archive.dropped:
            return []
        letters = self._unpacked.get(archive.sha256)
        if letters is None:
            try:
                letters = _archive.load(self.folder, archive.sha256)
            except MailboxDamaged:
                if self._was_dropped(archive):
                    return []
                raise
        self._unpacked[archive.sha256] = letters
        self._unpacked.move_to_end(archive.sha256)
        while len(self._unpacked) > _UNPACKED:
            self._unpacked.popitem(last=False)
        return letters

    def _was_dropped(self, archive: ArchiveRow) -> bool:
        """Tell whether *archive* was dropped after it was seen in the database."""
        return any(
            row.dropped and row.sha256 == archive.sha256
            for row in snapshot(self.folder, select_archives)
        )


def read_letters(
    path: Path,
    *,
    since: int = 0,
    limit: int = PAGE,
    to: str | None = None,
    kind: Kind | None = None,
) -> list[StoredLetter]:
    """Read letters with numbers above *since*, *limit* of them at most, in order.

    Archives are included, unless they were dropped. Blocks on the disk; changes nothing, also while somebody
    owns the mailbox.

    Raises:
      MailboxMissing: there is no mailbox.
      MailboxDamaged: one of the letters is not what was written.
      NewerMailbox: a later version of this package wrote it.
      DurableMailboxError: another class says what went wrong.
    """
    reader = Reader(MailboxFolder(path))
    return reader.after(since, at_least_one(limit), Wanted(to, kind))


def newest_letters(
    path: Path, limit: int, *, to: str | None = None, kind: Kind | None = None
) -> list[StoredLetter]:
    """Read the last *limit* letters, the oldest of them first. See `read_letters`."""
    return Reader(MailboxFolder(path)).newest(at_least_one(limit), Wanted(to, kind))


def find_letter(path: Path, letter_id: str) -> StoredLetter | None:
    """Read the letter with that id; None if it is not known. See `read_letters`.

    An id is forgotten `REMEMBERED` letters after its own one, if that was archived.
    """
    return Reader(MailboxFolder(path)).find(letter_id)


def at_least_one(limit: int) -> int:
    """Check the length of a page.

    Raises:
      ValueError: it is below 1.
    """
    if limit < 1:
        raise ValueError(f"limit: {limit} letters are none; ask for 1 or more")
    return limit


def snapshot(folder: MailboxFolder, query: Callable[[sqlite3.Connection], R]) -> R:
    """Ask the database of a mailbox, without changing anything.

    *query* sees one state of the database, and may be called again.

    Raises:
      DurableMailboxError: by its class.
    """
    path = folder.database
    for _ in range(READ_AGAIN):
        before = _look(path)
        try:
            found = _ask(path, query, immutable=before.quiet)
        except DurableMailboxError:
            after = _look(path)
            if after.quiet != before.quiet or (before.quiet and after != before):
                continue  # it was opened or closed meanwhile
            raise
        if not before.quiet or _look(path) == before:
            return found
    raise MailboxLocked(path, "it changes all the time")


@attrs.frozen
class _Look:
    """A database file from outside."""

    size: int
    changed: int
    quiet: bool
    """There is no log next to it, so nobody writes to it."""


def _look(path: Path) -> _Look:
    with told(path):
        status = path.stat()
    quiet = size_of(log_of(path)) == 0
    return _Look(status.st_size, status.st_mtime_ns, quiet)


def _ask(path: Path, query: Callable[[sqlite3.Connection], R], *, immutable: bool) -> R:
    way = "mode=ro&immutable=1" if immutable else "mode=ro"
    with told(path):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?{way}",
            uri=True,
            timeout=_database.BUSY_SECONDS,
            isolation_level=None,
        )
        try:
            connection.execute("BEGIN")
            check_owner(path, connection)
            return query(connection)
        finally:
            connection.close()
