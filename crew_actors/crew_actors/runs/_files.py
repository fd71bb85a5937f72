"""The files of a run that are not its journal's. Blocks; call in a thread."""

import os
from pathlib import Path

from crew_actors.journal import RunFolder, sync_folder
from crew_actors.model import AttemptId


def make_work(folder: RunFolder, attempt: AttemptId) -> Path:
    """Make the folder in which *attempt* works, and return it.

    Raises:
      OSError: the system refused, or the folder exists.
    """
    work = folder.work(attempt)
    work.parent.mkdir(mode=0o700, exist_ok=True)
    work.mkdir(mode=0o700)
    return work


def write_summary(folder: RunFolder, name: str, text: str) -> None:
    """Write *text* under *name* into the folder of the run: whole, or not at all.

    Raises:
      OSError: the system refused. What was there before is there still.
    """
    temporary = folder.path / f"{name}.tmp"
    with temporary.open("w", encoding="utf-8", errors="replace") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder.path / name)
    sync_folder(folder.path)
