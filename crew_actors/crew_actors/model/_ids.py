# Identities of runs, tasks and attempts.
#
# 1. An id is safe as one part of a path and as one word of a command line.
# 2. Run ids sort by the time of their creation and are random enough to be unique
#    across projects and machines.
# 3. A task's id is the id of its workflow step: there is one id space, so a
#    dependency can never be compared with the wrong kind of id.
# 4. An attempt's id is its task's id and a number from 1. A retry is a new attempt.
"""Typed, path-safe identities."""

import re
from datetime import UTC, datetime
from typing import NewType

RunId = NewType("RunId", str)
TaskId = NewType("TaskId", str)
AttemptId = NewType("AttemptId", str)

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_ATTEMPT = re.compile(r"(?P<task>[A-Za-z0-9][A-Za-z0-9_-]{0,63})\.(?P<number>[1-9]\d*)")
_RANDOM_BYTES = 5  # 40 bits: 1,000 runs in one second collide once in two million


class BadId(ValueError):
    """A text is not an id: it could not be part of a path safely."""

    def __init__(self, kind: str, value: str) -> None:
        super().__init__(kind, value)
        self.kind = kind
        self.value = value

    def __str__(self) -> str:
        return (
            f"{self.value!r} is not a {self.kind}: use letters, digits, '-' and '_', "
            "at most 64, beginning with a letter or a digit"
        )


def new_run_id(now: float, random: bytes) -> RunId:
    """Make a run id from *now* (seconds since 1970) and at least 5 random bytes."""
    if len(random) < _RANDOM_BYTES:
        msg = f"a run id needs {_RANDOM_BYTES} random bytes, not {len(random)}"
        raise ValueError(msg)
    moment = datetime.fromtimestamp(now, tz=UTC).strftime("%Y%m%d-%H%M%S")
    return RunId(f"{moment}-{random[:_RANDOM_BYTES].hex()}")


def parse_run_id(text: str) -> RunId:
    """Take *text* as a run id.

    Raises:
      BadId: it could not be one.
    """
    return RunId(_checked("run id", text))


def parse_task_id(text: str) -> TaskId:
    """Take *text* as a task id.

    Raises:
      BadId: it could not be one.
    """
    return TaskId(_checked("task id", text))


def attempt_id(task: TaskId, number: int) -> AttemptId:
    """Name the *number*-th attempt at *task*, counted from 1."""
    if number < 1:
        msg = f"attempts are counted from 1, not {number}"
        raise ValueError(msg)
    return AttemptId(f"{task}.{number}")


def attempt_number(attempt: AttemptId) -> int:
    """Tell which attempt at its task this is, counted from 1.

    Raises:
      BadId: it is not an attempt's id.
    """
    match = _ATTEMPT.fullmatch(attempt)
    if match is None:
        raise BadId("attempt id", attempt)
    return int(match["number"])


def _checked(kind: str, text: str) -> str:
    if _SAFE.fullmatch(text) is None:
        raise BadId(kind, text)
    return text
