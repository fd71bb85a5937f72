"""Followers: told what is new, at no cost to the owner."""

import json
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio

from crew_actors.control import Control, Tell, _server, open_control
from crew_actors.control._server import CALLERS
from crew_actors.control._wire import Wire
from crew_actors.errors import UserError

Said = dict[str, object]


class NotToday(UserError):
    def __str__(self) -> str:
        return "not today"


@attrs.define
class Source:
    """Tells numbers as fast as they are taken, or does as it is told."""

    told: int = 0
    followers: int = 0
    left: trio.Event = attrs.field(factory=trio.Event)
    """Set when there is no follower any more."""

    async def __call__(self, params: Said, tell: Tell) -> None:
        if params.get("refuse"):
            raise NotToday
        if params.get("break"):
            raise ZeroDivisionError
        self.followers += 1
        try:
            while self.told < int(str(params.get("count", 1_000_000))):
                await tell(
                    {"n": self.told, "more": "x" * int(str(params.get("size", 0)))}
                )
                self.told += 1
            if params.get("wait"):
                await trio.sleep_forever()
        finally:
            self.followers -= 1
            if not self.followers:
                self.left.set()


async def nothing(method: str, params: Said) -> Said:
    return {"asked": method}


@asynccontextmanager
async def served(source: Source | None) -> AsyncGenerator[Callable[..., Any]]:
    listener, port = await open_control()

    @asynccontextmanager
    async def connect(request: Said) -> AsyncGenerator[Wire]:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        async with stream:
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            wire = Wire(stream)
            await wire.say({"token": "secret"})
            await wire.say(request)
            yield wire

    async with listener, trio.open_nursery() as nursery:
        nursery.start_soon(Control("secret", nothing, source).serve, listener)
        yield connect
        nursery.cancel_scope.cancel()


def follow(**params: object) -> Said:
    return {"method": "follow", "params": params}


async def test_a_follower_hears_one_line_after_the_other_to_the_end() -> None:
    async with served(Source()) as connect, connect(follow(count=3)) as wire:
        heard = [await wire.hear() for _ in range(4)]
    assert heard == [{"news": {"n": n, "more": ""}} for n in range(3)] + [None]


async def test_a_follower_that_hangs_up_is_forgotten_though_nothing_happens() -> None:
    source = Source()
    async with served(source) as connect:
        for _ in range(CALLERS * 2):  # none of them keeps a place
            async with connect(follow(count=0, wait=True)):
                pass
        async with connect({"method": "ping"}) as wire:
            with trio.fail_after(5):
                assert await wire.hear() == {"result": {"asked": "ping"}}
        with trio.fail_after(5):
            await source.left.wait()


async def test_a_follower_that_does_not_read_is_hung_up_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_server, "FOLLOWER_SECONDS", 0.2)
    source = Source()
    async with served(source) as connect, connect(follow(size=1000)):
        with trio.fail_after(10):
            await source.left.wait()
    # What the system took, and nothing more: nobody keeps it for the follower.
    assert 0 < source.told * 1000 < 32 << 20


async def test_a_follower_that_speaks_is_hung_up_on() -> None:
    source = Source()
    request = follow(count=0, wait=True)
    async with served(source) as connect, connect(request) as wire:
        await wire.say({"method": "ping"})
        with trio.fail_after(5):
            assert await wire.hear() is None


async def test_a_follower_that_is_refused_is_told_why() -> None:
    async with served(Source()) as connect, connect(follow(refuse=True)) as wire:
        heard = await wire.hear()
    assert heard == {
        "error": {"kind": "NotToday", "message": "not today", "exit_code": 2}
    }


async def test_a_defect_costs_the_follower_its_news_and_nobody_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with served(Source()) as connect:
        async with connect(follow(**{"break": True})) as wire:
            assert await wire.hear() is None
        async with connect(follow(count=1)) as wire:
            assert await wire.hear() == {"news": {"n": 0, "more": ""}}
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("params", [[], "x", None])
async def test_params_must_be_an_object(params: object) -> None:
    request: Said = {"method": "follow", "params": params}
    async with served(Source()) as connect, connect(request) as wire:
        heard = await wire.hear()
    assert "BadRequest" in json.dumps(heard)


async def test_who_tells_no_news_answers_as_to_any_other_method() -> None:
    async with served(None) as connect, connect(follow()) as wire:
        assert await wire.hear() == {"result": {"asked": "follow"}}
