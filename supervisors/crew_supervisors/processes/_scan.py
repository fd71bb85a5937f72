# Finding and killing a tree from outside, where no warden did it.
#
# 1. A process is of the tree when it is known to be, is in the group, carries the
#    marker, or descends from one that is. Nothing is guessed by name or age.
# 2. The group's number is taken from us once its last member is gone. So when the
#    leader is gone, only members that are older than that count by their group.
# 3. A signal goes to (pid, create time), looked at immediately before.
# 4. Gone means: two scans in a row found nothing. What was not looked at twice is
#    not called gone: it is a survivor, `unverified`.
# 5. All of it reads /proc or asks the system for each process, so it runs in a thread.
#    Each tree has one of its own, and waits for nobody else's. Where no thread is to be
#    had, it runs at once: the loop waits some 10 ms, which is better than a tree that lives.
# 6. A look that the system refuses (OSError: no descriptors) has found nothing out. It is
#    tried again until the time is over.
"""Snapshots of a process tree by group, marker and descent."""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import attrs
import trio

from crew_supervisors.processes._report import ProcessIdentity, Survivor
from crew_supervisors.processes._spec import MARKER

if TYPE_CHECKING:
    import psutil

EMPTY_SCANS: Final = 2
FREEZE_ROUNDS: Final = 5  # looks for newly forked processes before they are killed
FIRST_PAUSE: Final = 0.005  # seconds for the killed to go
LONGEST_PAUSE: Final = 0.1
LOOK_LIMIT: Final = 1.0  # seconds after which a scan hangs; it takes some 10 ms
MARGIN: Final = 1.0  # seconds by which a create time that could not be read may be late
UNVERIFIED: Final = "unverified"
FREEZE: Final[int | None] = getattr(signal, "SIGSTOP", None)  # not on Windows
KILL: Final[int] = getattr(signal, "SIGKILL", signal.SIGTERM)  # TerminateProcess there


@attrs.define(kw_only=True)
class TreeQuery:
    """What is known about a tree."""

    root: ProcessIdentity
    marker: str
    known: set[ProcessIdentity] = attrs.field(factory=set[ProcessIdentity])
    gone_at: float | None = None
    """When the leader was found gone, in seconds since 1970."""
    keeper: ProcessIdentity | None = None
    """A warden that does not answer: not of the tree, but all that is below it is."""
    limiter: trio.CapacityLimiter = attrs.field(
        factory=lambda: trio.CapacityLimiter(1), init=False
    )
    """One scan at a time. A scan that was given up holds it until it has ended."""


@attrs.frozen
class Sweep:
    """What killing a tree came to."""

    killed: int
    survivors: tuple[Survivor, ...] = ()


