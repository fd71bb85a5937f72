# Values as plain objects, for JSON.
#
# 1. Everything outside of ASCII is escaped: JSON text is safe on each terminal, in
#    each encoding, and also with file names that are no valid text.
"""Values of attrs classes as JSON."""

import json
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import PurePath
from typing import cast

import attrs


def as_object(value: object) -> object:  # noqa: PLR0911 - a table over kinds
    """Turn *value* into dicts, lists, strings, numbers, booleans and None."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Enum():
            return value.value
        case PurePath():
            return str(value)
        case Mapping():
            table = cast("Mapping[object, object]", value)
            return {str(key): as_object(item) for key, item in table.items()}
        case frozenset() | set():
            members = cast("frozenset[object]", value)
            return sorted((as_object(item) for item in members), key=str)
        case tuple() | list():
            return [as_object(item) for item in cast("Sequence[object]", value)]
        case _:
            return fields_of(value)


def fields_of(value: object) -> dict[str, object]:
    """Turn the fields of an attrs *value* into a dict of plain objects."""
    kind = type(value)
    if not attrs.has(kind):
        msg = f"{kind.__name__} has no form in JSON"
        raise TypeError(msg)
    return {
        field.name: as_object(getattr(value, field.name))
        for field in attrs.fields(kind)
    }


def json_line(value: object) -> str:
    """Write *value* as one line of JSON in ASCII, without its end of line."""
    return json.dumps(as_object(value), allow_nan=False)
