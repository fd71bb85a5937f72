"""What the page shows of the inside of a server, and how it lives through its death."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import trio
from playwright.sync_api import expect
from tests.console.browser import world
from tests.console.browser.stage import Stage
from tests.console.browser.theatre import ROOT

from crew_actors.actors import Inbox
from crew_actors.console._kept import keep_door, unkeep
from crew_actors.places import Places
from crew_supervisors import FOREVER, KILL, ChildSpec, SupervisorOptions, supervise


def the_tree_shows_who_is_supervised_and_was_restarted(stage: Stage) -> None:
    run = stage.server.start(world.one("busy"))
    page = stage.page("/supervisors")
    expect(page.locator(".head")).to_contain_text("0 restarts")
    stage.server.do(_put_in_a_fragile_one, stage)
    branch = page.get_by_role("treeitem", name=re.compile("fragile"))
    line = branch.last.locator(".node-line").first
    expect(line).to_contain_text("running")
    expect(line).to_contain_text("2 restarts")
    expect(page.locator(".head")).to_contain_text("2 restarts")
    expect(
        page.get_by_role("treeitem").filter(has_text="connections").first
    ).to_be_visible()
    page.get_by_label("Of").select_option(run)
    actor = page.locator(".node-line", has_text="task/only.1")
    expect(actor).to_contain_text(re.compile(r"actor.*running.*\d of \d+ queued"))


async def _put_in_a_fragile_one(stage: Stage) -> None:
    left = 2

    async def fragile() -> None:
        nonlocal left
        if left:
            left -= 1
            raise RuntimeError("it breaks easily")
        await trio.sleep_forever()

    options = SupervisorOptions(name="helpers", max_restarts=5)
    specs = (ChildSpec("fragile", fragile),)
    spec = ChildSpec("helpers", supervise, (specs, options), stop=FOREVER)
    await stage.server.crew._actors.supervisor.start(spec)  # pyright: ignore[reportPrivateUsage]  # an actor of its own


def mailboxes_and_dead_letters_are_seen_as_they_fill(stage: Stage) -> None:
    page = stage.page("/mailboxes")
    tell = stage.server.do(_put_in_a_deaf_one, stage)
    row = page.get_by_role("row").filter(has_text="deaf")
    expect(row).to_contain_text("deaf")
    for _ in range(5):
        stage.server.do(tell, f"{world.NASTY} {world.HIDING}")
    expect(row.locator("td").nth(2)).to_have_text("2")
    expect(row.locator(".depth.full")).to_have_count(1)
    page.get_by_role("link", name="Dead letters").click()
    expect(page.locator(".head")).to_contain_text("3 in all")
    letter = page.get_by_role("row").filter(has_text="deaf").first
    expect(letter).to_contain_text("dropped")
    expect(letter).to_contain_text("<img src=x")
    expect(letter).to_contain_text(r"safe\u202egnp.exe")
    stage.server.do(tell, "once more")
    expect(page.locator(".head")).to_contain_text("4 in all")
    expect(page.get_by_role("row").nth(1)).to_contain_text("once more")
    page.get_by_label("Filter dead letters").fill("nothing like it")
    expect(page.locator("main")).to_contain_text("No dead letter fits")


async def _put_in_a_deaf_one(stage: Stage) -> Callable[[str], Awaitable[None]]:
    async def deaf(inbox: Inbox[str]) -> None:
        await trio.sleep_forever()

    actors = stage.server.crew._actors  # pyright: ignore[reportPrivateUsage]  # as above
    ref = await actors.spawn(
        deaf, name="deaf", capacity=2, on_full="drop_new", stop=KILL
    )
    return ref.tell


def figures_are_drawn_over_time(stage: Stage) -> None:
    page = stage.page("/metrics")
    expect(page.locator(".still")).to_contain_text("agents at work")
    stage.server.start(world.many(7))
    chart = page.locator("figure.chart", has_text="agents at work")
    expect(chart.locator("b")).to_have_text("7")
    expect(chart.get_by_role("img")).to_have_attribute(
        "aria-label", re.compile("agents at work: 7; between .* and ")
    )
    assert len(chart.locator(".curve").get_attribute("d") or "") > len("M0 0")
    chart.locator("svg").hover(position={"x": 3, "y": 10})
    expect(chart.locator(".cursor")).to_have_count(1)
    # What happened while another view was shown is drawn as well.
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page.locator("h1")).to_have_text("Runs")
    page.wait_for_timeout(7000)  # longer than anything is kept that nobody uses
    page.keyboard.press("g")
    page.keyboard.press("c")
    expect(chart.locator(".high")).to_have_text("7")
    expect(chart.locator(".low")).to_have_text("0")
    page.get_by_label("Filter metrics").fill("tokens")
    expect(page.locator("figure.chart", has_text="tokens output")).to_be_visible()
    expect(page.locator("figure.chart", has_text="agents at work")).to_have_count(0)


def a_file_leads_to_the_console(stage: Stage) -> None:
    page = stage.page()
    page.evaluate("sessionStorage.clear()")
    folder = stage.server.folder
    places = Places(config=folder / "config", data=folder / "data")
    address = stage.server.address
    door = keep_door(places, address.url, address.link(address.tokens.viewer))
    page.goto(door.as_uri())
    expect(page.locator(".server")).to_contain_text("viewer")
    assert "viewer." not in page.url
    unkeep(places, address.url)
    assert not door.exists()


def a_killed_server_is_found_again_where_it_was(stage: Stage) -> None:
    place = stage.server.folder / "elsewhere"
    place.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    page = stage.browser.new_context().new_page()
    try:
        with _served(place, port) as (process, link):
            page.goto(link)
            expect(page.locator(".server")).to_contain_text("Connected")
            page.evaluate("location.hash = '#/start'")
            page.get_by_label("Goal").fill("What is in this folder?")
            page.get_by_role("combobox", name="Team", exact=True).select_option(
                "survey"
            )
            page.get_by_role("button", name="Start", exact=True).click()
            expect(page.locator("h1")).to_have_text("What is in this folder?")
            os.kill(process.pid, signal.SIGKILL)
            process.wait(10)
            expect(page.locator(".reconnecting")).to_be_visible()
            expect(page.locator("h1")).to_have_text("What is in this folder?")
        with _served(place, port):
            expect(page.locator(".reconnecting")).to_have_count(0, timeout=20_000)
            ended = re.compile("interrupted|completed")  # it may have been quick
            expect(page.locator(".facts .status")).to_have_text(ended)
            expect(page.locator(".server")).to_contain_text("Connected")
    finally:
        page.context.close()


@contextmanager
def _served(place: Path, port: int) -> Generator[tuple["subprocess.Popen[str]", str]]:
    """Run `crew serve`; give its process and the address that it tells."""
    home = place / "home"
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
    }
    argv = [sys.executable, "-m", "tests.support.crew", "serve", "--port", str(port)]
    argv += ["--token-file", str(place / "tokens")]
    with subprocess.Popen(
        argv, cwd=place, env=environ, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            told = process.stderr.readline()
            link = re.search(r"http://\S+", told)
            assert link, told + process.stderr.read()
            yield process, link[0]
        finally:
            process.terminate()
