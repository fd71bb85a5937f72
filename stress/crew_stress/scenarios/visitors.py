# A console shows a run at work. Visitors come by the thousand, twenty at a time, behave
# in a dozen bad ways and go. One client looks on all the while, and must not notice; when
# they have gone, nothing of them is left in the process of the console.
"""Rude visitors of a console cost nobody else anything, and leave nothing."""

import json
import os
import socket as sockets
import struct
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise
from random import Random
from typing import Any, Final

import psutil
import trio

from crew_stress.bench.console import Stage, ask, client, framed, upgrade
from crew_stress.scenarios.machine import TOKEN, python_path
from crew_stress.scenarios.round import Round

CLAIM: Final = (
    "visitors who come to a console by the thousand and behave badly leave nothing in "
    "it, and whoever looks on gets each event in time"
)
EACH: Final = 100
"""Visits for each agent at work."""
TOGETHER: Final = 20
"""Visitors at the same time."""
LATE: Final = 500.0
"""Milliseconds within which 95 of 100 events are seen by who looks on."""
MEMORY: Final = 16.0
"""MiB by which the process of the console may have grown."""
SOON: Final = 0.2
"""Seconds that a visitor waits for an answer to nonsense."""
LEAVE: Final = 5.0
"""Seconds for the console to notice that all have gone."""
_LOOKS: Final = 2
"""Connections that stay: who looks on, and who asks for the figures."""


async def play(one: Round) -> None:
    """Play one round."""
    agents = str(one.load.agents)
    console = await trio.lowlevel.open_process(
        [sys.executable, "-m", "crew_stress.bench.console_stage", agents],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**python_path(), TOKEN: one.token},
    )
    assert console.stdin is not None
    assert console.stdout is not None
    try:
        told = json.loads(await console.stdout.receive_some())
        process = psutil.Process(console.pid)
        stage = Stage(told["port"], told["token"], told["run"], process)
        await _receive(one, stage)
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 5):
            console.kill()
            await console.wait()
            await console.stdin.aclose()
            await console.stdout.aclose()


