# A lease says which process works on a run.
#
# 1. It is not time that ends a lease but the death of its process: a process that
#    sleeps in a suspended laptop is still the owner.
# 2. A process is known by its pid, the moment of its creation and the boot in which
#    that was. A pid that was given to another process is not the owner.
# 3. What cannot be looked at, a process on another host, counts as alive. Two owners
#    are worse than one too few.
# 4. A lease that a full disk keeps from being put down is known as such in its own
#    process, which can take the run up again. For all others it ends with the process.
"""Who owns a run."""

import os
import socket
import sqlite3
from functools import cache
from pathlib import Path
from typing import Final, Literal, TypeAlias, final

import attrs

from crew_actors.journal._database import Database, read
from crew_actors.journal._errors import JournalError, LeaseHeld
from crew_actors.journal._folder import RunFolder

OwnerState: TypeAlias = Literal["held", "gone", "released"]
"""A live runtime works on the run; it died; it has put the run down."""

_TOLERANCE: Final = 0.02
"""Seconds between two readings of one process's creation: two ticks of Linux."""

_put_down: Final = set["Lease"]()
"""Leases of this process that no disk would note as put down."""

_PROC: Final = Path("/proc")
_BOOT_ID: Final = _PROC / "sys/kernel/random/boot_id"


@final
@attrs.frozen(kw_only=True)
class Lease:
    """Which process works on a run, and how it can be reached."""

    pid: int
    create_time: float
    """Seconds: on Linux since the boot, which no change of the clock can shift;
    elsewhere since 1970."""
    boot_id: str
    """Names the boot of the machine and its space of pids; empty if unknown."""
    host: str
    acquired_at: float
    """Seconds since 1970."""
    control_port: int | None = None
    """Where the owner listens for requests, on the loopback address."""
    token: str = attrs.field(default="", repr=False)
    """What a request must show."""
    released_at: float | None = None
    """Seconds since 1970; None while the owner has not put the run down."""

    @classmethod
    def mine(
        cls, *, now: float, control_port: int | None = None, token: str = ""
    ) -> "Lease":
        """Make the lease of this process, acquired at *now*, seconds since 1970."""
        pid = os.getpid()
        created = process_created(pid)
        assert created is not None, "a process sees itself"
        return cls(
            pid=pid,
            create_time=created,
            boot_id=boot_id(),
            host=socket.gethostname(),
            acquired_at=now,
            control_port=control_port,
            token=token,
        )


def standing(
    lease: Lease, *, host: str, boot: str, created: float | None
) -> OwnerState:
    """Tell where *lease* stands, seen from *host* in its boot *boot*.

    *created* is when the process that has the owner's pid here was created; None if
    there is none.
    """
    if lease.released_at is not None:
        return "released"
    same_boot = lease.boot_id == boot and (boot or lease.host == host)
    if not same_boot:
        return "gone" if lease.host == host else "held"
    if created is None or abs(created - lease.create_time) > _TOLERANCE:
        return "gone"
    return "held"


def look_at(lease: Lease) -> OwnerState:
    """Tell where *lease* stands now. Reads what the system says about processes."""
    if lease in _put_down:
        return "gone"
    return standing(
        lease,
        host=socket.gethostname(),
        boot=boot_id(),
        created=process_created(lease.pid),
    )


def read_lease(folder: RunFolder) -> Lease | None:
    """Read who owns the run, or owned it last; None if nobody ever did.

    Blocks on the disk; changes nothing.

    Raises:
      JournalError: by its class.
    """
    return read(folder, select_lease)


def owner_state(folder: RunFolder) -> OwnerState:
    """Tell whether somebody works on the run. Blocks on the disk; changes nothing.

    The owner is alive ("held") if a process with its pid, its moment of creation and
    its boot is. An owner on another host cannot be looked at and counts as alive; one
    that died before it took the run counts as gone.

    Raises:
      JournalError: by its class.
    """
    lease = read_lease(folder)
    return "gone" if lease is None else look_at(lease)


def select_lease(connection: sqlite3.Connection) -> Lease | None:
    """Read the lease over *connection*; None if nobody ever had one."""
    row = connection.execute(
        "SELECT pid, create_time, boot_id, host, acquired_at, control_port, token,"
        " released_at FROM lease"
    ).fetchone()
    if row is None:
        return None
    names = [field.name for field in attrs.fields(Lease)]
    return Lease(**dict(zip(names, row, strict=True)))


def take_lease(path: Path, lease: Lease, connection: sqlite3.Connection) -> None:
    """Make *lease* the one of the run, inside of a transaction.

    Raises:
      LeaseHeld: a live runtime has it.
    """
    owner = select_lease(connection)
    if owner is not None and look_at(owner) == "held":
        raise LeaseHeld(path, owner)
    insert_lease(connection, lease)


def insert_lease(connection: sqlite3.Connection, lease: Lease) -> None:
    """Put *lease* in place of the one that is there, whoever has it."""
    connection.execute(
        "INSERT OR REPLACE INTO lease VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)",
        attrs.astuple(lease),
    )


def process_created(pid: int) -> float | None:
    """Tell when the process *pid* was created; None if it is not alive.

    Seconds, from the boot on Linux, from 1970 elsewhere. A zombie is not alive.
    """
    if _BOOT_ID.exists():
        return _created_on_linux(pid)
    import psutil  # noqa: PLC0415  # pragma: no cover  late: Linux does without

    try:  # pragma: no cover  not on Linux
        return float(psutil.Process(pid).create_time())
    except psutil.Error:  # pragma: no cover  not on Linux
        return None


def _created_on_linux(pid: int) -> float | None:
    # proc(5): "pid (name) state ...", where the name may hold anything; the state is
    # the third field, the creation in ticks since the boot the 22nd.
    try:
        line = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    fields = line.rpartition(b")")[2].split()
    if fields[0] in {b"Z", b"X"}:
        return None
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")


@cache
def boot_id() -> str:
    """Name the boot of this machine and its space of pids; empty if unknown."""
    try:
        boot = _BOOT_ID.read_text(encoding="ascii").strip()
        return f"{boot} {(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


def release_lease(database: Database, lease: Lease, now: float) -> None:
    """Note that the owner has put the run down at *now*, seconds since 1970.

    Raises:
      JournalError: by its class. For other processes, the run counts as owned until
        this one ends; here it can be taken up.
    """
    query = "UPDATE lease SET released_at = ? WHERE pid = ? AND acquired_at = ?"
    values = (now, lease.pid, lease.acquired_at)
    try:
        database.transaction(lambda connection: connection.execute(query, values))
    except JournalError:
        _put_down.add(lease)
        raise
