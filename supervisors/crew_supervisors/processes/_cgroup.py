# cgroup v2 (Documentation/admin-guide/cgroup-v2.rst of Linux): the kernel's own list of
# what belongs to a tree, and one write that kills all of it, forks in progress included.
#
# 1. It is used only where somebody has delegated it: a folder named in the spec, or the
#    runtime's own cgroup, if that is not the root of all and may be written.
# 2. Each process gets a leaf of its own, made before it starts and entered before it
#    executes anything. Nothing else of the system is changed.
# 3. What is left of a leaf when runtime and warden were killed together is removed by the
#    next runtime that uses the folder, once it is empty. Nobody is killed by that.
# 4. The folder may be any folder for the functions in here: what the kernel does with
#    it is not theirs.
"""A cgroup for each process, where the system allows it."""

import os
from pathlib import Path
from typing import Final, final

import trio

PREFIX: Final = "crew-"
NEEDED: Final = ("cgroup.procs", "cgroup.kill", "cgroup.events")
FIRST_LOOK: Final = 0.001  # seconds
LONGEST_LOOK: Final = 0.1  # seconds between two looks; the kernel tells by inotify only


def find_base(named: Path | None, proc: Path = Path("/proc/self")) -> Path | str:
    """Return the cgroup below which leaves can be made, or why there is none."""
    try:
        base = named or own_cgroup(proc)
        if base is None:
            return "no cgroup v2 is mounted"
        missing = [name for name in NEEDED if not (base / name).exists()]
        if missing:
            reason = "the root of all cgroups, or no cgroup of Linux 5.14"
            return f"{base} has no {missing[0]}: it is {reason}"
        for place in (base, base / "cgroup.procs"):
            if not os.access(place, os.W_OK):
                return f"{place} cannot be written: it is not delegated to this user"
    except OSError as error:
        return f"cgroups cannot be looked at: {error}"
    return base


def own_cgroup(proc: Path) -> Path | None:
    """Return where the cgroup of the process *proc* (its folder in /proc) is mounted."""
    inside = ""
    for line in (proc / "cgroup").read_text().splitlines():
        if line.startswith("0::"):
            inside = line[3:].strip().lstrip("/")
    for line in (proc / "mountinfo").read_text().splitlines():
        fields, _, kind = line.partition(" - ")
        if kind.startswith("cgroup2 "):
            return Path(fields.split()[4]) / inside
    return None


_cleared: Final = trio.lowlevel.RunVar[frozenset[Path]]("crew_cleared_cgroups")


def remove_leftovers(base: Path) -> None:
    """Remove the empty leaves below *base* of runtimes that are gone. Once in a trio run."""
    done = _cleared.get(frozenset())
    if base in done:
        return
    _cleared.set(done | {base})
    for leaf in base.glob(f"{PREFIX}*"):
        owner = leaf.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdigit() and not _runs(int(owner)) and not _is_populated(leaf):
            _remove(leaf)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # looks only: nothing is sent
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    return True


def _is_populated(leaf: Path) -> bool:
    try:
        return "populated 1" in (leaf / "cgroup.events").read_text()
    except OSError:
        return False  # it is removed, which takes an empty one


def _remove(leaf: Path) -> None:
    for folder, _, _ in os.walk(leaf, topdown=False):
        try:
            os.rmdir(folder)  # noqa: PTH106 - as it comes from os.walk
        except OSError:
            return


@final
class Cgroup:
    """The leaf of one process."""

    def __init__(self, base: Path, name: str) -> None:
        """Make it. Raises OSError when that is not allowed."""
        self.path = base / f"{PREFIX}{name}"
        self.path.mkdir()

    def is_populated(self) -> bool:
        """Tell whether anything lives in it, or in what is below it."""
        return _is_populated(self.path)

    async def kill(self, limit: float) -> bool:
        """Kill all of it. Tell whether it was empty within *limit* seconds."""
        try:
            (self.path / "cgroup.kill").write_text("1")
        except OSError:
            return not self.is_populated()  # gone, or what we made was taken from us
        pause = FIRST_LOOK
        with trio.move_on_after(limit):
            while self.is_populated():
                await trio.sleep(pause)
                pause = min(2 * pause, LONGEST_LOOK)
            return True
        return False

    def remove(self) -> None:
        """Remove it, and what the process has made below it. Idempotent.

        What is not empty stays: somebody lives in it, and the report says so.
        """
        _remove(self.path)
