# Events are read field by field, and a field that is missing or of another kind counts
# as empty: programs change from one version to the next.
"""Read the fields of events that others have written."""

from collections.abc import Mapping
from typing import cast

from crew_actors.peers import Params
from crew_actors.runtimes._messages import COST_LIMIT, COUNT_LIMIT


def text(found: Params, *path: str) -> str:
    """Return the text at *path*; empty if there is none."""
    value = at(found, *path)
    return value if isinstance(value, str) else ""


def count(found: Params, *path: str) -> int:
    """Return the count at *path*; 0 if there is none that can be believed."""
    value = at(found, *path)
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    return min(max(value, 0), COUNT_LIMIT)


def price(found: Params, *path: str) -> float:
    """Return the price at *path*; 0 if there is none that can be believed."""
    value = at(found, *path)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 < value <= COST_LIMIT else 0.0


def flag(found: Params, *path: str) -> bool:
    """Tell whether there is a true at *path*."""
    return at(found, *path) is True


def items(found: Params, *path: str) -> list[Params]:
    """Return the objects in the list at *path*."""
    value = at(found, *path)
    if not isinstance(value, list):
        return []
    return [mapping(one) for one in cast("list[object]", value) if is_mapping(one)]


def texts(found: Params, *path: str) -> tuple[str, ...]:
    """Return the texts in the list at *path*."""
    value = at(found, *path)
    if not isinstance(value, list):
        return ()
    return tuple(one for one in cast("list[object]", value) if isinstance(one, str))


def at(found: Params, *path: str) -> object:
    """Return what is at *path*; None if there is nothing."""
    value: object = found
    for name in path:
        if not is_mapping(value):
            return None
        value = mapping(value).get(name)
    return value


def is_mapping(value: object) -> bool:
    """Tell whether *value* is an object with fields."""
    return isinstance(value, Mapping)


def mapping(value: object) -> Params:
    """Return *value*, if it is an object with fields; else one without any."""
    return cast("Params", value) if is_mapping(value) else {}
