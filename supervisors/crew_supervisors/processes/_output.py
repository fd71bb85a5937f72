# One output stream of one process, from its pipe to its reader.
#
# 1. Each stream has one task that reads the pipe, and nobody else does.
# 2. `lines`: when `buffer` lines wait (the read in hand and the one before may
#    overshoot), the task stops reading, the pipe fills, and the process waits. Nothing is dropped.
# 3. `tail`, or after the reader has closed: everything is read at once and only
#    the last bytes are kept.
# 4. When the tree is gone, what is still in the pipe cannot grow, so it is taken
#    whole: a slow reader loses nothing and holds up nobody.
"""Output streams: a bounded path from the pipe to the reader."""

from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import Final, Literal, Self, final

import trio

from crew_supervisors.processes._framing import Line, LineFramer, Tail
from crew_supervisors.processes._spec import ProcessSpec, StreamMode

READ: Final = 65536  # bytes: the usual capacity of a pipe
LEAST_BUFFER: Final = 65536  # bytes that may wait even if max_line is small
BUDGET: Final = 64  # lines handed over between two checkpoints

StreamName = Literal["stdout", "stderr"]


@final
class Output:
    """What one stream has said."""

    def __init__(
        self, spec: ProcessSpec, mode: StreamMode, pipe: trio.abc.ReceiveStream
    ) -> None:
        self.mode: StreamMode = mode
        self.waiting = False
        """The reading task waits for the reader, so the process may have to wait."""
        self.last: float | None = None
        """When something came, on trio's clock; None before that."""
        self.ended = trio.Event()
        self.current: Iterator[Line] = iter(())
        """What the reader has in hand."""
        self._pipe = pipe
        self._tail = Tail(spec.tail)
        self._framer = LineFramer(spec.max_line)
        self._most_lines = spec.buffer
        self._most_bytes = max(spec.max_line, LEAST_BUFFER)
        self._batches: deque[tuple[list[Line], int]] = deque()  # lines, their bytes
        self._count = 0  # lines in the batches
        self._size = 0  # bytes in the batches
        self._unframed = 0  # bytes read since the last batch
        self._final = False
        self._room = trio.lowlevel.ParkingLot()
        self._filled = trio.lowlevel.ParkingLot()

    @property
    def dropped(self) -> int:
        """Bytes of too long lines that were not delivered."""
        return self._framer.dropped

    @property
    def replaced(self) -> int:
        """Characters that stand for bytes that are not UTF-8."""
        return self._framer.replaced

    def tail(self) -> str:
        """Return the end of what came."""
        return self._tail.text()

    async def run(self) -> None:
        """Read the pipe until its end."""
        while data := await self._receive():
            self.last = trio.current_time()
            self._tail.feed(data)
            if self.mode == "lines":
                self._unframed += len(data)
                self._put(self._framer.feed(data))
                while self._is_full():
                    self.waiting = True
                    await self._room.park()
                if self.waiting:
                    self.waiting = False
                    self.last = trio.current_time()
        self._put(self._framer.finish())
        self.finish()

    def take_the_rest(self) -> None:
        """Read on without a bound: nobody is left who could write more."""
        self._final = True
        self._room.unpark_all()

    def finish(self) -> None:
        """Say that nothing more will come."""
        self.ended.set()
        self._filled.unpark_all()

    async def aclose(self) -> None:
        """Close the pipe. Lines that wait can still be read."""
        await self._pipe.aclose()
        self.finish()

    def abandon(self) -> None:
        """Drop the lines that wait, and from now on keep the tail only."""
        self.mode = "tail"
        self._batches.clear()
        self.current = iter(())
        self._count = self._size = 0
        self._room.unpark_all()
        self._filled.unpark_all()

    async def next_line(self) -> Line | None:
        """Return the next line, None at the end. Waits when there is none yet."""
        while (line := next(self.current, None)) is None:
            while not self._batches:
                if self.ended.is_set() or self.mode == "tail":
                    return None
                await self._filled.park()
            lines, size = self._batches.popleft()
            self.current = iter(lines)
            self._count -= len(lines)
            self._size -= size
            if self.waiting and not self._is_full():
                self._room.unpark_all()
        return line

    async def _receive(self) -> bytes:
        try:
            return bytes(await self._pipe.receive_some(READ))  # bytes already: no copy
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return b""  # closed by us when the wait for others had an end

    def _put(self, lines: list[Line]) -> None:
        if self.mode == "lines" and lines:
            size = min(self._unframed, self._framer.max_line + READ)
            self._unframed = 0
            self._batches.append((lines, size))
            self._count += len(lines)
            self._size += size
            self._filled.unpark_all()

    def _is_full(self) -> bool:
        if self._final or self.mode == "tail":
            return False
        return self._count >= self._most_lines or self._size >= self._most_bytes


@final
class LineStream:
    """The lines of one stream, for one reader at a time.

    Iterating ends when the process has closed the stream. Leaving the iteration
    early keeps the place: a later one goes on there. Closing (`aclose`, or leaving
    `async with`) drops what waits; from then on only the tail is kept, so that the
    process never has to wait for a reader who is gone.
    """

    def __init__(self, output: Output) -> None:
        self._output = output
        self._budget = BUDGET
        self._busy = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Line:
        """Return the next line.

        A checkpoint when it has to wait, and each 64 lines otherwise. Cancelled: no
        line is lost.
        """
        if self._budget > 0 and (line := next(self._output.current, None)) is not None:
            self._budget -= 1
            return line
        if self._busy:
            raise trio.BusyResourceError("another task reads these lines")
        self._busy = True
        try:
            if self._budget <= 0:
                await trio.lowlevel.checkpoint()
            self._budget = BUDGET
            line = await self._output.next_line()
        finally:
            self._busy = False
        if line is None:
            raise StopAsyncIteration
        return line

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop reading. Not a checkpoint; the process goes on."""
        self._output.abandon()
