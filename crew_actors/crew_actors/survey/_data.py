# Data of another process is doubted here, once.
#
# A `View` never raises: what is missing or of another type reads as empty. So a
# report can be written from whatever the agents before have delivered.
"""Careful reading of JSON values."""

from typing import TypeAlias

import attrs

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


@attrs.frozen
class View:
    """A look at a JSON value that may be anything."""

    value: Json = None

    def at(self, key: str) -> "View":
        """Return a view of the member *key*; of nothing when there is none."""
        if isinstance(self.value, dict):
            return View(self.value.get(key))
        return View()

    def text(self, key: str, default: str = "") -> str:
        """Return the string *key*, or *default*."""
        value = self.at(key).value
        return value if isinstance(value, str) else default

    def number(self, key: str) -> float:
        """Return the number *key*, or 0. NaN and infinities count as 0."""
        value = self.at(key).value
        if isinstance(value, bool) or not isinstance(value, int | float):
            return 0
        return value if abs(value) < float(1 << 62) else 0

    def whole(self, key: str) -> int:
        """Return the number *key* without its fraction, or 0."""
        return int(self.number(key))

    def flag(self, key: str) -> bool:
        """Tell whether *key* is true itself."""
        return self.at(key).value is True

    def views(self, key: str) -> "list[View]":
        """Return the members of the list *key*, each as a view."""
        value = self.at(key).value
        return [View(item) for item in value] if isinstance(value, list) else []

    def texts(self, key: str) -> list[str]:
        """Return the strings of the list *key*; other members are left out."""
        value = self.at(key).value
        if not isinstance(value, list):
            return []
        return [item for item in value if isinstance(item, str)]

    def pairs(self, key: str) -> "list[tuple[str, View]]":
        """Return the members of the object *key* with their names."""
        value = self.at(key).value
        if not isinstance(value, dict):
            return []
        return [(name, View(item)) for name, item in value.items()]

    def __bool__(self) -> bool:
        return bool(self.value)
