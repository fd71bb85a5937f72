# Websockets, behind four methods. Nothing else in the project knows which library
# speaks for us: it could be another one tomorrow.
#
# 1. A connection that is gone, for whatever reason, is `Gone` and nothing else.
# 2. A frame is sent whole or the connection is lost: whoever cancels a `send` must end
#    the connection.
# 3. What is read ahead is bounded: one message, and the bytes that make no message.
"""The border to the websocket library."""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol, cast, final

import attrs
import trio
from trio_websocket import (
    ConnectionClosed,
    HandshakeError,
    WebSocketConnection,
    wrap_client_stream,
    wrap_server_stream,
)
from wsproto.events import Ping
from wsproto.utilities import LocalProtocolError

from crew_actors.console._frames import FRAME_LIMIT
from crew_actors.console._http import PROTOCOL, Upgrade

CLOSE_SECONDS: Final = 1.0
"""Seconds that a client has to answer when we hang up."""

NOISE_LIMIT: Final = 4 * FRAME_LIMIT
"""Bytes that may come between two messages or pings."""

MESSAGE_LIMIT: Final = 64 << 20
"""Bytes of the largest message that a server may send us."""

_RECEIVE: Final = 16 * 1024
_NO_CODE: Final = 1006  # of RFC 6455: it ended without a word


class Gone(Exception):
    """The connection is closed. Nothing more can be heard or said."""


class Socket(Protocol):
    """A connection for frames. Each method raises `Gone` when it is closed."""

    async def receive(self) -> str | bytes:
        """Wait for the next frame. If cancelled, none is lost."""
        ...

    async def send(self, frame: str) -> None:
        """Send a frame; waits while the client does not read.

        If cancelled, the connection cannot be used any more.
        """
        ...

    async def ping(self) -> None:
        """Ask whether the client is there; as `send`. Its answer is in `last_heard`."""
        ...

    @property
    def last_heard(self) -> float:
        """When something of the client came, on trio's clock: a pong is enough."""
        ...

    async def close(self, code: int, why: str, *, wait: bool = True) -> None:
        """Say that the connection ends. Takes `CLOSE_SECONDS` at most.

        With *wait*, the client has so long to say the same. Without, nobody hears any
        more: whoever has cancelled the nursery of the connection wants that.
        """
        ...


@final
@attrs.define(eq=False)
class _Replayed(trio.abc.Stream):
    """A stream that begins with bytes which were read from it before."""

    stream: trio.abc.Stream
    first: bytes
    noise: int = 0
    """Bytes that came since the last message."""
    noise_limit: float = NOISE_LIMIT
    last_heard: float = attrs.field(factory=trio.current_time)
    after_send: Callable[[], None] | None = None
    """Is called when something was sent."""

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if self.first:
            data, self.first = self.first, b""
            await trio.lowlevel.checkpoint()
            return data
        data = bytes(await self.stream.receive_some(max_bytes))
        self.last_heard = trio.current_time()
        self.noise += len(data)
        if self.noise > self.noise_limit:
            return b""  # as if it had ended: it says much, and no message
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self.stream.send_all(data)
        if self.after_send is not None:
            self.after_send()

    async def wait_send_all_might_not_block(self) -> None:
        await self.stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self.stream.aclose()


@final
@attrs.define(eq=False)
class WebSocket:
    """A websocket that is open."""

    _connection: WebSocketConnection = attrs.field(alias="connection")
    _stream: _Replayed = attrs.field(alias="stream")

    async def receive(self) -> str | bytes:
        """Wait for the next frame. If cancelled, none is lost."""
        try:
            frame = await self._connection.get_message()
        except ConnectionClosed:
            raise Gone from None
        self._stream.noise = 0
        return frame

    async def send(self, frame: str) -> None:
        """Send a frame; waits while the client does not read."""
        try:
            await self._connection.send_message(frame)
        except (ConnectionClosed, LocalProtocolError):
            raise Gone from None

    async def ping(self) -> None:
        """Ask whether the client is there.

        The library's own ping is a task and an event for each; with a thousand clients,
        that is most of what an idle server does.
        """
        self._stream.noise = 0
        try:
            await self._connection._send(Ping(payload=b"?"))  # noqa: SLF001 - see above
        except (ConnectionClosed, LocalProtocolError):
            raise Gone from None

    @property
    def last_heard(self) -> float:
        """When something of the client came, on trio's clock."""
        return self._stream.last_heard

    @property
    def closed_with(self) -> tuple[int, str]:
        """The code that the connection was closed with, and why; once it is `Gone`."""
        closed = self._connection.closed
        return (closed.code, closed.reason or "") if closed else (_NO_CODE, "")

    async def close(self, code: int, why: str, *, wait: bool = True) -> None:
        """Say that the connection ends; *wait* a moment for the answer."""
        with trio.move_on_after(CLOSE_SECONDS) as scope:
            if not wait:
                self._stream.after_send = scope.cancel
            await self._connection.aclose(code, why)


async def serve_websocket(
    stream: trio.abc.Stream,
    upgrade: Upgrade,
    rest: bytes,
    talk: Callable[[Socket, trio.Nursery], Awaitable[None]],
) -> None:
    """Accept a websocket on *stream*, and *talk* to it until that returns.

    The head of the request has been read, and *rest* after it. What *talk* starts in the
    nursery is cancelled when it returns. That the client goes is no error.
    """
    replayed = _Replayed(stream, _clean_head(upgrade) + rest)
    async with trio.open_nursery() as nursery:
        try:
            request = await wrap_server_stream(
                nursery,
                replayed,
                message_queue_size=0,
                max_message_size=FRAME_LIMIT,
                receive_buffer_size=_RECEIVE,
            )
            connection = await request.accept(subprotocol=PROTOCOL)
            await talk(WebSocket(connection, replayed), nursery)
        except (Gone, ConnectionClosed):
            pass  # the client has gone, which is its right
        nursery.cancel_scope.cancel()


async def use_websocket(
    stream: trio.SocketStream | trio.SSLStream[trio.SocketStream],
    host: str,
    talk: Callable[[WebSocket, trio.Nursery], Awaitable[None]],
) -> None:
    """Ask the server behind *stream* for a websocket, and *talk* until that returns.

    What *talk* starts in the nursery is cancelled when it returns. The stream is left
    to whoever has opened it.

    Raises:
      Gone: the server hung up, or does not speak the protocol.
      ExceptionGroup: *talk* failed.
    """
    replayed = _Replayed(stream, b"", noise_limit=float("inf"))
    is_gone = False
    try:
        async with trio.open_nursery() as nursery:
            connection = await wrap_client_stream(
                nursery,
                # The library wants no more of it than each stream can do.
                cast("trio.SocketStream", replayed),
                host,
                "/ws",
                subprotocols=[PROTOCOL],
                message_queue_size=0,
                max_message_size=MESSAGE_LIMIT,
                receive_buffer_size=_RECEIVE,
            )
            is_gone = connection.closed is not None
            if not is_gone:
                await talk(WebSocket(connection, replayed), nursery)
            nursery.cancel_scope.cancel()
    except* (Gone, ConnectionClosed, HandshakeError):
        is_gone = True
    if is_gone:
        raise Gone


def _clean_head(upgrade: Upgrade) -> bytes:
    """Write the head that the library reads: nothing in it comes from the client.

    All but the key has been checked, and it has one form only.
    """
    lines = (
        "GET /ws HTTP/1.1",
        "Host: console",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Protocol: {PROTOCOL}",
        f"Sec-WebSocket-Key: {upgrade.key}",
    )
    return "\r\n".join((*lines, "", "")).encode("ascii")
