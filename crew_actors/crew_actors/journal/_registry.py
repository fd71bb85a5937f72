# The registry lists the runs of all projects, so that an id is enough to find one.
#
# 1. It is an index, never the truth: the folder of the run is. An entry whose folder
#    is gone is not shown.
# 2. A run of the current project is found without it: its folders are looked through
#    as well. A lost registry loses no run. A folder without a first event is none.
# 3. A damaged registry is put aside, not overwritten, when the next run is entered. The
#    new one has what can be read of it, and the runs of the project.
# 4. Several processes use it at once: SQLite's lock, waited for, orders them.
"""The list of runs across projects."""

import difflib
import logging
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar, final

import attrs

from crew_actors.journal._database import from_system, told
from crew_actors.journal._errors import (
    AmbiguousRun,
    JournalCorrupt,
    JournalError,
    JournalMissing,
    NewerJournal,
    UnknownRun,
)
from crew_actors.journal._folder import RunFolder, runs_folder
from crew_actors.journal._readers import never_began, read_events
from crew_actors.journal._salvage import Row, salvage
from crew_actors.model import BadId, RunCreated, RunId
from crew_actors.places import Places

_log = logging.getLogger("crew_actors.journal")

R = TypeVar("R")

APPLICATION_ID: Final = 0x43725265  # "CrRe"
SCHEMA_VERSION: Final = 1
BUSY_SECONDS: Final = 5.0
"""How long to wait for another process that writes."""

GOAL_LENGTH: Final = 200
"""Characters of a goal that are kept; a list shows fewer."""

_YOUNG: Final = 60.0
"""Seconds in which a run may be just about to begin."""

_WAY_OF_WRITING: Final = 18
"""The place in the file of the byte that tells how SQLite may write it."""

_WAYS: Final = (b"", b"\1", b"\2")
"""What stands there: nothing in an empty file, a rollback journal, or a log."""

_SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS runs (
        run TEXT PRIMARY KEY,
        folder TEXT NOT NULL,
        project TEXT NOT NULL,
        goal TEXT NOT NULL,
        team TEXT NOT NULL,
        workflow TEXT NOT NULL,
        created_at REAL NOT NULL  -- seconds since 1970
    ) STRICT""",
    "CREATE INDEX IF NOT EXISTS runs_by_age ON runs (created_at)",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)


@final
@attrs.frozen(kw_only=True)
class RunEntry:
    """One run in the list."""

    run: RunId
    folder: RunFolder
    project: Path
    goal: str
    """Its first 200 characters; empty if the run's journal cannot be read."""
    team: str
    workflow: str
    created_at: float
    """Seconds since 1970."""


@final
@attrs.frozen(kw_only=True)
class RunList:
    """The runs that were found, the newest first."""

    runs: tuple[RunEntry, ...]
    problem: str = ""
    """Why runs of other projects are missing; empty if none is."""


