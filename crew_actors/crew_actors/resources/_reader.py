# One place turns what a file says into typed values; it is the schema's machinery.
#
# 1. Each problem is noted with its line and names the way out; reading goes on, so
#    that all problems of a file are found at once.
# 2. An empty value is as good as none.
# 3. A key that nobody asked for is kept and reported: it is known and without
#    effect here, or it is unknown and its nearest name is told.
"""Typed values from the keys of a resource file."""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import attrs

from crew_actors.model import BadSchema, read_schema
from crew_actors.resources._frontmatter import Field
from crew_actors.resources._problems import Findings, nearest
from crew_actors.resources._values import BadValue, items_of, text_of

_INTEGER = re.compile(r"[0-9]{1,9}")
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_UNSET = frozenset({"", "false", "inherit", "[]"})
_MAX_UNUSED = 1000  # characters kept of a value that has no effect

NAME_RULE = (
    "a name has letters, digits, '-' and '_', at most 64, and begins with a letter "
    "or a digit"
)

_C = TypeVar("_C", bound=str)


def is_name(text: str) -> bool:
    """Tell whether *text* may name a resource, a role or a step."""
    return _NAME.fullmatch(text) is not None


@attrs.define
class Reader:
    """Hands out the keys of one block as typed values."""

    fields: Mapping[str, Field]
    findings: Findings
    line: int
    """Where the block begins; for problems about keys that are not there."""

    _asked: set[str] = attrs.field(factory=set[str], init=False)

    def line_of(self, key: str) -> int:
        """Return the line of *key*, or of the block if the key is not there."""
        field = self.fields.get(key)
        return field.line if field else self.line

    def error(self, key: str, message: str, suggestion: str | None = None) -> None:
        """Note an error about *key*."""
        self.findings.error(self.line_of(key), key, message, suggestion)

    def warning(self, key: str, message: str, suggestion: str | None = None) -> None:
        """Note a warning about *key*."""
        self.findings.warning(self.line_of(key), key, message, suggestion)

    def text(self, key: str) -> str | None:
        """Return a text, or None if nothing is said."""
        field = self._field(key)
        try:
            return (text_of(field) or None) if field else None
        except BadValue as bad:
            self.error(key, str(bad))
            return None

    def items(self, key: str) -> tuple[str, ...] | None:
        """Return a list; empty for `false` and `[]`; None if nothing is said."""
        if not self.is_set(key):
            return None
        field = self.fields[key]
        if field.text.strip() == "false":
            return ()
        try:
            found = items_of(field)
        except BadValue as bad:
            self.error(key, str(bad))
            return None
        return found if found or self.is_list(key) else None

    def names(self, key: str) -> tuple[str, ...] | None:
        """Return a list like `items`, without what is empty or stands twice."""
        found = self.items(key)
        if found is None:
            return None
        return tuple(dict.fromkeys(item for item in found if item.strip()))

    def is_list(self, key: str) -> bool:
        """Tell whether *key* is written as a list."""
        field = self._field(key)
        return field is not None and (bool(field.rest) or field.first[:1] == "[")

    def is_set(self, key: str) -> bool:
        """Tell whether anything is written for *key*."""
        field = self._field(key)
        return field is not None and bool(field.text.strip())

    def word(self, key: str, *unset: str) -> str | None:
        """Return a text on one line; None also for each of the words *unset*."""
        text = self.text(key)
        if text is None or text in unset:
            return None
        if "\n" in text:
            self.error(key, "expects one line")
            return None
        return text

    def flag(self, key: str) -> bool | None:
        """Return what `true` or `false` says."""
        text = self.text(key)
        if text is None:
            return None
        if text not in ("true", "false"):
            way_out = f"expects true or false, not {text!r}"
            meant = {"yes": "true", "on": "true", "no": "false", "off": "false"}
            self.error(key, way_out, meant.get(text.lower(), _either(text)))
            return None
        return text == "true"

    def integer(self, key: str, most: int) -> int | None:
        """Return a whole number from 1 to *most*."""
        text = self.text(key)
        if text is None:
            return None
        if not _INTEGER.fullmatch(text) or not 1 <= int(text) <= most:
            self.error(key, f"expects a whole number from 1 to {most}, not {text!r}")
            return None
        return int(text)

    def seconds(self, key: str, most: float) -> float | None:
        """Return a number of seconds above 0, up to *most*."""
        text = self.text(key)
        if text is None:
            return None
        number = float(text) if _NUMBER.fullmatch(text) else math.nan
        if not 0 < number <= most:
            limits = f"expects seconds, more than 0 and up to {most:g}"
            self.error(key, f"{limits}, not {text!r}")
            return None
        return number

    def choice(self, key: str, options: Sequence[_C]) -> _C | None:
        """Return one of *options*."""
        text = self.text(key)
        if text is None:
            return None
        for option in options:
            if option == text:
                return option
        message = f"expects {' or '.join(options)}, not {text!r}"
        self.error(key, message, nearest(text, options))
        return None

    def schema(self, key: str) -> str | None:
        """Return the JSON schema that is written for *key*, as text without breaks."""
        if not self.is_set(key):
            return None
        text = self.fields[key].text.strip()
        if text[:1] != "{":
            text = self.text(key) or ""
        try:
            return json.dumps(read_schema(text), ensure_ascii=False)
        except BadSchema as bad:
            self.error(key, f"the schema {bad}")
            return None

    def either(self, key: str, alias: str) -> str:
        """Return the one of two names for a key that the file uses."""
        if alias not in self.fields or key not in self.fields:
            return alias if alias in self.fields else key
        self._asked.add(alias)
        self.warning(alias, f"has no effect beside {key}")
        return key

    def rest(self, idle: Mapping[str, str]) -> dict[str, str]:
        """Report the keys that nobody asked for, and return what they say.

        *idle* holds the keys that are known elsewhere and have no effect here, each
        with the value that asks for what happens anyway.
        """
        left = [
            field
            for key, field in self.fields.items()
            if key in idle or key not in self._asked
        ]
        noted = [field for field in left if field.key in idle]
        heeded = [
            field for field in noted if field.text.strip() not in ("", idle[field.key])
        ]
        if heeded:
            names = ", ".join(field.key for field in heeded)
            verb = "has" if len(heeded) == 1 else "have"
            self.findings.warning(heeded[0].line, names, f"{verb} no effect here")
        known = self._asked | idle.keys()
        for field in left:
            if field.key not in idle:
                near = nearest(field.key, known)
                self.warning(field.key, "is not known, and has no effect", near)
        return {field.key: field.text.strip()[:_MAX_UNUSED] for field in left}

    def unheeded(self, keys: Iterable[str]) -> None:
        """Report which of *keys* are set: they are kept, and shown, but not obeyed.

        A file with errors has enough to say without this.
        """
        fields = [self.fields[key] for key in keys if self.is_set(key)]
        heeded = [f for f in fields if f.text.strip().strip("\"'") not in _UNSET]
        if heeded and not self.findings.has_errors:
            names = ", ".join(field.key for field in heeded)
            verb = "is" if len(heeded) == 1 else "are"
            message = f"{verb} not passed on to the agent, and {verb} without effect"
            self.findings.warning(heeded[0].line, names, message)

    def _field(self, key: str) -> Field | None:
        self._asked.add(key)
        return self.fields.get(key)


def _either(text: str) -> str | None:
    return nearest(text, ("true", "false"))
