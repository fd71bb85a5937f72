"""How the page behaves: keys, the palette, lost connections, small screens, readers."""

import re
from collections.abc import Mapping
from importlib.resources import files
from unittest.mock import patch

from playwright.sync_api import Page, expect
from tests.console.browser import world
from tests.console.browser.stage import Stage

ALL = {
    "type": "tag",
    "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}
CONTRAST = {"type": "rule", "values": ["color-contrast"]}
_AUDIT = """
async rules => {
  const { violations, passes } = await axe.run(document, {
    runOnly: rules, resultTypes: ["violations"] });
  if (!passes.length) return ["nothing was looked at"];
  return violations.map(one => `${one.id}: ${one.help}: ` + one.nodes.slice(0, 3)
    .map(node => `${node.target} ${node.failureSummary}`).join("; "));
}
"""


def everything_is_reached_with_keys(stage: Stage) -> None:
    stage.server.start(world.one("asker", "Choose a name"))
    page = stage.page()
    keys = page.keyboard
    row = page.locator("a.run-row")
    row.wait_for()
    keys.press("j")
    expect(row).to_be_focused()
    keys.press("Enter")
    expect(page.locator("h1")).to_have_text("Choose a name")
    keys.press("]")
    expect(page.locator(".graph")).to_be_visible()
    keys.press("[")
    page.locator("a.agent-row").wait_for()
    keys.press("j")
    keys.press("j")
    expect(page.locator("a.agent-row")).to_be_focused()
    keys.press("Enter")
    expect(page.locator(".question")).to_contain_text("Which database")
    keys.press("a")
    expect(page.locator("[data-answer]").first).to_be_focused()
    keys.press("Enter")
    expect(page.locator(".question")).to_contain_text("what shall its name be")
    keys.press("a")
    keys.type("gjn /?")  # letters in a field are letters
    keys.press("Control+Enter")
    expect(page.locator(".facts .status")).to_have_text(re.compile("completed"))
    keys.press("Escape")
    keys.press("u")
    expect(page.locator("h1")).to_have_text("Choose a name")
    for key, title in (
        ("s", "Supervisors"),
        ("m", "Mailboxes"),
        ("d", "Dead letters"),
        ("c", "Metrics"),
        (",", "Settings"),
        ("r", "Runs"),
    ):
        keys.press("g")
        keys.press(key)
        expect(page.locator("h1")).to_have_text(title)
    keys.press("/")
    expect(page.get_by_label("Filter runs")).to_be_focused()
    keys.type("nothing like it")
    expect(page.locator("main")).to_contain_text("No run fits")
    keys.press("Escape")
    keys.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Command palette")
    keys.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    keys.press("n")
    expect(page.locator("h1")).to_have_text("Start a team")


def a_dialog_keeps_the_focus_and_gives_it_back(stage: Stage) -> None:
    run = stage.server.start(world.one("busy"))
    page = stage.page(f"/run/{run}")
    button = page.get_by_role("button", name="Cancel run")
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("alertdialog")
    expect(dialog.get_by_role("button", name="Let it go on")).to_be_focused()
    for _ in range(6):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement === document.body || document.querySelector('dialog').contains(document.activeElement)"
        )
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(button).to_be_focused()


def the_palette_finds_places_runs_and_all_actions(stage: Stage) -> None:
    run = stage.server.start(world.one("busy", "Count the beans"))
    page = stage.page()
    page.locator("a.run-row").wait_for()
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox")
    expect(field).to_be_focused()
    field.fill("beans")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Count the beans")
    page.keyboard.press("Control+k")
    field.fill("validate")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="validate").click()
    expect(dialog.locator(".answer")).to_contain_text("{")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    field.fill("steer")
    page.locator("[role=option]", has_text="change its course").click()
    expect(dialog.get_by_label("run (needed)")).to_have_value(run)
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    field.fill("cancel run")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alertdialog")).to_contain_text("Cancel this run?")


def a_lost_server_is_found_again_without_gap_or_double(stage: Stage) -> None:
    run = stage.server.start(world.feature())
    page = stage.page(f"/run/{run}/events")
    page.get_by_role("button", name="All", exact=True).click()
    expect(page.locator(".event").first).to_be_visible()
    stage.server.go_away()
    expect(page.locator(".reconnecting")).to_be_visible()
    expect(page.locator("h1")).to_contain_text("passkey")  # what was there stays
    page.wait_for_timeout(700)
    stage.server.come_back()
    expect(page.locator(".reconnecting")).to_have_count(0)
    _events_are_whole(page)
    page.evaluate("run => { location.hash = `#/run/${run}/task/read-history`; }", run)
    log = page.get_by_role("log")
    expect(log).to_contain_text("line 12:")
    stage.server.go_away()
    expect(page.locator(".reconnecting")).to_be_visible()
    stage.server.come_back()
    expect(page.locator(".reconnecting")).to_have_count(0)
    expect(log).to_contain_text("line 0:")  # all that was there before is there again
    seen = int(re.findall(r"line (\d+):", log.text_content() or "")[-1])
    expect(log).to_contain_text(f"line {seen + 5}:")
    numbers = [int(one) for one in re.findall(r"line (\d+):", log.text_content() or "")]
    assert numbers == list(range(numbers[-1] + 1))


