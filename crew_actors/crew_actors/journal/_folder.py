# The layout of one run:
#
#   <project>/.crew/runs/<run-id>/
#       run.db                               its events and its lease
#       run.db.damaged-1                     as it was before a repair
#       artifacts/<task>/<attempt>/<name>    what its attempts left
#       work/<attempt>/                      scratch of its attempts
#       log                                  what its runtime had to say
#
# 1. Only the user may look inside (0700): run.db holds the control token.
# 2. No folder between the project and the run is a symbolic link.
# 3. A folder that was made is on disk when the function returns.
"""Where the files of a run lie."""

import os
import stat
from pathlib import Path
from typing import final

import attrs

from crew_actors.journal._errors import JournalExists, UnsafeFolder
from crew_actors.model import AttemptId, RunId, attempt_number, parse_run_id


def runs_folder(project: Path) -> Path:
    """Tell where the runs of the project at *project* lie. It need not exist."""
    return project / ".crew" / "runs"


@final
@attrs.frozen
class RunFolder:
    """The folder of one run. It need not exist."""

    path: Path

    @classmethod
    def create(cls, project: Path, run: RunId) -> "RunFolder":
        """Make the folder of *run* in the project at *project*. Blocks on the disk.

        Git is told to ignore everything in the folder of the runs.

        Raises:
          BadId: *run* could not be part of a path.
          JournalExists: there is such a folder. It was not touched.
          UnsafeFolder: `.crew` or `.crew/runs` is not a folder. Nothing was made.
          OSError: the system refused; a part of the folders may have been made.
        """
        runs = runs_folder(project)
        for folder in (runs.parent, runs):
            make_folder(folder)
        ignore = runs / ".gitignore"
        if not os.path.lexists(ignore):
            ignore.write_text("*\n", encoding="utf-8")
        found = cls(runs / parse_run_id(run))
        try:
            found.path.mkdir(mode=0o700)
        except FileExistsError:
            raise JournalExists(found.path, "the folder exists") from None
        sync_folder(runs)
        return found

    @property
    def run(self) -> RunId:
        """The id of the run, which is the name of its folder.

        Raises:
          BadId: the folder is not one of a run.
        """
        return parse_run_id(self.path.name)

    @property
    def database(self) -> Path:
        """The database with the run's events."""
        return self.path / "run.db"

    @property
    def repaired(self) -> Path:
        """A whole database that a repair is about to put in place of the damaged one."""
        return self.path / "run.db.repaired"

    @property
    def artifacts(self) -> Path:
        """The folder of what the attempts left."""
        return self.path / "artifacts"

    @property
    def log(self) -> Path:
        """The file into which the runtime of the run writes diagnostics."""
        return self.path / "log"

    def work(self, attempt: AttemptId) -> Path:
        """Tell where *attempt* has its scratch folder. It need not exist.

        Raises:
          BadId: *attempt* could not be part of a path.
        """
        attempt_number(attempt)
        return self.path / "work" / attempt


def make_folder(path: Path) -> None:
    """Make the folder *path*, open to the user only, unless it exists.

    When it was made here, the entry in its parent is on disk on return.

    Raises:
      UnsafeFolder: there is something else than a folder, a symbolic link perhaps.
      OSError: the system refused.
    """
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        mode = path.lstat().st_mode
        if not stat.S_ISDIR(mode):
            what = "a symbolic link" if stat.S_ISLNK(mode) else "a file"
            raise UnsafeFolder(path, what) from None
    else:
        sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Put the entries of the folder *path* on disk. Windows does so by itself."""
    if os.name == "nt":  # pragma: no cover  a folder cannot be opened there
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
