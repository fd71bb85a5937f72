"""`crew serve` as a program, and the files that a console leaves."""

import errno
import json
import os
import re
import signal
import stat
import sys
import webbrowser
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import attrs
import psutil
import pytest
import trio
from tests.support.console import Client, http
from trio_websocket import open_websocket_url

from crew_actors.commands import BadParameters, Context, Watcher, load_action
from crew_actors.console import (
    BadCertificate,
    BadTokenFile,
    ConsoleAddress,
    Tokens,
    _kept,
)
from crew_actors.console._kept import find_kept, keep, kept_tokens
from crew_actors.console.serve_action import ServeParameters, serve
from crew_actors.places import Places, find_project, user_places


@pytest.fixture
def places(own_home: Path) -> Places:
    return user_places(os.environ)


@pytest.fixture
def context(places: Places, tmp_path: Path) -> Context:
    return Context(
        project=find_project(tmp_path),
        places=places,
        environ=dict(os.environ),
        now=lambda: 1000.0,
    )


@attrs.define(eq=False)
class Ear(Watcher):
    """Stops the console as soon as it has told where it is."""

    told: list[str] = attrs.field(factory=list[str])
    lines: int = 1

    def started(self, run: object) -> None:
        self.run = run

    async def note(self, text: str) -> None:
        self.told.append(text)
        if len(self.told) == self.lines:
            self.run.cancel("enough", now=True)  # type: ignore[attr-defined]


async def test_a_console_tells_its_address_once_and_ends_when_told_to(
    context: Context,
) -> None:
    ear = Ear(lines=2)
    served = await serve(
        ServeParameters(viewer=True), attrs.evolve(context, watcher=ear)
    )

    operator, viewer = ear.told
    assert re.fullmatch(r"Open http://127.0.0.1:\d+/#operator\.[\w-]{43}", operator)
    assert re.search(r"http://127.0.0.1:\d+/#viewer\.[\w-]{43}$", viewer)
    assert served.url in operator
    assert "#" not in served.url
    assert find_kept(context.places) == []


async def test_the_page_is_shown_where_there_is_a_browser(
    context: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []
    doors: list[tuple[int, str]] = []

    def show(address: str) -> bool:
        asked.append(address)
        door = Path(url2pathname(urlsplit(address).path))
        doors.append((stat.S_IMODE(door.stat().st_mode), door.read_text()))
        return False

    monkeypatch.setattr(webbrowser, "open", show)
    ear = Ear(lines=2)
    parameters = ServeParameters(open=True, token_file=str(tmp_path / "tokens"))
    await serve(parameters, attrs.evolve(context, watcher=ear))

    # Everybody on the machine can read the command line of a browser.
    token = kept_tokens(tmp_path / "tokens").operator
    assert token not in asked[0]
    ((mode, text),) = doors
    assert mode == 0o600
    assert f'content="0; url={ear.told[0].removeprefix("Open ")}"' in text
    assert "no browser" in ear.told[1]
    assert list((context.places.data / "consoles").iterdir()) == []


async def test_a_full_disk_keeps_nobody_from_looking(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def opened(_: str) -> bool:
        raise AssertionError

    monkeypatch.setattr(_kept, "_put", full)
    monkeypatch.setattr(webbrowser, "open", opened)
    ear = Ear(lines=3)
    await serve(ServeParameters(open=True), attrs.evolve(context, watcher=ear))

    assert "will not be found by `crew console`: No space left" in ear.told[0]
    assert ear.told[1].startswith("Open http://")
    assert "cannot be shown in a browser: No space left" in ear.told[2]


def test_half_a_token_file_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "tokens"
    with (
        monkeypatch.context() as patched,
        pytest.raises(BadTokenFile, match="No space"),
    ):
        patched.setattr(_kept, "_put", full)
        kept_tokens(path)
    assert not path.exists()
    assert kept_tokens(path) == kept_tokens(path)
    with pytest.raises(BadTokenFile, match="No such file"):
        kept_tokens(tmp_path / "nowhere" / "tokens")
    with pytest.raises(BadTokenFile, match="directory"):
        kept_tokens(tmp_path)


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        (ServeParameters(port=65_536), "--port must be below 65536"),
        (ServeParameters(tls_key="key.pem"), "--tls-key needs --tls-cert"),
    ],
)
async def test_parameters_that_cannot_be(
    parameters: ServeParameters, problem: str, context: Context
) -> None:
    with pytest.raises(BadParameters, match=problem):
        await serve(parameters, context)