def a_server_of_another_version_has_the_page_loaded_anew(stage: Stage) -> None:
    page = stage.page()
    stage.server.go_away()
    with patch("crew_actors.console._server.__version__", "9.9.9"):
        stage.server.come_back()
        expect(page.locator(".updated")).to_contain_text("another version")
        expect(page.locator(".server")).to_contain_text("crew 9.9.9")
        page.get_by_role("button", name="Load it anew").click()
        expect(page.locator(".server")).to_contain_text("Connected")
        expect(page.locator(".updated")).to_have_count(0)


def _events_are_whole(page: Page) -> None:
    page.wait_for_timeout(500)
    found = "all => all.map(one => Number(one.dataset.seq))"
    seqs = page.locator(".event").evaluate_all(found)
    assert seqs == list(range(seqs[0], seqs[-1] + 1))


def a_phone_shows_all_without_scrolling_sideways(stage: Stage) -> None:
    run = stage.server.start(world.feature())
    stage.server.start(world.hostile())
    page = stage.page(viewport={"width": 360, "height": 740}, has_touch=True)
    for place in _places(run):
        page.evaluate("place => { location.hash = place; }", f"#{place}")
        page.wait_for_timeout(250)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 360, f"{place} is {wide} wide"
    page.get_by_role("link", name="Runs").first.click()
    expect(page.locator("h1")).to_have_text("Runs")


def readers_and_eyes_get_what_they_need(stage: Stage) -> None:
    run = stage.server.start(world.feature())
    stage.server.start(world.approved())
    page = stage.page(color_scheme="light", reduced_motion="reduce")
    _see_all(page, run, ALL)


def contrast_is_enough_in_the_dark(stage: Stage) -> None:
    run = stage.server.start(world.feature())
    stage.server.start(world.approved())
    page = stage.page(color_scheme="dark", reduced_motion="reduce")
    _see_all(page, run, CONTRAST)


def the_audit_finds_what_is_wrong(stage: Stage) -> None:
    page = stage.page("/settings")
    _load_audit(page)
    page.evaluate("document.querySelector('h1').style.color = '#cccccc'")
    page.evaluate(
        "document.querySelector('main').append(document.createElement('button'))"
    )
    found = page.evaluate(_AUDIT, ALL)
    assert [one.split(":")[0] for one in found] == ["button-name", "color-contrast"]


def _see_all(page: Page, run: str, rules: Mapping[str, object]) -> None:
    _load_audit(page)
    for place in _places(run):
        page.evaluate("place => { location.hash = place; }", f"#{place}")
        page.wait_for_timeout(350)
        assert page.evaluate(_AUDIT, rules) == [], place
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.locator(".palette-field").wait_for()
    assert page.evaluate(_AUDIT, rules) == [], "the palette"


def _load_audit(page: Page) -> None:
    library = files("axe_playwright_python") / "axe.min.js"
    page.evaluate(library.read_text(encoding="utf-8"))


def the_theme_is_chosen_and_kept(stage: Stage) -> None:
    page = stage.page("/settings", color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate(ground) != light
    page.reload()
    expect(page.locator("h1")).to_have_text("Settings")
    assert page.evaluate(ground) != light


def what_happens_is_said_to_those_who_do_not_look(stage: Stage) -> None:
    page = stage.page()
    expect(page.locator("main")).to_contain_text("No run yet")
    page.keyboard.press("g")
    page.keyboard.press("c")
    expect(page.locator("h1")).to_have_text("Metrics")
    stage.server.start(world.one("asker", "Ask me"))
    said = page.get_by_role("status").filter(has_text="asks a question: Ask me")
    expect(said).to_have_count(1)
    expect(page.locator(".charts .chart").first).to_be_visible()


def _places(run: str) -> list[str]:
    of_run = ["", "/graph", "/timeline", "/events", "/messages", "/files", "/summary"]
    of_task = [
        "/task/choose-database",
        "/task/read-history",
        "/task/explore-api/about",
        "/task/plan/events",
        "/task/choose-database/messages",
    ]
    return [
        "/runs",
        *(f"/run/{run}{part}" for part in of_run + of_task),
        "/supervisors",
        f"/supervisors/{run}",
        f"/mailboxes/{run}",
        "/letters",
        "/metrics",
        "/settings",
        "/start",
    ]
