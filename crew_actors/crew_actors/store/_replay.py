"""Check that the journal of a bundle is one, by folding all of it."""

from pathlib import Path
from typing import Final

from crew_actors.journal import (
    AfterGap,
    BadEvent,
    UnknownEvent,
    advance_over,
    decode,
)
from crew_actors.model import IllegalEvent, Recorded, RunState
from crew_actors.store._bundle import JOURNAL, MAX_LINE, Manifest

_MOST: Final = 20
"""So many events that are wrong are told."""

_FIELDS: Final = frozenset({"seq", "at", "event", "compacted", "lost"})


_NONE: Final = b"0"


def replay_problems(journal: Path, manifest: Manifest) -> list[str]:
    """Tell what is wrong with the events at *journal*; nothing if nothing is.

    Blocks on the disk.
    """
    problems: list[str] = []
    state: RunState | None = None
    foldable = True
    with journal.open("rb") as file:
        number = 0
        while line := file.readline(MAX_LINE + 1):
            number += 1
            try:
                recorded = _parsed(line)
                if foldable:
                    state = advance_over(state, recorded)
            except (BadEvent, UnknownEvent, IllegalEvent, _BadLine) as error:
                foldable = False  # what comes after it would seem wrong as well
                problems.append(f"{JOURNAL}, line {number}: {error}")
            if len(problems) >= _MOST or len(line) > MAX_LINE:
                return [*problems, f"{JOURNAL}: the rest was not looked at"]
    if foldable:
        problems += _differences(state, manifest)
    return problems


class _BadLine(Exception):
    """A line is not an event with its number."""


def _parsed(line: bytes) -> Recorded:
    import msgspec  # noqa: PLC0415  late: only borders need it

    try:
        raw = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
        unknown = sorted(set(raw) - _FIELDS)
        if unknown:
            raise _BadLine(f"unknown field {unknown[0]!r}")
        seq = msgspec.json.decode(raw["seq"], type=int)
        at = msgspec.json.decode(raw["at"], type=float)
        event = decode(bytes(raw["event"]))
        gap = [
            msgspec.json.decode(raw.get(name, _NONE), type=int)
            for name in ("compacted", "lost")
        ]
    except KeyError as error:
        raise _BadLine(f"{error.args[0]} is missing") from error
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise _BadLine(str(error)) from error
    if not any(gap):
        return Recorded(seq, at, event)
    return AfterGap(seq, at, event, compacted=gap[0], lost=gap[1])


def _differences(state: RunState | None, manifest: Manifest) -> list[str]:
    if state is None:
        return [f"{JOURNAL}: there is no event"]
    problems: list[str] = []
    if state.run != manifest.run:
        problems.append(f"{JOURNAL}: it is of run {state.run}, not of {manifest.run}")
    if state.seq != manifest.events:
        problems.append(
            f"{JOURNAL}: it ends with event {state.seq}, not {manifest.events}"
        )
    return problems
