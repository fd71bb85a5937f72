# What a command agent says on its standard output, one JSON object a line. This file
# knows texts only: no process, no waiting. A line that is no message is progress: a
# tool that also prints for people must not fail for it.
"""Understand the lines of a command agent."""

from typing import TypeAlias, TypeGuard, cast

import attrs
import msgspec

from crew_actors.model import Usage

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


Message: TypeAlias = Says | Leaves | Uses | Results | Fails

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
    return Says(stripped[:PROGRESS_LIMIT])


def _message(found: dict[str, object]) -> Message | None:
    match found:
        case {"type": "progress", "text": str(text)}:
            return Says(text[:PROGRESS_LIMIT])
        case {"type": "artifact", "name": str(name), "path": str(path)}:
            return Leaves(name, path)
        case {"type": "usage"}:
            return Uses(_usage(found))
        case {"type": "result", "text": str(text)}:
            return Results(text, found.get("data"))
        case {"type": "failure", "message": str(message)}:
            return Fails(message)
        case _:
            return None


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
