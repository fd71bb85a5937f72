"""Take the pictures for the docs: `python -m tests.console.browser.pictures FOLDER`."""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page
from tests.console.browser import world
from tests.console.browser.stage import Stage, open_browser

LARGE = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}


def take(stage: Stage, folder: Path) -> None:
    """Take all of them, while a few runs are at work."""
    server = stage.server
    server.run_to_end(world.one("failing", "Find out why the build is red"))
    server.run_to_end(world.one("short", "Write the notes of the release"))
    server.start(world.approved())
    server.start(world.many(100))
    run = server.start(world.feature("good"))
    light = stage.page(viewport=LARGE, color_scheme="light")
    light.wait_for_timeout(4000)
    light.screenshot(path=folder / "console-runs.png")
    _take(light, f"/run/{run}", folder / "console-run.png")
    _take(light, f"/run/{run}/graph", folder / "console-graph.png")
    _take(light, f"/supervisors/{run}", folder / "console-supervisors.png")
    dark = stage.page(viewport=LARGE, color_scheme="dark")
    _take(dark, f"/run/{run}/task/read-history", folder / "console-agent-dark.png")
    light.wait_for_timeout(25_000)  # for curves that one can see
    _take(light, "/metrics", folder / "console-metrics.png")
    phone = stage.page(viewport=PHONE, device_scale_factor=2, has_touch=True)
    _take(phone, f"/run/{run}/task/choose-database", folder / "console-phone.png")


def _take(page: Page, place: str, path: Path) -> None:
    page.evaluate("place => { location.hash = place; }", f"#{place}")
    page.wait_for_timeout(1200)
    page.screenshot(path=path)


def main() -> None:
    """Take the pictures into the folder that is named."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as place,
        open_browser() as browser,
        Stage.open(browser, Path(place)) as stage,
    ):
        take(stage, folder)


if __name__ == "__main__":
    main()
