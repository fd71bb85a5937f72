"""No field of an event changes its name: each is in a text that was stored once."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import attrs
import pytest

from crew_actors.journal import KINDS, decode, encode

LINES = (Path(__file__).parent / "stored_events.jsonl").read_bytes().splitlines()
"""An event of each kind in which each field, at any depth, is not as it is by default."""


@pytest.mark.parametrize("line", LINES)
def test_a_stored_event_is_read_and_would_be_stored_the_same(line: bytes) -> None:
    assert encode(decode(line)) == line


def test_each_kind_is_stored() -> None:
    assert [type(decode(line)) for line in LINES] == list(KINDS.values())


@pytest.mark.parametrize("line", LINES)
def test_each_field_has_a_value_of_its_own(line: bytes) -> None:
    for one in _values(decode(line)):
        for field in _fields(one):
            default: Any = field.default
            make = getattr(default, "factory", None)
            usual = default if make is None else make()
            assert getattr(one, field.name) != usual, f"{type(one)}.{field.name}"


def _fields(value: object) -> tuple["attrs.Attribute[Any]", ...]:
    fields: tuple[attrs.Attribute[Any], ...] = attrs.fields(
        cast("type[Any]", type(value))
    )
    return fields


def _values(found: object) -> Iterator[Any]:
    """Go through all values with fields that are in *found*, and it itself."""
    inside: Iterable[object] = ()
    if attrs.has(type(found)):
        yield found
        inside = [getattr(found, field.name) for field in _fields(found)]
    elif isinstance(found, Mapping):
        inside = cast("Mapping[str, object]", found).values()
    elif isinstance(found, tuple):
        inside = cast("tuple[object, ...]", found)
    for each in inside:
        yield from _values(each)
