# One task for each connection. While it answers, a second one listens: that is how a
# client that leaves is noticed when it leaves, and not when the next byte is refused.
"""The fake LLM as a server."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final, final

import attrs
import h11
import msgspec
import trio

from crew_actors.testing.llm._answering import Failures, Reply, reply_to
from crew_actors.testing.llm._asking import table
from crew_actors.testing.llm._routes import route
from crew_actors.testing.llm._values import Asked, Json

BODY_LIMIT: Final = 64 << 20
"""Bytes of a request; a longer one is refused."""

_CHUNK: Final = 65_536


@final
@attrs.define(eq=False, kw_only=True)
class LlmRequest:
    """A request that has come in, and what became of it."""

    number: int
    """Counted from 1."""
    at: float
    """Seconds since 1970."""
    method: str
    path: str
    headers: Mapping[str, str]
    """With names in small letters."""
    body: Json
    """As JSON; empty if it was none."""
    asked: Asked | None = None
    """None: no model was asked."""
    status: int | None = None
    """Of the answer, when its head was sent."""
    outcome: str = "at work"
    """`at work`, `answered`, `left` (the client was gone before the end), `dropped`."""

    @property
    def key(self) -> str:
        """The key that came along, or an empty text."""
        value = self.headers.get("x-api-key") or self.headers.get("x-goog-api-key")
        return value or self.headers.get("authorization", "").removeprefix("Bearer ")


@final
@attrs.define(eq=False)
class FakeLlm:
    """A fake LLM that is listening."""

    url: str
    """`http://127.0.0.1:PORT`, without a slash at the end."""
    requests: list[LlmRequest] = attrs.field(factory=list[LlmRequest], init=False)
    """All that came in, the oldest first."""
    tell: Callable[[LlmRequest], None] | None = None
    """Is told of each request when it has ended."""
    _failures: Failures = attrs.field(factory=Failures, init=False)
    _news: trio.lowlevel.ParkingLot = attrs.field(
        factory=trio.lowlevel.ParkingLot, init=False
    )

    @property
    def generations(self) -> list[LlmRequest]:
        """The requests that asked the model for something."""
        return [one for one in self.requests if one.asked is not None]

    async def until(self, true: Callable[["FakeLlm"], bool]) -> None:
        """Wait until *true* of this server. Looks whenever a request changes."""
        while not true(self):
            await self._news.park()

    async def until_asked(self, count: int = 1) -> LlmRequest:
        """Wait until the model was asked *count* times; return that request."""
        await self.until(lambda llm: len(llm.generations) >= count)
        return self.generations[count - 1]

    async def until_left(self, count: int = 1) -> None:
        """Wait until *count* clients have left before their answers had ended."""
        await self.until(
            lambda llm: sum(o.outcome == "left" for o in llm.requests) >= count
        )

    def note(self, request: LlmRequest, **changes: object) -> None:
        """Change what is known of *request*, and tell who waits for that."""
        for name, value in changes.items():
            setattr(request, name, value)
        self._news.unpark_all()
        if "outcome" in changes and self.tell is not None:
            self.tell(request)

    def take(self, head: h11.Request, body: bytes) -> tuple[LlmRequest, Reply]:
        """Take in a request, and find its answer."""
        path = head.target.decode("ascii", "replace")
        request = LlmRequest(
            number=len(self.requests) + 1,
            at=time.time(),
            method=head.method.decode(),
            path=path,
            headers={
                name.decode(): value.decode("latin-1") for name, value in head.headers
            },
            body=_json_of(body),
        )
        wanted = route(request.method, path)
        asked, reply = reply_to(wanted, request.body, request.number, self._failures)
        request.asked = asked
        self.requests.append(request)
        self._news.unpark_all()
        return request, reply


@asynccontextmanager
async def open_fake_llm(
    *, port: int = 0, tell: Callable[[LlmRequest], None] | None = None
) -> AsyncGenerator[FakeLlm]:
    """Serve a fake LLM on the loopback address until the block ends.

    It speaks chat completions, responses, Anthropic messages and Gemini, streaming and
    not, at whatever path ends like theirs, and takes any key. What it answers stands in
    the prompt: see `docs/reference/fake-llm.md`. Leaving the block hangs up on whoever is
    still connected.

    Args:
      port: where it listens; 0 takes a free one, told by `FakeLlm.url`.
      tell: is called with each request when it has ended.

    Raises:
      OSError: it cannot listen there.
      ExceptionGroup: with what the block has raised.
    """
    listeners = await trio.open_tcp_listeners(port, host="127.0.0.1")
    async with trio.open_nursery() as nursery:
        number: int = listeners[0].socket.getsockname()[1]
        llm = FakeLlm(f"http://127.0.0.1:{number}", tell)
        serve = partial(trio.serve_listeners, partial(_serve, llm), listeners)
        nursery.start_soon(serve)
        try:
            yield llm
        finally:
            nursery.cancel_scope.cancel()


async def _serve(llm: FakeLlm, stream: trio.SocketStream) -> None:
    connection = _Connection(llm, stream)
    try:
        while await connection.answer_one():
            pass
    except (trio.BrokenResourceError, trio.ClosedResourceError, h11.ProtocolError):
        pass  # it left, or spoke no HTTP: there is nobody to be told
    finally:
        await trio.aclose_forcefully(stream)


@attrs.define(eq=False)
class _Connection:
    llm: FakeLlm
    stream: trio.SocketStream
    _http: h11.Connection = attrs.field(
        factory=lambda: h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20),
        init=False,
    )

    async def answer_one(self) -> bool:
        """Take a request and answer it; False if that was the last one."""
        head = await self._next()
        if not isinstance(head, h11.Request):
            return False
        if self._http.they_are_waiting_for_100_continue:
            await self._send(h11.InformationalResponse(status_code=100, headers=[]))
        body = bytearray()
        while isinstance(event := await self._next(), h11.Data):
            body += event.data
            if len(body) > BODY_LIMIT:
                return False
        request, reply = self.llm.take(head, bytes(body))
        went = await self._while_it_listens(partial(self._answer, request, reply))
        whole = went and reply.ends != "drops"
        outcome = "answered" if whole else "dropped" if went else "left"
        self.llm.note(request, outcome=outcome)
        if not whole or self._http.our_state is not h11.DONE:
            return False  # there is no next one on this connection
        self._http.start_next_cycle()
        return True

    async def _while_it_listens(self, answer: Callable[[], Awaitable[None]]) -> bool:
        """Have the answer sent; False if the client has left meanwhile."""
        was_sent = False

        async def listen() -> None:
            with suppress(trio.BrokenResourceError):
                while data := await self.stream.receive_some(_CHUNK):
                    self._http.receive_data(bytes(data))  # of its next request
            nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                await answer()
                was_sent = True
            nursery.cancel_scope.cancel()
        return was_sent

    async def _answer(self, request: LlmRequest, reply: Reply) -> None:
        await trio.sleep(reply.delay)
        await self._send(
            h11.Response(status_code=reply.status, headers=_headers(reply))
        )
        self.llm.note(request, status=reply.status)
        for after, data in reply.parts:
            await trio.sleep(after)
            if data and request.method != "HEAD":
                await self._send(h11.Data(data=data))
        if reply.ends == "hangs":
            await trio.sleep_forever()
        if reply.ends == "whole":
            await self._send(h11.EndOfMessage())

    async def _next(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(bytes(await self.stream.receive_some(_CHUNK)))
        return event

    async def _send(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            await self.stream.send_all(data)


def _headers(reply: Reply) -> list[tuple[str, str]]:
    kind = "text/event-stream" if reply.is_stream else "application/json"
    headers = [("content-type", kind), ("cache-control", "no-store")]
    if not reply.is_stream and reply.ends == "whole":
        size = sum(len(data) for _, data in reply.parts)
        headers.append(("content-length", str(size)))
    if reply.retry_after is not None:
        headers.append(("retry-after", f"{reply.retry_after:g}"))
    return headers


def _json_of(body: bytes) -> Json:
    try:
        found: object = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return {}
    return table(found)
