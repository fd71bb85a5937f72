# What a runtime has started, on disk.
#
# 1. One file for each crew that is open, written by nobody else, made with the first
#    process. It is appended to, so it survives a `kill -9` of the runtime; a power cut
#    ends the processes as well, so nothing is synced. An append takes some 20 µs. It
#    gets its name with its first line in it, and is written anew when most of it is
#    about processes that have ended.
# 2. The marker is written before the process exists, so there is no moment in which
#    one lives that is not recorded.
# 3. The file goes when everything in it has ended. What is left over is the trace of
#    a runtime that died, or of a process that could not be killed.
# 4. A record that cannot be written stops no run: it is logged, and the census calls
#    that process unknown.
"""The records of started processes."""

import errno
import json
import logging
import os
import secrets
import socket
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, final

import attrs

from crew_actors.census._reading import FRESH_SUFFIX, SUFFIX
from crew_actors.census._verdict import Owner
from crew_actors.journal import boot_id, process_created
from crew_supervisors import (
    ProcessIdentity,
    ProcessRecorder,
    ProcessSpec,
    Survivor,
    recorded_processes,
)

_log = logging.getLogger("crew_actors.census")

COMPACT_AT: Final = 64 << 10
"""Bytes below which a file is not written anew,"""
COMPACT_RATIO: Final = 4
"""and how many times as long as by then it gets."""

NAME_LIMIT: Final = 200
"""Characters of the names that are recorded."""


def this_runtime() -> Owner:
    """Return who this process is."""
    pid = os.getpid()
    created = process_created(pid)
    assert created is not None, "a process sees itself"
    return Owner(pid=pid, created=created, boot_id=boot_id(), host=socket.gethostname())


@final
class ProcessJournal(ProcessRecorder):
    """Writes down in a file of its own what this runtime starts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path: Path | None = None
        self._file = -1
        self._written = 0
        self._compact_at = COMPACT_AT
        self._live: dict[str, list[Mapping[str, object]]] = {}
        self._failed = False

    @property
    def path(self) -> Path | None:
        """The file; None before the first process."""
        return self._path

    def starting(self, spec: ProcessSpec, marker: str) -> None:
        """Write down that a process is about to be started."""
        extra = spec.env.extra
        self._live[marker] = []
        self._write(
            marker,
            {
                "starting": marker,
                "name": spec.name[:NAME_LIMIT],
                "run": extra.get("CREW_RUN", "")[:NAME_LIMIT],
                "task": extra.get("CREW_TASK", "")[:NAME_LIMIT],
            },
        )

    def started(self, marker: str, identity: ProcessIdentity) -> None:
        """Write down which process it is."""
        created = process_created(identity.pid)
        self._write(
            marker, {"started": marker, "pid": identity.pid, "created": created}
        )

    def ended(self, marker: str, survivors: tuple[Survivor, ...]) -> None:
        """Write down that nothing of it is left; with survivors its record stays."""
        if survivors:
            return
        self._live.pop(marker, None)
        self._write(marker, {"ended": marker})
        if self._written >= self._compact_at and not self._failed:
            with self._told():
                self._write_anew()

    def close(self) -> None:
        """Remove the file, unless something in it lives."""
        with self._told():
            self._release()
            if self._path is not None and not self._live:
                self._path.unlink(missing_ok=True)

    def _write(self, marker: str, record: Mapping[str, object]) -> None:
        if marker in self._live:
            self._live[marker].append(record)
        if self._failed:
            return
        with self._told():
            if self._file >= 0:
                self._written += append(self._file, [record])
            else:
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                name = f"{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}"
                self._path = self._folder / name
                self._write_anew()

    def _write_anew(self) -> None:
        """Replace the file by one of what lives now, and go on with that."""
        assert self._path is not None
        fresh = self._path.with_suffix(FRESH_SUFFIX)
        file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            head: Mapping[str, object] = {"owner": attrs.asdict(this_runtime())}
            living = [each for records in self._live.values() for each in records]
            self._written = append(file, [head, *living])
        finally:
            os.close(file)
        self._release()
        fresh.replace(self._path)
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        self._compact_at = max(COMPACT_AT, COMPACT_RATIO * self._written)

    def _release(self) -> None:
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    @contextmanager
    def _told(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            self._failed = True
            _log.warning("the census misses processes: %s: %s", self._folder, error)


def append(file: int, records: Sequence[Mapping[str, object]]) -> int:
    """Write *records* to the end of *file*; return how many bytes that were.

    Raises:
      OSError: not all of it was written. The file must not be written to again.
    """
    data = b"".join(json.dumps(each).encode() + b"\n" for each in records)
    written = os.write(file, data)
    if written < len(data):  # so does a disk that is full
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return written


@contextmanager
def recording(folder: Path) -> Generator[ProcessJournal]:
    """Write down in *folder* which processes this block and its tasks start.

    Nothing is written before the first of them.
    """
    journal = ProcessJournal(folder)
    with recorded_processes(journal):
        try:
            yield journal
        finally:
            journal.close()
