# A report is made to be given away, so it holds no value of a variable that is not on a
# short list, no token, and nothing that redaction masks. What cannot be found out is
# told as a problem: a report about a broken run is the point of it.
"""A report about one run, for whoever is to find out what is wrong with it."""

import json
import platform
import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import BinaryIO, Final

from crew_actors import __version__
from crew_actors.census import records_folder, take_census
from crew_actors.journal import (
    JournalCorrupt,
    JournalError,
    RunFolder,
    effective_status,
    kind_of,
    newest_events,
    owner_state,
    read_lease,
    read_state,
)
from crew_actors.observe import as_object, fields_of
from crew_actors.places import Places
from crew_actors.store._outgoing import Outgoing, target_of, write_outgoing
from crew_actors.store._traces import project_of

SCHEMA: Final = 1
_EVENTS: Final = 200
"""So many of the last events are in a report."""

_SHOWN: Final = (
    *("CREW_DEBUG", "CREW_HOME", "LANG", "LC_ALL", "NO_COLOR", "PATH"),
    *("SHELL", "TERM", "TZ"),
)
"""The variables whose values are in a report."""

_LIBRARIES: Final = ("attrs", "cattrs", "click", "msgspec", "psutil", "rich", "trio")


def diagnose_run(
    folder: RunFolder,
    target: Path | None,
    *,
    places: Places,
    environ: Mapping[str, str],
    home: Path,
    now: float,
) -> tuple[Path, tuple[str, ...]]:
    """Write a report as JSON, without *target* into `.crew/exports`.

    Returns where it is, and what could not be found out. *now* is in seconds since
    1970. Changes nothing of the run. Blocks on the disk.

    Raises:
      TargetInTheWay: there is a file at *target*.
      UnsafeFolder: a link stands where reports belong.
      OSError: the report cannot be written. Nothing of it is left.
    """
    problems: list[str] = []
    report: dict[str, object] = {
        "schema": SCHEMA,
        "made_at": now,
        "run": folder.run,
        "folder": str(folder.path),
        "versions": _versions(),
        "environment": {
            "names": sorted(environ),
            "values": {name: environ[name] for name in _SHOWN if name in environ},
        },
        "processes": _processes(folder, places, problems),
    }
    for name, ask in _QUESTIONS.items():
        try:
            report[name] = ask(folder)
        except (JournalError, OSError) as error:
            report[name] = None
            problems.append(f"{name}: {error}")
    report["problems"] = problems
    plain = Outgoing(home).value(report)
    text = json.dumps(plain, indent=1, sort_keys=True)
    exports = project_of(folder) / ".crew" / "exports"
    path, replace = target_of(target, exports, f"{folder.run}-diagnosis.json")
    write_outgoing(path, partial(_fill, text), replace=replace)
    return path, tuple(problems)


def is_damaged(folder: RunFolder) -> bool:
    """Tell whether the journal of the run is damaged. Blocks; changes nothing."""
    try:
        read_state(folder)
    except JournalCorrupt:
        return True
    except JournalError:
        return False  # it cannot be told
    return False


def _fill(text: str, file: BinaryIO) -> None:
    file.write(text.encode() + b"\n")


def _versions() -> dict[str, str]:
    libraries = {name: metadata.version(name) for name in _LIBRARIES}
    return {
        "crew": __version__,
        "python": sys.version,
        "system": platform.platform(),
        **libraries,
    }


def _processes(
    folder: RunFolder, places: Places, problems: list[str]
) -> list[dict[str, object]]:
    """List the processes that were started for the run and are still there."""
    census = take_census(records_folder(places))
    problems += census.problems
    return [
        {
            "pid": one.seen.pid,
            "created_at": one.seen.born_at,
            "name": one.seen.name,
            "command": one.seen.command,
            "task": one.record.task,
            "verdict": one.verdict,
            "why": one.why,
        }
        for one in census.findings
        if one.record is not None and one.record.run == folder.run
    ]


def _status(folder: RunFolder) -> object:
    return effective_status(folder).value


def _state(folder: RunFolder) -> object:
    return as_object(read_state(folder))


def _lease(folder: RunFolder) -> object:
    lease = read_lease(folder)
    if lease is None:
        return None
    return {name: v for name, v in fields_of(lease).items() if name != "token"}


def _events(folder: RunFolder) -> object:
    return [
        {
            "seq": one.seq,
            "at": one.at,
            "event": {"kind": kind_of(one.event), **fields_of(one.event)},
        }
        for one in newest_events(folder, _EVENTS)
    ]


_QUESTIONS: Final[Mapping[str, Callable[[RunFolder], object]]] = {
    "status": _status,
    "owner": owner_state,
    "lease": _lease,
    "state": _state,
    "events": _events,
}
"""What is asked about a run."""
