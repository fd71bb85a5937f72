# One line of JSON for each thing that is said:
#
#   the caller     {"token": "…"}                                   once, at first
#                  {"method": "respond", "params": {…}}             any number, in turn
#                  {"method": "follow", "params": {…}}              once, at last
#   the owner      {"result": {…}}, or {"error": {…}} with kind, message and
#                  exit_code                                        for each of them
#                  {"news": {…}}                                    from `follow` on
#
# What is no such line is answered by hanging up. The connection ends with the run.
"""Lines of JSON over a stream."""

import json
from typing import Final, cast, final

import attrs
import trio

from crew_actors.control._errors import Refused
from crew_actors.errors import UserError

HELLO_LIMIT: Final = 1024
"""Bytes of the line that shows the token."""

LINE_LIMIT: Final = 1 << 20
"""Bytes of any other line of a caller."""

ANSWER_LIMIT: Final = 8 << 20
"""Bytes of a line of the owner, which may hold many messages."""

Said = dict[str, object]


def line_of(what: Said) -> bytes:
    """Write one line. Nothing but control characters takes more bytes than in UTF-8."""
    text = json.dumps(what, ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass") + b"\n"


@final
@attrs.define(eq=False)
class Wire:
    """One end of a connection."""

    stream: trio.SocketStream
    _read: bytearray = attrs.field(factory=bytearray, init=False)

    async def say(self, what: Said) -> None:
        """Send one line."""
        await self.stream.send_all(line_of(what))

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
        "kind": error.kind if isinstance(error, Refused) else type(error).__name__,
        "message": str(error),
        "exit_code": error.exit_code,
    }
    return {"error": told}
