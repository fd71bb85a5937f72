# Bytes become lines. No I/O and no clock in here.
#
# 1. How the bytes were cut into reads makes no difference to the lines.
# 2. A line ends with LF; one CR before it belongs to the end, as does the CR at
#    the end of the stream. Nothing else ends a line.
# 3. A line of more than *max_line* bytes is delivered once, cut and marked, as
#    soon as it is known to be too long. The rest of it is dropped and counted.
# 4. LF is never inside a UTF-8 character, so whole lines are decoded at once.
#    What is not UTF-8 becomes U+FFFD and is counted.
# 5. Memory is bounded by max_line + one read, time is linear in the bytes.
"""Lines from bytes that come in any pieces, and the tail of a stream."""

import codecs
from collections import deque
from typing import Final, final

import attrs

REPLACEMENT: Final = "\ufffd"
_REPLACEMENT_BYTES: Final = REPLACEMENT.encode()


@final
@attrs.define(unsafe_hash=True)  # frozen would cost twice the time, for each line
class Line:
    """One line of output, without its line end. Treat it as a constant."""

    text: str
    truncated: bool = False
    """It was longer than `max_line`; the rest of it was dropped."""


@final
class LineFramer:
    """Cuts bytes into lines."""

    def __init__(self, max_line: int) -> None:
        self.max_line = max_line
        self.dropped = 0
        """Bytes of too long lines that were not delivered, a CR at their end too."""
        self.replaced = 0
        """Characters put in place of bytes that are not UTF-8."""
        self._partial = bytearray()
        self._dropping = False

    def feed(self, data: bytes) -> list[Line]:
        """Return the lines that *data* completes, and the cut piece of a long one."""
        if self._dropping:
            end = data.find(b"\n")
            self.dropped += len(data) if end < 0 else end
            if end < 0:
                return []
            self._dropping = False
            data = data[end + 1 :]
        lines: list[Line] = []
        end = data.rfind(b"\n")
        if end < 0:
            self._partial += data
        else:
            start = 0
            if self._partial:  # joined with its own end only: the rest is not copied
                start = data.find(b"\n") + 1
                lines = self._whole(self._partial + data[: start - 1])
            if start <= end:
                lines += self._whole(data[start:end])
            self._partial[:] = data[end + 1 :]
        if _is_too_long(self._partial, self.max_line):
            lines.append(self._cut(self._partial))
            self._partial.clear()
            self._dropping = True
        return lines

    def finish(self) -> list[Line]:
        """Return the last line if the stream ended without a line end."""
        rest, self._partial = self._partial, bytearray()
        self._dropping = False
        return self._whole(rest) if rest else []

    def _whole(self, block: bytes | bytearray) -> list[Line]:
        """Return the lines of *block*, whose last line end is already cut off."""
        if len(block) <= self.max_line:  # then none of them can be too long
            if b"\r" in block:
                block = block.replace(b"\r\n", b"\n").removesuffix(b"\r")
            text = self._decode(block)
            return list(map(Line, text.split("\n")))
        return [
            self._cut(line)
            if _is_too_long(line, self.max_line)
            else Line(self._decode(line.removesuffix(b"\r")))
            for line in block.split(b"\n")
        ]

    def _cut(self, line: bytes | bytearray) -> Line:
        """Return what of *line* may be delivered, up to a whole character."""
        kept = line[: self.max_line]
        used = codecs.utf_8_decode(kept, "replace", False)[1]  # noqa: FBT003 - the codec's own shape
        self.dropped += len(line) - used
        return Line(self._decode(kept[:used]), truncated=True)

    def _decode(self, raw: bytes | bytearray) -> str:
        try:
            return raw.decode()
        except UnicodeDecodeError:
            text = raw.decode(errors="replace")
            self.replaced += text.count(REPLACEMENT) - raw.count(_REPLACEMENT_BYTES)
            return text


def _is_too_long(line: bytes | bytearray, limit: int) -> bool:
    # One byte more is allowed while it may be the CR of the line's end.
    return len(line) > limit + line.endswith(b"\r")


@final
class Tail:
    """The last bytes of a stream."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._pieces: deque[bytes] = deque((b"",))  # as they came, so nothing is copied
        self._size = 0

    def feed(self, data: bytes) -> None:
        """Remember *data*, forget what is too old."""
        if len(self._pieces[-1]) + len(data) <= SMALL_PIECE:
            self._pieces[-1] += data  # many small ones would cost more than they hold
        else:
            self._pieces.append(data)
        self._size += len(data)
        while self._size - len(self._pieces[0]) >= self.limit and len(self._pieces) > 1:
            self._size -= len(self._pieces.popleft())

    def text(self) -> str:
        """Return at most the last *limit* bytes, from the first whole character on."""
        data = b"".join(self._pieces)
        kept = data[max(0, len(data) - self.limit) :]
        if len(kept) < len(data):
            whole = kept.lstrip(_CONTINUATION)
            kept = whole if len(kept) - len(whole) < MAX_CHARACTER else kept
        return kept.decode(errors="replace")


SMALL_PIECE: Final = 4096
"""Bytes up to which pieces are joined."""
MAX_CHARACTER: Final = 4
"""Bytes of the longest character in UTF-8."""
_CONTINUATION: Final = bytes(range(0x80, 0xC0))
