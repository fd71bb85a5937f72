import json
import os
import pickle
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import attrs
import click
import pytest
import trio
from tests.commands.samples import recorded, whole_run

from crew_actors.commands import Action, Context, NoOutput, asking, terminal
from crew_actors.errors import UserError
from crew_actors.observe.displays import PlainDisplay
from crew_actors.observe.live import LiveDisplay
from crew_actors.places import Project, user_places
from crew_actors.resources import Executable, NotTrusted, TrustStore

_NOTE = "only these files are covered by this consent, not what else it runs"


@attrs.frozen
class Nothing:
    pass


@attrs.frozen
class Done:
    code: int = 0
    kind: str = "summary"


Handler = Callable[[Nothing, Context], Awaitable[Done]]


def action(handler: Handler, name: str = "run") -> Action[Nothing, Done]:
    return Action(
        name=name,
        parameters=Nothing,
        handler=handler,
        text=lambda done: "" if done.code == 9 else "done",
        exit_code=lambda done: done.code,
    )


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(
        project=Project(tmp_path, is_repository=False),
        places=user_places(os.environ),
        environ={},
        now=lambda: 0.0,
    )


async def carried_out(
    handler: Handler, context: Context, *, name: str = "run", as_json: bool = False
) -> int:
    with trio.fail_after(10):
        return await terminal.carry_out(
            action(handler, name), Nothing(), context, as_json=as_json
        )


async def tell_all(_: Nothing, context: Context) -> Done:
    await context.watcher.note("beginning")
    for one in recorded(whole_run()):
        await context.watcher.event(one)
    return Done()


