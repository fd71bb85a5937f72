# What an orphan is, as pure functions. Nothing is guessed by name, age or parent:
#
# 1. A process is ours when its environment holds a marker that is in our records. A
#    marker is 128 random bits; who has it was started by us, or descends from one.
# 2. It is an orphan when, besides, the runtime that recorded it is certainly dead: the
#    same boot, the same space of pids, and no process with its pid and create time.
# 3. A process that is older than the one it would come from has another one's marker.
# 4. Whatever is not certain is `unknown`, and nobody ends that.
"""Owners, records and verdicts."""

from typing import Literal, TypeAlias

import attrs

Verdict: TypeAlias = Literal["owned", "orphan", "unknown"]
Standing: TypeAlias = Literal["alive", "gone", "elsewhere"]
"""Of a runtime. `elsewhere`: it cannot be looked at from here."""


@attrs.frozen(kw_only=True)
class Owner:
    """A runtime that starts processes."""

    pid: int
    created: float
    """Seconds: since the boot on Linux, since 1970 elsewhere."""
    boot_id: str
    """Names the boot of the machine and its space of pids; empty if unknown."""
    host: str


@attrs.frozen(kw_only=True)
class Record:
    """What a runtime wrote down about a process that it started."""

    marker: str = attrs.field(repr=False)
    owner: Owner
    name: str
    run: str = ""
    """Of which run it is; empty if of none."""
    task: str = ""
    pid: int | None = None
    """None: the runtime died before it could write it down."""
    created: float | None = None
    """As of `Owner`; None if it had ended before it could be read."""


@attrs.frozen(kw_only=True)
class Seen:
    """A process that carries a marker."""

    pid: int
    created: float
    """As of `Owner`."""
    born_at: float
    """Seconds since 1970."""
    name: str
    command: str
    marker: str | None = attrs.field(repr=False)
    """None: it is recorded, but its environment does not show a marker."""


@attrs.frozen(kw_only=True)
class Finding:
    """A process, and what follows from what is known of it."""

    seen: Seen
    record: Record | None
    standing: Standing | None
    """Of the runtime that recorded it; None without a record."""
    verdict: Verdict
    why: str


def standing_of(
    owner: Owner, *, host: str, boot: str, created: float | None
) -> Standing:
    """Tell where *owner* stands, seen from *host* in its boot *boot*.

    *created* is the create time of the process that has its pid here; None if there is
    none.
    """
    if owner.boot_id != boot or (not boot and owner.host != host):
        return "elsewhere"
    return "alive" if created == owner.created else "gone"


def judge(seen: Seen, record: Record | None, standing: Standing | None) -> Finding:
    """Tell what *seen* is, with the record of its marker and its runtime's standing."""
    verdict, why = _judged(seen, record, standing)
    return Finding(
        seen=seen, record=record, standing=standing, verdict=verdict, why=why
    )


def _judged(
    seen: Seen, record: Record | None, standing: Standing | None
) -> tuple[Verdict, str]:
    if record is None:
        return "unknown", "no runtime has recorded its marker here"
    if standing == "alive":
        return "owned", "its runtime is alive"
    if standing != "gone":
        return "unknown", "its runtime cannot be looked at from here"
    if (doubt := _doubt(seen, record)) is not None:
        return "unknown", doubt
    if (seen.pid, seen.created) == (record.pid, record.created):
        return "orphan", "its runtime is gone"
    return "orphan", "an agent started it whose runtime is gone"


def _doubt(seen: Seen, record: Record) -> str | None:
    """Return why *seen* may be another one than what *record* is about."""
    if seen.marker != record.marker:
        return "its environment does not show the marker that was recorded"
    first = record.owner.created if record.created is None else record.created
    if seen.created < first:
        return "it is older than the process it would come from"
    return None
