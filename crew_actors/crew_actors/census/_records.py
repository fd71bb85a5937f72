# What a runtime has started, on disk.
#
# 1. One file for each crew that is open, written by nobody else, made with the first
#    process. It is appended to, so it survives a `kill -9` of the runtime; a power cut
#    ends the processes as well, so nothing is synced. An append takes some 20 µs.
# 2. The marker is written before the process exists, so there is no moment in which
#    one lives that is not recorded.
# 3. The file goes when everything in it has ended. What is left over is the trace of
#    a runtime that died, or of a process that could not be killed.
# 4. A record that cannot be written stops no run: it is logged, and the census calls
#    that process unknown.
"""The records of started processes."""

import json
import logging
import os
import secrets
import socket
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, final

import attrs

from crew_actors.census._verdict import Owner, Record
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
"""Bytes from which on a file is emptied when nothing in it lives."""

_SUFFIX: Final = ".jsonl"


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
        self._head = 0
        self._written = 0
        self._live: set[str] = set()
        self._failed = False

    @property
    def path(self) -> Path | None:
        """The file; None before the first process."""
        return self._path

    def starting(self, spec: ProcessSpec, marker: str) -> None:
        """Write down that a process is about to be started."""
        self._live.add(marker)
        self._write(
            {
                "starting": marker,
                "name": spec.name,
                "run": spec.env.extra.get("CREW_RUN", ""),
                "task": spec.env.extra.get("CREW_TASK", ""),
            }
        )

    def started(self, marker: str, identity: ProcessIdentity) -> None:
        """Write down which process it is."""
        created = process_created(identity.pid)
        self._write({"started": marker, "pid": identity.pid, "created": created})

    def ended(self, marker: str, survivors: tuple[Survivor, ...]) -> None:
        """Write down that nothing of it is left; with survivors its record stays."""
        if survivors:
            return
        self._live.discard(marker)
        self._write({"ended": marker})
        if not self._live and self._written >= COMPACT_AT:
            with self._told():
                os.ftruncate(self._file, self._head)
                self._written = self._head

    def close(self) -> None:
        """Remove the file, unless something in it lives."""
        if self._file < 0:
            return
        with self._told():
            os.close(self._file)
            self._file = -1
            if self._path is not None and not self._live:
                self._path.unlink(missing_ok=True)

    def _write(self, record: Mapping[str, object]) -> None:
        if self._failed:
            return
        with self._told():
            if self._file < 0:
                self._open()
            self._append(record)

    def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = f"{os.getpid()}-{secrets.token_hex(4)}{_SUFFIX}"
        self._path = self._folder / name
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
        self._file = os.open(self._path, flags, 0o600)
        self._append({"owner": attrs.asdict(this_runtime())})
        self._head = self._written

    def _append(self, record: Mapping[str, object]) -> None:
        line = json.dumps(record).encode() + b"\n"
        os.write(self._file, line)  # a regular file takes all of it, or fails
        self._written += len(line)

    @contextmanager
    def _told(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            self._failed = True
            _log.warning("the census misses processes: %s: %s", self._folder, error)


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


@attrs.frozen(kw_only=True)
class RecordFile:
    """What one runtime has recorded and not taken back."""

    path: Path
    owner: Owner
    records: tuple[Record, ...]


def read_files(folder: Path) -> tuple[tuple[RecordFile, ...], tuple[str, ...]]:
    """Read all records in *folder*. Also return what is wrong with files.

    Blocks on the disk; changes nothing.
    """
    files: list[RecordFile] = []
    problems: list[str] = []
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        try:
            files.append(_parse(path, path.read_bytes()))
        except FileNotFoundError:
            continue  # its runtime has just ended
        except (OSError, ValueError, TypeError, KeyError) as error:
            problems.append(f"{path} cannot be read: {error!r}")
    return tuple(files), tuple(problems)


def _parse(path: Path, content: bytes) -> RecordFile:
    """Make records of the lines of a file, the last of which may be torn."""
    head, *lines = content.split(b"\n")
    owner = Owner(**json.loads(head)["owner"])
    records: dict[str, Record] = {}
    for line in lines[:-1]:
        said: dict[str, Any] = json.loads(line)
        if "starting" in said:
            marker = said.pop("starting")
            records[marker] = Record(marker=marker, owner=owner, **said)
        elif "started" in said:
            marker = said.pop("started")
            records[marker] = attrs.evolve(records[marker], **said)
        else:
            records.pop(said["ended"], None)
    return RecordFile(path=path, owner=owner, records=tuple(records.values()))
