"""Actions for clients, without a client."""

import importlib
import json
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
import trio
from tests.support.crews import crew_in
from tests.support.plans import plan, task

from crew_actors.commands import Action, Context, load_action
from crew_actors.console import _actions
from crew_actors.console._actions import Actions, TooManyWorks
from crew_actors.console._hints import Definitions
from crew_actors.console._listening import open_listeners
from crew_actors.console._pages import load_pages
from crew_actors.places import Places
from crew_supervisors import SupervisorOptions, open_supervisor


async def silent(text: str) -> None:
    """Take in a note."""


@asynccontextmanager
async def actions_in(folder: Path, most: int = 2) -> AsyncGenerator[Actions]:
    options = SupervisorOptions(name="works", strategy="dynamic", max_children=most)
    async with crew_in(folder) as crew, open_supervisor(options) as works:
        context = Context(
            project=crew.project,
            places=Places(config=folder / "c", data=folder / "d"),
            environ={},
            now=lambda: 0.0,
            crew=crew,
        )
        yield Actions(context, works)


@attrs.frozen(kw_only=True)
class Nothing:
    """No parameters."""


def replaced(monkeypatch: pytest.MonkeyPatch, action: Action[Nothing, object]) -> None:
    def load(_: str) -> Action[Nothing, object]:
        return action

    monkeypatch.setattr(_actions, "load_action", load)


async def test_works_are_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def last(_: Nothing, context: Context) -> None:
        context.watcher.started(attrs.evolve)  # type: ignore[arg-type]  # no run of ours
        await context.watcher.note("nobody hears that any more")
        await trio.sleep_forever()

    action = Action[Nothing, object](
        name="run", parameters=Nothing, handler=last, text=str
    )
    replaced(monkeypatch, action)
    async with actions_in(tmp_path) as actions:
        for _ in range(2):
            said = await actions.carry_out("run", {}, silent)
            assert json.loads(said) == {"kind": "started", "run": None}
        with pytest.raises(TooManyWorks, match="wait for one"):
            await actions.carry_out("run", {}, silent)


async def test_what_ends_badly_after_its_start_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ended = trio.Event()

    async def broken(_: Nothing, context: Context) -> None:
        context.watcher.started(attrs.evolve)  # type: ignore[arg-type]  # no run of ours
        try:
            await trio.lowlevel.checkpoint()
            raise RuntimeError("the disk is full")
        finally:
            ended.set()

    action = Action[Nothing, object](
        name="run", parameters=Nothing, handler=broken, text=str
    )
    replaced(monkeypatch, action)
    async with actions_in(tmp_path) as actions:
        await actions.carry_out("run", {}, silent)
        await ended.wait()
    assert "run: what it started ended with: the disk is full" in caplog.text


async def test_an_action_that_looks_holds_up_nothing(tmp_path: Path) -> None:
    async with actions_in(tmp_path) as actions:
        said = await actions.carry_out("list", {}, silent)
        assert "survey" in said
        assert load_action("list").name == "list"


@pytest.mark.parametrize(
    ("name", "params", "reads"),
    [
        ("run", {"goal": "look"}, "plan_run"),
        ("resume", {"run": "latest"}, "read_state"),
        ("retry", {"run": "latest"}, "read_state"),
    ],
)
async def test_what_a_run_begins_with_is_read_in_a_thread(
    name: str,
    params: dict[str, str],
    reads: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Read(Exception):
        """It was read, and where does not matter any more."""

    def read(*_: object, **__: object) -> None:
        assert threading.current_thread() is not threading.main_thread()
        raise Read

    async with actions_in(tmp_path) as actions:
        assert actions.context.crew is not None
        run = await actions.context.crew.start(plan(task("a", role="nobody")))
        await run.wait()
        of = importlib.import_module(f"crew_actors.commands._{name}")
        monkeypatch.setattr(of, reads, read)
        with pytest.raises(Read):
            await actions.carry_out(name, params, silent)


def test_two_classes_of_one_name_are_told_apart() -> None:
    one = attrs.make_class("Same", {"a": attrs.field(type=int)})
    two = attrs.make_class("Same", {"b": attrs.field(type=str)})
    definitions = Definitions()

    first, second = definitions.schema(one), definitions.schema(two)

    assert first != second
    assert definitions.schema(one) == first
    assert len(definitions.found) == 2


async def test_all_addresses_of_a_name_have_one_port() -> None:
    for host in ("localhost", "127.0.0.1"):
        (listener,) = await open_listeners(host, 0, is_safe=False)
        await listener.aclose()


def test_the_page_is_made_of_files_of_known_kinds() -> None:
    pages = load_pages()

    assert all(page.etag.startswith('"') for page in pages.values())
    if "/index.html" in pages:
        assert pages["/"] is pages["/index.html"]
