# Ending orphans: SIGTERM, grace, SIGKILL, proof.
#
# 1. Right before each signal the process is looked at again: pid, create time and
#    marker, with a pidfd held where there is one. A recycled pid is never signalled.
# 2. After the grace the census is taken anew, so what an orphan has started meanwhile
#    is found too. It ends when two of them in a row found no orphan.
# 3. Records of dead runtimes of which nothing lives are removed at the end.
"""End what outlived its runtime."""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

import attrs
import trio

from crew_actors.census._reading import FRESH_SUFFIX, read_files
from crew_actors.census._scan import Census, look_at, marker_of, take_census
from crew_actors.census._verdict import Finding
from crew_actors.journal import process_created

GRACE: Final = 2.0
"""Seconds that an orphan has after SIGTERM."""

KILL_LIMIT: Final = 5.0
"""Seconds for SIGKILL to work; what lives then is reported as a survivor."""

EMPTY_SCANS: Final = 2
_FIRST_PAUSE: Final = 0.01
_LONGEST_PAUSE: Final = 0.1
_TERM: Final = int(signal.SIGTERM)
_KILL: Final[int] = getattr(signal, "SIGKILL", _TERM)  # TerminateProcess on Windows
_CONT: Final[int | None] = getattr(signal, "SIGCONT", None)  # so that it hears SIGTERM

How = Literal["ended", "killed", "gone", "survived"]


@attrs.frozen(kw_only=True)
class Ended:
    """What became of an orphan."""

    finding: Finding
    how: How
    """`ended` after SIGTERM, `killed` by SIGKILL, `gone` before any signal, or
    `survived`."""


@attrs.define
class _Target:
    finding: Finding
    signals: int = 0

    @property
    def lives(self) -> bool:
        seen = self.finding.seen
        return process_created(seen.pid) == seen.created

    def result(self) -> Ended:
        how: How = "survived"
        if not self.lives:
            how = ("gone", "ended", "killed")[self.signals]
        return Ended(finding=self.finding, how=how)


async def sweep_orphans(folder: Path) -> tuple[Ended, ...]:
    """Do what `end_orphans` does, if *folder* holds records of a dead runtime.

    Without any it takes less than a millisecond. Its errors and its cancellation are
    those of `end_orphans`.
    """
    if not await trio.to_thread.run_sync(_has_dead_runtimes, folder):
        return ()
    return await end_orphans(folder)


def _has_dead_runtimes(folder: Path) -> bool:
    return any(look_at(file.owner) == "gone" for file in read_files(folder)[0])


async def end_orphans(folder: Path, *, grace: float = GRACE) -> tuple[Ended, ...]:
    """End the orphans among the processes recorded in *folder*; tell of each.

    Each has *grace* seconds after SIGTERM, then SIGKILL has `KILL_LIMIT` seconds. If
    cancelled, it sends no more signals; what was sent, is sent. A checkpoint.
    """
    census = await _take(folder)
    targets: dict[tuple[int, float], _Target] = {}
    if census.orphans:
        for target in _enter(targets, census):
            if strike(target.finding, _TERM):
                target.signals = 1
                if _CONT is not None:
                    strike(target.finding, _CONT)
        await _wait_gone(targets, grace)
        census = await _kill(folder, targets)
    await trio.to_thread.run_sync(_tidy, folder, census)
    return tuple(target.result() for target in targets.values())


async def _take(folder: Path) -> Census:
    return await trio.to_thread.run_sync(take_census, folder, abandon_on_cancel=True)


def _enter(
    targets: dict[tuple[int, float], _Target], census: Census
) -> tuple[_Target, ...]:
    """Return the targets that are orphans now, those that were not known too."""
    found: list[_Target] = []
    for one in census.orphans:
        identity = (one.seen.pid, one.seen.created)
        found.append(targets.setdefault(identity, _Target(one)))
    return tuple(found)


async def _wait_gone(targets: dict[tuple[int, float], _Target], limit: float) -> None:
    pause = _FIRST_PAUSE
    with trio.move_on_after(limit):
        while any(target.lives for target in targets.values()):
            await trio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


async def _kill(folder: Path, targets: dict[tuple[int, float], _Target]) -> Census:
    """Kill until two censuses have found nothing. Return the last one."""
    deadline = trio.current_time() + KILL_LIMIT
    pause = _FIRST_PAUSE
    empty = 0
    while True:
        census = await _take(folder)
        found = _enter(targets, census)
        empty = 0 if found else empty + 1
        if empty == EMPTY_SCANS or trio.current_time() >= deadline:
            return census
        for target in found:
            if strike(target.finding, _KILL):
                target.signals = 2
        await trio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def strike(finding: Finding, number: int) -> bool:
    """Signal an orphan if it is still the same one. Tell whether it was signalled."""
    assert finding.verdict == "orphan", "nothing else is ever signalled"
    pid = finding.seen.pid
    try:
        if sys.platform == "linux":
            handle = os.pidfd_open(pid)
            try:
                if not _is_same(finding):
                    return False
                signal.pidfd_send_signal(handle, number)
            finally:
                os.close(handle)
        elif _is_same(finding):
            os.kill(pid, number)
        else:
            return False
    except OSError:
        return False  # it has ended
    return True


def _is_same(finding: Finding) -> bool:
    import psutil  # noqa: PLC0415 - late: 20 ms

    seen = finding.seen
    if process_created(seen.pid) != seen.created:
        return False
    try:
        return marker_of(psutil.Process(seen.pid)) == seen.marker
    except psutil.Error:
        return False


def _tidy(folder: Path, census: Census) -> None:
    """Remove the records of dead runtimes of which nothing lives."""
    lives = {one.record.marker for one in census.findings if one.record is not None}
    for file in census.files:
        if look_at(file.owner) == "gone" and not any(
            record.marker in lives for record in file.records
        ):
            file.path.unlink(missing_ok=True)
            file.path.with_suffix(FRESH_SUFFIX).unlink(missing_ok=True)
            if file.path.parent != folder:
                with suppress(OSError):  # another runtime has its records there
                    file.path.parent.rmdir()
