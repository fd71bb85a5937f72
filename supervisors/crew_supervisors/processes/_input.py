# The way to a program's stdin.
#
# 1. One sender writes at a time, the others wait in their order.
# 2. Half a message is worse than none: after a send that was cancelled while it wrote,
#    nothing more is taken.
# 3. Nothing in here ends the program.
"""Writing to a program that may not read."""

from typing import final

import trio

from crew_supervisors.processes._errors import StdinClosed


@final
class Input:
    """The stdin of one program."""

    def __init__(self, name: str, pipe: trio.abc.SendStream | None) -> None:
        self._name = name
        self._pipe = pipe
        self._writing = trio.StrictFIFOLock()
        self._shut: str | None = None

    async def send(self, data: bytes) -> None:
        """Write *data*, after those who came before. See `ChildProcess.send_bytes`."""
        await trio.lowlevel.checkpoint()
        async with self._writing:
            if self._pipe is None:
                raise StdinClosed(self._name, 'its spec does not say stdin="pipe"')
            if self._shut is not None:
                raise StdinClosed(self._name, self._shut)
            self._shut = "a cancelled send may have left half of its data there"
            try:
                await self._pipe.send_all(data)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                self._shut = "it has closed its stdin, or has ended"
                raise StdinClosed(self._name, self._shut) from None
            self._shut = None

    async def close(self) -> None:
        """Close it when the sends before have been read. Idempotent; a checkpoint."""
        async with self._writing:
            await self.close_now("it was closed with close_stdin()")

    async def close_now(self, why: str) -> None:
        """Close it. Who sends just now gets `StdinClosed`. A checkpoint."""
        if self._shut is None:
            self._shut = why
        if self._pipe is not None:
            await self._pipe.aclose()
