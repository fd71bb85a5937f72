# What a command agent says on its standard output, one JSON object a line. This file
# knows texts only: no process, no waiting. A line that is no message is progress: a
# tool that also prints for people must not fail for it.
"""Understand the lines of a command agent."""

from typing import TypeAlias, TypeGuard, cast

import attrs
import msgspec

from crew_actors.model import Usage
from crew_actors.redaction import redact_start

COUNT_LIMIT = 10**12
"""The largest count that is believed."""

COST_LIMIT = 10**9
"""The largest cost that is believed."""

PROGRESS_LIMIT = 500
"""Characters of a progress text that are kept."""


@attrs.frozen
class Says:
    """The agent tells what it does."""

    text: str


@attrs.frozen
class Leaves:
    """The agent has left a file, at a path relative to its output folder."""

    name: str
    path: str


@attrs.frozen
class Uses:
    """The agent has used something up."""

    usage: Usage


@attrs.frozen
class Results:
    """The agent gives its result. The last one counts."""

    text: str
    data: object = None


@attrs.frozen
class Fails:
    """The agent says that it failed."""

    message: str


@attrs.frozen(kw_only=True)
class Asks:
    """The agent wants to know something."""

    id: str
    """By which it knows the answer; empty if it does not care."""
    text: str
    choices: tuple[str, ...] = ()
    seconds: float | None = None
    """How long it waits for the answer, if it says so."""
    permission: bool = False


@attrs.frozen
class Received:
    """The agent has read the message with that id."""

    message: str


Message: TypeAlias = Says | Leaves | Uses | Results | Fails | Asks | Received

_decoder = msgspec.json.Decoder()


def understand(line: str) -> Message:
    """Tell what *line* says. Never raises."""
    stripped = line.strip()
    if stripped.startswith("{"):
        try:
            found = _decoder.decode(stripped)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            found = None  # not JSON, so a text for people
        if isinstance(found, dict):
            message = _message(cast("dict[str, object]", found))
            if message is not None:
                return message
    return Says(redact_start(stripped, PROGRESS_LIMIT))


def _message(found: dict[str, object]) -> Message | None:  # noqa: PLR0911 - a table
    match found:
        case {"type": "progress", "text": str(text)}:
            return Says(redact_start(text, PROGRESS_LIMIT))
        case {"type": "artifact", "name": str(name), "path": str(path)}:
            return Leaves(name, path)
        case {"type": "usage"}:
            return Uses(_usage(found))
        case {"type": "result", "text": str(text)}:
            return Results(text, found.get("data"))
        case {"type": "failure", "message": str(message)}:
            return Fails(message)
        case {"type": "question", "text": str(text)}:
            return _question(found, text)
        case {"type": "received", "id": str(message)}:
            return Received(message)
        case _:
            return None


def _question(found: dict[str, object], text: str) -> Asks:
    name, choices = found.get("id"), found.get("choices")
    seconds = found.get("timeout")
    return Asks(
        id=name if isinstance(name, str) else "",
        text=redact_start(text, PROGRESS_LIMIT),
        choices=_choices(choices),
        seconds=float(seconds) if _is_price(seconds) else None,
        permission=found.get("permission") is True,
    )


def _choices(found: object) -> tuple[str, ...]:
    if not isinstance(found, list):
        return ()
    return tuple(one for one in cast("list[object]", found) if isinstance(one, str))


def _usage(found: dict[str, object]) -> Usage:
    cost = found.get("cost")
    return Usage(
        input=_count(found.get("input")),
        output=_count(found.get("output")),
        cost=float(cost) if _is_price(cost) else 0.0,
    )


def _is_price(value: object) -> TypeGuard[int | float]:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return known and 0 < cast("float", value) <= COST_LIMIT


def _count(value: object) -> int:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return (
        min(cast("int", value), COUNT_LIMIT) if whole and cast("int", value) > 0 else 0
    )
