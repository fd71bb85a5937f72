# A repair keeps what can be read, and puts aside what cannot.
#
# 1. Nothing is deleted: the database as it was found, and each file that is no
#    archive, go to the quarantine first.
# 2. The repaired database is made next to the old one and takes its place when it is
#    whole. A repair that is cut short is finished by the next opening, or leaves all
#    as it was.
# 3. What is lost is said by number, and stays listed as lost. A letter whose records
#    cannot be read is delivered again.
"""Repair of a durable mailbox."""

import os
import shutil
import sqlite3
import time
from pathlib import Path
from typing import Final, final

import attrs

from crew_mailbox.durable import _archive
from crew_mailbox.durable._check import MailboxProblem, Survey, survey
from crew_mailbox.durable._database import REMEMBERED, build, finish_repair
from crew_mailbox.durable._disk import (
    MailboxFolder,
    index_of,
    log_of,
    size_of,
    sync_folder,
    told,
)
from crew_mailbox.durable._letters import digest_of, to_row
from crew_mailbox.durable._owner import owned
from crew_mailbox.durable._tables import (
    ArchiveRow,
    insert_archive,
    insert_letters,
    insert_records,
    remember,
)

_MOST: Final = 1000
"""The most folders that a quarantine has for one second."""


@final
@attrs.frozen(kw_only=True)
class RepairReport:
    """What a repair found and did."""

    problems: tuple[MailboxProblem, ...]
    """What was wrong before; empty if nothing was, and then nothing was done."""
    kept: int
    """Letters that can be read, in the database and in archives."""
    lost: tuple[int, ...]
    """Numbers of letters that cannot be read any more."""
    quarantine: Path | None
    """Where everything is that was put aside; None if nothing was."""


def repair_mailbox(path: Path) -> RepairReport:
    """Make a damaged mailbox whole again, from what can be read of it.

    Owns the mailbox meanwhile. Blocks on the disk; may take long. A mailbox without a
    problem is left as it is.

    Raises:
      MailboxMissing: there is no mailbox.
      MailboxOwned: somebody owns it. Nothing was changed.
      NewerMailbox: a later version of this package wrote it. Nothing was changed.
      DurableMailboxError: another class says what went wrong. The mailbox is as it was,
        or repaired; what was put aside is in the quarantine.
    """
    folder = MailboxFolder(path)
    with told(path):
        path.stat()
    with owned(folder):
        finish_repair(folder)
        found = survey(folder)
        archived = sum(map(len, found.archives.values()))
        if not found.problems:
            return RepairReport(
                problems=(),
                kept=len(found.letters) + archived,
                lost=(),
                quarantine=None,
            )
        with told(path):
            return _rebuild(found)


def _rebuild(found: Survey) -> RepairReport:
    folder = found.folder
    aside = _quarantine(folder)
    database = folder.database
    for file in (database, log_of(database), index_of(database)):
        if file.exists():
            shutil.copy2(file, aside)
    for file in found.aside:
        shutil.copy2(file, aside)
    for file in aside.iterdir():
        _sync_file(file)
    sync_folder(aside)
    now = time.time()
    archived = {seq for numbers in found.archives.values() for seq in numbers}
    here = {n: s for n, s in sorted(found.letters.items()) if n not in archived}
    lost = [
        seq
        for seq in range(1, found.newest + 1)
        if seq not in archived
        and seq not in here
        and seq not in found.lost
        and not found.was_dropped(seq)
    ]

    def fill(db: sqlite3.Connection) -> None:
        insert_letters(
            db,
            (
                (to_row(n, s.sent_at, s.letter), digest_of(n, s.letter))
                for n, s in here.items()
            ),
        )
        insert_records(
            db,
            (
                (seq, record.kind, record.at, record.answer)
                for seq in here
                for record in found.records.get(seq, ())
            ),
        )
        _name_archives(found, db, now)
        rows = [*found.lost.items(), *((seq, (_WHY, now)) for seq in lost)]
        db.executemany(
            "INSERT INTO lost VALUES (?, ?, ?)",
            [
                (seq, why, at)
                for seq, (why, at) in rows
                if not (seq in archived or seq in here or seq > found.newest)
            ],
        )

    build(folder, fill)
    finish_repair(folder)
    for file in found.aside:
        file.unlink(missing_ok=True)
    sync_folder(folder.archives)
    return RepairReport(
        problems=tuple(found.problems),
        kept=len(here) + len(archived),
        lost=tuple(lost),
        quarantine=aside,
    )


_WHY: Final = "it could not be read when the mailbox was repaired"


def _name_archives(found: Survey, db: sqlite3.Connection, now: float) -> None:
    for row in found.dropped():
        insert_archive(db, row)
    for sha256, numbers in sorted(found.archives.items(), key=lambda each: each[1][0]):
        letters = _archive.load(found.folder, sha256)
        size = size_of(found.folder.archive(sha256))
        named = found.named.get(sha256)
        at = now if named is None else named.at
        insert_archive(db, ArchiveRow.of(sha256, letters, size, at))
        if numbers[-1] > found.newest - REMEMBERED:
            remember(db, letters)


def _quarantine(folder: MailboxFolder) -> Path:
    """Make a folder for what is put aside now."""
    moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    folder.quarantine.mkdir(mode=0o700, exist_ok=True)
    for number in range(_MOST):
        aside = folder.quarantine / (f"{moment}-{number}" if number else moment)
        if not aside.exists():
            aside.mkdir(mode=0o700)
            sync_folder(folder.quarantine)
            sync_folder(folder.path)
            return aside
    raise FileExistsError(str(folder.quarantine))


def _sync_file(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
