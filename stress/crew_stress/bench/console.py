# What the console costs, and how fast it is, with real sockets. The server is a process
# of its own; the clients share this one.
"""Bench: snapshots, latency, frames, idle clients, a client that never reads."""

import json
import socket as socket_names
import struct
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from statistics import quantiles
from typing import Any

import attrs
import psutil
import trio
from trio_websocket import WebSocketConnection, open_websocket

from crew_stress.bench.pages import where, write_part
from crew_stress.bench.supervisors import Figure

AGENTS = 100
CLIENTS = 20
IDLE = 1_000
VISITS = 10_000
SECONDS = 10.0
IDLE_SECONDS = 60.0
SETTLE = 25.0
"""Seconds for a first round of pings, and for Python to look once at all that is new."""


@attrs.frozen
class Stage:
    """A server that is up."""

    port: int
    token: str
    run: str
    process: psutil.Process

    def spent(self) -> float:
        """Return the seconds of processor time that it has used."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


@contextmanager
def staged(agents: int) -> Generator[Stage]:
    """Start a server with so many agents at work."""
    argv = [sys.executable, "-m", "crew_stress.bench.console_stage", str(agents)]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        told = json.loads(process.stdout.readline())
        try:
            yield Stage(
                told["port"], told["token"], told["run"], psutil.Process(process.pid)
            )
        finally:
            process.stdin.close()
            process.wait(30)


@asynccontextmanager
async def client(stage: Stage) -> AsyncGenerator[WebSocketConnection]:
    """Connect and say hello."""
    async with open_websocket(
        "127.0.0.1",
        stage.port,
        "/ws",
        use_ssl=False,
        subprotocols=["crew.v1"],
        max_message_size=1 << 26,
        disconnect_timeout=1.0,
    ) as socket:
        await ask(socket, "hello", token=stage.token, versions=["crew.v1"])
        yield socket


async def ask(socket: WebSocketConnection, method: str, **params: object) -> Any:  # noqa: ANN401 - JSON
    """Ask, and wait for the answer."""
    said = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    await socket.send_message(json.dumps(said))
    while True:
        frame = json.loads(await socket.get_message())
        if frame.get("id") == 1:
            return frame["result"]


async def first_snapshot(stage: Stage) -> float:
    """Return the milliseconds from connecting to the whole run, the median of five."""
    took: list[float] = []
    for _ in range(5):
        began = time.perf_counter()
        async with client(stage) as socket:
            found = await ask(socket, "subscribe", scope="run", run=stage.run)
            took.append((time.perf_counter() - began) * 1000)
        assert len(found["snapshot"]["tasks"]) == AGENTS
    return sorted(took)[2]


@attrs.define
class Heard:
    """What clients have heard."""

    frames: int = 0
    """Updates of the run and its tasks."""
    late: list[float] = attrs.field(factory=list[float])
    """Milliseconds from an event to a client, for each of both."""


async def follow(stage: Stage, heard: Heard, seconds: float) -> None:
    """Follow the run and its events, and note how old each event is."""
    async with client(stage) as socket:
        found = await ask(socket, "subscribe", scope="run", run=stage.run)
        tasks, since = found["subscription"], found["snapshot"]["run"]["seq"]
        began = time.time()
        await ask(socket, "subscribe", scope="events", run=stage.run, since=since)
        with trio.move_on_after(seconds):
            while True:
                text = await socket.get_message()
                now = time.time()
                told = json.loads(text)["params"]
                if told["subscription"] == tasks:
                    heard.frames += 1
                    continue
                for event in told["changes"]["events"]:
                    if event["at"] >= began:  # older ones are no news
                        heard.late.append((now - event["at"]) * 1000)


async def crowd(stage: Stage, clients: int, seconds: float) -> Heard:
    """Follow the run with so many clients at once."""
    heard = Heard()
    async with trio.open_nursery() as nursery:
        for _ in range(clients):
            nursery.start_soon(follow, stage, heard, seconds)
    return heard


def upgrade(stage: Stage) -> bytes:
    """Write the head of a websocket."""
    text = (
        f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{stage.port}\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: crew.v1\r\n"
        f"Sec-WebSocket-Key: {'A' * 22}==\r\n\r\n"
    )
    return text.encode()


def framed(text: str) -> bytes:
    """Write a frame of at least 126 bytes as a client does, with a mask of nothing."""
    payload = text.encode().ljust(126)
    return b"\x81\xfe" + struct.pack("!H", len(payload)) + b"\0\0\0\0" + payload


async def deaf(stage: Stage) -> None:
    """Subscribe to the run sixteen times, and never read an answer."""
    stream = await trio.open_tcp_stream("127.0.0.1", stage.port)
    stream.setsockopt(socket_names.SOL_SOCKET, socket_names.SO_RCVBUF, 4096)

    async with stream:
        await stream.send_all(upgrade(stage))
        await trio.sleep(0.2)
        hello = {"token": stage.token, "versions": ["crew.v1"], "client": "x" * 100}
        wish = {"scope": "run", "run": stage.run, "since": 0}
        for number in range(17):
            method, params = ("subscribe", wish) if number else ("hello", hello)
            frame = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            await stream.send_all(framed(json.dumps(frame)))
        await trio.sleep_forever()


async def beside_the_deaf(stage: Stage, clients: int, seconds: float) -> Heard:
    """Follow the run beside ten clients that never read."""
    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(deaf, stage)
        await trio.sleep(1)
        heard = await crowd(stage, clients, seconds)
        nursery.cancel_scope.cancel()
    return heard


async def idlers(stage: Stage, count: int, seconds: float) -> tuple[float, float, int]:
    """Return bytes for each idle client, the share of a core, and frames they got."""
    frames = 0

    async def idle(*, task_status: trio.TaskStatus[None]) -> None:
        nonlocal frames
        async with client(stage) as socket:
            await ask(socket, "subscribe", scope="runs")
            task_status.started()
            while True:
                await socket.get_message()
                frames += 1

    async with trio.open_nursery() as nursery:
        await nursery.start(idle)  # what is needed for the first is not for each
        await trio.sleep(1)
        before = stage.process.memory_info().rss
        for _ in range(count):
            await nursery.start(idle)
        await trio.sleep(SETTLE)
        each = (stage.process.memory_info().rss - before) / count
        spent, began = stage.spent(), time.perf_counter()
        await trio.sleep(seconds)
        share = (stage.spent() - spent) / (time.perf_counter() - began)
        nursery.cancel_scope.cancel()
    return each, share, frames


async def visit(stage: Stage, kind: int) -> None:
    """Come, and leave in one of the ways in which clients leave."""
    stream = await trio.open_tcp_stream("127.0.0.1", stage.port)
    if kind == 1:
        await stream.send_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    elif kind > 1:
        await stream.send_all(upgrade(stage))
        await stream.receive_some(1)
    if kind > 2:
        hello = {"token": stage.token, "versions": ["crew.v1"], "client": "x" * 100}
        frame = {"jsonrpc": "2.0", "id": 1, "method": "hello", "params": hello}
        await stream.send_all(framed(json.dumps(frame)))
    await trio.aclose_forcefully(stream)


async def comings_and_goings(stage: Stage, count: int) -> tuple[float, float]:
    """Return how much memory visits leave behind, and how many come in a second."""

    async def visits(number: int) -> None:
        for turn in range(number):
            await visit(stage, turn % 4)

    async def crowd_of(visitors: int) -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(visits, visitors // 20)
        await trio.sleep(2)

    await crowd_of(2_000)  # what the first ones need is kept for the next
    before, began = stage.process.memory_info().rss, time.perf_counter()
    await crowd_of(count)
    took = time.perf_counter() - began - 2
    return (stage.process.memory_info().rss - before) / (1 << 20), count / took


def p95(values: list[float]) -> float:
    """Return the 95th percentile."""
    return quantiles(values, n=20)[18]


def at_work() -> list[Figure]:
    """Measure a console whose agents are at work."""
    with staged(AGENTS) as stage:
        snapshot = trio.run(first_snapshot, stage)
        heard = trio.run(crowd, stage, CLIENTS, SECONDS)
        beside = trio.run(beside_the_deaf, stage, CLIENTS, SECONDS)
    rate = heard.frames / CLIENTS / SECONDS
    usual, late = p95(heard.late), p95(beside.late)
    print(
        f"     events heard: {len(heard.late):,}, beside the deaf {len(beside.late):,}"
    )
    return [
        Figure(
            "connect, hello, snapshot of 100 agents",
            snapshot,
            "ms",
            150,
            at_least=False,
        ),
        Figure("event to client, 20 clients, p95", usual, "ms", 100, at_least=False),
        Figure("frames to each client", rate, "per s", 10, at_least=True),
        Figure(
            "the same p95 beside 10 that never read", late, "ms", 100, at_least=False
        ),
        Figure(
            "that one as a share of the usual", late / usual, "", 1.5, at_least=False
        ),
    ]


def at_rest() -> list[Figure]:
    """Measure a console where nothing happens."""
    with staged(0) as stage:
        each, share, frames = trio.run(idlers, stage, IDLE, IDLE_SECONDS)
    with staged(0) as stage:
        left, rate = trio.run(comings_and_goings, stage, VISITS)
    print(f"     visits in a second: {rate:,.0f}")
    return [
        Figure("memory of an idle client", each / 1024, "KB", 40, at_least=False),
        Figure("1,000 idle clients", share * 100, "% core", 1, at_least=False),
        Figure("frames to them in 60 s", frames, "", 0, at_least=False),
        Figure("left behind by 10,000 visits", left, "MB", 4, at_least=False),
    ]


_ABOUT = """
## The console

