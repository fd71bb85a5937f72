# Artifacts are files that attempts left: whole, hashed and never changed.
#
# 1. A file appears under its name only when it is complete and on disk: it is written
#    into `.incoming`, synced, and renamed.
# 2. Nothing leads out of the run's folder: names are checked, no parent is a symbolic
#    link, and a source is opened without following one.
# 3. Writing the same content under the same name again changes nothing. Another
#    content is refused.
# 4. The hash is of the bytes that were stored, counted while they were written: after
#    the secrets were taken out of them, if the store was told how.
"""The store of what attempts left."""

import hashlib
import os
import secrets
import stat
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, final

import attrs
import trio

from crew_actors.journal._database import from_system
from crew_actors.journal._errors import (
    ArtifactDamaged,
    ArtifactExists,
    ArtifactTooLarge,
    BadArtifactName,
    BadArtifactSource,
    JournalMissing,
)
from crew_actors.journal._folder import RunFolder, make_folder, sync_folder
from crew_actors.journal._small_writes import SmallWrites
from crew_actors.model import (
    Artifact,
    AttemptId,
    TaskId,
    attempt_number,
    parse_task_id,
)

MAX_ARTIFACT: Final = 64 * 1024 * 1024
"""Bytes of one artifact, unless the store is told otherwise."""

_CHUNK: Final = 1024 * 1024
_SMALL: Final = 64 * 1024  # bytes that are on disk before anybody would notice the wait
_MAX_PART: Final = 255  # bytes of one name in the usual file systems
_MAX_NAME: Final = 1024  # well below the 4096 bytes of a path on Linux
_FORBIDDEN: Final = frozenset('\\:*?"<>|')  # names must work on each system
_INCOMING: Final = ".incoming"  # no task has an id that begins with a dot
_MINE: Final = f"{os.getpid()}-"  # a run has one owner: what is not his is left over

# Without O_NONBLOCK, opening a named pipe would wait for its other end.
_SOURCE_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def _as_it_is(chunks: Iterable[bytes]) -> Iterable[bytes]:
    return chunks


@final
@attrs.frozen(eq=False)
class ArtifactStore:
    """The artifacts of one run."""

    folder: RunFolder
    limit: int = attrs.field(default=MAX_ARTIFACT, kw_only=True)
    """Bytes that one artifact may have."""
    redact: Callable[[Iterable[bytes]], Iterable[bytes]] = attrs.field(
        default=_as_it_is, kw_only=True
    )
    """Takes the secrets out of the content of one artifact, piece by piece."""
    small: SmallWrites = attrs.field(factory=SmallWrites, init=False, repr=False)
    """For small calls that write into the run's folder: also for those of others."""
    _thread: trio.CapacityLimiter = attrs.field(
        factory=lambda: trio.CapacityLimiter(8), init=False, repr=False
    )
    _naming: threading.Lock = attrs.field(
        factory=threading.Lock, init=False, repr=False
    )
    """Held while a file gets its name, so that of two writers of one name one wins."""

    async def write(
        self, task: TaskId, attempt: AttemptId, name: str, data: bytes | Path
    ) -> Artifact:
        """Keep *data*, or the content of the file *data*, as artifact *name*.

        On return it is on disk. Files are copied piece by piece. Works in a thread; a
        cancellation is noticed before it begins, and afterwards not until it is done.

        Raises:
          BadId: *task* or *attempt* could not be part of a path.
          BadArtifactName: *name* could lead elsewhere.
          BadArtifactSource: *data* is no regular file, or cannot be read.
          ArtifactTooLarge: it has more than `limit` bytes.
          ArtifactExists: the attempt has that artifact, with another content.
          UnsafeFolder: a symbolic link stands in the way.
          JournalError: the disk is full, or failed otherwise.

        After each of them nothing has appeared under that name.
        """
        parts = (parse_task_id(task), _checked_attempt(attempt), *check_name(name))
        write = partial(self._write, parts, name, data)
        if isinstance(data, bytes) and len(data) <= _SMALL:
            return await self.small.do(write)
        return await trio.to_thread.run_sync(write, limiter=self._thread)

    async def read(self, artifact: Artifact) -> bytes:
        """Read the whole of *artifact*, and compare it with what was written.

        Works in a thread; a cancellation is noticed before it begins.

        Raises:
          ArtifactDamaged: it is gone, or is not what was written.
        """
        return await trio.to_thread.run_sync(self._read, artifact)

    def open(self, artifact: Artifact) -> BinaryIO:
        """Open *artifact* for reading; the caller closes it. Blocks on the disk.

        The content is not compared with what was written; `read` does that.

        Raises:
          ArtifactDamaged: it is gone, or its path leads elsewhere.
        """
        path = self.path(artifact)
        try:
            return os.fdopen(_open_regular(path), "rb")
        except BadArtifactSource as error:
            raise ArtifactDamaged(path, error.why) from error

    def path(self, artifact: Artifact) -> Path:
        """Tell where *artifact* lies, without looking there.

        Raises:
          ArtifactDamaged: its path leads out of the run's artifacts.
        """
        parts = artifact.path.split("/")
        try:
            check_name(artifact.path)
        except BadArtifactName as error:
            raise ArtifactDamaged(Path(artifact.path), error.why) from error
        if parts[0] != self.folder.artifacts.name:
            raise ArtifactDamaged(Path(artifact.path), "it is not among the artifacts")
        return self.folder.path.joinpath(*parts)

    def _read(self, artifact: Artifact) -> bytes:
        path = self.path(artifact)
        with self.open(artifact) as file:
            content = file.read(artifact.size + 1)
        if hashlib.sha256(content).hexdigest() != artifact.sha256:
            raise ArtifactDamaged(path, "its content changed")
        return content

    def _write(self, parts: tuple[str, ...], name: str, data: bytes | Path) -> Artifact:
        if not self.folder.path.is_dir():
            raise JournalMissing(self.folder.path, "no such folder")
        target = self.folder.artifacts.joinpath(*parts)
        try:
            incoming = self.folder.artifacts / _INCOMING
            _make_folders(self.folder.path, incoming)
            _sweep(incoming)
            temporary = incoming / f"{_MINE}{secrets.token_hex(8)}"
            try:
                size, digest = self._store(temporary, name, data)
                _make_folders(self.folder.artifacts, target.parent)
                with self._naming:
                    _move(temporary, target, size, digest)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            raise from_system(error, target) from error
        path = "/".join((self.folder.artifacts.name, *parts))
        return Artifact(name=name, path=path, size=size, sha256=digest)

    def _store(self, path: Path, name: str, data: bytes | Path) -> tuple[int, str]:
        """Write *data* to *path*, synced; give its size and its hash."""
        digest, size = hashlib.sha256(), 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            for chunk in self.redact(_chunks(data)):
                size += len(chunk)
                if size > self.limit:
                    raise ArtifactTooLarge(name, self.limit)
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        return size, digest.hexdigest()


