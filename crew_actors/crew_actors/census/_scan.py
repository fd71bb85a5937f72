# Looking only: nothing in here signals a process or writes a file.
#
# A process counts as seen when its create time is the same before and after its
# environment was read, so that both are of one process. Processes of other users, and
# the one that looks, are left out.
"""The processes that carry a marker, each with a verdict."""

import os
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from crew_actors.census._reading import RecordFile, read_files
from crew_actors.census._verdict import (
    Finding,
    Owner,
    Record,
    Seen,
    Standing,
    judge,
    standing_of,
)
from crew_actors.journal import boot_id, process_created
from crew_actors.places import Places
from crew_supervisors.processes import MARKER

if TYPE_CHECKING:
    import psutil


def records_folder(places: Places) -> Path:
    """Tell where the runtimes of a user write down what they start."""
    return places.data / "processes"


@attrs.frozen(kw_only=True)
class Census:
    """Who was there at one moment."""

    findings: tuple[Finding, ...]
    """By age, the oldest first."""
    files: tuple[RecordFile, ...]
    problems: tuple[str, ...]
    """Records that could not be read. Their processes are unknown."""

    @property
    def orphans(self) -> tuple[Finding, ...]:
        """Those that may be ended."""
        return tuple(one for one in self.findings if one.verdict == "orphan")


def take_census(folder: Path) -> Census:
    """Look at each process of this user, and at the records in *folder*.

    Blocks, some 0.2 ms for each process of the machine; changes nothing.
    """
    files, problems = read_files(folder)
    standings: dict[Owner, Standing] = {
        file.owner: look_at(file.owner) for file in files
    }
    records = {each.marker: each for file in files for each in file.records}
    seen = {(one.pid, one.created): one for one in _marked()}
    for record in records.values():
        unmarked = _recorded_only(record)
        if unmarked is not None:
            seen.setdefault((unmarked.pid, unmarked.created), unmarked)
    by_identity = {(one.pid, one.created): one for one in records.values()}
    findings = [
        _judged(
            one, records.get(one.marker or "") or by_identity.get(identity), standings
        )
        for identity, one in seen.items()
    ]
    findings.sort(key=lambda one: (one.seen.born_at, one.seen.pid))
    return Census(findings=tuple(findings), files=files, problems=problems)


def _judged(
    seen: Seen, record: Record | None, standings: Mapping[Owner, Standing]
) -> Finding:
    return judge(seen, record, None if record is None else standings[record.owner])


def look_at(owner: Owner) -> Standing:
    """Tell where *owner* stands now."""
    return standing_of(
        owner,
        host=socket.gethostname(),
        boot=boot_id(),
        created=process_created(owner.pid),
    )


def marker_of(process: "psutil.Process") -> str | None:
    """Return the marker in the environment of *process*; None if it shows none."""
    import psutil  # noqa: PLC0415 - late: 20 ms

    try:
        return process.environ().get(MARKER)
    except (psutil.Error, OSError):
        return None  # somebody else's, or gone


def _marked() -> Iterator[Seen]:
    import psutil  # noqa: PLC0415 - late: 20 ms

    for pid in psutil.pids():
        if pid != os.getpid() and (found := _look(pid)) is not None and found.marker:
            yield found


def _recorded_only(record: Record) -> Seen | None:
    """Return the process that *record* is about, if it still is that one."""
    if record.pid is None or record.created is None:
        return None
    found = _look(record.pid)
    return found if found is not None and found.created == record.created else None


def _look(pid: int) -> Seen | None:
    """Look at *pid*; None when it is gone, or another user's."""
    import psutil  # noqa: PLC0415 - late: 20 ms

    try:
        process = psutil.Process(pid)
        created = process_created(pid)
        if created is None or not _is_mine(process):
            return None
        marker = marker_of(process)
        seen = Seen(
            pid=pid,
            created=created,
            born_at=process.create_time(),
            name=process.name() if marker else "",
            command=" ".join(process.cmdline()) if marker else "",
            marker=marker,
        )
    except (psutil.Error, OSError):
        return None  # it ended while we looked
    return seen if process_created(pid) == created else None


def _is_mine(process: "psutil.Process") -> bool:
    if sys.platform == "win32":
        return True  # the environment of another user's process cannot be read there
    else:  # noqa: RET505 - mypy takes what is after an `if` of the platform for dead
        return process.uids().real == os.getuid()