def identity_of(pid: int) -> ProcessIdentity | None:
    """Return who has the number *pid* now; None when nobody has."""
    import psutil  # noqa: PLC0415 - 20 ms that `import crew_supervisors` need not pay

    try:
        return ProcessIdentity(pid, psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def is_alive(identity: ProcessIdentity) -> bool:
    """Tell whether it runs, as the process it was, and is no zombie."""
    import psutil  # noqa: PLC0415 - 20 ms that `import crew_supervisors` need not pay

    try:
        process = psutil.Process(identity.pid)
        return (
            process.create_time() == identity.create_time
            and process.status() != psutil.STATUS_ZOMBIE
        )
    except psutil.Error:
        return False
    except OSError:
        return True  # nobody could look


def find_tree(query: TreeQuery) -> "list[psutil.Process]":
    """Return the living processes of the tree. Blocks for a look at each process.

    Raises:
      OSError: the system lets nobody look.
    """
    import psutil  # noqa: PLC0415 - 20 ms that `import crew_supervisors` need not pay

    children: dict[int, list[psutil.Process]] = {}
    below: list[psutil.Process] = []
    for pid in psutil.pids():
        try:
            process = psutil.Process(pid)
            if process.create_time() < query.root.create_time - MARGIN:
                continue  # older than its root, as most are: nothing more to read
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            children.setdefault(process.ppid(), []).append(process)
            if _belongs(process, query):
                below.append(process)
        except psutil.Error:
            continue  # it ended while we looked
    if query.keeper is not None and is_alive(query.keeper):
        below += children.get(query.keeper.pid, [])
    found: dict[int, psutil.Process] = {}
    while below:
        process = below.pop()
        if process.pid not in found:
            found[process.pid] = process
            below += [
                child
                for child in children.get(process.pid, [])
                if child.create_time() >= process.create_time()
            ]
    for process in found.values():
        query.known.add(ProcessIdentity(process.pid, process.create_time()))
    return list(found.values())


async def look(query: TreeQuery) -> "list[psutil.Process]":
    """Run `find_tree` in a thread. Cancelled, it leaves the thread to itself.

    Raises:
      OSError: the system lets nobody look.
    """
    return await _in_thread(find_tree, query)


async def _in_thread(
    work: "Callable[[TreeQuery], list[psutil.Process]]", query: TreeQuery
) -> "list[psutil.Process]":
    try:
        return await trio.to_thread.run_sync(
            work, query, abandon_on_cancel=True, limiter=query.limiter
        )
    except RuntimeError:  # what Python raises when the system gives it no thread
        return work(query)


async def note_who_is_there(query: TreeQuery) -> None:
    """Look once, so that `query.known` has the tree; `LOOK_LIMIT` seconds at most."""
    with trio.move_on_after(LOOK_LIMIT), suppress(OSError):  # then it stays unknown
        await look(query)


def _belongs(process: "psutil.Process", query: TreeQuery) -> bool:
    identity = ProcessIdentity(process.pid, process.create_time())
    if identity == query.root or identity in query.known:
        return True
    born_in_time = query.gone_at is None or identity.create_time <= query.gone_at
    if born_in_time and _bond_of(process) == query.root.pid:
        return identity.create_time >= query.root.create_time
    return _marker_of(process) == query.marker


def _bond_of(process: "psutil.Process") -> int | None:
    """Return the number that binds it to a leader who may be gone already."""
    if sys.platform == "win32":
        return process.ppid()  # it keeps the number of a parent that has ended
    else:  # noqa: RET505 - mypy takes what is after an `if` of the platform for dead
        try:
            return os.getpgid(process.pid)
        except OSError:
            return None  # it ended


def _marker_of(process: "psutil.Process") -> str | None:
    import psutil  # noqa: PLC0415 - 20 ms that `import crew_supervisors` need not pay

    try:
        return process.environ().get(MARKER)
    except (psutil.Error, OSError):
        return None  # somebody else's: what we may not read is not ours


async def wait_group_gone(leader: int) -> None:
    """Return when the group of *leader* has no member. Nobody tells of that, so look."""
    pause = FIRST_PAUSE
    while _has_members(leader):
        await trio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def _has_members(leader: int) -> bool:
    if sys.platform == "win32":
        return False
    else:  # noqa: RET505 - mypy takes what is after an `if` of the platform for dead
        try:
            os.killpg(leader, 0)  # looks only: nothing is sent
        except OSError:
            return False
        return True


def strike(process: "psutil.Process", number: int) -> bool:
    """Signal *process* if it is still the same one. Tell whether it was signalled."""
    import psutil  # noqa: PLC0415 - 20 ms that `import crew_supervisors` need not pay

    try:
        if sys.platform == "linux":
            handle = os.pidfd_open(process.pid)
            try:
                if not process.is_running():  # the number has gone to another one
                    return False
                signal.pidfd_send_signal(handle, number)
            finally:
                os.close(handle)
        else:
            process.send_signal(number)  # psutil compares the create time right before
    except (psutil.Error, OSError):
        return False
    return True


def kill_round(query: TreeQuery) -> "list[psutil.Process]":
    """Freeze and kill what is found. Return what was found."""
    found = find_tree(query)
    frozen: set[int] = set()
    for _ in range(FREEZE_ROUNDS):
        fresh = [process for process in found if process.pid not in frozen]
        if not fresh or FREEZE is None:
            break
        for process in fresh:
            strike(process, FREEZE)
            frozen.add(process.pid)
        found = find_tree(query)
    for process in found:
        strike(process, KILL)
    return found


async def sweep(query: TreeQuery, limit: float) -> Sweep:
    """Kill the tree until it is verified to be gone, at most *limit* seconds.

    `LOOK_LIMIT` seconds more when a scan hangs in the system: then it is left to its
    thread. The tree is called gone only after `EMPTY_SCANS` of them in a row.
    """
    killed: set[int] = set()
    found: list[psutil.Process] = []
    empty = 0
    pause = FIRST_PAUSE
    deadline = trio.current_time() + limit
    with trio.move_on_after(limit + LOOK_LIMIT):
        while empty < EMPTY_SCANS and trio.current_time() < deadline:
            try:
                found = await _in_thread(kill_round, query)
                killed |= {process.pid for process in found}
                empty = 0 if found else empty + 1
            except OSError:
                empty = 0
            if not empty:
                await trio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
    if empty == EMPTY_SCANS:
        return Sweep(len(killed))
    return Sweep(len(killed), survivors_of(found) or unverified(query))


def unverified(query: TreeQuery) -> tuple[Survivor, ...]:
    """Describe what may live: the root, whose tree nobody has seen, and what is known."""
    others = query.known.copy() - {query.root}
    return tuple(
        Survivor(each.pid, each.create_time, "", UNVERIFIED)
        for each in (query.root, *filter(is_alive, others))
    )


def survivors_of(processes: "list[psutil.Process]") -> tuple[Survivor, ...]:
    """Describe those of *processes* that live."""
    import psutil  # noqa: PLC0415 - 20 ms that `import crew_supervisors` need not pay

    described: list[Survivor] = []
    for process in processes:
        created = process.create_time()  # known since it was found
        try:
            status = str(process.status())
            command = " ".join(process.cmdline()) or process.name()
        except psutil.Error:
            continue  # it is gone after all
        except OSError:
            status, command = UNVERIFIED, ""
        if status != psutil.STATUS_ZOMBIE:
            described.append(Survivor(process.pid, created, command[:200], status))
    return tuple(described)