async def _receive(one: Round, stage: Stage) -> None:
    """Let visitors come, and see what is left of them."""
    seen: list[dict[str, Any]] = []
    async with trio.open_nursery() as nursery:
        await nursery.start(_look_on, stage, seen)
        await _visits(stage, one.chance, TOGETHER)  # what the first ones need, stays
        await _until_gone(stage)
        files, memory = stage.process.num_fds(), stage.process.memory_info().rss
        took = await _visits(stage, one.chance, EACH * one.load.agents)
        left = await _until_gone(stage)
        one.book.require("connections left", left, 0)
        one.book.require(
            "files that the console has left open", stage.process.num_fds() - files, 0
        )
        grown = (stage.process.memory_info().rss - memory) / (1 << 20)
        one.book.require("growth of the console", grown, MEMORY, "MiB")
        nursery.cancel_scope.cancel()
    late = sorted(each["late"] for each in seen)
    gaps = sum(b["seq"] - a["seq"] != 1 for a, b in pairwise(seen))
    one.book.note("visits", took)
    one.book.note("an event until it was seen", late)
    one.book.require("events that were not seen", gaps + (not seen), 0)
    if late:
        one.book.require("p95 of that", late[len(late) * 95 // 100], LATE, "ms")


async def _look_on(
    stage: Stage, seen: list[dict[str, Any]], *, task_status: trio.TaskStatus[None]
) -> None:
    """Take in each event, until cancelled."""
    async with client(stage) as socket:
        found = await ask(socket, "subscribe", scope="run", run=stage.run)
        since = found["snapshot"]["run"]["seq"]
        await ask(socket, "unsubscribe", subscription=found["subscription"])
        began = time.time()
        await ask(socket, "subscribe", scope="events", run=stage.run, since=since)
        task_status.started()
        while True:
            told = json.loads(await socket.get_message())["params"]
            now = time.time()
            seen += [
                {"seq": event["seq"], "late": (now - event["at"]) * 1e3}
                for event in told["changes"]["events"]
                if event["at"] >= began
            ]


async def _visits(stage: Stage, chance: Random, number: int) -> list[float]:
    """Have so many visitors come; return how long each stayed, in milliseconds."""
    took: list[float] = []
    limit = trio.CapacityLimiter(TOGETHER)

    async def visit(kind: Visit, own: Random) -> None:
        async with limit:
            begin = trio.current_time()
            stream = await trio.open_tcp_stream("127.0.0.1", stage.port)
            try:
                with trio.move_on_after(LEAVE):
                    await kind(stage, stream, own)
            except trio.BrokenResourceError:
                pass  # it was hung up on, as it deserves
            finally:
                await trio.aclose_forcefully(stream)
            took.append((trio.current_time() - begin) * 1e3)

    async with trio.open_nursery() as nursery:
        for _ in range(number):
            nursery.start_soon(visit, chance.choice(VISITS), Random(chance.random()))
    return took


async def _until_gone(stage: Stage) -> float:
    """Wait until the console has noticed; return the connections that are left."""
    left = float("inf")
    with trio.move_on_after(LEAVE):
        while left > 0:
            left = await _figure(stage, "crew_console_connections") - _LOOKS
            await trio.sleep(0.05)
    return left


async def _figure(stage: Stage, name: str) -> float:
    head = f"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {stage.token}\r\n\r\n"
    async with await trio.open_tcp_stream("127.0.0.1", stage.port) as stream:
        await stream.send_all(head.encode())
        text = b"".join([bytes(piece) async for piece in stream]).decode()
    (line,) = (one for one in text.splitlines() if one.startswith(f"{name} "))
    return float(line.split()[1])


Visit = Callable[[Stage, trio.SocketStream, Random], Awaitable[None]]


async def _says_nothing(_: Stage, __: trio.SocketStream, chance: Random) -> None:
    await trio.sleep(chance.uniform(0, 0.05))


async def _asks_for_health(_: Stage, stream: trio.SocketStream, __: Random) -> None:
    await stream.send_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert b" 200 " in bytes(await stream.receive_some())


async def _says_half(_: Stage, stream: trio.SocketStream, chance: Random) -> None:
    head = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    await stream.send_all(head[: chance.randrange(len(head))])


async def _says_nonsense(_: Stage, stream: trio.SocketStream, chance: Random) -> None:
    await stream.send_all(chance.randbytes(chance.randrange(1, 20_000)))
    with trio.move_on_after(SOON):  # it may have been half of a head
        await stream.receive_some()


async def _says_too_much(_: Stage, stream: trio.SocketStream, chance: Random) -> None:
    await stream.send_all(b"GET / HTTP/1.1\r\nX: " + b"x" * chance.randrange(1 << 18))
    await stream.receive_some()


async def _resets(_: Stage, stream: trio.SocketStream, __: Random) -> None:
    now = struct.pack("ii", 1, 0)
    stream.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, now)
    await stream.send_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")


async def _opens(stage: Stage, stream: trio.SocketStream, _: Random) -> None:
    await stream.send_all(upgrade(stage))
    assert b" 101 " in bytes(await stream.receive_some())


async def _shows_a_wrong_token(
    stage: Stage, stream: trio.SocketStream, chance: Random
) -> None:
    await _opens(stage, stream, chance)
    await _hello(stream, f"operator.{os.urandom(24).hex()}")
    await stream.receive_some()


async def _breaks_the_rules(
    stage: Stage, stream: trio.SocketStream, chance: Random
) -> None:
    await _opens(stage, stream, chance)
    await _hello(stream, stage.token)
    first = chance.choice((0x82, 0xC1, 0x83, 0x80, 0xF1, 0x89))
    size = struct.pack("!BBH", first, 0xFE, 30_000)
    await stream.send_all(size + b"\0\0\0\0" + chance.randbytes(30_000))
    async for _ in stream:
        pass


async def _comes_and_goes(
    stage: Stage, stream: trio.SocketStream, chance: Random
) -> None:
    await _opens(stage, stream, chance)
    await _hello(stream, stage.token)


async def _asks_and_does_not_listen(
    stage: Stage, stream: trio.SocketStream, chance: Random
) -> None:
    await _opens(stage, stream, chance)
    await _hello(stream, stage.token)
    for number in range(16):
        wish = {"scope": "run", "run": stage.run}
        await _say(stream, number, "subscribe", wish)
    await trio.sleep(chance.uniform(0, 0.2))


async def _asks_without_end(
    stage: Stage, stream: trio.SocketStream, chance: Random
) -> None:
    await _opens(stage, stream, chance)
    await _hello(stream, stage.token)
    for number in range(chance.randrange(300)):
        await _say(stream, number, "status", {"run": "x" * 100})


VISITS: Final[tuple[Visit, ...]] = (
    _says_nothing,
    _asks_for_health,
    _says_half,
    _says_nonsense,
    _says_too_much,
    _resets,
    _opens,
    _shows_a_wrong_token,
    _breaks_the_rules,
    _comes_and_goes,
    _asks_and_does_not_listen,
    _asks_without_end,
)
"""What visitors do."""


async def _hello(stream: trio.SocketStream, token: str) -> None:
    hello = {"token": token, "versions": ["crew.v1"], "client": "x" * 100}
    await _say(stream, 0, "hello", hello)


async def _say(
    stream: trio.SocketStream, number: int, method: str, params: dict[str, Any]
) -> None:
    frame = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    await stream.send_all(framed(json.dumps(frame)))