@final
@attrs.frozen
class Registry:
    """The runs of one user. All of its methods block on the disk."""

    path: Path
    """The database. It need not exist."""

    @classmethod
    def of(cls, places: Places) -> "Registry":
        """Give the registry of the user whose folders are *places*."""
        return cls(places.data / "registry.db")

    def register(self, entry: RunEntry) -> None:
        """Enter a run, or enter it again. On return it is on disk.

        A damaged registry is put aside and made again, with the runs that it still
        names and those of the project. That is logged as a warning.

        Raises:
          JournalError: the registry cannot be written; the run itself is not touched.
        """
        try:
            self._insert([_row(entry)])
        except JournalCorrupt as error:
            self._make_again(entry, error.detail)

    def find(self, text: str, *, project: Path | None = None) -> RunFolder:
        """Find the run whose id is *text* or alone begins with it.

        Also looks through the folders of the project at *project*.

        Raises:
          UnknownRun: there is none; it names those with the most similar ids.
          AmbiguousRun: there are several; it names them.
        """
        found = self.list(project=project, everywhere=True)
        by_id = {entry.run: entry for entry in found.runs}
        exact = [run for run in by_id if run == text]
        matches = exact or [run for run in by_id if text and run.startswith(text)]
        if not matches:
            nearest = tuple(difflib.get_close_matches(text, list(by_id), n=3))
            raise UnknownRun(text, nearest, found.problem)
        if len(matches) > 1:
            raise AmbiguousRun(text, tuple(matches))
        return by_id[matches[0]].folder

    def list(
        self,
        *,
        project: Path | None = None,
        everywhere: bool = False,
        limit: int | None = None,
    ) -> RunList:
        """List runs, the newest first, *limit* of them at most.

        With *project* these are the runs of the project at that root, found also
        without the registry; with *everywhere*, or without a project, those of all
        projects. Never fails: what could not be read is told in the result.
        """
        problem = ""
        entries: dict[RunId, RunEntry] = {}
        try:
            only = None if everywhere else project
            entries = {entry.run: entry for entry in self._select(only)}
        except JournalError as error:
            problem = str(error)
        if project is not None:
            for folder in _folders_of(project):
                if folder.run not in entries:
                    entry = _look_into(folder, project)
                    if entry is not None:
                        entries[folder.run] = entry
        newest = sorted(
            entries.values(), key=lambda each: each.created_at, reverse=True
        )
        return RunList(runs=tuple(newest[:limit]), problem=problem)

    def forget(self, run: RunId) -> bool:
        """Take a run out of the list; tell whether it was there.

        Its folder is not touched: as long as that is there, the run is still found
        from its project. On return it is on disk.

        Raises:
          JournalError: the registry cannot be written.
        """
        if not self.path.exists():
            return False

        def delete(connection: sqlite3.Connection) -> bool:
            return (
                connection.execute("DELETE FROM runs WHERE run = ?", (run,)).rowcount
                > 0
            )

        return self._ask("rw", delete)

    def _select(self, project: Path | None) -> tuple[RunEntry, ...]:
        if not self.path.exists():
            return ()
        query = (
            "SELECT run, folder, project, goal, team, workflow, created_at FROM runs"
        )
        values: tuple[str, ...] = ()
        if project is not None:
            query, values = f"{query} WHERE project = ?", (str(project),)
        rows = self._ask("ro", lambda db: db.execute(query, values).fetchall())
        return tuple(filter(_is_there, map(_entry, rows)))

    def _make_again(self, entry: RunEntry, why: str) -> None:
        try:
            aside = _put_aside(self.path)
            found = _listed_again(aside, entry)
        except OSError as error:
            raise from_system(error, self.path) from error
        self._insert([_row(each) for each in found])
        _log.warning(
            "the list of runs was damaged (%s): it lies at %s now, and the new one "
            "names %d; runs of other projects may be missing",
            *(why, aside, len(found)),
        )

    def _insert(self, rows: Sequence[Row]) -> None:
        def insert(connection: sqlite3.Connection) -> None:
            connection.execute("BEGIN IMMEDIATE")
            for line in _SCHEMA:
                connection.execute(line)
            connection.executemany(
                "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)", rows
            )
            connection.execute("COMMIT")

        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600)
            try:
                header = os.read(file, _WAY_OF_WRITING + 1)
            finally:
                os.close(file)
        except OSError as error:
            raise from_system(error, self.path) from error
        if header[_WAY_OF_WRITING:] not in _WAYS:
            # SQLite would take it for a newer one's, and only read it, for ever.
            way = header[_WAY_OF_WRITING]
            raise JournalCorrupt(self.path, f"its way of writing is {way}")
        self._ask("rwc", insert)

    def _ask(self, mode: str, work: Callable[[sqlite3.Connection], R]) -> R:
        uri = f"{self.path.absolute().as_uri()}?mode={mode}"
        with told(self.path):
            connection = sqlite3.connect(
                uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None
            )
            try:
                version = connection.execute("PRAGMA user_version").fetchone()[0]
                if version > SCHEMA_VERSION:
                    raise NewerJournal(self.path, f"schema {version}")
                return work(connection)
            finally:
                connection.close()


