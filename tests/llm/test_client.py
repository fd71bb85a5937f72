"""Asking over real sockets: a reply is whole or none, and leaving closes the connection."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

from crew_actors.llm import Delta, Ended, Models, Prompt, ReplyFailed, Request, Text
from crew_actors.model import FailureKind, Provider

HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
)
PIECE = b'data: {"choices":[{"delta":{"content":"hi"}}]}\n\n'
DONE = b"data: [DONE]\n\n"
REQUEST = Request(model="x", entries=(Prompt("hello"),))


async def _answer(
    answer: bytes, stays: bool, gone: trio.Event, stream: trio.SocketStream
) -> None:
    data = b""
    while b"hello" not in data:
        data += await stream.receive_some()
    await stream.send_all(answer)
    if stays:
        async for _ in stream:
            pass  # the client has nothing to say; it leaves
        gone.set()
    await stream.aclose()


@asynccontextmanager
async def provider(
    answer: bytes, *, stays: bool = False, key_env: str | None = None
) -> AsyncGenerator[tuple[Models, trio.Event]]:
    """Serve *answer* to each request, and hold the connection open if it *stays*."""
    gone = trio.Event()
    async with trio.open_nursery() as nursery:
        handler = partial(_answer, answer, stays, gone)
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listener.socket.getsockname()[1]
        nursery.start_soon(trio.serve_listeners, handler, [listener])
        url = f"http://127.0.0.1:{port}/v1/"
        own = Provider(name="mine", api="chat", base_url=url, key_env=key_env)
        models = Models([own], {"EMPTY": " "})
        yield models, gone
        await models.aclose()
        nursery.cancel_scope.cancel()


async def ask(models: Models) -> list[Delta]:
    with trio.fail_after(20):
        async with models.ask(models.find("mine/x"), REQUEST) as deltas:
            return [delta async for delta in deltas]


async def test_a_reply_comes_in_deltas_and_ends() -> None:
    async with provider(HEAD + PIECE + DONE) as (models, _):
        first, last = await ask(models)
    assert first == Text("hi")
    assert isinstance(last, Ended)
    assert last.reply.text == "hi"


async def test_an_ended_reply_needs_no_end_of_its_connection() -> None:
    async with provider(HEAD + PIECE + DONE, stays=True) as (models, gone):
        assert len(await ask(models)) == 2
        with trio.fail_after(20):
            await gone.wait()


async def test_a_reply_that_is_cut_off_has_failed() -> None:
    async with provider(HEAD + PIECE) as (models, _):
        with pytest.raises(ReplyFailed, match="before its end") as caught:
            await ask(models)
    assert caught.value.kind is FailureKind.OVERLOADED


async def test_a_refusal_tells_when_to_come_back() -> None:
    answer = b"HTTP/1.1 429 No\r\nretry-after: 3\r\ncontent-length: 2\r\n\r\n{}"
    async with provider(answer) as (models, _):
        with pytest.raises(ReplyFailed) as caught:
            await ask(models)
    assert caught.value.kind is FailureKind.RATE_LIMIT
    assert caught.value.retry_after == 3


async def test_a_provider_that_is_not_there_cannot_be_reached() -> None:
    own = Provider(name="mine", api="chat", base_url="http://127.0.0.1:1")
    models = Models([own], {})
    with pytest.raises(ReplyFailed, match="cannot be reached"):
        await ask(models)
    await models.aclose()


async def test_without_its_key_a_provider_is_not_asked() -> None:
    async with provider(b"", key_env="EMPTY") as (models, _):
        with pytest.raises(ReplyFailed, match="set EMPTY") as caught:
            await ask(models)
    assert caught.value.kind is FailureKind.AUTH


@pytest.mark.parametrize("way", ["cancelled", "left"])
async def test_the_provider_sees_who_leaves_in_the_middle(way: str) -> None:
    async with provider(HEAD + PIECE, stays=True) as (models, gone):
        with trio.CancelScope() as scope:
            async with models.ask(models.find("mine/x"), REQUEST) as deltas:
                assert await anext(deltas) == Text("hi")
                if way == "cancelled":
                    scope.cancel()
                    await anext(deltas)
        with trio.fail_after(20):
            await gone.wait()
