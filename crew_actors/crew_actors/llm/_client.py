# The way to the providers. One pool of connections serves all agents of a crew; it is
# made when the first of them asks something.
#
# 1. A reply is whole or it is none: a stream that ends before its end has failed.
# 2. A provider that says nothing for `SILENCE` seconds has failed. Comments count as
#    words: they are sent by providers to say that they are there.
# 3. Cancelling closes the connection, so that nothing more is counted. Redirections are
#    not followed: a key is for whom it is meant.
"""Ask models."""

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
)
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final, final

import httpx2
import msgspec
import trio

from crew_actors.llm._chat import Chat
from crew_actors.llm._choice import key_of, missing_key
from crew_actors.llm._cooldowns import Cooldowns
from crew_actors.llm._errors import ReplyFailed
from crew_actors.llm._failures import failure_of
from crew_actors.llm._local import LOCAL_URL, NoLocalModel, weights_of
from crew_actors.llm._messages import Messages
from crew_actors.llm._providers import ModelRef, all_providers, find_model
from crew_actors.llm._responses import Responses
from crew_actors.llm._sse import EventReader, EventTooLong
from crew_actors.llm._values import Delta, Ended, Request
from crew_actors.llm._wire import Reader, Wire
from crew_actors.model import Api, FailureKind, Provider

SILENCE: Final = 180.0
"""Seconds without a sign of life after which a reply has failed."""

CONNECT: Final = 15.0
"""Seconds in which a connection must be there."""

ERROR_LIMIT: Final = 64 << 10
"""Bytes of an answer of a provider that is an error."""

_GOOD: Final = 200
_NO_LIST: Final = frozenset({404, 405})

WIRES: Final[Mapping[Api, Wire]] = MappingProxyType(
    {"chat": Chat(), "messages": Messages(), "responses": Responses()}
)


async def _nobody_serves(weights: Path) -> str:
    raise NoLocalModel(f"there is no crew here that could serve {weights}")


@final
class Models:
    """The models that the agents of a crew can ask."""

    def __init__(
        self,
        own: Iterable[Provider],
        environ: Mapping[str, str],
        serve: Callable[[Path], Awaitable[str]] = _nobody_serves,
    ) -> None:
        """Take the providers of a user.

        Args:
          own: beside those that are built in.
          environ: in which the keys are.
          serve: has a model of this machine served, by its weights; returns the URL.
        """
        self.providers = all_providers(own)
        """By name."""
        self.cooldowns = Cooldowns()
        """Shared by all that ask."""
        self._environ = environ
        self._serve = serve
        self._client: httpx2.AsyncClient | None = None

    def find(self, wanted: str) -> ModelRef:
        """Return the model that *wanted* means.

        Raises:
          UnknownModel: none can be meant.
        """
        return find_model(wanted, self.providers)

    async def _base(self, model: ModelRef) -> str:
        if model.provider.base_url != LOCAL_URL:
            return model.provider.base_url
        try:
            weights = await trio.to_thread.run_sync(weights_of, model.model)
            return f"{await self._serve(weights)}/v1"
        except NoLocalModel as error:
            message = f"{model.name} cannot be asked: {error}"
            raise ReplyFailed(FailureKind.START, message) from error

    def prices(self) -> Mapping[str, tuple[float, float]]:
        """Return what a million tokens cost, in and out, by the name of the provider."""
        return {
            one.name: (one.input_price, one.output_price)
            for one in self.providers.values()
        }

    async def aclose(self) -> None:
        """Close the connections. Nobody asks anything any more."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    @asynccontextmanager
    async def ask(
        self, model: ModelRef, request: Request
    ) -> AsyncGenerator[AsyncIterator[Delta]]:
        """Ask *model*, and yield what it answers as it comes; `Ended` is the last.

        Leaving the block, or cancelling it, closes the connection.

        Raises:
          ReplyFailed: there is no whole reply; also in the block, by the iteration.
        """
        wire = WIRES[model.provider.api]
        base = await self._base(model)
        try:
            async with self._pool().stream(
                "POST",
                base.rstrip("/") + wire.path,
                content=msgspec.json.encode(wire.body(request)),
                headers={
                    "content-type": "application/json",
                    "accept": "text/event-stream",
                    "accept-encoding": "identity",
                    **wire.headers(self._key(model.provider)),
                },
            ) as response:
                if response.status_code != _GOOD:
                    raise await _refused(response)
                async with aclosing(_deltas(response, wire.reader())) as deltas:
                    yield deltas
        except httpx2.TimeoutException as error:
            raise ReplyFailed(
                FailureKind.TIMEOUT,
                f"{model.name} does not answer ({type(error).__name__})",
            ) from error
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            raise ReplyFailed(
                FailureKind.OVERLOADED,
                f"{model.name} cannot be reached: {str(error) or type(error).__name__}",
            ) from error

    async def greet(self, provider: Provider) -> str | None:
        """Ask *provider* for its models, which costs nothing; tell what is wrong.

        None: it answers. One that has no such list answers as well.
        """
        wire = WIRES[provider.api]
        if provider.base_url == LOCAL_URL:
            return None  # what is there was looked for when its name was taken
        try:
            with trio.fail_after(CONNECT):
                answer = await self._pool().get(
                    provider.base_url.rstrip("/") + "/models",
                    headers=wire.headers(self._key(provider)),
                )
        except trio.TooSlowError:
            return f"it does not answer within {CONNECT:.0f} seconds"
        except ReplyFailed as error:
            return str(error)
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            return f"it cannot be reached: {str(error) or type(error).__name__}"
        if answer.status_code in _NO_LIST or answer.is_success:
            return None
        return str(failure_of(answer.status_code, answer.content[:ERROR_LIMIT]))

    def _key(self, provider: Provider) -> str | None:
        missing = missing_key(provider, self._environ)
        if missing is not None:
            raise ReplyFailed(FailureKind.AUTH, missing)
        return key_of(provider, self._environ)

    def _pool(self) -> httpx2.AsyncClient:
        if self._client is None:
            self._client = httpx2.AsyncClient(
                timeout=httpx2.Timeout(SILENCE, connect=CONNECT, pool=None),
                limits=httpx2.Limits(
                    max_connections=None, max_keepalive_connections=16
                ),
            )
        return self._client


async def _refused(response: httpx2.Response) -> ReplyFailed:
    body = b""
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > ERROR_LIMIT:
            break
    return failure_of(response.status_code, body, response.headers)


async def _deltas(response: httpx2.Response, reader: Reader) -> AsyncGenerator[Delta]:
    pieces = response.aiter_bytes()
    try:
        async with aclosing(_read(pieces, reader)) as deltas:
            async for delta in deltas:
                yield delta
                if isinstance(delta, Ended):
                    return
    finally:
        await _let_go(pieces)
    message = "the provider broke off its reply before its end"
    raise ReplyFailed(FailureKind.OVERLOADED, message)


async def _let_go(pieces: AsyncIterator[bytes]) -> None:
    """End the generators that *pieces* come from: here, and not in the collector."""
    with trio.CancelScope() as scope:
        scope.cancel()
        async for _ in pieces:
            pass  # what has come by now is of no use any more


async def _read(pieces: AsyncIterator[bytes], reader: Reader) -> AsyncGenerator[Delta]:
    events = EventReader()
    async for piece in pieces:
        try:
            for event in events.feed(piece):
                for delta in reader.take(event):
                    yield delta
        except EventTooLong:
            message = "the provider sends an event that is too long"
            raise ReplyFailed(FailureKind.REPORTED, message) from None
