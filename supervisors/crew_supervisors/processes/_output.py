# One output stream of one process, from its pipe to its reader.
#
# 1. Each stream has one task that reads the pipe, and nobody else does.
# 2. `lines`: when `buffer` bytes wait (the read in hand may overshoot), the task stops
#    reading, the pipe fills, and the process waits. Nothing is dropped.
# 3. `tail`, or after the reader has closed: everything is read at once and only
#    the last bytes are kept.
# 4. When the tree is gone, what is still in the pipe cannot grow, so it is taken
#    whole: a slow reader loses nothing and holds up nobody.
"""Output streams: a bounded path from the pipe to the reader."""

from collections import deque
from typing import Literal, final

import trio

from crew_supervisors.processes._framing import LineFramer, Tail
from crew_supervisors.processes._lines import Batch
from crew_supervisors.processes._overflow import Overflow
from crew_supervisors.processes._pipes import WIDE_READ, Width
from crew_supervisors.processes._spec import ProcessSpec, StreamMode

StreamName = Literal["stdout", "stderr"]


@final
class Output:
    """What one stream has said."""

    def __init__(
        self,
        spec: ProcessSpec,
        mode: StreamMode,
        pipe: trio.abc.ReceiveStream,
        overflow: Overflow | None,
    ) -> None:
        self.mode: StreamMode = mode
        self.waiting = False
        """The reading task waits for the reader, so the process may have to wait."""
        self.last: float | None = None
        """When something came, on trio's clock; None before that."""
        self.ended = trio.Event()
        self._pipe = pipe
        self._width = Width(pipe)
        self._tail = Tail(spec.tail)
        self._overflow = overflow
        self._framer = LineFramer(
            spec.max_line, spec.errors, keep_long=overflow is not None
        )
        self._most_waiting = spec.buffer
        self._batches: deque[tuple[Batch, int]] = deque()  # with their bytes
        self._waiting_bytes = 0
        self._unframed = 0  # bytes read since the last batch
        self._final = False
        self._room = trio.lowlevel.ParkingLot()
        self._filled = trio.lowlevel.ParkingLot()

    @property
    def dropped(self) -> int:
        """Bytes of too long lines that were not delivered."""
        lost = 0 if self._overflow is None else self._overflow.dropped
        return self._framer.dropped + lost

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
            self._width.carried(len(data))
            self._tail.feed(data)
            if self.mode == "lines":
                self._unframed += len(data)
                await self._put(self._framer.feed(data))
                while self._is_full():
                    self.waiting = True
                    await self._room.park()
                if self.waiting:
                    self.waiting = False
                    self.last = trio.current_time()
        await self._put(self._framer.finish())
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
        self._width.give_back()
        await self._pipe.aclose()
        self.finish()

    def abandon(self) -> None:
        """Drop the lines that wait, and from now on keep the tail only."""
        self.mode = "tail"
        self._batches.clear()
        self._waiting_bytes = 0
        self._room.unpark_all()
        self._filled.unpark_all()

    async def next_batch(self) -> Batch | None:
        """Return what comes next, None at the end. Waits when there is nothing yet."""
        while not self._batches:
            if self.ended.is_set() or self.mode == "tail":
                return None
            await self._filled.park()
        batch, size = self._batches.popleft()
        self._waiting_bytes -= size
        if self.waiting and not self._is_full():
            self._room.unpark_all()
        return batch

    async def _receive(self) -> bytes:
        try:
            return bytes(
                await self._pipe.receive_some(self._width.size)
            )  # bytes already: no copy
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return b""  # closed by us when the wait for others had an end

    async def _put(self, batch: Batch | None) -> None:
        if self._overflow is not None and self._framer.excess:
            await self._overflow.take(self._framer.excess)
            self._framer.excess.clear()
        if self.mode == "lines" and batch is not None:
            size = min(self._unframed, self._framer.max_line + WIDE_READ)
            self._unframed = 0
            batch.at = self.last or 0.0
            self._batches.append((batch, size))
            self._waiting_bytes += size
            self._filled.unpark_all()

    def _is_full(self) -> bool:
        if self._final or self.mode == "tail":
            return False
        return self._waiting_bytes >= self._most_waiting
