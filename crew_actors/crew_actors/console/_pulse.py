# Who is still there, asked for all connections by one task: a deadline and a task for
# each of a thousand idle clients is most of what an idle server would do.
#
# 1. All wait equally long, so whoever was asked first is the next: the line is in order.
# 2. Whoever is due within the same moment is asked by one task, one after the other. A
#    client that does not take the question holds up those few, until it is given up.
# 3. Whoever has gone is not kept: thousands may come and go before one is due.
"""Ask clients whether they are there."""

import math
from collections import deque
from typing import Final, Protocol, final
from weakref import ref

import attrs
import trio

PING_EVERY: Final = 20.0
"""Seconds between two pings. Of whom nothing has come since the last one is gone."""

TOGETHER: Final = 1.0
"""Seconds by which a ping may be late, so that many are sent in one go."""


class Asked(Protocol):
    """A connection."""

    async def look(self) -> bool:
        """Ask whether the client is there; False if the connection has ended."""
        ...


@final
@attrs.define(eq=False)
class Pulse:
    """Asks each connection again and again."""

    _line: deque[tuple[float, ref[Asked]]] = attrs.field(
        factory=deque[tuple[float, ref[Asked]]], init=False
    )
    _news: trio.lowlevel.ParkingLot = attrs.field(
        factory=trio.lowlevel.ParkingLot, init=False
    )

    def add(self, connection: Asked) -> None:
        """Ask *connection* from now on. Not a checkpoint."""
        self._line.append((trio.current_time() + PING_EVERY, ref(connection)))
        self._news.unpark_all()

    async def run(self) -> None:
        """Ask until cancelled. May be run again."""
        async with trio.open_nursery() as nursery:
            while True:
                while not self._line:
                    await self._news.park()
                first = self._line[0][0]
                await trio.sleep_until(math.ceil(first / TOGETHER) * TOGETHER)
                nursery.start_soon(self._ask, self._due(trio.current_time()))

    def _due(self, now: float) -> list[Asked]:
        due: list[Asked] = []
        while self._line and self._line[0][0] <= now:
            connection = self._line.popleft()[1]()
            if connection is not None:
                due.append(connection)
        return due

    async def _ask(self, due: list[Asked]) -> None:
        for connection in due:
            if await connection.look():
                self.add(connection)
