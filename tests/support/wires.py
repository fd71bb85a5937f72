"""Two ends of a wire in memory."""

import json
from collections.abc import AsyncIterator

import attrs
import trio

from crew_actors.peers import PeerClosed, WireLine


@attrs.define(eq=False)
class MemoryWire:
    """One end: what is sent comes out of the other end."""

    _out: trio.MemorySendChannel[WireLine]
    _come: trio.MemoryReceiveChannel[WireLine]

    async def lines(self) -> AsyncIterator[WireLine]:
        async for line in self._come:
            yield line

    async def send(self, line: str) -> None:
        try:
            await self._out.send(WireLine(line))
        except trio.BrokenResourceError as error:
            raise PeerClosed("what was written") from error

    # --- what a test does ---

    async def say(self, **message: object) -> None:
        """Send one JSON object."""
        await self.send(json.dumps(message))

    async def cut(self, beginning: str) -> None:
        """Send the beginning of a line that was too long."""
        await self._out.send(WireLine(beginning, whole=False))

    async def hear(self) -> dict[str, object]:
        """Wait for one JSON object."""
        found: dict[str, object] = json.loads((await self._come.receive()).text)
        return found

    def close(self) -> None:
        """End both directions."""
        self._out.close()
        self._come.close()


def wire_pair() -> tuple[MemoryWire, MemoryWire]:
    """Return two ends of one wire."""
    near_out, far_in = trio.open_memory_channel[WireLine](100)
    far_out, near_in = trio.open_memory_channel[WireLine](100)
    return MemoryWire(near_out, near_in), MemoryWire(far_out, far_in)
