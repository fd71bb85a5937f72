# How quick the page is, in a real browser, with a hundred agents at work and other
# clients beside it. What is measured is what a person sees: a word of an agent, from the
# moment of its event to the frame after the one that shows it.
"""Bench: from an event to the screen, frames of the page, its first look."""

import json
import shutil
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import trio

from crew_stress.bench.console import (
    AGENTS,
    CLIENTS,
    Stage,
    ask,
    client,
    crowd,
    p95,
    raise_limit_of_files,
    staged,
    table_of,
)
from crew_stress.bench.pages import where, write_part
from crew_stress.bench.supervisors import Figure

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SECONDS = 10.0
WARM = 3.0
"""Seconds for the page to come to rest before it is measured."""

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
)
VIEWS = ("", "/graph", "/timeline", "/events")
"""The parts of a run that are looked at."""

_WATCH = """
seconds => new Promise(done => {
  const seen = [], frames = [], long = [];
  const tasks = new PerformanceObserver(list => {
    for (const entry of list.getEntries()) long.push(entry.duration);
  });
  tasks.observe({ type: "longtask" });
  let fresh = new Set();
  const look = new MutationObserver(list => {
    for (const one of list) fresh.add(one.target.textContent);
  });
  look.observe(document.querySelector("main"), { subtree: true, childList: true, characterData: true });
  let last = performance.now();
  const end = last + seconds * 1000;
  const frame = now => {
    // What was changed before this frame was shown by the last one.
    const at = Date.now() / 1000;
    for (const text of fresh) seen.push([text, at]);
    fresh = new Set();
    frames.push(now - last);
    last = now;
    if (now < end) return requestAnimationFrame(frame);
    tasks.disconnect();
    look.disconnect();
    done({ seen, frames, long });
  };
  requestAnimationFrame(frame);
})
"""


@contextmanager
def open_browser() -> Generator["Browser"]:
    """Start the browser of the system.

    Raises:
      ModuleNotFoundError: there is no playwright.
    """
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # not everybody has it

    path = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


def open_page(browser: "Browser", stage: Stage) -> tuple["Page", float]:
    """Open the run; return the page and the seconds until its agents are seen."""
    page = browser.new_context(viewport={"width": 1280, "height": 820}).new_page()
    page.goto(f"http://127.0.0.1:{stage.port}/#{stage.token}")
    page.wait_for_selector(".dot-open", state="attached")
    began = time.perf_counter()
    page.evaluate("run => { location.hash = `#/run/${run}`; }", stage.run)
    page.locator("a.agent-row[href]").nth(AGENTS - 1).wait_for()
    return page, time.perf_counter() - began


async def note_words(stage: Stage, words: dict[str, float]) -> None:
    """Follow the events; note when each word was said, until cancelled."""
    async with client(stage) as socket:
        found = await ask(socket, "subscribe", scope="run", run=stage.run)
        since = found["snapshot"]["run"]["seq"]
        await ask(socket, "unsubscribe", subscription=found["subscription"])
        await ask(socket, "subscribe", scope="events", run=stage.run, since=since)
        while True:
            told: dict[str, Any] = json.loads(await socket.get_message())
            for event in told["params"]["changes"]["events"]:
                words[event.get("text", "")] = event["at"]


async def beside(stage: Stage, words: dict[str, float], over: trio.Event) -> None:
    """Be the other clients, until told that it is over."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(note_words, stage, words)
        nursery.start_soon(crowd, stage, CLIENTS - 2, 1e6)
        await over.wait()
        nursery.cancel_scope.cancel()


@contextmanager
def others(stage: Stage) -> Generator[dict[str, float]]:
    """Have other clients look at the run, in a thread; give the words that they hear."""
    words: dict[str, float] = {}
    stop: list[Callable[[], None]] = []
    ready = threading.Event()

    async def main() -> None:
        over, token = trio.Event(), trio.lowlevel.current_trio_token()
        stop.append(lambda: trio.from_thread.run_sync(over.set, trio_token=token))
        ready.set()
        await beside(stage, words, over)

    thread = threading.Thread(target=trio.run, args=(main,))
    thread.start()
    ready.wait()
    try:
        yield words
    finally:
        stop[0]()
        thread.join()


def watched(page: "Page", run: str, view: str) -> dict[str, list[Any]]:
    """Look at a part of the run for a while."""
    page.evaluate("place => { location.hash = place; }", f"#/run/{run}{view}")
    page.wait_for_timeout(WARM * 1000)
    found: dict[str, list[Any]] = page.evaluate(_WATCH, SECONDS)
    return found


def measure(browser: "Browser") -> list[Figure]:
    """Look at a run of a hundred agents."""
    figures: list[Figure] = []
    with staged(AGENTS) as stage, others(stage) as words:
        page, first = open_page(browser, stage)
        figures.append(Figure("from a run's link to its 100 agents", first, "s", 1.0))
        for view in VIEWS:
            name = view.removeprefix("/") or "agents"
            found = watched(page, stage.run, view)
            frames = sorted(found["frames"])
            late = frames[len(frames) * 99 // 100]
            rate = len(frames) / SECONDS
            detail = f"longest task {max(found['long'], default=0):.0f} ms"
            figures += [
                Figure(
                    f"{name}: frames",
                    rate,
                    "per s",
                    10,
                    at_least=True,
                    detail=detail,
                ),
                Figure(f"{name}: time for a frame, 99 of 100", late, "ms", 100),
            ]
            if not view:
                figures.append(_to_the_screen(found["seen"], words))
    return figures


def _to_the_screen(seen: list[Any], words: dict[str, float]) -> Figure:
    ages = [(at - words[text]) * 1000 for text, at in seen if text in words]
    what = f"event to screen, {CLIENTS} clients, p95"
    return Figure(what, p95(ages), "ms", 100, detail=f"{len(ages):,} words")


_ABOUT = """
## The page of the console

Written by `python -m crew_stress.bench console_page --write` from one run of it:
{where}, a headless Chromium without a graphics card on the same machine.

One page and 19 other clients look at a run of 100 agents. A word is on the screen when the
frame that shows it has been drawn. Each view is watched for 10 seconds.

{table}
"""


def main(*, write: bool = False) -> int:
    """Print the figures, and with *write* into the docs; 1 if one of them is missed."""
    raise_limit_of_files()
    try:
        with open_browser() as browser:
            figures = measure(browser)
    except ModuleNotFoundError as missing:
        print(f"skipped: {missing}; pip install 'crew-actors[browser]'")
        return 0
    for figure in figures:
        print(figure, flush=True)
    if write:
        part = _ABOUT.format(where=where(), table=table_of(figures))
        write_part("console-page", part)
    return 0 if all(figure.is_reached for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
