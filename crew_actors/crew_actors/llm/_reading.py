# Foreign JSON, field by field: what is missing or of another kind is its empty value, so
# that a provider that says less, or more, is understood as far as it can be.
"""Fields of what a provider says."""

from typing import cast

import msgspec

from crew_actors.llm._values import Json

_decoder = msgspec.json.Decoder()


def decoded(data: str | bytes) -> Json | None:
    """Return the object that *data* is as JSON; None if it is none."""
    try:
        found = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    return cast("Json", found) if isinstance(found, dict) else None


def text(found: Json, name: str) -> str:
    """Return the text called *name*."""
    value = found.get(name)
    return value if isinstance(value, str) else ""


def count(found: Json, name: str) -> int:
    """Return the number called *name*, from 0."""
    value = found.get(name)
    whole = isinstance(value, int) and not isinstance(value, bool)
    return max(0, cast("int", value)) if whole else 0


def table(found: Json, name: str) -> Json:
    """Return the object called *name*."""
    value = found.get(name)
    return cast("Json", value) if isinstance(value, dict) else {}


def tables(found: Json, name: str) -> list[Json]:
    """Return the objects of the list called *name*."""
    value = found.get(name)
    if not isinstance(value, list):
        return []
    return [
        cast("Json", one)
        for one in cast("list[object]", value)
        if isinstance(one, dict)
    ]


def arguments(written: str) -> Json:
    """Return the arguments of a call; none if they are no JSON object."""
    return decoded(written) or {}
