# The tables in the reference of the protocol are made from the schema:
#
#   python -m crew_actors.console.reference docs/reference/protocol.md
"""Write the tables of the protocol's reference into its page."""

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

from crew_actors.console._connection import SEND_SECONDS
from crew_actors.console._frames import FRAME_LIMIT, ID_LIMIT, Code
from crew_actors.console._http import HEAD_LIMIT, HEAD_SECONDS
from crew_actors.console._pulse import PING_EVERY
from crew_actors.console._schema import schema
from crew_actors.console._scopes import NAME_LIMIT, TAIL_LIMIT
from crew_actors.console._server import CONNECTIONS
from crew_actors.console._session import (
    HELLO_SECONDS,
    MALFORMED,
    NO_HELLO,
    PATIENCE,
    RATE,
    REQUESTS,
    SERVER_ENDS,
    SUBSCRIPTIONS,
    TOO_BIG,
    TOO_MUCH,
    WRONG_TOKEN,
)

_PART: Final = re.compile(r"(<!-- made: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

_CLOSES: Final = {
    MALFORMED: "what came is no frame of the protocol, or the first one no hello",
    WRONG_TOKEN: "the token is not one of this server",
    NO_HELLO: f"no hello came within {HELLO_SECONDS:g} s",
    TOO_BIG: f"a frame was larger than {FRAME_LIMIT:,} bytes",
    TOO_MUCH: "a flood of requests, or a client that does not read or answer pings",
    SERVER_ENDS: "the server ends; it may come back at the same place",
}

_ERRORS: Final = {
    Code.PARSE: "the frame is no JSON",
    Code.REQUEST: "it is no request: a batch, no id, an id that is at work",
    Code.METHOD: "there is no such method; the message names the nearest one",
    Code.PARAMETERS: "`data.problems` lists all that is wrong with the parameters",
    Code.DEFECT: "a fault of the server; its log tells more",
    Code.REFUSED: "it could not be done; `data.kind` and `data.exit_code` say why",
    Code.ROLE: "a viewer may not do that",
    Code.BUSY: "too many requests; try again after `data.retry_after` seconds",
}

_LIMITS: Final = {
    "bytes of a frame": f"{FRAME_LIMIT:,}",
    "characters of a request's id": f"{ID_LIMIT}",
    "requests at work at the same time": f"{REQUESTS}",
    "requests in a second": f"{RATE}",
    "requests over that before the server hangs up": f"{PATIENCE:,}",
    "subscriptions": f"{SUBSCRIPTIONS}",
    "characters of the name of a run or a task": f"{NAME_LIMIT}",
    "bytes of output that a subscription begins with": f"{TAIL_LIMIT:,}",
    "seconds for the hello": f"{HELLO_SECONDS:g}",
    "seconds between two pings, and for the answer": f"{PING_EVERY:g}",
    "seconds that a client may leave a frame unread": f"{SEND_SECONDS:g}",
    "bytes of the head of a request over HTTP": f"{HEAD_LIMIT:,}",
    "seconds for that head": f"{HEAD_SECONDS:g}",
    "connections of a server": f"{CONNECTIONS:,}",
}


def made(page: str) -> str:
    """Return *page* with its tables made again."""
    parts = {
        "closes": lambda: _table(("code", "meaning"), _CLOSES.items()),
        "errors": lambda: _table(
            ("code", "meaning"), ((int(code), why) for code, why in _ERRORS.items())
        ),
        "limits": lambda: _table(("what", "at most"), _LIMITS.items()),
        "methods": _methods,
        "scopes": _scopes,
    }
    return _PART.sub(lambda found: found[1] + parts[found[2]]() + found[3], page)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def _methods() -> str:
    methods = cast("Mapping[str, Any]", schema()["methods"])
    rows = (
        (f"`{name}`", one["role"], _names(one["params"]), one["summary"])
        for name, one in methods.items()
    )
    return _table(("method", "role", "parameters", "what it does"), rows)


def _names(params: Mapping[str, Any]) -> str:
    """List parameters: those that are needed in bold."""
    if "anyOf" in params:
        return "those of a scope"
    needed = params["required"]
    found = (
        f"**`{name}`**" if name in needed else f"`{name}`"
        for name in params["properties"]
    )
    return ", ".join(found)


def _scopes() -> str:
    scopes = cast("Mapping[str, Any]", schema()["scopes"])
    rows = (
        (
            f"`{name}`",
            _names({**one["params"], "properties": _own(one["params"])}),
            one["about"],
            ", ".join(f"`{key}`" for key in one["snapshot"]["properties"]),
        )
        for name, one in scopes.items()
    )
    return _table(("scope", "parameters", "what it shows", "its snapshot"), rows)


def _own(params: Mapping[str, Any]) -> dict[str, object]:
    properties = cast("Mapping[str, object]", params["properties"])
    common = {"scope", "since"}
    return {name: one for name, one in properties.items() if name not in common}


def main(args: Sequence[str]) -> int:
    """Make the tables of the page that is named again."""
    path = Path(args[0])
    path.write_text(made(path.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
