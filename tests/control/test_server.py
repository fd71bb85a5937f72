"""Answering callers: who may speak, what is understood, and what a defect costs."""

import json
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import attrs
import pytest
import trio

from crew_actors.control import Control, open_control
from crew_actors.control._server import CALLERS, HELLO_DEADLINE
from crew_actors.control._wire import LINE_LIMIT
from crew_actors.errors import UserError

Said = dict[str, object]


class NotToday(UserError):
    exit_code = 1

    def __str__(self) -> str:
        return "not today"


@attrs.define
class Handler:
    """Notes what it is asked, and does as it is told."""

    asked: list[tuple[str, Said]] = attrs.field(factory=list[tuple[str, Said]])

    async def __call__(self, method: str, params: Said) -> Said:
        self.asked.append((method, params))
        if method == "refuse":
            raise NotToday
        if method == "break":
            raise ZeroDivisionError
        if method == "wait":
            await trio.sleep_forever()
        return {"you": params.get("me")}


@asynccontextmanager
async def served(handler: Handler) -> AsyncGenerator[int]:
    listener, port = await open_control()
    async with listener, trio.open_nursery() as nursery:
        nursery.start_soon(Control("secret", handler).serve, listener)
        yield port
        nursery.cancel_scope.cancel()


async def talk(port: int, *lines: object, hello: str = "secret") -> list[Said]:
    """Say *lines* after the token; return what is answered until we are hung up on."""
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    async with stream:
        said = [{"token": hello}, *lines]
        for line in said:
            raw = line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n"
            try:
                await stream.send_all(raw)
            except trio.BrokenResourceError:
                break
        try:
            await stream.send_eof()
            read = b"".join([chunk async for chunk in stream])
        except (trio.BrokenResourceError, OSError):
            read = b""
    return [json.loads(line) for line in read.splitlines()]


async def test_requests_are_answered_in_their_order() -> None:
    async with served(handler := Handler()) as port:
        answers = await talk(
            port,
            {"method": "one", "params": {"me": 1}},
            {"method": "two", "params": {"me": 2}},
        )
    assert answers == [{"result": {"you": 1}}, {"result": {"you": 2}}]
    assert [method for method, _ in handler.asked] == ["one", "two"]


@pytest.mark.parametrize("hello", ["", "wrong", "secret ", "\ud800"])
async def test_without_the_token_nothing_is_heard(hello: str) -> None:
    async with served(handler := Handler()) as port:
        assert await talk(port, {"method": "one"}, hello=hello) == []
    assert handler.asked == []


@pytest.mark.parametrize("line", [b"[]\n", b"\xff\n", b"{}{}\n", b"[" * 9000 + b"\n"])
async def test_nonsense_is_hung_up_on(line: bytes) -> None:
    async with served(handler := Handler()) as port:
        assert await talk(port, line, {"method": "one"}) == []
    assert handler.asked == []


async def test_a_line_that_never_ends_is_hung_up_on() -> None:
    async with served(handler := Handler()) as port:
        assert await talk(port, b"x" * (LINE_LIMIT + 1)) == []
    assert handler.asked == []


@pytest.mark.parametrize(
    "request_", [{}, {"method": 3}, {"method": "one", "params": []}]
)
async def test_a_request_without_a_method_is_told_so(request_: Said) -> None:
    async with served(Handler()) as port:
        ((answer),) = await talk(port, request_)
    assert "a method and params are needed" in str(answer["error"])


async def test_a_refusal_is_told_with_its_exit_code() -> None:
    async with served(Handler()) as port:
        answers = await talk(port, {"method": "refuse"}, {"method": "one"})
    error = {"kind": "NotToday", "message": "not today", "exit_code": 1}
    assert answers == [{"error": error}, {"result": {"you": None}}]


async def test_a_defect_costs_its_caller_the_answer_and_nobody_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with served(Handler()) as port:
        with caplog.at_level(logging.ERROR, "crew_actors.control"):
            answers = await talk(port, {"method": "break"}, {"method": "one"})
    assert "internal error" in str(answers[0]["error"])
    assert answers[1] == {"result": {"you": None}}
    assert "ZeroDivisionError" in caplog.text


async def test_a_caller_that_hangs_up_while_it_waits_leaves_nothing() -> None:
    async with served(handler := Handler()) as port:
        for _ in range(3):
            stream = await trio.open_tcp_stream("127.0.0.1", port)
            await stream.send_all(b'{"token": "secret"}\n{"method": "wait"}\n')
            await stream.aclose()
        assert await talk(port, {"method": "one"}) == [{"result": {"you": None}}]
        assert "one" in [method for method, _ in handler.asked]


async def test_silent_callers_do_not_keep_others_out() -> None:
    async with served(Handler()) as port:
        silent = [
            await trio.open_tcp_stream("127.0.0.1", port) for _ in range(CALLERS + 5)
        ]
        with trio.fail_after(HELLO_DEADLINE * 3):
            assert await talk(port, {"method": "one"}) == [{"result": {"you": None}}]
        for stream in silent:
            await stream.aclose()
