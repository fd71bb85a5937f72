# Server-sent events, from bytes as they come. Pure: bytes in, events out.
#
# 1. A line ends with LF, CR LF or CR; an event with an empty line. What follows the last
#    empty line of a stream is no event.
# 2. A comment (a line that begins with a colon) is a sign of life and nothing else.
"""Read server-sent events."""

import re
from collections.abc import Iterator
from typing import Final, final

import attrs

EVENT_LIMIT: Final = 4 << 20
"""Bytes of one event that are taken in."""

_END = re.compile(rb"\r\n|\n|\r")


class EventTooLong(Exception):
    """An event has more than `EVENT_LIMIT` bytes. The stream cannot be read on."""


@attrs.frozen
class ServerEvent:
    """One event."""

    name: str
    """`message` if it has none of its own."""
    data: str


@final
@attrs.define
class EventReader:
    """Takes the bytes of one stream."""

    _rest: bytes = b""
    _name: str = ""
    _data: list[str] = attrs.field(factory=list[str])
    _size: int = 0
    _first: bool = True

    def feed(self, data: bytes) -> Iterator[ServerEvent]:
        """Yield the events that are complete with *data*.

        Raises:
          EventTooLong: one of them is.
        """
        buffer, place = self._rest + data, 0
        while (end := _END.search(buffer, place)) is not None:
            if end[0] == b"\r" and end.end() == len(buffer):
                break  # its LF may be on the way
            yield from self._line(buffer[place : end.start()])
            place = end.end()
        self._rest = buffer[place:]
        if len(self._rest) + self._size > EVENT_LIMIT:
            raise EventTooLong

    def _line(self, line: bytes) -> Iterator[ServerEvent]:
        if self._first:
            self._first = False
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line:
            if self._data:
                yield ServerEvent(self._name or "message", "\n".join(self._data))
            self._name, self._data, self._size = "", [], 0
            return
        field, _, value = line.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            self._data.append(value)
            self._size += len(line)
        elif field == "event":
            self._name = value