Written by `python -m crew_stress.bench console --write` from one run of it:
{where}.

The server is a process of its own; its clients share another one, over real sockets. Each of
100 agents says something ten times in a second, of which its run takes in four. An event is as
old as the moment that is written in it tells.

{table}
"""


def main(*, write: bool = False) -> int:
    """Print the figures, and with *write* into the docs; 1 if one of them is missed."""
    raise_limit_of_files()
    figures: list[Figure] = []
    for measure in (at_work, at_rest):
        for figure in measure():
            print(figure, flush=True)
            figures.append(figure)
    if write:
        write_part("console", _ABOUT.format(where=where(), table=table_of(figures)))
    return 0 if all(figure.is_reached for figure in figures) else 1


def table_of(figures: list[Figure]) -> str:
    """Write *figures* as a table of markdown."""
    rows = ["| what | measured | target | |", "|---|---:|---:|-|"]
    for one in figures:
        sign = ">=" if one.at_least else "<="
        verdict = "ok" if one.is_reached else "MISSED"
        value, unit = f"{one.value:.4g}", f" {one.unit}" if one.unit else ""
        limit = f"{sign} {one.limit:g}{unit}"
        rows.append(f"| {one.what.strip()} | {value}{unit} | {limit} | {verdict} |")
    return "\n".join(rows)


def raise_limit_of_files() -> None:
    """Let this process and its children open as many files as they may."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - not on Windows

        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    sys.exit(main())
