# One task reads. What it reads is told in the order in which it came, and the reading
# waits for it: who is told too much is told slower, down to the pipe of the other side.
#
# 1. Each request of the other side is served by a task of its own, a limited number of
#    them at once. It is cancelled when the other side says that it is void.
# 2. Each request of ours has one answer: a result, a refusal, or that the other side is
#    gone. What is answered later than that is dropped and counted.
# 3. What cannot be understood is counted and handed on as text. It ends nothing.
"""Two programs that ask and tell each other things."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Final, final

import attrs
import msgspec
import trio

from crew_actors.peers._dialect import Dialect
from crew_actors.peers._errors import MessageTooLarge, PeerClosed, RequestRefused
from crew_actors.peers._messages import (
    Cancels,
    Incoming,
    Notification,
    Params,
    Reply,
    Request,
    Stray,
)
from crew_actors.peers._wire import Wire, WireLine

SERVED_AT_ONCE: Final = 32
"""Requests of the other side that are served at the same time; more are refused."""

MESSAGE_LIMIT: Final = 16 << 20
"""Bytes of one message that is sent."""

_LAST_WORD: Final = 0.2  # seconds that telling of a void request may hold up its end

Serve = Callable[[Request], Awaitable[object]]
"""Answers a request with what JSON can hold, or raises `RequestRefused`."""

Hear = Callable[[Notification | Stray], Awaitable[None]]
"""Takes in what wants no answer. It must not wait for an answer of the same peer."""


@attrs.define
class _Asked:
    """A request of ours that has no answer yet."""

    method: str
    heard: trio.Event = attrs.field(factory=trio.Event)
    reply: Reply | None = None


@final
@attrs.define(eq=False)
class Peer:
    """The other side of a conversation. Made by `open_peer`."""

    _wire: Wire
    _dialect: Dialect
    _serve: Serve
    _hear: Hear
    _nursery: trio.Nursery
    _numbers: Iterator[int] = attrs.field(factory=lambda: count(1), init=False)
    _asked: dict[int, _Asked] = attrs.field(factory=dict[int, _Asked], init=False)
    _served: dict[str | int, trio.CancelScope] = attrs.field(
        factory=dict[str | int, trio.CancelScope], init=False
    )
    ended: trio.Event = attrs.field(factory=trio.Event, init=False)
    """Set when nothing can come from the other side any more."""
    strays: int = attrs.field(default=0, init=False)
    """Lines that were not understood."""
    late: int = attrs.field(default=0, init=False)
    """Answers that nobody waited for."""

    async def request(self, method: str, params: Params | None = None) -> object:
        """Ask the other side, and wait for the answer: as long as it takes.

        A checkpoint. Cancelled, the other side is told that the request is void, where
        the protocol can say so; that takes at most 0.2 seconds.

        Raises:
          RequestRefused: the answer is an error.
          PeerClosed: the other side ends without an answer.
          MessageTooLarge: nothing was asked.
        """
        number = next(self._numbers)
        asked = self._asked[number] = _Asked(method)
        try:
            await self._send(self._dialect.request(number, method, params or {}))
            if self.ended.is_set():
                raise PeerClosed(method)
            await asked.heard.wait()
        except trio.Cancelled:
            await self._call_off(number)
            raise
        finally:
            del self._asked[number]
        reply = asked.reply
        if reply is None:
            raise PeerClosed(method)
        if reply.problem is not None:
            raise RequestRefused(reply.problem, reply.code, reply.data)
        return reply.result

    async def notify(self, method: str, params: Params | None = None) -> None:
        """Tell the other side something. A checkpoint.

        Raises:
          PeerClosed: it did not arrive.
          MessageTooLarge: nothing was told.
        """
        await self._send(self._dialect.notification(method, params or {}))

    async def _call_off(self, number: int) -> None:
        message = self._dialect.cancel(number)
        if message is None or self.ended.is_set():
            return
        limit = trio.current_time() + _LAST_WORD
        with trio.CancelScope(shield=True, deadline=limit):
            try:
                await self._send(message)
            except PeerClosed:
                return  # so there is nothing to call off

    async def _send(self, message: Params) -> None:
        raw = msgspec.json.encode(message)
        if len(raw) > MESSAGE_LIMIT:
            raise MessageTooLarge(len(raw), MESSAGE_LIMIT)
        await self._wire.send(raw.decode())

    async def read(self) -> None:
        """Take in what comes, to its end. Called once, by `open_peer`."""
        try:
            async for line in self._wire.lines():
                await self._take(line)
        finally:
            self.ended.set()
            for asked in self._asked.values():
                asked.heard.set()
            for scope in self._served.values():
                scope.cancel()

    async def _take(self, line: WireLine) -> None:
        match self._understood(line):
            case None:
                if line.text.strip():
                    self.strays += 1
                    await self._hear(Stray(line.text))
            case Notification() as told:
                await self._hear(told)
            case Request() as request:
                await self._begin(request)
            case Cancels(name):
                if (scope := self._served.get(name)) is not None:
                    scope.cancel()
            case Reply() as reply:
                asked = None if reply.number is None else self._asked.get(reply.number)
                if asked is None or asked.reply is not None:
                    self.late += 1
                else:
                    asked.reply = reply
                    asked.heard.set()

    def _understood(self, line: WireLine) -> Incoming | None:
        if not line.whole:
            return self._dialect.read_cut(line.text)
        try:
            found = _decode(line.text)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return None  # a text for people
        return self._dialect.read(found)

    async def _begin(self, request: Request) -> None:
        if len(self._served) >= SERVED_AT_ONCE or request.id in self._served:
            busy = RequestRefused(f"{len(self._served)} requests are being served")
            await self._answer(self._dialect.refusal(request, busy))
            return
        scope = self._served[request.id] = trio.CancelScope()
        self._nursery.start_soon(self._serve_one, request, scope)

    async def _serve_one(self, request: Request, scope: trio.CancelScope) -> None:
        try:
            with scope:
                try:
                    result = await self._serve(request)
                    await self._answer(self._dialect.reply(request, result))
                except RequestRefused as why:
                    await self._answer(self._dialect.refusal(request, why))
                except MessageTooLarge as error:
                    refusal = RequestRefused(str(error))
                    await self._answer(self._dialect.refusal(request, refusal))
        finally:
            del self._served[request.id]

    async def _answer(self, message: Params) -> None:
        try:
            await self._send(message)
        except PeerClosed:
            return  # nobody waits for it


def _decode(text: str) -> Params:
    return msgspec.json.decode(text, type=dict[str, object])


@asynccontextmanager
async def open_peer(
    wire: Wire, dialect: Dialect, *, serve: Serve, hear: Hear
) -> AsyncGenerator[Peer]:
    """Talk to the other side of *wire*.

    Leaving the block ends the talk, not the wire: what is being served is cancelled.
    What *serve* or *hear* raises, other than `RequestRefused`, comes out of the block.
    """
    async with trio.open_nursery() as nursery:
        peer = Peer(wire, dialect, serve, hear, nursery)
        nursery.start_soon(peer.read)
        yield peer
        nursery.cancel_scope.cancel()
