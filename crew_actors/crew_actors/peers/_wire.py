# Where lines come from and go to. A wire knows no JSON.
"""The two directions of lines between peers."""

from collections.abc import AsyncIterator
from typing import Protocol, final

import attrs

from crew_actors.peers._errors import PeerClosed
from crew_supervisors import ChildProcess, CutLine, StdinClosed


@attrs.frozen
class WireLine:
    """One line that came."""

    text: str
    whole: bool = True
    """Whether it is all of it; else its beginning."""


class Wire(Protocol):
    """Lines in and lines out."""

    def lines(self) -> AsyncIterator[WireLine]:
        """Yield what comes, until nothing can come any more."""
        ...

    async def send(self, line: str) -> None:
        """Write *line* and a line end. Waits as long as the other side does not read.

        Raises:
          PeerClosed: it did not arrive, and nothing sent later can.
        """
        ...


@final
@attrs.frozen
class ProcessWire:
    """The standard input and output of a process."""

    process: ChildProcess

    async def lines(self) -> AsyncIterator[WireLine]:
        """Yield the lines of its output."""
        async for line in self.process.lines():
            yield WireLine(line.text, whole=not isinstance(line, CutLine))

    async def send(self, line: str) -> None:
        """Write *line* to its input. Waits as long as it does not read.

        Raises:
          PeerClosed: it has closed its input.
        """
        try:
            await self.process.send_line(line)
        except StdinClosed as error:
            raise PeerClosed("what was written") from error
