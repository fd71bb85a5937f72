"""The client against servers that are no consoles, or none that it knows."""

from functools import partial
from typing import Any

import pytest
import trio
from tests.support.strangers import Json, Stranger, stranger

from crew_actors.console.client import (
    ConsoleRefused,
    ConsoleUnreachable,
    _console,
    _link,
    connect_console,
)


async def nobody(link: str) -> None:
    """Expect not to be let in."""
    async with connect_console(link):
        pytest.fail("it is no console")


async def test_a_server_that_is_no_console() -> None:
    async def answer(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")

    async with trio.open_nursery() as nursery:
        serving = partial(trio.serve_tcp, answer, 0, host="127.0.0.1")
        listeners = await nursery.start(serving)
        port = listeners[0].socket.getsockname()[1]
        with pytest.raises(ConsoleUnreachable, match="hung up"):
            await nobody(f"http://127.0.0.1:{port}/#t")
        nursery.cancel_scope.cancel()


async def test_a_host_whose_name_can_be_none() -> None:
    with pytest.raises(ConsoleUnreachable, match="no name of a host"):
        await nobody("http://a..b/#operator.x")


async def test_a_server_that_greets_in_another_way() -> None:
    async def play(server: Stranger) -> None:
        await server.say({"id": 7, "result": {}})

    async with stranger(play) as link:
        with pytest.raises(ConsoleUnreachable, match="hung up"):
            await nobody(link)


async def test_a_server_that_does_not_greet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_console, "CONNECT_SECONDS", 0.2)

    async def play(_: Stranger) -> None:
        await trio.sleep_forever()

    async with stranger(play) as link:
        with pytest.raises(ConsoleUnreachable, match="took too long"):
            await nobody(link)


async def test_a_server_that_falls_silent_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_link, "SILENCE", 0.1)

    async def play(server: Stranger) -> None:
        await server.welcome()

    async with stranger(play) as link, connect_console(link) as console:
        while console.is_connected:
            await console.wait_changed()
        assert console.lost_why == "the connection was lost"


async def test_what_is_said_strangely_is_left_aside() -> None:
    strange: tuple[Any, ...] = (
        "{",
        "[]",
        "1",
        "[" * 9999,
        b"\x00",
        {"id": 99, "result": {}},
    )
    notices = [
        {"method": one, "params": {"subscription": "s9", "request": 77}}
        for one in ("dance", "update", "ended", "note")
    ]

    async def play(server: Stranger) -> None:
        await server.welcome()
        asked = await server.hear()
        await server.say(*strange, {"method": "dance"}, *notices)
        await server.say({"id": asked["id"], "error": {"code": -32603}})

    async with stranger(play) as link, connect_console(link) as console:
        with pytest.raises(ConsoleRefused, match="no answer") as refused:
            await console.call("status")
        assert refused.value.exit_code == 70


@pytest.mark.parametrize(
    "error",
    [
        7,
        {},
        {"code": "x", "message": 7, "data": [1]},
        {"code": -32000, "data": {"problems": 7, "exit_code": "x"}},
    ],
)
async def test_errors_that_are_not_understood_are_refusals(error: object) -> None:
    async def play(server: Stranger) -> None:
        await server.welcome()
        asked = await server.hear()
        await server.say({"id": asked["id"], "error": error})

    async with stranger(play) as link, connect_console(link) as console:
        with pytest.raises(ConsoleRefused) as refused:
            await console.call("status")
        assert refused.value.exit_code == 1


async def test_what_a_server_has_no_time_for_is_asked_again() -> None:
    async def play(server: Stranger) -> None:
        await server.welcome()
        for wait in (-1, 0.01):
            asked = await server.hear()
            error = {"code": -32005, "message": "busy", "data": {"retry_after": wait}}
            await server.say({"id": asked["id"], "error": error})
        asked = await server.hear()
        await server.say({"id": asked["id"], "result": {"kind": "at last"}})

    async with stranger(play) as link, connect_console(link) as console:
        assert await console.call("status") == {"kind": "at last"}


@pytest.mark.parametrize(
    "update",
    [{"base": 1}, {"base": 1, "rev": 2, "changes": 7}, {"base": 1, "rev": "x"}],
)
async def test_news_that_is_not_understood_ends_its_subscription(
    update: Json,
) -> None:
    async def play(server: Stranger) -> None:
        await server.welcome()
        asked = await server.hear()
        snapshot: Json = {"run": {}, "order": [], "tasks": {}}
        result: Json = {"subscription": "s1", "rev": 1, "snapshot": snapshot}
        await server.say({"id": asked["id"], "result": result})
        news = {"method": "update", "params": {"subscription": "s1", **update}}
        await server.say(news)
        assert (await server.hear())["method"] == "unsubscribe"

    async with stranger(play) as link, connect_console(link) as console:
        states = console.subscribe("run", run="r")
        with pytest.raises(ConsoleRefused, match="not understood"):
            async for _ in states:
                pass
        assert console.is_connected