def find_leftovers(project: Path, *, now: float) -> tuple[RunFolder, ...]:
    """Tell which folders of the project hold no run, because it never began.

    Their creator died before the first event. Those that are younger than a minute at
    *now*, in seconds since 1970, or have an owner that is alive, are not among them.
    Blocks on the disk; changes nothing.
    """
    found: list[RunFolder] = []
    for folder in _named_as_runs(project):
        with suppress(OSError, JournalError):
            old = now - folder.path.stat().st_mtime > _YOUNG
            if old and never_began(folder):
                found.append(folder)
    return tuple(found)


def _is_there(entry: RunEntry) -> bool:
    return entry.folder.database.exists()


def _row(entry: RunEntry) -> Row:
    return (
        entry.run,
        str(entry.folder.path.absolute()),
        str(entry.project),
        entry.goal[:GOAL_LENGTH],
        entry.team,
        entry.workflow,
        entry.created_at,
    )


def _entry(row: Row) -> RunEntry:
    run, folder, project, goal, team, workflow, created_at = row
    return RunEntry(
        run=RunId(run),
        folder=RunFolder(Path(folder)),
        project=Path(project),
        goal=goal,
        team=team,
        workflow=workflow,
        created_at=created_at,
    )


def _listed_again(aside: Path, entry: RunEntry) -> list[RunEntry]:
    """Find the runs that a new registry names instead of the one at *aside*."""
    named = map(_entry, salvage(aside.read_bytes(), _SCHEMA))
    found = {each.run: each for each in named if _is_run(each)}
    for folder in _folders_of(entry.project):
        known = folder.run in found or folder.run == entry.run
        listed = None if known else _look_into(folder, entry.project)
        if listed is not None:
            found[folder.run] = listed
    return [*found.values(), entry]


def _is_run(entry: RunEntry) -> bool:
    """Tell whether a row that was found in a damaged file is what it seems to be."""
    try:
        return entry.folder.run == entry.run and _is_there(entry)
    except (BadId, OSError, ValueError):
        return False  # a wrong byte has made a path of it that no file can have


def _put_aside(path: Path) -> Path:
    """Give a damaged database another name, so that nothing of it is lost."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    path.replace(aside)
    return aside


def _folders_of(project: Path) -> list[RunFolder]:
    """Find the runs that lie in the project at *project*."""
    return [each for each in _named_as_runs(project) if each.database.is_file()]


def _named_as_runs(project: Path) -> list[RunFolder]:
    try:
        names = sorted(os.listdir(runs_folder(project)))  # noqa: PTH208  names only
    except OSError:
        return []  # the project has no runs, or hides them from us
    folders = [RunFolder(runs_folder(project) / name) for name in names]
    return [folder for folder in folders if _is_id(folder)]


def _is_id(folder: RunFolder) -> bool:
    try:
        return bool(folder.run)
    except BadId:
        return False


def _look_into(folder: RunFolder, project: Path) -> RunEntry | None:
    """Make the entry of a run from its journal, as far as that can be read.

    None for a run that never began: its creator was killed before its first event.
    """
    goal = team = workflow = ""
    created_at = folder.database.stat().st_mtime
    try:
        first = next(read_events(folder, limit=1), None)
        if first is None:
            return None
        created_at = first.at
        if isinstance(first.event, RunCreated):
            plan = first.event.plan
            goal, team, workflow = plan.goal[:GOAL_LENGTH], plan.team, plan.workflow
    except JournalMissing:
        return None
    except JournalError:
        pass  # it is listed all the same: asking about the run itself tells why
    return RunEntry(
        run=folder.run,
        folder=folder,
        project=project,
        goal=goal,
        team=team,
        workflow=workflow,
        created_at=created_at,
    )
