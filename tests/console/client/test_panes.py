"""The panes, against a real console, in a thread of their own."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial, partialmethod
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from tests.support.console import Serving, console_in
from tests.support.crews import crew_in, sleep
from tests.support.plans import plan, task
from tests.support.strangers import Json, Stranger, stranger

from crew_actors import cli
from crew_actors.console import ConsoleAddress, Tokens
from crew_actors.console.client import (
    Address,
    ConsoleRefused,
    ConsoleUnreachable,
    read_address,
)
from crew_actors.errors import UserError
from crew_actors.model import RunStatus
from crew_actors.runtimes import Completed, Job, Outcome, Port

pytest.importorskip("textual", reason="the extra `tui` is not installed")

from textual.pilot import Pilot
from textual.widgets import Input, Static

from crew_actors.console.panes import Panes, _app, show_panes
from crew_actors.console.panes._app import Output

Play = Callable[[Panes, Pilot[None]], Awaitable[None]]
PATIENCE = 20.0


async def until(is_so: Callable[[], object], pilot: Pilot[None]) -> None:
    """Wait until something is on the screen."""
    async with asyncio.timeout(PATIENCE):
        while not is_so():
            await pilot.pause(0.01)


def line(panes: Panes) -> str:
    return str(panes.query_one("#line", Static).render())


def cells(panes: Panes, name: str) -> str:
    table = panes._table(name)
    return "\n".join(
        " ".join(str(cell) for cell in table.get_row_at(row))
        for row in range(table.row_count)
    )


async def play(address: ConsoleAddress, scene: Play, token: str | None = None) -> None:
    """Play a scene on panes, in a thread that has a loop of its own."""
    shown = read_address(address.link(token or address.tokens.operator))
    with trio.fail_after(2 * PATIENCE):
        await trio.to_thread.run_sync(asyncio.run, played(shown, scene))


async def played(address: Address, scene: Play) -> None:
    panes = Panes(address)
    try:
        async with panes.run_test(size=(120, 40)) as pilot:
            await until(lambda: "| connected" in line(panes), pilot)
            await scene(panes, pilot)
    finally:
        await panes.guest.finish()


async def test_a_run_is_watched_and_cancelled(tmp_path: Path) -> None:
    async with console_in(tmp_path, worker=sleep) as (crew, address):
        run = await crew.start(plan(task("a"), task("b", "a")))

        async def scene(panes: Panes, pilot: Pilot[None]) -> None:
            await until(lambda: "asleep" in cells(panes, "tasks"), pilot)
            assert run.id in cells(panes, "runs")
            await pilot.press("c", "n", "enter")
            await until(lambda: "cancel: not done" in line(panes), pilot)
            await pilot.press("c", "y", "enter")
            await until(lambda: "cancelled" in cells(panes, "runs"), pilot)
            await pilot.press("q")

        await play(address, scene)
        assert (await run.wait()).status is RunStatus.CANCELLED


async def test_an_agent_is_asked_steered_and_answered(tmp_path: Path) -> None:
    heard: list[str] = []
    begun: list[str] = []

    async def ask(job: Job, port: Port) -> Outcome:
        begun.append(job.attempt)
        message = await port.next_message()
        heard.append(f"{message.kind}: {message.text}")
        await port.settle_message(message.id, "delivered")
        heard.append(str(await port.ask("Which way?", choices=("left", "right"))))
        return Completed(text="done")

    async with console_in(tmp_path, worker=ask) as (crew, address):
        run = await crew.start(plan(task("a")))

        async def scene(panes: Panes, pilot: Pilot[None]) -> None:
            await until(lambda: "running" in cells(panes, "tasks"), pilot)
            await pilot.press("R", "enter", "R", "y", "enter")
            await until(lambda: "restart: " in line(panes), pilot)
            await until(lambda: begun == ["a.1", "a.2"], pilot)
            await pilot.press("enter", "i", *"jump", "enter")
            await until(
                lambda: "Which way? (left, right)" in cells(panes, "talk"), pilot
            )
            await pilot.press("a", *"up", "enter")
            await until(lambda: "respond: " in line(panes), pilot)
            assert "left" in line(panes)  # what there is to choose from
            await pilot.press("a", *"left", "enter")
            await until(lambda: "completed" in cells(panes, "runs"), pilot)

        await play(address, scene)
        assert heard == ["interrupt: jump", "left"]
        assert (await run.wait()).status is RunStatus.COMPLETED


HOSTILE = "[red]a[/red] [@click=app.quit]b[/] \x1b]0;title\x07\x1b[2J\x9b1mc \u202ed"


async def test_nothing_that_is_shown_does_anything(tmp_path: Path) -> None:
    async def shout(job: Job, port: Port) -> Outcome:
        await port.progress(HOSTILE)
        await port.ask(HOSTILE, choices=(HOSTILE, "[bold"))
        raise AssertionError

    async with console_in(tmp_path, worker=shout) as (crew, address):
        await crew.start(attrs.evolve(plan(task("a")), goal=HOSTILE))

        async def scene(panes: Panes, pilot: Pilot[None]) -> None:
            await until(lambda: "[bold" in cells(panes, "talk"), pilot)
            shown = cells(panes, "runs") + cells(panes, "tasks") + cells(panes, "talk")
            assert "[red]a[/red] [@click=app.quit]b[/]" in shown
            panes.tell(HOSTILE)
            await until(lambda: "[red]a[/red]" in line(panes), pilot)
            piece = {"text": HOSTILE, "count": len(HOSTILE)}
            panes._show_output({"attempt": "x", **piece, "errors": piece})
            log = "\n".join(panes.query_one(Output).lines)
            assert "[red]a[/red] [@click=app.quit]b[/] \\x1b]0;title" in log
            for text in (shown, log, line(panes)):
                assert not set("\x1b\x9b\x07\u202e") & set(text)
            await pilot.click("#talk", offset=(30, 2))
            assert panes.is_running

        await play(address, scene)


async def test_output_grows_below_what_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_app, "_LINES", 100)

    def state(count: int, errors: str = "") -> dict[str, Any]:
        text = "".join(f"line {number}\n" for number in range(count))
        said = {"text": text, "count": len(text)}
        return {
            "attempt": "x",
            **said,
            "errors": {"text": errors, "count": len(errors)},
        }

    async with console_in(tmp_path) as (_, address):

        async def scene(panes: Panes, pilot: Pilot[None]) -> None:
            output = panes.query_one(Output)
            assert panes.screen.region.contains_region(output.region)
            panes._show_output(state(60))
            await until(lambda: output.scroll_y > 0, pilot)
            assert output.is_vertical_scroll_end
            output.scroll_to(y=3, animate=False)
            await until(lambda: output.scroll_y == 3, pilot)
            panes._show_output(state(61, "oh"))
            await pilot.pause()
            assert output.scroll_y == 3
            assert output.lines[-1] == "oh"
            output.scroll_end(animate=False)
            await until(lambda: output.is_vertical_scroll_end, pilot)
            panes._show_output(state(500, "oh"))
            await until(lambda: output.is_vertical_scroll_end, pilot)
            assert output.line_count == 49
            assert output.lines[-2] == "line 499"
            assert output.virtual_size.height == 49

        await play(address, scene)


async def test_the_keys(tmp_path: Path) -> None:
    async with console_in(tmp_path, worker=sleep) as (crew, address):
        first = await crew.start(attrs.evolve(plan(task("a")), goal="the first goal"))
        second = await crew.start(
            attrs.evolve(plan(task("a"), task("b")), goal="another one")
        )

        async def scene(panes: Panes, pilot: Pilot[None]) -> None:
            runs, tasks = panes._table("runs"), panes._table("tasks")
            await until(lambda: runs.row_count == 2 and tasks.row_count, pilot)
            chosen = runs.chosen
            await pilot.press("j" if runs.cursor_row == 0 else "k")
            await until(lambda: runs.chosen != chosen, pilot)
            await pilot.press("slash", *"another", "enter")
            await until(lambda: runs.row_count == 1, pilot)
            assert runs.chosen == second.id
            await pilot.press("escape")
            await until(lambda: runs.row_count == 2, pilot)
            assert runs.chosen == second.id
            await until(lambda: tasks.row_count == 2, pilot)
            await pilot.press("enter", "j")
            await until(lambda: tasks.chosen == "b", pilot)
            await pilot.press("enter")
            assert panes.focused is panes.query_one("#output")
            await pilot.press("j", "k", "tab", "question_mark")
            assert panes.query_one("#help").has_class("asked")
            await pilot.press("escape", "m", "escape")
            assert not panes.query_one("#entry", Input).has_class("asked")
            await pilot.press("a")
            await until(lambda: "no question waits here" in line(panes), pilot)
            await pilot.press("r", "y", "enter")
            await until(lambda: "retry: " in line(panes), pilot)
            await pilot.press("A", "y", "enter")
            await until(lambda: "approve: " in line(panes), pilot)

        await play(address, scene)
        for run in (first, second):
            run.cancel("enough")


async def test_where_there_is_nothing_nothing_can_be_done(tmp_path: Path) -> None:
    async with console_in(tmp_path) as (_, address):

        async def scene(panes: Panes, pilot: Pilot[None]) -> None:
            await pilot.press("j", "k", "enter", "s")
            await until(lambda: "there is no task here" in line(panes), pilot)
            await pilot.press("c")
            await until(lambda: "there is no run here" in line(panes), pilot)
            await pilot.press("a")
            await until(lambda: "no question waits here" in line(panes), pilot)

        await play(address, scene)


async def test_a_tiny_terminal_breaks_nothing(tmp_path: Path) -> None:
    async with console_in(tmp_path, worker=sleep) as (crew, address):
        await crew.start(plan(task("a")))

        async def scene(panes: Panes, pilot: Pilot[None]) -> None:
            for size in ((1, 1), (20, 5), (300, 100), (2, 50)):
                await pilot.resize_terminal(*size)
                await pilot.press("s", "x", "escape", "question_mark", "escape")
            await until(lambda: "asleep" in cells(panes, "tasks"), pilot)

        await play(address, scene)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            {"result": {"subscription": "s1", "rev": 1, "snapshot": {"runs": []}}},
            "runs: it was forgotten",
        ),
        ({"error": {"code": -32000, "message": "not now"}}, "not now"),
    ],
)
async def test_what_ends_or_is_refused_is_told(answer: Json, told: str) -> None:
    async def serve(server: Stranger) -> None:
        await server.welcome()
        asked = await server.hear()
        await server.say({"id": asked["id"], **answer})
        params = {"subscription": "s1", "why": "it was forgotten"}
        await server.say({"method": "ended", "params": params})

    async def scene(panes: Panes, pilot: Pilot[None]) -> None:
        await until(lambda: told in line(panes), pilot)

    async with stranger(serve) as link:
        await trio.to_thread.run_sync(asyncio.run, played(read_address(link), scene))


async def test_a_viewer_is_told_that_it_may_only_look(tmp_path: Path) -> None:
    async with console_in(tmp_path, worker=sleep) as (crew, address):
        await crew.start(plan(task("a")))

        async def scene(panes: Panes, pilot: Pilot[None]) -> None:
            await until(lambda: panes._table("runs").row_count, pilot)
            await pilot.press("c", "y", "enter")
            await until(lambda: "operator's token" in line(panes), pilot)

        await play(address, scene, address.tokens.viewer)


async def test_a_lost_connection_is_told_and_made_again(tmp_path: Path) -> None:
    async with crew_in(tmp_path, worker=sleep) as crew, trio.open_nursery() as nursery:
        run = await crew.start(plan(task("a")))
        options: dict[str, Any] = {"tokens": Tokens()}
        serving = Serving()
        address = await nursery.start(serving.serve, crew, options)
        again = partial(nursery.start, Serving().serve, crew, options)

        async def scene(panes: Panes, pilot: Pilot[None]) -> None:
            loop = asyncio.get_running_loop()
            await until(lambda: panes._table("tasks").row_count, pilot)
            ask = partial(trio.from_thread.run, trio_token=token)
            await loop.run_in_executor(None, ask, serving.stop)
            await until(lambda: "NOT CONNECTED" in line(panes), pilot)
            options["port"] = address.port
            await loop.run_in_executor(None, ask, again)
            await until(lambda: "| connected" in line(panes), pilot)
            await pilot.press("c", "y", "enter")
            await until(lambda: "cancelled" in cells(panes, "runs"), pilot)

        token = trio.lowlevel.current_trio_token()
        await play(address, scene)
        assert run.state.status is RunStatus.CANCELLED
        nursery.cancel_scope.cancel()


async def test_a_console_that_does_not_let_us_in(tmp_path: Path) -> None:
    async with console_in(tmp_path) as (_, address):
        wrong = read_address(address.link("operator.guess"))

        async def refused() -> UserError | None:
            panes = Panes(wrong)
            async with panes.run_test() as pilot:
                async with asyncio.timeout(PATIENCE):
                    while panes.is_running and not panes._exit:
                        await pilot.pause(0.01)
            return await panes.guest.finish()

        with trio.fail_after(2 * PATIENCE):
            error = await trio.to_thread.run_sync(asyncio.run, refused())
        assert isinstance(error, ConsoleRefused)


NOWHERE = read_address("http://127.0.0.1:9/#operator.x")


async def test_it_can_be_left_before_it_has_begun() -> None:
    async def left() -> UserError | None:
        guest = Panes(NOWHERE).guest
        assert await guest.finish() is None
        guest.start(lambda: None)
        return await guest.finish()

    assert await trio.to_thread.run_sync(asyncio.run, left()) is None


def headless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Panes, "run_async", partialmethod(Panes.run_async, headless=True)
    )


def test_a_console_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    headless(monkeypatch)
    with pytest.raises(ConsoleUnreachable):
        show_panes(NOWHERE)


POSIX = pytest.mark.skipif(os.name != "posix", reason="there are no such signals")


@POSIX
def test_who_is_told_to_end_ends_by_the_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    headless(monkeypatch)

    def end(_: Panes) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Panes, "on_mount", end)
    raised: list[int] = []
    monkeypatch.setattr(signal, "raise_signal", raised.append)
    before = signal.getsignal(signal.SIGTERM)
    try:
        show_panes(NOWHERE)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert raised == [signal.SIGTERM]


@POSIX
@pytest.mark.parametrize("way", ["q", "\x03", "SIGTERM"])
async def test_the_terminal_is_given_back(
    way: str, tmp_path: Path, own_home: Path
) -> None:
    import pty  # noqa: PLC0415 - there is none on Windows
    import termios  # noqa: PLC0415 - as above

    program = "import sys; from crew_actors.cli import main; sys.exit(main())"
    async with console_in(tmp_path, worker=sleep) as (_, address):
        screen, terminal = pty.openpty()
        before = termios.tcgetattr(screen)
        environ = {"TERM": "xterm", "CREW_CONSOLE_TOKEN": address.tokens.operator}
        process = await trio.lowlevel.open_process(
            [sys.executable, "-c", program, "console", "--url", address.url],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            cwd=tmp_path,
            env={**os.environ, **environ},
            start_new_session=True,
        )
        os.close(terminal)
        shown = b""
        with trio.fail_after(2 * PATIENCE):
            async with trio.lowlevel.FdStream(screen) as stream:
                while b"? help" not in shown:
                    shown += await stream.receive_some()
                if way == "SIGTERM":
                    process.terminate()
                else:
                    await stream.send_all(way.encode())
                with suppress(trio.BrokenResourceError):  # its end of it is closed
                    while True:
                        shown += await stream.receive_some()
                after = termios.tcgetattr(screen)
            code = await process.wait()
    assert code == (-signal.SIGTERM if way == "SIGTERM" else 0)
    assert after == before
    last = shown.rpartition(b"\x1b[?1049")[2]
    assert last.startswith(b"l")  # the screen that was there before
    assert address.tokens.operator.encode() not in shown


def test_without_the_extra_the_way_out_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "crew_actors.console.panes", None)
    monkeypatch.setattr(cli, "_at_terminal", lambda: True)
    code = cli.main(["console", "--url", "http://127.0.0.1:9/#operator.x"])
    told = capsys.readouterr().err
    assert code == 1
    assert "pip install 'crew-actors[tui]'" in told
    assert "--exec" in told


def test_panes_need_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(["console", "--url", "http://127.0.0.1:9/#operator.x"])
    assert code == 2
    assert "--exec is missing" in capsys.readouterr().err


def test_panes_are_shown_at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Address] = []
    monkeypatch.setattr(cli, "_at_terminal", lambda: True)
    monkeypatch.setattr("crew_actors.console.panes.show_panes", shown.append)
    assert cli.main(["console", "--url", "http://127.0.0.1:9/#operator.x"]) == 0
    assert [one.url for one in shown] == ["http://127.0.0.1:9/"]
