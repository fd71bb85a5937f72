# `[providers.NAME]` in the user's own file: services that answer for models. A project may
# have none, since whoever names a provider is sent the key.
"""Providers of models, as a file tells them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast, get_args

import attrs

from crew_actors.config._problems import BadSetting
from crew_actors.model import Api, Provider

TABLE: Final = "providers"

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LONGEST: Final = 500  # characters of a text
_MOST: Final = 200  # models of a provider
_SHOWN: Final = 80

_TYPES: Final[Mapping[str, Mapping[str, object]]] = {
    "api": {"type": "string", "enum": list(get_args(Api))},
    "base_url": {"type": "string", "pattern": "^https?://"},
    "key_env": {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
    "models": {"type": "array", "items": {"type": "string"}},
    "tools": {"type": "boolean"},
    "context": {"type": "integer", "minimum": 1},
    "max_output": {"type": "integer", "minimum": 1},
    "input_price": {"type": "number", "minimum": 0},
    "output_price": {"type": "number", "minimum": 0},
}
ABOUT: Final[Mapping[str, str]] = {
    "api": "its wire format: chat completions, Anthropic messages, or responses",
    "base_url": "to which the path of the wire format is added, as https://host/v1",
    "key_env": "the variable that holds the key; none for a service that wants none",
    "models": "names of models that may be written in short, or in part",
    "tools": "whether its models can use tools; true if it is not said",
    "context": "tokens that its models can hold",
    "max_output": "tokens of a reply at most; 8192 if it is not said",
    "input_price": "what a million tokens cost that its models are told",
    "output_price": "what a million tokens cost that they say",
}
"""The fields of a provider, and what they mean."""


def schema() -> dict[str, object]:
    """Return the JSON schema of the table of providers."""
    fields = {
        name: {**kind, "description": f"{ABOUT[name][0].upper()}{ABOUT[name][1:]}."}
        for name, kind in _TYPES.items()
    }
    return {
        "type": "object",
        "description": "Services that answer for models. A project may not have them.",
        "additionalProperties": {
            "type": "object",
            "properties": fields,
            "required": ["api", "base_url"],
            "additionalProperties": False,
        },
    }


def read_provider(name: str, raw: object) -> Provider:
    """Read one provider.

    Raises:
      BadSetting: it cannot be; the message says why.
    """
    where = f"{TABLE}.{name}"
    if not _NAME.fullmatch(name):
        message = "is no name for a provider: use a to z, 0 to 9, - and _"
        raise BadSetting(f"{where}: {name!r} {message}")
    if not isinstance(raw, dict):
        raise BadSetting(f"{where} must be a table, [{where}], not {_shown(raw)}")
    table = cast("dict[str, object]", raw)
    for field in table:
        if field not in _TYPES:
            known = ", ".join(_TYPES)
            raise BadSetting(f"{where}: unknown field {field!r}; there are {known}")
    for field in ("api", "base_url"):
        if field not in table:
            raise BadSetting(f"{where} has no {field}: it is {ABOUT[field]}")
    values = dict(_values(where, table))
    return Provider(name=name, **values)


def told(provider: Provider) -> Iterator[tuple[str, object]]:
    """Yield the fields of *provider* that say something, as a file would."""
    for field in attrs.fields(Provider):
        value = getattr(provider, field.name)
        if field.name != "name" and value != field.default:
            yield field.name, value


def _values(where: str, table: Mapping[str, object]) -> Iterator[tuple[str, Any]]:
    for field, value in table.items():
        wrong = _wrong(field, value)
        if wrong is not None:
            message = f"must be {wrong}, not {_shown(value)}"
            raise BadSetting(f"{where}.{field} {message}")
        is_list = isinstance(value, list)
        yield field, tuple(cast("list[str]", value)) if is_list else value


def _wrong(field: str, value: object) -> str | None:
    """Tell what *value* should be; None if it is that."""
    kind = _TYPES[field]["type"]
    if kind == "boolean":
        return None if isinstance(value, bool) else "true or false"
    if kind in {"integer", "number"}:
        good = int if kind == "integer" else int | float
        is_number = isinstance(value, good) and not isinstance(value, bool)
        least = 1 if kind == "integer" else 0
        if is_number and least <= cast("float", value) < 1e12:  # noqa: PLR2004 - NaN is not
            return None
        return f"a number from {least}"
    if kind == "array":
        texts = isinstance(value, list) and all(
            isinstance(one, str) and one for one in cast("list[object]", value)
        )
        few = texts and len(cast("list[object]", value)) <= _MOST
        return None if few else f"a list of at most {_MOST} names"
    if not isinstance(value, str) or len(value) > _LONGEST:
        return f"a text of at most {_LONGEST} characters"
    return _wrong_text(field, value)


def _wrong_text(field: str, value: str) -> str | None:
    if field == "api":
        known = get_args(Api)
        return None if value in known else f"one of {', '.join(known)}"
    if field == "base_url":
        good = value.startswith(("http://", "https://")) and not set(value) & {" ", "?"}
        return None if good else "an address that begins with https:// or http://"
    good = _VARIABLE.fullmatch(value) is not None
    return None if good else "the name of a variable; the key itself has no place here"


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
