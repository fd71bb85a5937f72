"""Consoles, and clients that speak to them over real sockets."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import attrs
import h11
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, open_websocket

from crew_actors.console import ConsoleAddress, serve_console
from crew_actors.runs import Crew
from crew_actors.runtimes import AgentFunction
from tests.support.crews import crew_in

Json = dict[str, Any]
PATIENCE = 10.0
"""Seconds after which a client that waits for a frame makes its test fail."""


@asynccontextmanager
async def console_of(crew: Crew, **options: Any) -> AsyncGenerator[ConsoleAddress]:
    """Open the console of *crew*."""
    async with trio.open_nursery() as nursery:
        address: ConsoleAddress = await nursery.start(
            partial(serve_console, crew, **options)
        )
        yield address
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def console_in(
    folder: Path, **functions: AgentFunction
) -> AsyncGenerator[tuple[Crew, ConsoleAddress]]:
    """Open a crew and its console."""
    async with crew_in(folder, **functions) as crew, console_of(crew) as address:
        yield crew, address


@attrs.define(eq=False)
class Serving:
    """A console that can be stopped."""

    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    _ended: trio.Event = attrs.field(factory=trio.Event)

    async def serve(
        self,
        crew: Crew,
        options: dict[str, Any],
        *,
        task_status: trio.TaskStatus[ConsoleAddress],
    ) -> None:
        with self._scope:
            await serve_console(crew, **options, task_status=task_status)
        self._ended.set()

    async def stop(self) -> None:
        self._scope.cancel()
        await self._ended.wait()


@attrs.define(eq=False)
class Client:
    """Asks, and keeps what it is told meanwhile."""

    socket: WebSocketConnection
    notices: list[Json] = attrs.field(factory=list[Json], init=False)
    _numbers: "count[int]" = attrs.field(factory=lambda: count(1), init=False)

    async def send(self, frame: str | bytes) -> None:
        """Send what may be a frame."""
        await self.socket.send_message(frame)

    async def hear(self) -> Json:
        """Wait for the next frame."""
        with trio.fail_after(PATIENCE):
            found: Json = json.loads(await self.socket.get_message())
        return found

    async def request(self, method: str, **params: object) -> Json:
        """Ask, and wait for the answer."""
        request = next(self._numbers)
        said = {"jsonrpc": "2.0", "id": request, "method": method, "params": params}
        await self.send(json.dumps(said))
        while True:
            frame = await self.hear()
            if frame.get("id") == request:
                return frame
            self.notices.append(frame)

    async def ask(self, method: str, **params: object) -> Json:
        """Ask for what is granted; return the result."""
        answer = await self.request(method, **params)
        assert "result" in answer, answer
        result: Json = answer["result"]
        return result

    async def refused(self, method: str, **params: object) -> Json:
        """Ask for what is refused; return the error."""
        answer = await self.request(method, **params)
        assert "error" in answer, answer
        error: Json = answer["error"]
        return error

    async def notice(self, method: str) -> Json:
        """Wait for the next notice of this name; return what it tells."""
        while True:
            frame = self.notices.pop(0) if self.notices else await self.hear()
            if frame.get("method") == method:
                params: Json = frame["params"]
                return params

    async def close_code(self) -> int:
        """Wait until the server hangs up; return the code that it gives."""
        with trio.fail_after(PATIENCE):
            with suppress(ConnectionClosed):
                while True:
                    await self.socket.get_message()
        assert self.socket.closed is not None
        return self.socket.closed.code


@asynccontextmanager
async def socket_to(
    address: ConsoleAddress, *, host: str = "127.0.0.1", **headers: str
) -> AsyncGenerator[Client]:
    """Open a websocket, and say nothing."""
    extra = [(name.encode(), value.encode()) for name, value in headers.items()]
    async with open_websocket(
        host,
        address.port,
        "/ws",
        use_ssl=False,
        subprotocols=["crew.v1"],
        extra_headers=extra,
        max_message_size=1 << 24,
        disconnect_timeout=1.0,
    ) as socket:
        try:
            yield Client(socket)
        finally:
            if socket.closed:  # then the library leaves the stream to the collector
                await trio.aclose_forcefully(socket._stream)  # pyright: ignore[reportPrivateUsage] # no other way


@asynccontextmanager
async def client_of(
    address: ConsoleAddress, token: str | None = None
) -> AsyncGenerator[Client]:
    """Open a websocket and say hello; an operator's, unless there is another token."""
    async with socket_to(address) as client:
        shown = address.tokens.operator if token is None else token
        await client.ask("hello", token=shown, versions=["crew.v1"], client="test")
        yield client


async def http(
    address: ConsoleAddress,
    path: str,
    method: str = "GET",
    host: str | None = None,
    **headers: str,
) -> tuple[int, dict[str, str], bytes]:
    """Ask for *path*; return the status, the headers and the body."""
    own = f"127.0.0.1:{address.port}" if host is None else host
    fields = {"Host": own, **{k.replace("_", "-"): v for k, v in headers.items()}}
    head = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in fields.items())]
    stream = await trio.open_tcp_stream("127.0.0.1", address.port)
    async with stream:
        with trio.fail_after(PATIENCE):
            await stream.send_all("\r\n".join([*head, "", ""]).encode())
            data = b"".join([bytes(piece) async for piece in stream])
    return parsed_reply(data, method)


def parsed_reply(data: bytes, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    """Read a reply as strictly as can be."""
    reader = h11.Connection(h11.CLIENT)
    reader.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
    reader.send(h11.EndOfMessage())
    reader.receive_data(data)
    reader.receive_data(b"")
    response = reader.next_event()
    assert isinstance(response, h11.Response), response
    body = b""
    while isinstance(event := reader.next_event(), h11.Data):
        body += bytes(event.data)
    assert isinstance(event, h11.EndOfMessage)
    told = {name.decode(): value.decode() for name, value in response.headers}
    return response.status_code, told, body
