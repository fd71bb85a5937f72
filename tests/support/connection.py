"""A connection with a socket in memory, for tests on time that jumps."""

import json
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import attrs
import trio

from crew_actors.console._connection import Connection, Services
from crew_actors.console._counts import Counts
from crew_actors.console._pulse import Pulse
from crew_actors.console._scopes import Scope
from crew_actors.console._session import Exposed, House, Session
from crew_actors.console._tokens import Tokens
from crew_actors.console._transport import Gone
from crew_actors.console.feeds import FeedEnded

TOKENS = Tokens()
Json = dict[str, Any]


@attrs.define(eq=False)
class Wire:
    """A socket whose other end is the test."""

    said: list[Json] = attrs.field(factory=list[Json])
    closed: tuple[int, float] | None = None
    pings: list[float] = attrs.field(factory=list[float])
    is_reading: bool = True
    is_there: bool = True
    last_heard: float = 0.0
    _frames: Any = attrs.field(
        factory=lambda: trio.open_memory_channel[str | bytes](math.inf)
    )
    _heard: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)

    _sending: trio.StrictFIFOLock = attrs.field(factory=trio.StrictFIFOLock)

    async def receive(self) -> str | bytes:
        try:
            found: str | bytes = await self._frames[1].receive()
        except trio.EndOfChannel:
            raise Gone from None
        return found

    async def send(self, frame: str) -> None:
        async with self._sending:  # whole frames, in order
            while not self.is_reading:
                await self._heard.park()
            self.said.append(json.loads(frame))
            self._heard.unpark_all()

    async def ping(self) -> None:
        self.pings.append(trio.current_time())
        if self.is_there:
            self.last_heard = trio.current_time()

    async def close(self, code: int, why: str, *, wait: bool = True) -> None:
        self.closed = (code, trio.current_time())

    def put(self, method: str, request: object = 1, **params: object) -> None:
        said = {"jsonrpc": "2.0", "id": request, "method": method, "params": params}
        self._frames[0].send_nowait(json.dumps(said))

    def put_raw(self, frame: str | bytes) -> None:
        self._frames[0].send_nowait(frame)

    def hang_up(self) -> None:
        self._frames[0].close()

    def read(self) -> None:
        self.is_reading = True
        self._heard.unpark_all()

    async def heard(self, count: int) -> Json:
        """Wait until *count* frames came; return the last."""
        while len(self.said) < count:
            await self._heard.park()
        return self.said[count - 1]


@attrs.define(eq=False)
class Counter:
    """A cursor over a number: each update tells how far it is now."""

    rev: int = 0
    snapshot: bytes | None = b'{"n":0}'
    now: int = 0
    is_closed: bool = False
    ended: str | None = None
    _moved: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)

    async def next(self) -> bytes:
        await trio.lowlevel.checkpoint()
        while self.now == self.rev:
            if self.ended is not None:
                raise FeedEnded(self.ended)
            await self._moved.park()
        base, self.rev = self.rev, self.now
        return b'{"base":%d,"rev":%d,"changes":{"n":%d}}' % (base, self.now, self.now)

    def close(self) -> None:
        self.is_closed = True

    def move(self, steps: int = 1) -> None:
        self.now += steps
        self._moved.unpark_all()

    def end(self, why: str) -> None:
        self.ended = why
        self._moved.unpark_all()


@attrs.define(eq=False)
class Stage:
    """A connection, and all that it talks to."""

    wire: Wire
    counts: Counts
    cursor: Counter
    calls: list[str]
    act: Callable[[str], Awaitable[str]]
    ended: trio.Event


async def nothing(name: str) -> str:
    return "{}"


@asynccontextmanager
async def staged(
    act: Callable[[str], Awaitable[str]] = nothing, *, greet: bool = True
) -> AsyncGenerator[Stage]:
    counts, cursor, wire = Counts(), Counter(), Wire()
    stage = Stage(wire, counts, cursor, [], act, trio.Event())

    async def carry_out(
        name: str, params: Mapping[str, object], note: Callable[[str], Awaitable[None]]
    ) -> str:
        stage.calls.append(name)
        await note(f"doing {name}")
        return await act(name)

    async def subscribe(scope: Scope, since: int | None) -> Counter:
        if scope.kind == "metrics":
            raise FeedEnded("gone already")
        return cursor

    house = House(
        tokens=TOKENS,
        server={},
        actions={"status": Exposed(summary="Look.", role="viewer")},
        wall_clock=lambda: 0.0,
    )
    pulse = Pulse()
    services = Services(
        carry_out=carry_out, subscribe=subscribe, counts=counts, pulse=pulse
    )
    connection = Connection(Session(house), services)

    async def talk() -> None:
        async with trio.open_nursery() as inner:
            with suppress(Gone):
                await connection.talk(wire, inner)
            inner.cancel_scope.cancel()
        stage.ended.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(pulse.run)
        nursery.start_soon(talk)
        if greet:
            wire.put("hello", token=TOKENS.operator, versions=["crew.v1"])
            await wire.heard(1)
        yield stage
        nursery.cancel_scope.cancel()
