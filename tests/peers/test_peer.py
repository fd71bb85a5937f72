"""Two programs that ask and tell each other things, on a wire in memory."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import attrs
import pytest
import trio
from tests.support.wires import MemoryWire, wire_pair
from trio.testing import MockClock, wait_all_tasks_blocked

from crew_actors.peers import (
    METHOD_NOT_FOUND,
    SERVED_AT_ONCE,
    JsonRpc,
    MessageTooLarge,
    Notification,
    Peer,
    PeerClosed,
    Request,
    RequestRefused,
    Stray,
    open_peer,
    unknown_method,
)


@attrs.define
class Ear:
    """What our side does with what comes."""

    heard: list[Notification | Stray] = attrs.field(factory=list[Notification | Stray])
    cancelled: list[str] = attrs.field(factory=list[str])
    go: trio.Event = attrs.field(factory=trio.Event)

    async def hear(self, told: Notification | Stray) -> None:
        self.heard.append(told)

    async def serve(self, request: Request) -> object:
        if request.method == "echo":
            return dict(request.params)
        if request.method == "wait":
            try:
                await self.go.wait()
            except trio.Cancelled:
                self.cancelled.append(str(request.id))
                raise
            return "went"
        raise unknown_method(request.method)


@asynccontextmanager
async def talk(
    ear: Ear | None = None, dialect: JsonRpc | None = None
) -> AsyncGenerator[tuple[Peer, MemoryWire]]:
    near, far = wire_pair()
    ear = ear or Ear()
    with trio.fail_after(60):
        async with open_peer(
            near, dialect or JsonRpc(), serve=ear.serve, hear=ear.hear
        ) as peer:
            yield peer, far


async def test_an_answer_reaches_the_one_who_asked(autojump_clock: MockClock) -> None:
    results: dict[str, object] = {}
    async with talk() as (peer, far), trio.open_nursery() as nursery:

        async def ask(word: str) -> None:
            results[word] = await peer.request("say", {"word": word})

        for word in ("a", "b"):
            nursery.start_soon(ask, word)
        asked = [await far.hear(), await far.hear()]
        for one in reversed(asked):
            word = "a" if one["params"] == {"word": "a"} else "b"
            await far.say(id=one["id"], result=word * 2)
    assert results == {"a": "aa", "b": "bb"}


async def test_a_refusal_is_an_error_with_its_code(autojump_clock: MockClock) -> None:
    async with talk() as (peer, far), trio.open_nursery() as nursery:

        async def refuse() -> None:
            asked = await far.hear()
            error = {"code": 7, "message": "not today", "data": [1]}
            await far.say(id=asked["id"], error=error)

        nursery.start_soon(refuse)
        with pytest.raises(RequestRefused, match=r"not today \(7\)") as caught:
            await peer.request("say")
        assert caught.value.data == [1]


async def test_without_the_other_side_no_request_waits(
    autojump_clock: MockClock,
) -> None:
    async with talk() as (peer, far), trio.open_nursery() as nursery:

        async def leave() -> None:
            await far.hear()
            far.close()

        nursery.start_soon(leave)
        with pytest.raises(PeerClosed):
            await peer.request("say")
        with pytest.raises(PeerClosed):
            await peer.request("say again")
        with pytest.raises(PeerClosed):
            await peer.notify("told")


async def test_an_answer_that_nobody_waits_for_is_counted(
    autojump_clock: MockClock,
) -> None:
    async with talk() as (peer, far):
        with trio.move_on_after(1):
            await peer.request("say")
        asked = await far.hear()
        await far.say(id=asked["id"], result=1)
        await far.say(id="never asked", result=1)
        await far.say(id=True, result=1)
        await wait_all_tasks_blocked()
        assert peer.late == 3


async def test_a_cancelled_request_is_called_off_where_there_is_a_word_for_it(
    autojump_clock: MockClock,
) -> None:
    async with talk(dialect=JsonRpc(cancel_method="$/cancel")) as (peer, far):
        with trio.move_on_after(1):
            await peer.request("say")
        asked = await far.hear()
        assert await far.hear() == {
            "jsonrpc": "2.0",
            "method": "$/cancel",
            "params": {"requestId": asked["id"]},
        }


async def test_requests_of_the_other_side_are_answered(
    autojump_clock: MockClock,
) -> None:
    async with talk() as (_, far):
        await far.say(id="x", method="echo", params={"a": 1})
        assert await far.hear() == {"jsonrpc": "2.0", "id": "x", "result": {"a": 1}}
        await far.say(id=2, method="dance")
        refused = await far.hear()
        assert refused["error"] == {
            "code": METHOD_NOT_FOUND,
            "message": "unknown method 'dance'",
        }


async def test_a_served_request_is_void_when_the_other_side_says_so(
    autojump_clock: MockClock,
) -> None:
    ear = Ear()
    async with talk(ear, JsonRpc(cancel_method="$/cancel")) as (_, far):
        await far.say(id="x", method="wait")
        await far.say(method="$/cancel", params={"requestId": "x"})
        await far.say(method="$/cancel", params={"requestId": "y"})
        await wait_all_tasks_blocked()
        assert ear.cancelled == ["x"]
        await far.say(id="x", method="echo", params={})
        assert (await far.hear())["result"] == {}


async def test_too_many_requests_at_once_are_refused(
    autojump_clock: MockClock,
) -> None:
    ear = Ear()
    async with talk(ear) as (_, far):
        for number in range(SERVED_AT_ONCE):
            await far.say(id=number, method="wait")
        await far.say(id="more", method="wait")
        refused = await far.hear()
        assert refused["id"] == "more"
        assert "error" in refused
        ear.go.set()
        served = [await far.hear() for _ in range(SERVED_AT_ONCE)]
        assert {one["id"] for one in served} == set(range(SERVED_AT_ONCE))
        assert all(one["result"] == "went" for one in served)


async def test_what_is_told_is_heard_in_order(autojump_clock: MockClock) -> None:
    ear = Ear()
    async with talk(ear) as (peer, far):
        await far.say(method="one", params={"n": 1})
        await far.send("this is for people")
        await far.send("")
        await far.cut('{"method": "two"')
        await far.send("[1, 2]")
        await far.say(what="nothing")
        await far.say(method="three", params=[1])
        await wait_all_tasks_blocked()
        assert ear.heard == [
            Notification("one", {"n": 1}),
            Stray("this is for people"),
            Stray('{"method": "two"'),
            Stray("[1, 2]"),
            Stray('{"what": "nothing"}'),
            Notification("three", {}),
        ]
        assert peer.strays == 4


async def test_a_message_that_is_too_large_is_not_sent(
    autojump_clock: MockClock,
) -> None:
    async with talk() as (peer, far):
        with pytest.raises(MessageTooLarge):
            await peer.notify("told", {"text": "x" * (17 << 20)})
        await peer.notify("told")
        assert await far.hear() == {"jsonrpc": "2.0", "method": "told", "params": {}}


async def test_an_answer_that_is_too_large_is_a_refusal(
    autojump_clock: MockClock,
) -> None:
    near, far = wire_pair()

    async def serve(_: Request) -> object:
        return "x" * (17 << 20)

    async with open_peer(near, JsonRpc(), serve=serve, hear=Ear().hear):
        await far.say(id=1, method="all")
        assert "error" in await far.hear()


@pytest.mark.parametrize("field", [True, False])
async def test_the_field_jsonrpc_is_written_where_it_is_wanted(
    field: bool, autojump_clock: MockClock
) -> None:
    async with talk(dialect=JsonRpc(field=field)) as (peer, far):
        await peer.notify("told")
        assert ("jsonrpc" in await far.hear()) is field


@pytest.mark.parametrize(
    ("error", "words"),
    [("bad", "an error without a message"), ({"message": 3}, "an error without")],
)
async def test_an_error_needs_no_form(
    error: object, words: str, autojump_clock: MockClock
) -> None:
    async with talk() as (peer, far), trio.open_nursery() as nursery:

        async def refuse() -> None:
            asked = await far.hear()
            await far.say(id=asked["id"], error=error)

        nursery.start_soon(refuse)
        with pytest.raises(RequestRefused, match=words):
            await peer.request("say")
