# Records are read by whoever asks, while their runtimes write them, and long after.
#
# 1. A file is read line by line: what it takes of memory is what lives in it, and one
#    line. What is no regular file is not opened for longer than it takes to see that.
# 2. Each field is checked. A file with one wrong line is wrong as a whole: its
#    processes are unknown then, and nobody ends them.
# 3. A last line without its end is one that was being written.
"""Reading the records of runtimes."""

import json
import math
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import attrs

from crew_actors.census._verdict import Owner, Record

SUFFIX: Final = ".jsonl"
FRESH_SUFFIX: Final = ".new"
"""Of a file that is being written, and takes the place of the other one then."""

LINE_LIMIT: Final = 64 << 10
"""Bytes of a line. A runtime writes some 200."""

_HIGHEST_PID: Final = (1 << 31) - 1


@attrs.frozen(kw_only=True)
class RecordFile:
    """What one runtime has recorded and not taken back."""

    path: Path
    owner: Owner
    records: tuple[Record, ...]


def read_files(folder: Path) -> tuple[tuple[RecordFile, ...], tuple[str, ...]]:
    """Read all records in *folder*, and in the folders in it.

    Also return what is wrong with files. Blocks on the disk; changes nothing.
    """
    files: list[RecordFile] = []
    problems: list[str] = []
    for path in _paths(folder, problems):
        try:
            files.append(_read(path))
        except FileNotFoundError:
            continue  # its runtime has just ended
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            why = f"{type(error).__name__}: {error}"[:200]
            problems.append(
                f"{path} cannot be read ({why}); its processes are unknown. "
                "Remove it when none of yours run"
            )
    return tuple(files), tuple(problems)


def _paths(folder: Path, problems: list[str]) -> list[Path]:
    found: list[Path] = []
    try:
        for entry in os.scandir(folder):
            if entry.name.endswith(SUFFIX):
                found.append(Path(entry.path))
            elif entry.is_dir():
                found += Path(entry.path).glob(f"*{SUFFIX}")
    except FileNotFoundError:
        pass  # nothing was ever recorded
    except OSError as error:
        problems.append(f"{folder} cannot be looked into: {error.strerror}")
    return sorted(found)


def _read(path: Path) -> RecordFile:
    with open(path, "rb", opener=_opened) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("it is no regular file")
        lines = _lines(file)
        head = next(lines, None)
        if head is None:
            raise ValueError("it has no first line")
        owner = _owner(json.loads(head)["owner"])
        records: dict[str, Record] = {}
        for line in lines:
            _take(json.loads(line), owner, records)
    return RecordFile(path=path, owner=owner, records=tuple(records.values()))


def _opened(path: str, flags: int) -> int:
    # a pipe would be waited for
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Give out the whole lines."""
    while line := file.readline(LINE_LIMIT):
        if line.endswith(b"\n"):
            yield line
        elif len(line) == LINE_LIMIT:
            raise ValueError("a line is too long")


def _take(said: dict[str, Any], owner: Owner, records: dict[str, Record]) -> None:
    if "starting" in said:
        marker = _text(said["starting"])
        records[marker] = Record(
            marker=marker,
            owner=owner,
            name=_text(said["name"]),
            run=_text(said["run"]),
            task=_text(said["task"]),
        )
    elif "started" in said:
        marker, created = _text(said["started"]), said["created"]
        records[marker] = attrs.evolve(
            records[marker],
            pid=_pid(said["pid"]),
            created=None if created is None else _moment(created),
        )
    else:
        records.pop(_text(said["ended"]), None)


def _owner(said: dict[str, Any]) -> Owner:
    return Owner(
        pid=_pid(said["pid"]),
        created=_moment(said["created"]),
        boot_id=_text(said["boot_id"]),
        host=_text(said["host"]),
    )


def _pid(value: object) -> int:
    if type(value) is not int or not 0 < value <= _HIGHEST_PID:
        raise ValueError(f"{value!r} is no pid")
    return value


def _moment(value: object) -> float:
    if type(value) not in (int, float) or not math.isfinite(float(str(value))):
        raise ValueError(f"{value!r} is no moment")
    return float(str(value))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
