# `[mcp.NAME]` in the user's own file: servers whose tools agent programs may be given. A
# project may have none: they are programs, and run as the user.
"""MCP servers, as a file tells them."""

import re
from collections.abc import Iterator, Mapping
from typing import Final, cast

from crew_actors.config._problems import BadSetting
from crew_actors.model import McpServer

MCP: Final = "mcp"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SHOWN: Final = 80
_TEXTS: Final = {"type": "array", "items": {"type": "string"}}
_TYPES: Final[Mapping[str, Mapping[str, object]]] = {
    "command": _TEXTS,
    "env": _TEXTS,
    "url": {"type": "string", "pattern": "^https?://"},
    "token_env": {"type": "string"},
}

MCP_FIELDS: Final[Mapping[str, str]] = {
    "command": "the program that is the server, and its arguments",
    "env": "names of variables that the program gets",
    "url": "the address of a server that is asked over HTTP, in place of a command",
    "token_env": "the variable that holds the token for that address",
}
"""The fields of a server, and what they mean."""


def mcp_schema() -> dict[str, object]:
    """Return the JSON schema of the table of servers."""
    fields = {
        name: {**_TYPES[name], "description": f"{about[0].upper()}{about[1:]}."}
        for name, about in MCP_FIELDS.items()
    }
    return {
        "type": "object",
        "description": "MCP servers for agent programs. A project may not have them.",
        "additionalProperties": {
            "type": "object",
            "properties": fields,
            "additionalProperties": False,
        },
    }


def read_server(name: str, raw: object) -> McpServer:
    """Read one server.

    Raises:
      BadSetting: it cannot be; the message says why.
    """
    where = f"{MCP}.{name}"
    if not _NAME.fullmatch(name):
        message = "is no name for a server: use letters, digits, - and _"
        raise BadSetting(f"{where}: {name!r} {message}")
    if not isinstance(raw, dict):
        raise BadSetting(f"{where} must be a table, [{where}], not {_shown(raw)}")
    table = cast("dict[str, object]", raw)
    for field, value in table.items():
        if field not in MCP_FIELDS:
            known = ", ".join(MCP_FIELDS)
            raise BadSetting(f"{where}: unknown field {field!r}; there are {known}")
        wrong = _wrong(field, value)
        if wrong is not None:
            message = f"must be {wrong}, not {_shown(value)}"
            raise BadSetting(f"{where}.{field} {message}")
    if ("command" in table) == ("url" in table):
        raise BadSetting(f"{where} needs either a command or a url")
    return McpServer(
        name=name,
        command=tuple(cast("list[str]", table.get("command", ()))),
        url=cast("str", table.get("url", "")),
        env=tuple(cast("list[str]", table.get("env", ()))),
        token_env=cast("str | None", table.get("token_env")),
    )


def told_server(server: McpServer) -> Iterator[tuple[str, object]]:
    """Yield the fields of *server* that say something, as a file would."""
    for field in MCP_FIELDS:
        if value := getattr(server, field):
            yield field, value


def _wrong(field: str, value: object) -> str | None:
    """Tell what *value* should be; None if it is that."""
    if field == "url":
        good = isinstance(value, str) and value.startswith(("http://", "https://"))
        return None if good else "an address that begins with https:// or http://"
    if field == "token_env":
        good = isinstance(value, str) and bool(_VARIABLE.fullmatch(value))
        return None if good else "the name of a variable"
    texts = cast("list[object]", value) if isinstance(value, list) else [None]
    if not all(isinstance(one, str) and one for one in texts) or not texts:
        return "a list of texts"
    if field == "env" and not all(_VARIABLE.fullmatch(str(one)) for one in texts):
        return "a list of names of variables; values have no place"
    return None


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
