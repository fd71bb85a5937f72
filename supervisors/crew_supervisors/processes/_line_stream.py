# The reader's side of an output stream.
#
# 1. Nothing is taken from the stream before the last wait is over, so a cancellation
#    loses no line. What is taken lies in `_batch` from `_place` on, and in `_turn`.
# 2. Lines that are there are handed over without a checkpoint each; a reader who is
#    never out of lines lets others run once in `TURN` seconds, looked at each
#    `BUDGET` lines. A cancellation is noticed as often as it is looked.
"""The lines of one stream, for its reader."""

import time
from collections.abc import Iterator
from itertools import chain
from types import TracebackType
from typing import Final, Self, final

import trio

from crew_supervisors.processes._lines import Batch, Line
from crew_supervisors.processes._output import Output

BUDGET: Final = 64  # lines between two looks at the clock
TURN: Final = 0.001  # seconds without a checkpoint; one costs some 20 µs
NONE_YET: Final = Batch("")  # one line, which is used up


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
        self._batch = NONE_YET
        self._place = 1
        self._turn: Iterator[Line] = iter(())
        """What may be handed over before the next look at the clock."""
        self._turn_began = 0.0
        self._busy = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Line:
        """Return the next line.

        A checkpoint when it has to wait, or when there has been none for a
        millisecond; whether that is so, and whether it is cancelled, is looked at each
        64 lines. Cancelled: no line is lost.

        Raises:
          trio.BusyResourceError: another task waits for these lines.
        """
        for line in self._turn:  # `next` would be slower
            return line
        self._begin_reading()
        try:
            await self._pause()
            while self._place >= len(self._batch):
                batch = await self._output.next_batch()
                if batch is None:
                    raise StopAsyncIteration
                self._batch, self._place = batch, 0
        finally:
            self._busy = False
        first, self._place = self._place, self._place + BUDGET
        self._turn = self._batch.lines(first, self._place)
        return next(self._turn)

    def batches(self) -> "BatchStream":
        """Return the same lines as they come together, for readers in a hurry.

        Lines and batches may be taken in turns. Not a checkpoint.
        """
        return BatchStream(self)

    async def next_batch(self) -> Batch | None:
        """Return the lines that are there, None at the end. Waits when there are none.

        A checkpoint when it has to wait, or when there has been none for a
        millisecond. Cancelled: no line is lost.

        Raises:
          trio.BusyResourceError: another task waits for these lines.
        """
        self._begin_reading()
        try:
            await self._pause()
            if rest := self._take_rest():
                return rest
            return await self._output.next_batch()
        finally:
            self._busy = False

    def _take_rest(self) -> Batch | None:
        """Take what is left of a batch of which lines were taken."""
        ahead = self._batch.lines(self._place, len(self._batch))
        rest = Batch.of(chain(self._turn, ahead), self._batch.at)
        self._drop()
        return rest

    def _drop(self) -> None:
        self._batch, self._place, self._turn = NONE_YET, 1, iter(())

    def _begin_reading(self) -> None:
        if self._busy:
            raise trio.BusyResourceError("another task reads these lines")
        self._busy = True

    async def _pause(self) -> None:
        now = time.perf_counter()
        if now - self._turn_began < TURN:
            await trio.lowlevel.checkpoint_if_cancelled()
        else:
            await trio.lowlevel.checkpoint()
            self._turn_began = time.perf_counter()

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
        self._drop()
        self._output.abandon()


@final
class BatchStream:
    """The lines of one stream in batches: what one read has brought, in order."""

    def __init__(self, lines: LineStream) -> None:
        self._lines = lines

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Batch:
        """Return the next batch. See `LineStream.next_batch`."""
        if (batch := await self._lines.next_batch()) is None:
            raise StopAsyncIteration
        return batch
