# One line of JSON for each thing that is said:
#
#   the caller     {"token": "…"}                                   once, at first
#                  {"method": "respond", "params": {…}}             any number, in turn
#   the owner      {"result": {…}}, or {"error": {…}} with kind, message and
#                  exit_code                                        for each of them
#
# What is no such line is answered by hanging up. The connection ends with the run.
"""Lines of JSON over a stream."""

import json
from typing import Final, cast, final

import attrs
import trio

from crew_actors.errors import UserError

HELLO_LIMIT: Final = 1024
"""Bytes of the line that shows the token."""

LINE_LIMIT: Final = 1 << 20
"""Bytes of any other line."""

Said = dict[str, object]


@final
@attrs.define(eq=False)
class Wire:
    """One end of a connection."""

    stream: trio.SocketStream
    _read: bytearray = attrs.field(factory=bytearray, init=False)

    async def say(self, what: Said) -> None:
        """Send one line."""
        await self.stream.send_all(json.dumps(what).encode() + b"\n")

    async def hear(self, limit: int = LINE_LIMIT) -> Said | None:
        """Wait for the next line; None if the other side ends or talks nonsense."""
        while b"\n" not in self._read:
            if len(self._read) >= limit:
                return None
            more = await self.stream.receive_some(65_536)
            if not more:
                return None
            self._read += more
        line, _, rest = bytes(self._read).partition(b"\n")
        self._read = bytearray(rest)
        return _parse(line) if len(line) <= limit else None


def _parse(line: bytes) -> Said | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None  # whoever says this is not one of ours
    return cast("Said", found) if isinstance(found, dict) else None


def error_line(error: UserError) -> Said:
    """Put *error* into words for the other side."""
    told = {
        "kind": type(error).__name__,
        "message": str(error),
        "exit_code": error.exit_code,
    }
    return {"error": told}
