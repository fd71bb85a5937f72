# Changes of files, made as a whole.
#
# 1. A file is on disk under its name with all of its content, or not at all: a
#    temporary file beside it, fsync, then one step that gives it the name.
# 2. What is created replaces nothing. What is replaced or removed is what was read
#    before, and a copy of it stays beside it, under a name that nothing reads.
# 3. If one of several changes fails, those before it are taken back.
"""Write, replace and remove files, with backups."""

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import final

import attrs

from crew_actors.errors import about
from crew_actors.resources._errors import ResourceError
from crew_actors.resources._problems import printable
from crew_actors.resources._trust import sync_folder


@final
class AlreadyThere(ResourceError):
    """There is a file of that name already. Nothing was written."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return (
            f"{printable(str(self.path))} is there already; choose another name, or "
            "change it with `crew update`"
        )


@final
class ChangedMeanwhile(ResourceError):
    """The file is not what it was when the change was made up. Nothing was written."""

    exit_code = 1

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return (
            f"{printable(str(self.path))} was changed by somebody else at the same "
            "moment; look at it, and try again"
        )


@final
class NotRestored(ResourceError):
    """A change failed, and a file that was changed before it could not be restored."""

    exit_code = 1

    def __init__(self, path: Path, backup: Path | None, why: str) -> None:
        super().__init__(path, backup, why)
        self.path = path
        self.backup = backup
        self.why = why

    def __str__(self) -> str:
        place = printable(str(self.path))
        if self.backup is None:
            return f"{self.why}; {place} was written before, and is still there"
        copy = printable(str(self.backup))
        return f"{self.why}; {place} is changed already: it was as in {copy}"


@attrs.frozen
class FileChange:
    """What is to become of one file."""

    path: Path
    before: bytes | None
    """What it holds; None if it is not there."""

    after: bytes | None
    """What it shall hold; None to remove it."""


def make_changes(
    changes: Sequence[FileChange], *, now: float
) -> tuple[Path | None, ...]:
    """Make *changes* in their order. Return the backup of each file that there was.

    *now* is in seconds since 1970 and becomes part of the names of backups. Waits for
    the disk.

    Raises:
      AlreadyThere, ChangedMeanwhile: a file is not as expected. All is as it was.
      NotRestored: one change failed, and so did taking back an earlier one.
      OSError: a file cannot be written. All is as it was.
    """
    for change in changes:
        _expect(change)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    backups: list[Path | None] = []
    done: list[FileChange] = []
    try:
        for change in changes:
            with about(change.path):
                change.path.parent.mkdir(parents=True, exist_ok=True)
                backups.append(_backup(change, stamp))
        for change in changes:
            with about(change.path):
                _make(change)
            done.append(change)
    except BaseException as error:  # all or nothing, whatever it was
        for change, backup in reversed(list(zip(done, backups, strict=False))):
            _take_back(change, backup, error)
        for copy in backups:
            if copy is not None:
                copy.unlink(missing_ok=True)
        raise
    return tuple(backups)


def _expect(change: FileChange) -> None:
    if change.before is None:
        if os.path.lexists(change.path):
            raise AlreadyThere(change.path)
        return
    try:
        same = change.path.read_bytes() == change.before
    except FileNotFoundError:
        same = False
    if not same:
        raise ChangedMeanwhile(change.path)


def _backup(change: FileChange, stamp: str) -> Path | None:
    if change.before is None:
        return None
    path = change.path
    copy = path.with_name(f"{path.name}.bak-{stamp}-{secrets.token_hex(4)}")
    _create(copy, change.before)
    shutil.copymode(path, copy)
    return copy


def _make(change: FileChange) -> None:
    if change.after is None:
        change.path.unlink()
    elif change.before is None:
        _create(change.path, change.after)
    else:
        _replace(change.path.resolve(), change.after)
    sync_folder(change.path.parent)


def _take_back(change: FileChange, backup: Path | None, error: BaseException) -> None:
    back = attrs.evolve(change, before=change.after, after=change.before)
    try:
        _make(back)
    except OSError as failure:
        why = f"{error}; then {failure}"
        raise NotRestored(change.path, backup, why) from error


def _create(path: Path, content: bytes) -> None:
    temporary = _temporary(path, content)
    try:
        try:
            os.link(temporary, path)
        except FileExistsError:
            raise
        except OSError:  # no hard links here: take the name first, then fill it
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            temporary.replace(path)
    except FileExistsError:
        raise AlreadyThere(path) from None
    finally:
        temporary.unlink(missing_ok=True)


def _replace(path: Path, content: bytes) -> None:
    temporary = _temporary(path, content)
    try:
        shutil.copymode(path, temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _temporary(path: Path, content: bytes) -> Path:
    """Write *content* into a file beside *path* that has no name of a resource.

    Whoever may use the folder may use the file.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".crew-", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(path.parent.stat().st_mode & 0o666)
    except BaseException:  # nothing half-made stays, whatever it was
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)
