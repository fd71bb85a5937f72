"""The files of a run that are not its journal's. Blocks; call in a thread."""

import os
from pathlib import Path

from crew_actors.journal import RunFolder, sync_folder
from crew_actors.model import AttemptId, TaskId


def make_work(folder: RunFolder, task: TaskId, attempt: AttemptId) -> Path:
    """Make the folder in which *attempt* works, and return it.

    If there is one, its attempt was lost with its owner before any event of it was on
    disk: what it has left is put aside, and so are the artifacts that it had stored.

    Raises:
      OSError: the system refused.
    """
    work = folder.work(attempt)
    work.parent.mkdir(mode=0o700, exist_ok=True)
    for left, name in (
        (work, f"{attempt}.lost"),
        (folder.artifacts / task / attempt, f"{attempt}.lost.artifacts"),
    ):
        if os.path.lexists(left):
            left.rename(_free(work.with_name(name)))
    work.mkdir(mode=0o700)
    return work


def _free(path: Path) -> Path:
    """Give *path* a number with which there is nothing yet."""
    number = 1
    while os.path.lexists(found := path.with_name(f"{path.name}-{number}")):
        number += 1
    return found


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
