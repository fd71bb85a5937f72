# What is written for one key becomes text or a list of texts.
#
# 1. A value on one line is plain text, whatever it holds: ': ' and ' #' too.
#    Quotes around the whole of it are taken away.
# 2. A list is `a, b, "c, d"`, or `[a, b]`, or `- a` on lines of its own.
# 3. Everything else is YAML, of which only texts and lists of texts have a use.
#    All scalars stay text: `yes`, `010` and `12:30` are what they look like.
# 4. JSON is tried before YAML: it is at hand, YAML costs 50 ms to import.
"""Texts and lists from what is written for a key."""

import json
import re
from typing import cast

from crew_actors.resources._frontmatter import Field
from crew_actors.resources._problems import bad_character

_SINGLE = re.compile(r"'((?:[^']|'')*)'")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"')
_BLOCK = re.compile(r"[|>][0-9+-]{0,2}(?:[ \t]+#.*)?")
_ITEM = re.compile(r'(?:"[^"]*"|[^",]|")+')


class BadValue(Exception):
    """What is written cannot be the value of its key. The text says why."""


def text_of(field: Field) -> str:
    """Return the text that *field* holds; empty if nothing is written.

    Raises:
      BadValue: a list or something nested is written, or it is no YAML.
    """
    if not field.rest and not _BLOCK.fullmatch(field.first):
        return _checked(_unquoted(field.first))
    value = _yaml(field)
    if isinstance(value, str):
        return _checked(value.strip())
    raise BadValue("expects a text, not a list")


def items_of(field: Field) -> tuple[str, ...]:
    """Return the list that *field* holds; empty if nothing is written.

    Raises:
      BadValue: something nested is written, or it is no YAML.
    """
    flow = field.first.startswith("[")
    if not field.rest and not flow and not _BLOCK.fullmatch(field.first):
        return _split(_checked(_unquoted(field.first)))
    listed = _json_list(field) if flow else None
    value = _yaml(field) if listed is None else listed
    if isinstance(value, str):
        return _split(_checked(value))
    return tuple(_checked(item) for item in value)


def _unquoted(text: str) -> str:
    single = _SINGLE.fullmatch(text)
    if single:
        return single[1].replace("''", "'")
    double = _DOUBLE.fullmatch(text)
    if not double:
        return text
    if "\\" not in text:
        return double[1]
    try:
        return cast("str", json.loads(text))
    except ValueError:
        return double[1]  # a path with backslashes, say: taken as it stands


def _split(text: str) -> tuple[str, ...]:
    found = (part.replace('"', "").strip() for part in _ITEM.findall(text))
    return tuple(part for part in found if part)


def _json_list(field: Field) -> tuple[str, ...] | None:
    try:
        value: object = json.loads(field.text)
    except (ValueError, RecursionError):
        return None
    items = cast("list[object]", value)  # it begins with '['
    texts = tuple(item for item in items if isinstance(item, str))
    return texts if len(texts) == len(items) else None


def _yaml(field: Field) -> str | tuple[str, ...]:
    from crew_actors.resources._yaml import read_yaml  # noqa: PLC0415  # rule 4

    return read_yaml(f"key: {field.text}\n", field.line)


def _checked(text: str) -> str:
    bad = bad_character(text)
    if bad:
        raise BadValue(f"holds the character {bad[1]}, which has no place in a text")
    return text