def _sweep(incoming: Path) -> None:
    """Remove what an owner that was killed had not finished."""
    for name in os.listdir(incoming):  # noqa: PTH208  names only
        if not name.startswith(_MINE):
            incoming.joinpath(name).unlink(missing_ok=True)


def _move(temporary: Path, target: Path, size: int, digest: str) -> None:
    """Give the stored file its name, unless it has it already.

    The caller sees to it that nobody comes between the two steps.
    """
    if os.path.lexists(target):
        if not _is_stored(target, size, digest):
            raise ArtifactExists(target)
        return
    temporary.rename(target)
    sync_folder(target.parent)


def _is_stored(target: Path, size: int, digest: str) -> bool:
    try:
        with os.fdopen(_open_regular(target), "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
            return (os.fstat(file.fileno()).st_size, found) == (size, digest)
    except BadArtifactSource:
        return False


def _make_folders(root: Path, folder: Path) -> None:
    """Make each folder from *root* down to *folder*, and refuse links among them."""
    here = root
    for part in folder.relative_to(root).parts:
        here /= part
        make_folder(here)


def _chunks(data: bytes | Path) -> Iterable[bytes]:
    return _chunks_of_file(data) if isinstance(data, Path) else (data,)


def _chunks_of_file(source: Path) -> Iterator[bytes]:
    with os.fdopen(_open_regular(source), "rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _open_regular(path: Path) -> int:
    """Open a regular file for reading, and nothing else."""
    try:
        descriptor = os.open(path, _SOURCE_FLAGS)
    except OSError as error:
        why = "it is a symbolic link" if path.is_symlink() else error.strerror
        raise BadArtifactSource(path, str(why)) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise BadArtifactSource(path, "it is not a regular file")
    return descriptor


def _checked_attempt(attempt: AttemptId) -> str:
    attempt_number(attempt)
    return attempt


def check_name(name: str) -> tuple[str, ...]:
    """Split the name of an artifact into the parts of a path.

    Raises:
      BadArtifactName: it could lead out of its folder, or cannot be a file's.
    """
    parts = tuple(name.split("/"))
    for part in parts:
        why = _fault_of(part)
        if why is not None:
            raise BadArtifactName(name, why)
    if len(name.encode()) > _MAX_NAME:
        raise BadArtifactName(name, f"it has more than {_MAX_NAME} bytes")
    return parts


def _fault_of(part: str) -> str | None:
    """Say what is wrong with one part of a name; None if nothing is."""
    if part in {"", ".", ".."}:
        return f"{part!r} is no file's name"
    try:
        size = len(part.encode())
    except UnicodeEncodeError:
        return "it is not valid text"
    if size > _MAX_PART:
        return f"a part of it has more than {_MAX_PART} bytes"
    if not part.isprintable() or not _FORBIDDEN.isdisjoint(part):
        return "it holds a character that not every system allows"
    if part.endswith((".", " ")):
        return "Windows drops a dot or a space at the end"
    return None
