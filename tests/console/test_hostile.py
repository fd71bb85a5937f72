"""What clients can do that mean no good, over real sockets.

In each test a second client is served all the while.
"""

import base64
import json
import logging
import os
import ssl
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random

import attrs
import pytest
import trio
import trustme
from tests.support.console import (
    Client,
    client_of,
    console_in,
    console_of,
    http,
    parsed_reply,
    socket_to,
)
from tests.support.crews import crew_in, sleep
from tests.support.plans import plan, task
from trio_websocket import ConnectionClosed, open_websocket

from crew_actors.console import ConsoleAddress, _connection, _pulse, _server, _session
from crew_actors.console._session import Session

UPGRADE = (
    "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\n"
    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: crew.v1\r\nSec-WebSocket-Key: {key}\r\n\r\n"
)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the server lose its patience sooner."""
    monkeypatch.setattr(_connection, "HELLO_SECONDS", 0.5)
    monkeypatch.setattr(_pulse, "PING_EVERY", 0.1)
    monkeypatch.setattr(_pulse, "TOGETHER", 0.1)
    monkeypatch.setattr(_connection, "SEND_SECONDS", 0.2)
    monkeypatch.setattr(_server, "HEAD_SECONDS", 0.1)
    monkeypatch.setattr(_server, "LINGER_SECONDS", 0.1)


@attrs.frozen
class Scene:
    address: ConsoleAddress
    witness: Client

    async def figure(self, name: str) -> float:
        """Return what the server has counted."""
        token = f"Bearer {self.address.tokens.viewer}"
        _, _, body = await http(self.address, "/metrics", Authorization=token)
        lines = body.decode().splitlines()
        names = (f"crew_console_{name} ", f"crew_console_{name}_total ")
        (found,) = (one for one in lines if one.startswith(names))
        return float(found.split()[1])

    async def until(self, name: str, wanted: float) -> None:
        """Wait until a figure is what it has to become."""
        with trio.fail_after(10):
            while await self.figure(name) != wanted:  # each look is a connection
                continue


@asynccontextmanager
async def scene(folder: Path) -> AsyncGenerator[Scene]:
    """Open a console with a client that wants to be served whatever happens."""
    async with console_in(folder) as (_, address), client_of(address) as witness:
        yield Scene(address, witness)
        assert (await witness.ask("status"))["runs"] == []


async def connected(address: ConsoleAddress) -> trio.SocketStream:
    return await trio.open_tcp_stream("127.0.0.1", address.port)


async def until_end(stream: trio.SocketStream) -> bytes:
    """Read to the end, however that comes."""
    data = b""
    with trio.fail_after(10):
        try:
            async for piece in stream:
                data += bytes(piece)
        except trio.BrokenResourceError:
            pass
    return data


async def upgraded(address: ConsoleAddress) -> trio.SocketStream:
    """Open a websocket by hand; what is in its frames is then up to the test."""
    stream = await connected(address)
    key = base64.b64encode(os.urandom(16)).decode()
    await stream.send_all(UPGRADE.format(port=address.port, key=key).encode())
    data = b""
    while b"\r\n\r\n" not in data:
        data += await stream.receive_some(1)
    assert b"101 " in data.partition(b"\r\n")[0]
    return stream


def framed(
    payload: bytes, opcode: int = 1, first: int = 0x80, mask: int = 0x80
) -> bytes:
    """Write one websocket frame, as a client does, or as none should."""
    size = len(payload)
    if size < 126:
        head = bytes((first | opcode, mask | size))
    elif size < 1 << 16:
        head = bytes((first | opcode, mask | 126)) + struct.pack("!H", size)
    else:
        head = bytes((first | opcode, mask | 127)) + struct.pack("!Q", size)
    return head + (b"\0\0\0\0" if mask else b"") + payload


async def test_a_wrong_token_and_no_hello(tmp_path: Path, quick: None) -> None:
    async with scene(tmp_path) as at:
        async with socket_to(at.address) as guess:
            said = {"token": "operator.guess", "versions": ["crew.v1"]}
            frame = {"jsonrpc": "2.0", "id": 1, "method": "hello", "params": said}
            await guess.send(json.dumps(frame))
            assert await guess.close_code() == 4401
        async with socket_to(at.address) as silent:
            assert await silent.close_code() == 4408
        assert await at.figure("turned_away") == 2
        assert await at.figure("clients") == 1


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{", 4400),
        ("status", 4400),
        (b"\x00\x01", 4400),
        ("x" * 300_000, 1009),
        ("é" * 200_000, 1009),
    ],
)
async def test_a_bad_first_frame(frame: str | bytes, code: int, tmp_path: Path) -> None:
    async with scene(tmp_path) as at, socket_to(at.address) as client:
        await client.send(frame)
        assert await client.close_code() == code


@pytest.mark.parametrize(
    ("frame", "code"), [(b"\x00", 4400), ("x" * 300_000, 1009), ("é" * 200_000, 1009)]
)
async def test_a_bad_frame_after_the_hello(
    frame: str | bytes, code: int, tmp_path: Path
) -> None:
    async with scene(tmp_path) as at, client_of(at.address) as client:
        await client.send(frame)
        assert await client.close_code() == code


@pytest.mark.parametrize(
    "data",
    [
        framed(b"{}", mask=0),
        framed(b"{}", opcode=3),
        framed(b"{}", first=0xF0),
        framed(b"x" * 126, opcode=9),
        framed(b"\xff\xfe"),
        framed(b"x", opcode=0),
        framed(b"", opcode=8, first=0),
        framed(b"\x03", opcode=8),
        framed(b"\x00\x01why", opcode=8),
        b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
    ],
    ids=str,
)
async def test_frames_that_break_the_rules_of_websockets(
    data: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with scene(tmp_path) as at:
        stream = await upgraded(at.address)
        async with stream:
            await stream.send_all(data)
            await until_end(stream)
        await at.until("connections", 2)
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]


async def test_random_bytes_in_place_of_frames(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    random = Random(1)
    async with scene(tmp_path) as at:
        for _ in range(60):
            stream = await upgraded(at.address)
            async with stream:
                try:
                    await stream.send_all(random.randbytes(random.randrange(1, 400)))
                except trio.BrokenResourceError:
                    continue
        await at.until("connections", 2)
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]


async def test_a_message_that_never_ends(tmp_path: Path) -> None:
    """Empty pieces make no message that is too big; they are limited as bytes."""
    async with scene(tmp_path) as at:
        stream = await upgraded(at.address)
        async with stream:
            hello = {"token": at.address.tokens.viewer, "versions": ["crew.v1"]}
            said = {"jsonrpc": "2.0", "id": 1, "method": "hello", "params": hello}
            await stream.send_all(framed(json.dumps(said).encode()))
            await stream.send_all(framed(b"", first=0))
            with trio.fail_after(10):
                try:
                    while True:
                        await stream.send_all(framed(b"", opcode=0, first=0) * 5000)
                except trio.BrokenResourceError:
                    pass
        await at.until("connections", 2)


async def test_a_client_that_reads_nothing_is_given_up(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_session, "RATE", 1_000_000)
    monkeypatch.setattr(_pulse, "PING_EVERY", 60.0)  # longer than a frame may take
    async with scene(tmp_path) as at:
        stream = await upgraded(at.address)
        async with stream:
            hello = {"token": at.address.tokens.viewer, "versions": ["crew.v1"]}
            said = {"jsonrpc": "2.0", "id": 1, "method": "hello", "params": hello}
            await stream.send_all(framed(json.dumps(said).encode()))
            wrong = {"jsonrpc": "2.0", "id": 1, "method": "x" * 60}
            with trio.fail_after(20):
                try:
                    while True:
                        await stream.send_all(framed(json.dumps(wrong).encode()) * 200)
                except trio.BrokenResourceError:
                    pass
        assert await at.figure("stuck") == 1


async def test_a_half_open_connection_is_given_up(tmp_path: Path, quick: None) -> None:
    async with scene(tmp_path) as at:
        stream = await upgraded(at.address)
        async with stream:
            hello = {"token": at.address.tokens.viewer, "versions": ["crew.v1"]}
            said = {"jsonrpc": "2.0", "id": 1, "method": "hello", "params": hello}
            await stream.send_all(framed(json.dumps(said).encode()))
            data = await until_end(stream)  # it takes the ping in, and does not answer

        assert b"\x89\x01?" in data, "it was asked"
        assert await at.figure("silent") == 1


async def test_a_flood_of_requests_is_refused_and_then_hung_up_on(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path) as at, client_of(at.address) as client:
        said = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "status"})
        async with trio.open_nursery() as nursery:

            async def flood() -> None:
                while True:
                    await client.send(said)

            nursery.start_soon(_until_gone, flood)
            assert await client.close_code() == 4429
            nursery.cancel_scope.cancel()
        assert await at.figure("floods") == 1


async def _until_gone(work: Callable[[], Awaitable[None]]) -> None:
    with suppress(ConnectionClosed):
        await work()


async def test_a_slow_head_is_hung_up_on(tmp_path: Path, quick: None) -> None:
    async with scene(tmp_path) as at:
        stream = await connected(at.address)
        async with stream:
            try:
                for byte in b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: y" * 10:
                    await stream.send_all(bytes((byte,)))
                    await trio.sleep(0.01)
            except trio.BrokenResourceError:
                pass
            assert await until_end(stream) == b""
        await at.until("connections", 2)


async def test_a_head_that_is_too_long_is_told_so(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        stream = await connected(at.address)
        async with stream:
            await stream.send_all(b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000)
            status, headers, _ = parsed_reply(await until_end(stream))

    assert status == 431
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "data", [b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n", b"\0" * 9]
)
async def test_a_client_that_leaves_in_the_middle(data: bytes, tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        for _ in range(10):
            stream = await connected(at.address)
            if data:
                await stream.send_all(data)
            await stream.aclose()
        await at.until("connections", 2)


async def test_a_name_that_was_rebound_gets_nothing(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        for path in ("/", "/schema.json", "/healthz"):
            assert (await http(at.address, path, host="evil.example"))[0] == 421
        own = f"127.0.0.1:{at.address.port}"
        assert (await http(at.address, "/healthz", host=own))[0] == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1"]
)
async def test_a_page_of_somebody_else_gets_no_websocket(
    origin: str, tmp_path: Path
) -> None:
    async with scene(tmp_path) as at:
        stream = await connected(at.address)
        async with stream:
            head = UPGRADE.format(port=at.address.port, key="A" * 22 + "==")
            head = head.replace("Upgrade: ", f"Origin: {origin}\r\nUpgrade: ")
            await stream.send_all(head.encode())
            status, _, body = parsed_reply(await until_end(stream))

        assert (status, body) == (403, b"a page of another origin may not connect\n")


async def test_paths_lead_nowhere(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        for path in ("/../pyproject.toml", "/%2e%2e/x", "//etc/passwd", "/page/../x"):
            assert (await http(at.address, path))[0] == 404


async def test_rude_clients_of_tls(tmp_path: Path, quick: None) -> None:
    """They speak no TLS, leave in the greeting, or trust nobody."""
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(server)  # pyright: ignore[reportUnknownMemberType] # OpenSSL or ssl
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)  # pyright: ignore[reportUnknownMemberType] # likewise
    async with crew_in(tmp_path) as crew, console_of(crew, tls=server) as address:
        for data in (
            b"GET / HTTP/1.1\r\n\r\n",
            b"\x16\x03\x01\x00\x05hello",
            b"\0" * 500,
        ):
            stream = await connected(address)
            async with stream:
                await stream.send_all(data)
                await until_end(stream)
        await (await connected(address)).aclose()
        raw = await connected(address)
        suspicious = trio.SSLStream(
            raw, ssl.create_default_context(), server_hostname="localhost"
        )
        with pytest.raises(trio.BrokenResourceError):
            await suspicious.do_handshake()
        await raw.aclose()
        half = trio.SSLStream(
            await connected(address), trusting, server_hostname="localhost"
        )
        await half.do_handshake()
        await half.send_all(b"GET / HT")
        await trio.aclose_forcefully(half)
        async with open_websocket(
            "localhost", address.port, "/ws", use_ssl=trusting, subprotocols=["crew.v1"]
        ) as socket:
            said = {"token": address.tokens.viewer, "versions": ["crew.v1"]}
            frame = {"jsonrpc": "2.0", "id": 1, "method": "hello", "params": said}
            await socket.send_message(json.dumps(frame))
            assert json.loads(await socket.get_message())["id"] == 1


async def test_a_crash_in_one_connection_hurts_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    honest = Session.receive

    def broken(self: Session, frame: str | bytes, now: float) -> object:
        if "boom" in str(frame):
            raise RuntimeError("a defect")
        return honest(self, frame, now)

    monkeypatch.setattr(Session, "receive", broken)
    async with scene(tmp_path) as at:
        for _ in range(5):
            async with client_of(at.address) as client:
                await client.send("boom")
                await client.close_code()
        await at.until("clients", 1)
    assert "a defect" in caplog.text


async def test_hundreds_of_connects_and_disconnects_leave_nothing(
    tmp_path: Path,
) -> None:
    random = Random(2)

    async def visit(address: ConsoleAddress) -> None:
        kind = random.randrange(4)
        stream = await (connected if kind < 2 else upgraded)(address)
        if kind == 1:
            await stream.send_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        if kind == 3:
            await stream.send_all(framed(b"{}"))
        await trio.aclose_forcefully(stream)

    async with scene(tmp_path) as at:
        for _ in range(30):
            async with trio.open_nursery() as nursery:
                for _ in range(10):
                    nursery.start_soon(visit, at.address)
        await at.until("connections", 2)
        assert await at.figure("clients") == 1
        assert await at.figure("accepted") > 300


async def test_too_many_connections_are_closed_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_server, "CONNECTIONS", 3)
    async with console_in(tmp_path) as (_, address), client_of(address) as client:
        first, second, third = [await connected(address) for _ in range(3)]
        assert await until_end(third) == b""
        assert (await client.ask("status"))["runs"] == []
        for stream in (first, second, third):
            await stream.aclose()


async def test_strangers_keep_nobody_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_server, "STRANGERS", 3)
    async with scene(tmp_path) as at:
        silent = [await connected(at.address), await connected(at.address)]
        await silent[1].send_all(b"GET / HTTP/1.1\r\n")  # and never the rest
        silent.append(await upgraded(at.address))  # and never a hello
        async with client_of(at.address) as client:
            # Whoever has waited longest makes room; a client that was let in stays.
            assert (await client.ask("status"))["runs"] == []
            assert await until_end(silent[0]) == b""
            for _ in range(5):
                async with client_of(at.address) as other:
                    await other.ask("status")
            assert (await client.ask("status"))["runs"] == []
        for stream in silent:
            await trio.aclose_forcefully(stream)


async def test_who_asks_much_holds_up_nobody_else(tmp_path: Path) -> None:
    async with console_in(tmp_path, worker=sleep) as (crew, address):
        run = await crew.start(plan(task("a")))
        async with client_of(address) as greedy, client_of(address) as other:
            async with trio.open_nursery() as nursery:
                for _ in range(10):
                    said = {"run": run.id, "timeout": 60}
                    frame = {"jsonrpc": "2.0", "id": f"w{_}", "method": "wait"}
                    await greedy.send(json.dumps({**frame, "params": said}))
                nursery.start_soon(other.ask, "status")
            result = await other.ask("cancel", run=run.id)
            assert result["status"] == "cancelled"
