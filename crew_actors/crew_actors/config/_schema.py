"""The settings as a JSON schema, for editors and for the documentation."""

from crew_actors.config._keys import Key, all_keys
from crew_actors.config._mcp import MCP, mcp_schema
from crew_actors.config._providers import TABLE, schema
from crew_actors.config._values import NONE

_TYPES = {
    "text": "string",
    "whole": "integer",
    "number": "number",
    "flag": "boolean",
    "choice": "string",
}
_RULES = {
    "never": "A project may not set it.",
    "lower": "A project may only lower it.",
    "stricter": "A project may only make it stricter.",
}


def json_schema() -> dict[str, object]:
    """Return the schema of a file of settings, draft 2020-12."""
    root: dict[str, object] = {}
    tables: dict[str, dict[str, object]] = {}
    for name, key in all_keys().items():
        section, _, last = name.rpartition(".")
        target = tables.setdefault(section, {}) if section else root
        target[last] = _of(key)
    for section, properties in tables.items():
        root[section] = {
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
        }
    root[TABLE] = schema()
    root[MCP] = mcp_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of Crew Actors",
        "type": "object",
        "properties": root,
        "additionalProperties": False,
    }


def _of(key: Key) -> dict[str, object]:
    value: dict[str, object] = {"type": _TYPES[key.kind]}
    if key.choices:
        value["enum"] = list(key.choices)
    if key.least is not None:
        value["minimum"] = key.least
    if key.most is not None:
        value["maximum"] = key.most
    described: dict[str, object] = {
        "description": f"{key.help[0].upper()}{key.help[1:]}. {_RULES[key.project]}"
    }
    if key.default is not None and key.name != "limits.slots":  # that of the machine
        described["default"] = key.default
    if key.optional and key.kind in {"whole", "number"}:
        return {"anyOf": [value, {"const": NONE}], **described}
    return {**value, **described}