async def test_the_result_comes_after_the_lines(
    context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await carried_out(tell_all, context) == 0
    out, err = capsys.readouterr()
    assert err == "beginning\n"
    assert [line.split("  ")[-1] for line in out.splitlines()] == [
        "map: running (map-agent)",
        "map: counting",
        "map: completed (after 2.0 s)",
        "write: running (write-agent)",
        "write: completed (after 1.0 s)",
        "done",
    ]


async def test_events_are_told_as_they_are(
    context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await carried_out(tell_all, context, name="events") == 0
    assert len(capsys.readouterr().out.splitlines()) == len(whole_run()) + 1


async def test_json_ends_with_the_summary(
    context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await carried_out(tell_all, context, as_json=True) == 0
    *_, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert last == {"code": 0, "kind": "summary"}


async def test_a_result_without_text_writes_nothing(
    context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    async def handler(_: Nothing, __: Context) -> Done:
        await trio.lowlevel.checkpoint()
        return Done(9)

    assert await carried_out(handler, context) == 9
    assert capsys.readouterr().out == ""


async def test_a_terminal_gets_the_live_table(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[object] = []

    async def handler(_: Nothing, context: Context) -> Done:
        assert isinstance(context.watcher, terminal.Desk)
        shown.append(type(context.watcher.display))
        await trio.lowlevel.checkpoint()
        return Done()

    def always(_: object) -> bool:
        return True

    monkeypatch.setattr(terminal, "is_terminal", always)
    monkeypatch.setenv("TERM", "xterm")
    assert await carried_out(handler, context) == 0
    monkeypatch.setenv("TERM", "dumb")
    assert await carried_out(handler, context) == 0
    assert shown == [LiveDisplay, PlainDisplay]


class FakeRun:
    """A run that ends when it has been asked to often enough."""

    def __init__(self, enough: int) -> None:
        self.enough = enough
        self.asked: list[tuple[str, bool]] = []
        self.ended = trio.Event()

    def cancel(self, why: str, *, now: bool = False) -> None:
        self.asked.append((why, now))
        if len(self.asked) == self.enough:
            self.ended.set()


def stopped_run(
    signals: list[signal.Signals], code: int = 1
) -> tuple[list[tuple[str, bool]], Handler]:
    """Make a handler with a run that gets *signals*, and the stops it was asked for."""
    asked: list[tuple[str, bool]] = []

    async def handler(_: Nothing, context: Context) -> Done:
        run = FakeRun(len(signals))
        run.asked = asked
        context.watcher.started(run)
        for number, sent in enumerate(signals, start=1):
            os.kill(os.getpid(), sent)
            while len(asked) < number:  # noqa: ASYNC110 - the receiver has no event
                await trio.sleep(0.001)
        await run.ended.wait()
        return Done(code)

    return asked, handler


async def test_the_first_signal_stops_the_run_gracefully(
    context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    asked, handler = stopped_run([signal.SIGINT])
    assert await carried_out(handler, context) == 130
    assert asked == [("interrupted by the user", False)]
    assert capsys.readouterr().err == "Stopping. Press Ctrl-C again to stop at once.\n"


async def test_the_second_signal_stops_the_run_at_once(
    context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    asked, handler = stopped_run([signal.SIGTERM, signal.SIGINT])
    assert await carried_out(handler, context) == 130
    assert asked == [("stopped by SIGTERM", False), ("interrupted by the user", True)]
    assert capsys.readouterr().err.endswith("\nStopping at once.\n")


async def test_a_hangup_stops_the_run_gracefully(context: Context) -> None:
    asked, handler = stopped_run([signal.SIGHUP])
    assert await carried_out(handler, context) == 130
    assert asked == [("stopped by SIGHUP", False)]


async def test_a_run_that_completes_all_the_same_has_completed(
    context: Context,
) -> None:
    _, handler = stopped_run([signal.SIGINT], code=0)
    assert await carried_out(handler, context) == 0


async def test_a_signal_before_there_is_a_run_ends_the_action(
    context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    async def handler(_: Nothing, __: Context) -> Done:
        os.kill(os.getpid(), signal.SIGINT)
        await trio.sleep_forever()
        raise AssertionError

    assert await carried_out(handler, context) == 130
    assert capsys.readouterr().out == ""


@pytest.fixture
def ignored_signals() -> Iterator[None]:
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    before = {name: signal.getsignal(getattr(signal, name)) for name in names}
    for name in names:
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    yield
    for name, handler in before.items():
        signal.signal(getattr(signal, name), handler)


@pytest.mark.usefixtures("ignored_signals")
async def test_a_signal_that_was_ignored_before_stays_ignored(context: Context) -> None:
    async def handler(_: Nothing, __: Context) -> Done:
        os.kill(os.getpid(), signal.SIGHUP)
        await trio.sleep(0.01)
        return Done()

    assert await carried_out(handler, context) == 0


class Refused(UserError):
    """Refused by a test."""


async def test_a_refusal_leaves_as_itself_after_what_was_said(
    context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    async def handler(_: Nothing, context: Context) -> Done:
        await context.watcher.note("first this")
        raise Refused

    with pytest.raises(Refused):
        await carried_out(handler, context)
    assert capsys.readouterr().err == "first this\n"


async def test_an_output_that_cannot_be_written_is_an_error(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path("/dev/full").open("w") as full:  # noqa: ASYNC230 - a device
        monkeypatch.setattr("sys.stdout", full)
        with pytest.raises(NoOutput, match="No space left"):
            await carried_out(tell_all, context)


async def test_a_reader_that_went_away_does_not_change_the_exit_code(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        monkeypatch.setattr("sys.stdout", stream)
        assert await carried_out(tell_all, context) == 0


async def test_without_a_standard_output_the_work_is_done(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout", None)
    assert await carried_out(tell_all, context) == 0


EXECUTABLE = Executable(
    "builder", ("make", "it\x1b[2J"), "ab" * 32, ("Makefile",), ("KEY",)
)


def guarded(context: Context) -> Handler:
    async def handler(_: Nothing, __: Context) -> Done:
        await trio.lowlevel.checkpoint()
        missing = TrustStore(context.places).missing(context.project, [EXECUTABLE])
        if missing:
            raise NotTrusted("duo", missing)
        return Done()

    return handler


def answer(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    def confirm(*_: object, **__: object) -> bool:
        return text == "y"

    monkeypatch.setattr(terminal, "can_ask", lambda: True)
    monkeypatch.setattr(click, "confirm", confirm)


@pytest.mark.parametrize("as_json", [True, False])
def test_where_nobody_can_be_asked_nothing_untrusted_runs(
    context: Context, as_json: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "can_ask", lambda: as_json)
    work = action(guarded(context))
    with pytest.raises(NotTrusted) as refused:
        terminal.follow(work, Nothing(), context, as_json=as_json)
    untold = "This project brings 1 command that you have not allowed as it is now."
    way_out = "`crew trust duo`, or with --trust in a script."
    assert str(refused.value).splitlines() == [
        f"{untold} Nothing was started:",
        "  builder: make 'it\\x1b[2J'",
        "      files      Makefile",
        "      variables  KEY",
        f"      note       {_NOTE}",
        f"      sha256     {'ab' * 32}",
        f"Look at them, then allow them with {way_out}",
    ]
    again = pickle.loads(pickle.dumps(refused.value))
    assert str(again) == str(refused.value)


def test_what_the_user_allows_runs_and_is_remembered(
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer(monkeypatch, "y")
    work = action(guarded(context))
    assert terminal.follow(work, Nothing(), context, as_json=False) == 0
    assert "builder: make 'it\\x1b[2J'" in capsys.readouterr().err
    answer(monkeypatch, "n")
    assert terminal.follow(work, Nothing(), context, as_json=False) == 0


def test_what_the_user_declines_does_not_run(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, "n")
    with pytest.raises(asking.Declined, match="Nothing was started"):
        terminal.follow(action(guarded(context)), Nothing(), context, as_json=False)
    assert not TrustStore(context.places).path.exists()
