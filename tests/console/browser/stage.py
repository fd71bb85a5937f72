"""What scenes are played on: a server in a thread, and pages of a browser."""

import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import attrs
import trio
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    sync_playwright,
)
from tests.console.browser import world
from tests.console.browser.theatre import BROWSER
from tests.support.crews import crew_in

from crew_actors.console import ConsoleAddress, Tokens, serve_console
from crew_actors.model import RunPlan
from crew_actors.runs import Crew

T = TypeVar("T")

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE = 10_000
"""Milliseconds after which a page that does not show what it should is wrong."""

_NOTE_ERRORS = """
window.hurt = 0; window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""


@contextmanager
def open_browser() -> Generator[Browser]:
    """Start the browser of the system."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=list(FLAGS))
        yield browser
        browser.close()


@attrs.define(eq=False)
class Server:
    """A crew and its console, in a thread with a loop of its own."""

    folder: Path
    tokens: Tokens = attrs.field(factory=Tokens)
    address: ConsoleAddress = attrs.field(init=False)
    crew: Crew = attrs.field(init=False)
    _token: trio.lowlevel.TrioToken = attrs.field(init=False)
    _ready: threading.Event = attrs.field(factory=threading.Event, init=False)
    _nursery: trio.Nursery = attrs.field(init=False)
    _scope: trio.CancelScope = attrs.field(init=False)
    _gone: trio.Event = attrs.field(init=False)
    _over: trio.Event = attrs.field(init=False)

    @contextmanager
    def open(self) -> Generator["Server"]:
        """Run it."""
        thread = threading.Thread(target=trio.run, args=(self._main,))
        thread.start()
        assert self._ready.wait(30)
        try:
            yield self
        finally:
            trio.from_thread.run_sync(self._over.set, trio_token=self._token)
            thread.join(30)

    async def _main(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._over = trio.Event()
        self._gone = trio.Event()
        place = world.project(self.folder)
        async with (
            crew_in(place, 256, **world.AGENTS) as crew,
            trio.open_nursery() as nursery,
        ):
            self.crew, self._nursery = crew, nursery
            await self._serve()
            self._ready.set()
            await self._over.wait()
            nursery.cancel_scope.cancel()
            for run in crew.roster.at_work():
                run.cancel("over", now=True)

    async def _serve(self, port: int = 0) -> None:
        self.address = await self._nursery.start(self._console, port)

    async def _console(
        self, port: int, *, task_status: trio.TaskStatus[ConsoleAddress]
    ) -> None:
        with trio.CancelScope() as self._scope:
            await serve_console(
                self.crew, tokens=self.tokens, port=port, task_status=task_status
            )
        self._gone.set()

    def do(self, function: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Have an asynchronous function done there."""
        return trio.from_thread.run(function, *args, trio_token=self._token)

    def start(self, plan: RunPlan) -> str:
        """Start a run; return its id."""
        return str(self.do(self.crew.start, plan).id)

    def run_to_end(self, plan: RunPlan) -> str:
        """Run *plan* to its end."""

        async def through() -> str:
            run = await self.crew.start(plan)
            await run.wait()
            return str(run.id)

        return self.do(through)

    def go_away(self) -> None:
        """End the console; runs go on."""

        async def end() -> None:
            self._gone = trio.Event()
            self._scope.cancel()
            await self._gone.wait()

        self.do(end)

    def come_back(self) -> None:
        """Open the console again, at the same place and with the same tokens."""
        self.do(self._serve, self.address.port)


@attrs.define(eq=False)
class Stage:
    """A server, and pages that look at it."""

    browser: Browser
    server: Server
    problems: list[str] = attrs.field(factory=list[str], init=False)
    pages: list[Page] = attrs.field(factory=list[Page], init=False)
    _contexts: list[BrowserContext] = attrs.field(
        factory=list[BrowserContext], init=False
    )

    @classmethod
    @contextmanager
    def open(cls, browser: Browser, folder: Path) -> Generator["Stage"]:
        """Open the server; pages are closed in the end."""
        with Server(folder).open() as server:
            stage = cls(browser, server)
            try:
                yield stage
            finally:
                for context in stage._contexts:
                    context.close()

    def page(
        self, place: str = "/runs", *, viewer: bool = False, **options: Any
    ) -> Page:
        """Open the page with a link as the server prints it, and go to *place*."""
        options.setdefault("viewport", {"width": 1280, "height": 820})
        context = self.browser.new_context(**options)
        self._contexts.append(context)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.add_init_script(_NOTE_ERRORS)
        page.on("console", lambda message: self._heard(message))  # noqa: PLW0108  it is given an attribute
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        tokens = self.server.tokens
        token = tokens.viewer if viewer else tokens.operator
        page.goto(self.server.address.link(token))
        page.wait_for_selector(".dot-open", state="attached")
        if place != "/runs":
            page.evaluate("place => { location.hash = place; }", f"#{place}")
        self.pages.append(page)
        return page

    def _heard(self, message: ConsoleMessage) -> None:
        # A refused connection while the server is away is no fault of the page.
        if message.type in {"error", "warning"} and "WebSocket" not in message.text:
            self.problems.append(f"{message.type}: {message.text}")

    def check(self) -> None:
        """Raise for what no page may ever do."""
        for page in self.pages:
            if not page.is_closed():
                self.problems += page.evaluate("window.violations")
                assert page.evaluate("window.hurt") == 0, "markup was taken for markup"
        assert not self.problems, self.problems
