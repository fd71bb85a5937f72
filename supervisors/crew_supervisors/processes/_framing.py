# Bytes become lines. No I/O and no clock in here.
#
# 1. How the bytes were cut into reads makes no difference to the lines.
# 2. A line ends with LF; one CR before it belongs to the end, as does the CR at
#    the end of the stream. Nothing else ends a line.
# 3. A line of more than *max_line* bytes is delivered once, cut and marked. Its rest
#    is dropped and counted, and it is delivered as soon as it is known to be too long;
#    or (`keep_long`) all of it is handed out as `excess`, and it comes at its end.
# 4. LF is never inside a UTF-8 character, so whole lines are decoded at once.
#    What is not UTF-8 is put into words by the policy `errors`, and counted.
# 5. Memory is bounded by max_line + one read, time is linear in the bytes.
"""Lines from bytes that come in any pieces, and the tail of a stream."""

import codecs
from collections import deque
from collections.abc import Iterator
from typing import Final, final

from crew_supervisors.processes._lines import Batch, CutLine, Line
from crew_supervisors.processes._spec import Errors

REPLACEMENT: Final = "\ufffd"
_REPLACEMENT_BYTES: Final = REPLACEMENT.encode()


@final
class LineFramer:
    """Cuts bytes into lines."""

    def __init__(
        self, max_line: int, errors: Errors = "replace", *, keep_long: bool = False
    ) -> None:
        self.max_line = max_line
        self.dropped = 0
        """Bytes of too long lines that were not delivered, a CR at their end too."""
        self.replaced = 0
        """Places with bytes that are not UTF-8, each as `replace` would count it."""
        self.excess: list[tuple[CutLine, bytes]] = []
        """What to append to the files of too long lines, in order; the taker clears it."""
        self._errors: Errors = errors
        self._keep_long = keep_long
        self._partial = bytearray()
        self._long: CutLine | None = None
        """The too long line whose end has not come."""

    def feed(self, data: bytes) -> Batch | None:
        """Return the lines that *data* completes, and the cut piece of a long one."""
        ready: list[Batch | Line] = []
        if self._long is not None:
            end = data.find(b"\n")
            self._go_on(self._long, data if end < 0 else data[:end])
            if end < 0:
                return None
            self._end_long(ready)
            data = data[end + 1 :]
        end = data.rfind(b"\n")
        if end < 0:
            self._partial += data
        else:
            block = b"".join((self._partial, memoryview(data)[:end]))
            self._partial = bytearray(memoryview(data)[end + 1 :])
            self._add(block, ready)
        if _is_too_long(self._partial, self.max_line):
            self._cut(bytes(self._partial), ready, is_whole=False)
            self._partial.clear()
        return _join(ready)

    def finish(self) -> Batch | None:
        """Return the last line if the stream ended without a line end."""
        ready: list[Batch | Line] = []
        rest, self._partial = bytes(self._partial), bytearray()
        if self._long is not None:
            self._end_long(ready)
        elif rest:
            self._add(rest, ready)
        return _join(ready)

    def _add(self, block: bytes, ready: list[Batch | Line]) -> None:
        """Add the lines of *block*, whose last line end is already cut off."""
        if len(block) <= self.max_line:  # then none of them can be too long
            if b"\r" in block:
                block = block.replace(b"\r\n", b"\n").removesuffix(b"\r")
            ready.append(Batch(self._decode(block)))
            return
        for line in block.split(b"\n"):
            if _is_too_long(line, self.max_line):
                self._cut(line, ready, is_whole=True)
            else:
                ready.append(Line(self._decode(line.removesuffix(b"\r"))))

    def _cut(self, line: bytes, ready: list[Batch | Line], *, is_whole: bool) -> None:
        """Begin a too long line: take what of it may be delivered, to a whole character."""
        kept = line[: self.max_line]
        used = codecs.utf_8_decode(kept, "replace", False)[1]  # noqa: FBT003 - the codec's own shape
        long = CutLine(self._decode(kept[:used]), len(line))
        if self._keep_long:
            self.excess.append((long, line))
        else:
            self.dropped += len(line) - used
        if is_whole or not self._keep_long:
            ready.append(long)
        if not is_whole:
            self._long = long

    def _go_on(self, long: CutLine, more: bytes) -> None:
        long.size += len(more)
        if self._keep_long:
            self.excess.append((long, more))
        else:
            self.dropped += len(more)

    def _end_long(self, ready: list[Batch | Line]) -> None:
        if self._keep_long and self._long is not None:
            ready.append(self._long)
        self._long = None

    def _decode(self, raw: bytes) -> str:
        try:
            return raw.decode()
        except UnicodeDecodeError:
            text = raw.decode(errors="replace")
            self.replaced += text.count(REPLACEMENT) - raw.count(_REPLACEMENT_BYTES)
            return (
                text if self._errors == "replace" else raw.decode(errors=self._errors)
            )


def _join(ready: list[Batch | Line]) -> Batch | None:
    if len(ready) == 1 and isinstance(ready[0], Batch):
        return ready[0]  # nearly always: nothing was too long
    return Batch.of(_each(ready), 0.0)


def _each(ready: list[Batch | Line]) -> Iterator[Line]:
    for part in ready:
        if isinstance(part, Batch):
            yield from part
        else:
            yield part


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
