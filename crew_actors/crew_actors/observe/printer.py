# Output that never stands in the way of what it tells about.
#
# 1. A pipe that nobody reads, or a terminal that was stopped with Ctrl-S, blocks a
#    write for as long as it likes. So a thread writes; the loop goes on.
# 2. What waits is bounded: a producer waits once 1 MiB is waiting.
# 3. A reader that went away ends the output, not the run: from then on nothing is
#    written, and nobody is told.
# 4. Whoever stops the program can bound its patience with a reader that stands still.
# 5. Bytes go to the file descriptor itself: a thread that was left behind in a write
#    holds no lock of the stream's, and the interpreter can end.
"""A bounded way to a text stream that survives a broken pipe."""

import io
import math
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final, TextIO

import attrs
import trio

_MOST: Final = 1 << 20  # characters

Write = Callable[[str], None]
"""Writes a text, all of it. Raises OSError or ValueError if nobody will read it."""


def writer_to(stream: TextIO | None) -> Write | None:
    """Make what writes to *stream* past its buffer; None if the stream is closed.

    A stream without a file descriptor is written to as it is.
    """
    if stream is None or stream.closed:
        return None
    try:
        stream.flush()
        number = stream.fileno()
    except io.UnsupportedOperation:
        return _through(stream)
    except OSError:
        return None

    def write(text: str) -> None:
        data = memoryview(text.encode(stream.encoding, "replace"))
        with open(number, "wb", buffering=0, closefd=False) as raw:
            while data:
                data = data[raw.write(data) :]

    return write


def _through(stream: TextIO) -> Write:
    def write(text: str) -> None:
        stream.write(text)
        stream.flush()

    return write


@attrs.define(eq=False)
class Printer:
    """The way to a text stream. Made by `open_printer`."""

    _write: Write | None
    _waiting: list[str] = attrs.field(factory=list[str], init=False)
    _amount: int = attrs.field(default=0, init=False)
    _closing: bool = attrs.field(default=False, init=False)
    failure: Exception | None = attrs.field(default=None, init=False)
    """What ended the output, if it was not the want of a reader."""

    _patience: float = attrs.field(default=math.inf, init=False)
    _writing: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    _changed: trio.Event = attrs.field(factory=trio.Event, init=False)
    _taken: trio.Event = attrs.field(factory=trio.Event, init=False)

    @property
    def broken(self) -> bool:
        """Whether the reader has gone, or never was."""
        return self._write is None

    @property
    def busy(self) -> bool:
        """Whether there is text that has not been written yet."""
        return self._amount > 0

    async def put(self, text: str) -> None:
        """Have *text* written, as it is. Waits while 1 MiB is waiting before it.

        A checkpoint only if it waits. Cancelled while it waits, it queued nothing.
        """
        while self._amount >= _MOST:
            await self._taken.wait()
        if not self.broken:
            self._waiting.append(text)
            self._amount += len(text)
            self._changed.set()

    async def line(self, text: str) -> None:
        """Have *text* and an end of line written. Waits like `put`."""
        await self.put(f"{text}\n")

    async def run(self) -> None:
        """Write what comes, until `close`, and then what is left."""
        while self._waiting or not self._closing:
            if self._waiting:
                await self._write_all()
            else:
                self._changed = trio.Event()
                await self._changed.wait()

    async def _write_all(self) -> None:
        text = "".join(self._waiting)
        self._waiting.clear()
        with trio.CancelScope(
            deadline=trio.current_time() + self._patience
        ) as self._writing:
            await self._written(text)
        if self._writing.cancelled_caught:
            self._write = None
        self._amount = sum(map(len, self._waiting))
        self._taken.set()
        self._taken = trio.Event()

    async def _written(self, text: str) -> None:
        if self._write is not None:
            try:
                # Abandoned when cancelled: the write may never end.
                await trio.to_thread.run_sync(self._write, text, abandon_on_cancel=True)
            except BrokenPipeError:
                self._write = None
            except (OSError, ValueError) as error:
                self._write = None
                self.failure = error

    def hurry(self, patience: float) -> None:
        """End the output if a single write takes longer than *patience* seconds.

        Counted from now for the write that is going on. Not a checkpoint.
        """
        self._patience = patience
        self._writing.deadline = trio.current_time() + patience

    def close(self) -> None:
        """Let `run` end once all is written. Not a checkpoint."""
        self._closing = True
        self._changed.set()


@asynccontextmanager
async def open_printer(write: Write | None) -> AsyncGenerator[Printer]:
    """Open the way to what *write* writes to; None stands for nobody.

    Leaving waits until all text is written, which takes as long as the reader
    likes. Cancelled, it leaves at once, and what is not yet written is lost.
    """
    printer = Printer(write)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(printer.run)
        try:
            yield printer
        finally:
            printer.close()