async def test_a_certificate_that_is_none(context: Context, tmp_path: Path) -> None:
    path = tmp_path / "cert.pem"
    for text in (None, "no certificate"):
        if text is not None:
            path.write_text(text)
        with pytest.raises(BadCertificate, match=str(path)):
            await serve(ServeParameters(tls_cert=str(path)), context)


def test_tokens_are_kept_in_a_file_that_nobody_else_can_read(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    made = kept_tokens(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert kept_tokens(path) == made


@pytest.mark.parametrize(
    ("text", "mode", "problem"),
    [
        ("", 0o600, "no two tokens"),
        ("a\nb\n", 0o600, "no two tokens"),
        ("é" * 50 + "\n" + "x" * 50, 0o600, "no two tokens"),
        ("x" * 50 + "\n" + "y" * 50, 0o640, "chmod 600"),
    ],
)
def test_a_token_file_that_is_no_good(
    text: str, mode: int, problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "tokens"
    path.write_text(text)
    path.chmod(mode)

    with pytest.raises(BadTokenFile, match=problem):
        kept_tokens(path)


def test_a_console_can_be_found_by_its_user_only(places: Places) -> None:
    tokens = Tokens()
    path = keep(places, "http://127.0.0.1:7/", Path("/p"), tokens)
    try:
        (found,) = find_kept(places)

        assert (found.url, found.pid) == ("http://127.0.0.1:7/", os.getpid())
        assert (found.project, found.operator) == ("/p", tokens.operator)
        assert tokens.operator not in repr(found)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    finally:
        path.unlink()


def test_what_a_dead_console_has_left_is_removed(places: Places) -> None:
    mine = keep(places, "http://127.0.0.1:7/", Path("/p"), Tokens())
    said = json.loads(mine.read_text())
    ended = {**said, "started": psutil.Process().create_time() - 100}
    for name, text in (
        ("1-1.json", json.dumps(ended)),
        ("2-2.json", "{"),
        ("3-3.json", "[]"),
        ("4-4.json", json.dumps({**said, "pid": "x"})),
        ("1-1.html", "a door"),
    ):
        (mine.parent / name).write_text(text)

    assert [one.url for one in find_kept(places)] == ["http://127.0.0.1:7/"]
    assert [one.name for one in mine.parent.iterdir()] == [mine.name]


def test_serve_is_an_action_like_others() -> None:
    action = load_action("serve")

    assert action.handler is serve
    assert "console" in action.summary


async def test_the_program_serves_until_it_is_interrupted(
    tmp_path: Path, places: Places
) -> None:
    async with trio.open_nursery() as nursery:
        run = partial(
            trio.run_process,
            [sys.executable, "-m", "tests.support.crew", "serve"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_stderr=True,
            check=False,
        )
        process: trio.Process = await nursery.start(run)
        with trio.fail_after(20):
            found = find_kept(places)
            while not found:
                await trio.sleep(0.02)
                found = find_kept(places)
            (kept,) = found
            port = int(kept.url.rstrip("/").rpartition(":")[2])
            address = ConsoleAddress(url=kept.url, port=port, tokens=Tokens())
            assert (await http(address, "/healthz"))[0] == 200
            url = f"ws://127.0.0.1:{port}/ws"
            async with open_websocket_url(url, subprotocols=["crew.v1"]) as socket:
                client = Client(socket)
                await client.ask("hello", token=kept.operator, versions=["crew.v1"])
                process.send_signal(signal.SIGINT)
                assert await client.close_code() == 4503
                await trio.aclose_forcefully(socket._stream)  # pyright: ignore[reportPrivateUsage] # the library leaves it open
            assert await process.wait() == 0
    assert find_kept(places) == []