async def test_a_snapshot_that_is_not_understood_ends_its_subscription() -> None:
    async def play(server: Stranger) -> None:
        await server.welcome()
        asked = await server.hear()
        snapshot: Json = {"run": []}
        result: Json = {"subscription": "s1", "rev": 1, "snapshot": snapshot}
        await server.say({"id": asked["id"], "result": result})

    async with stranger(play) as link, connect_console(link) as console:
        with pytest.raises(ConsoleRefused, match="not understood"):
            await anext(console.subscribe("runs"))
        assert console.is_connected


def opened(asked: Json, **more: object) -> Json:
    result = {"subscription": f"s{asked['id']}", "rev": 1, **more}
    return {"id": asked["id"], "result": result}


RUN: Json = {"run": {}, "order": [], "tasks": {}}


async def test_what_ends_tells_why() -> None:
    async def play(server: Stranger) -> None:
        await server.welcome()
        asked = await server.hear()
        await server.say(opened(asked, snapshot=RUN))
        params = {"subscription": "s1", "why": "it was forgotten"}
        await server.say({"method": "ended", "params": params})

    async with stranger(play) as link, connect_console(link) as console:
        states = console.subscribe("run", run="r")
        assert [state async for state in states] == [RUN]
        assert states.why == "it was forgotten"


async def test_news_that_do_not_fit_are_asked_for_anew() -> None:
    async def play(server: Stranger) -> None:
        await server.welcome()
        asked = await server.hear()
        await server.say(opened(asked, snapshot=RUN))
        params: Json = {"subscription": "s1", "base": 7, "rev": 8, "changes": {}}
        await server.say({"method": "update", "params": params})
        dropped = await server.hear()
        assert dropped["params"] == {"subscription": "s1"}
        again = await server.hear()
        assert again["params"] == {"scope": "run", "run": "r", "since": 1}
        await server.say(opened(again, snapshot={**RUN, "order": ["a"]}))

    async with stranger(play) as link, connect_console(link) as console:
        async for state in console.subscribe("run", run="r"):
            if state["order"]:
                break


async def test_a_server_that_has_no_time_to_open_or_close() -> None:
    async def play(server: Stranger) -> None:
        await server.welcome()
        busy = {"code": -32005, "data": {"retry_after": 0.01}}
        asked = await server.hear()
        await server.say({"id": asked["id"], "error": busy})
        again = await server.hear()
        assert again["params"] == asked["params"]
        await server.say(opened(again, snapshot=RUN))
        for _ in range(2):
            dropped = await server.hear()
            assert dropped["params"] == {"subscription": "s2"}
            await server.say({"id": dropped["id"], "error": busy})
        dropped = await server.hear()
        await server.say({"id": dropped["id"], "result": {}})
        asked = await server.hear()
        await server.say({"id": asked["id"], "result": {"kind": "done"}})

    async with stranger(play) as link, connect_console(link) as console:
        with console.subscribe("run", run="r") as states:
            await anext(states)
        await trio.sleep(0.1)
        assert await console.call("status") == {"kind": "done"}


async def test_what_is_closed_before_it_is_open_is_dropped() -> None:
    async def play(server: Stranger) -> None:
        await server.welcome()
        asked = await server.hear()
        status = await server.hear()
        await server.say(opened(asked, snapshot=RUN))
        dropped = await server.hear()
        assert dropped["params"] == {"subscription": "s1"}
        await server.say({"id": status["id"], "result": {"kind": "done"}})

    async with stranger(play) as link, connect_console(link) as console:
        console.subscribe("run", run="r").close()
        assert await console.call("status") == {"kind": "done"}


async def test_events_after_those_that_are_known() -> None:
    async def play(server: Stranger) -> None:
        await server.welcome()
        asked = await server.hear()
        assert asked["params"]["since"] == 1
        await server.say(opened(asked, unchanged=True))
        changes = {"events": [{"seq": 1}, {"seq": 2}]}
        params = {"subscription": "s1", "base": 1, "rev": 2, "changes": changes}
        await server.say({"method": "update", "params": params})

    async with stranger(play) as link, connect_console(link) as console:
        state = await anext(console.subscribe("events", run="r", since=1))
        assert state == {"events": [{"seq": 2}]}


async def test_a_connection_that_is_lost_while_it_is_asked() -> None:
    lives: list[Stranger] = []

    async def play(server: Stranger) -> None:
        await server.welcome()
        lives.append(server)
        asked = await server.hear()
        if len(lives) == 1:
            await server.socket.aclose()
        else:
            await server.say(opened(asked, snapshot=RUN))

    async with stranger(play) as link, connect_console(link) as console:
        assert await anext(console.subscribe("run", run="r")) == RUN
    assert len(lives) == 2
