"""Servers that speak websocket, and say what they like."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import attrs
import trio
from trio_websocket import WebSocketConnection, WebSocketRequest, serve_websocket

Json = dict[str, Any]


@attrs.frozen
class Stranger:
    """Speaks websocket, and says what it likes."""

    socket: WebSocketConnection

    async def hear(self) -> Json:
        found: Json = json.loads(await self.socket.get_message())
        return found

    async def say(self, *frames: object) -> None:
        for frame in frames:
            raw = frame if isinstance(frame, str | bytes) else json.dumps(frame)
            await self.socket.send_message(raw)

    async def welcome(self) -> None:
        hello = await self.hear()
        assert hello["method"] == "hello"
        actions = {"status": {"role": "viewer"}}
        await self.say({"id": 0, "result": {"role": "viewer", "actions": actions}})


Play = Callable[[Stranger], Awaitable[None]]


@asynccontextmanager
async def stranger(play: Play) -> AsyncGenerator[str]:
    """Serve something that *play* says; give the link to it."""

    async def answer(request: WebSocketRequest) -> None:
        await play(Stranger(await request.accept(subprotocol="crew.v1")))
        await trio.sleep_forever()

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            serving = partial(serve_websocket, answer, "127.0.0.1", 0, None)
            server = await nursery.start(serving)
            yield f"ws://127.0.0.1:{server.port}/#t"
            nursery.cancel_scope.cancel()
