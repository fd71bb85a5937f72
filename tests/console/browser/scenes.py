"""What people do with the page, step by step. Each scene begins with a fresh server."""

import re

from playwright.sync_api import expect
from tests.console.browser import world
from tests.console.browser.stage import Stage


def the_token_leaves_the_address_and_stays_in_the_session(stage: Stage) -> None:
    page = stage.page()
    assert "operator." not in page.url
    kept = page.evaluate("sessionStorage.getItem('crew.token')")
    assert kept == stage.server.tokens.operator
    assert page.evaluate("localStorage.length") == 0
    page.reload()
    expect(page.locator(".server")).to_contain_text("Connected")


def a_page_without_a_token_asks_for_it(stage: Stage) -> None:
    page = stage.page()
    page.evaluate("sessionStorage.clear()")
    page.goto("about:blank")
    page.goto(stage.server.address.url)
    field = page.get_by_label("Address or token")
    field.fill(stage.server.address.link(stage.server.tokens.operator))
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.locator(".server")).to_contain_text("Connected")


def a_wrong_token_is_told_and_not_tried_again(stage: Stage) -> None:
    page = stage.page()
    page.evaluate("sessionStorage.setItem('crew.token', 'operator.' + 'x'.repeat(43))")
    page.reload()
    expect(page.get_by_role("heading", name="Not connected")).to_be_visible()
    expect(page.locator("main")).to_contain_text("does not know this token")


def a_run_is_seen_live_to_its_end(stage: Stage) -> None:
    page = stage.page()
    stage.server.start(world.one("short", "Write the notes"))
    row = page.locator("a.run-row", has_text="Write the notes")
    expect(row).to_contain_text("running")
    row.click()
    expect(page.locator("a.agent-row .says")).to_contain_text("of 10")
    expect(page.locator(".facts .status")).to_have_text(re.compile("completed"))
    page.get_by_role("link", name="Summary").click()
    expect(page.locator(".prose")).to_contain_text("only")


def what_was_live_in_one_page_is_live_in_all(stage: Stage) -> None:
    run = stage.server.start(world.one("listener"))
    pages = [stage.page(f"/run/{run}") for _ in range(2)]
    talker = stage.page(f"/run/{run}/task/only")
    talker.get_by_label("Message:").fill("hello")
    talker.get_by_role("button", name="Send").click()
    for page in pages:
        expect(page.locator("a.agent-row .says")).to_have_text("was told: hello")


def output_is_followed_and_paused(stage: Stage) -> None:
    plan = world.feature()
    run = stage.server.start(plan)
    page = stage.page(f"/run/{run}/task/read-history")
    log = page.get_by_role("log")
    expect(log).to_contain_text("line 5: reading src/module_5.py")
    expect(log.locator(".c-green").first).to_have_text("line")
    assert "\x1b" not in log.inner_text()
    expect(log).to_contain_text("\u2039202E\u203adecafnu")
    page.get_by_role("button", name="Follows").click()
    expect(page.get_by_role("button", name="Paused")).to_be_visible()
    page.get_by_role("button", name="Errors").click()
    expect(log).to_contain_text("warning 0: a slow file")


def a_question_is_answered(stage: Stage) -> None:
    run = stage.server.start(world.one("asker"))
    page = stage.page()
    expect(page.locator("a.run-row .badge")).to_have_text("1 question")
    expect(page).to_have_title("(1) crew")
    page.locator("a.run-row").click()
    page.get_by_role("link", name="Answer").click()
    page.get_by_role("button", name="sqlite").click()
    page.get_by_label("Answer: And what shall its name be?").fill("accounts")
    page.get_by_role("button", name="Answer", exact=True).click()
    expect(page.locator(".facts .status")).to_have_text(re.compile("completed"))
    page.evaluate("run => location.hash = `#/run/${run}/task/only/about`", run)
    expect(page.locator(".prose").first).to_contain_text("sqlite called accounts")


def leave_is_given(stage: Stage) -> None:
    run = stage.server.start(world.one("careful"))
    page = stage.page(f"/run/{run}/task/only")
    question = page.locator(".question")
    expect(question).to_contain_text("asks for leave")
    expect(question).to_contain_text("shell: rm -r build")
    page.get_by_role("button", name="allow").click()
    page.evaluate("run => location.hash = `#/run/${run}/task/only/about`", run)
    expect(page.locator(".prose").first).to_contain_text("It was allow.")


def a_plan_is_approved(stage: Stage) -> None:
    run = stage.server.start(world.approved())
    page = stage.page(f"/run/{run}")
    page.get_by_role("button", name="Approve").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Approve the plan?")
    dialog.get_by_role("button", name="Approve").click()
    expect(page.locator(".facts .status")).to_have_text(re.compile("completed"))


def a_plan_is_rejected(stage: Stage) -> None:
    run = stage.server.start(world.approved())
    page = stage.page(f"/run/{run}")
    page.get_by_role("button", name="Reject").click()
    dialog = page.get_by_role("alertdialog")
    dialog.get_by_label("Why").fill("too large")
    dialog.get_by_role("button", name="Reject").click()
    expect(page.locator(".facts .status")).to_have_text(re.compile("cancelled"))
    expect(page.locator(".run-head")).to_contain_text("too large")


def a_run_is_cancelled_only_after_confirmation(stage: Stage) -> None:
    run = stage.server.start(world.one("busy"))
    page = stage.page(f"/run/{run}")
    page.get_by_role("button", name="Cancel run").click()
    page.get_by_role("button", name="Let it go on").click()
    expect(page.locator(".facts .status")).to_have_text(re.compile("running"))
    page.get_by_role("button", name="Cancel run").click()
    dialog = page.get_by_role("alertdialog")
    dialog.get_by_label("Why").fill("wrong branch")
    dialog.get_by_role("button", name="Cancel run").click()
    expect(page.locator(".facts .status")).to_have_text(re.compile("cancelled"))
    expect(page.locator(".run-head")).to_contain_text("wrong branch")


def what_failed_is_retried(stage: Stage) -> None:
    run = stage.server.run_to_end(world.one("failing"))
    page = stage.page(f"/run/{run}/task/only")
    expect(page.locator(".run-head")).to_contain_text("no such module 'spam'")
    page.get_by_role("button", name="Retry task").click()
    page.get_by_role("dialog").get_by_role("button", name="Retry").click()
    expect(page.locator(".facts")).to_contain_text("attempt 2")


def an_agent_at_work_is_begun_anew(stage: Stage) -> None:
    run = stage.server.start(world.one("busy"))
    page = stage.page(f"/run/{run}/task/only")
    page.get_by_role("button", name="Restart").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Restart task only?")
    dialog.get_by_label("Why").fill("it goes round in circles")
    dialog.get_by_role("button", name="Restart").click()
    expect(page.locator(".facts")).to_contain_text("attempt 2")
    expect(page.locator(".facts .status")).to_have_text(re.compile("running"))
    page.get_by_role("link", name="Events").click()
    expect(page.locator(".events")).to_contain_text("it goes round in circles")


def a_message_is_sent_and_what_became_of_it_is_shown(stage: Stage) -> None:
    run = stage.server.start(world.one("listener"))
    page = stage.page(f"/run/{run}/task/only")
    page.get_by_role("button", name="Interrupt").click()
    page.get_by_label("Interrupt:").fill("not that one")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".composer .outcome")).to_have_text(
        re.compile("delivered|waits")
    )
    page.get_by_role("button", name="Steer").click()
    page.get_by_label("Steer:").fill("look at the tests first")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".composer .outcome")).to_have_text(
        re.compile("delivered|waits")
    )
    page.get_by_role("link", name="Messages").click()
    line = page.locator(".line", has_text="look at the tests first")
    expect(line.locator(".outcome")).to_have_text("delivered")
    page.get_by_role("button", name="Follow-up").click()
    page.get_by_label("Follow-up:").fill("enough")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".facts .status")).to_have_text(re.compile("completed"))
    page.get_by_label("Follow-up:").fill("too late")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toast.bad, .outcome.o-rejected").first).to_be_visible()


def a_team_is_started(stage: Stage) -> None:
    page = stage.page()
    page.get_by_role("banner").get_by_role("link", name="Start a team").click()
    page.get_by_label("Goal").fill("What is in this folder?")
    expect(page.locator(".advice")).to_contain_text("Recommended")
    page.get_by_role("combobox", name="Team", exact=True).select_option("survey")
    expect(page.locator(".plan")).to_contain_text("cartographer")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator("h1")).to_have_text("What is in this folder?")
    expect(page.locator(".facts .status")).to_have_text(re.compile("completed"))


def a_run_is_forgotten(stage: Stage) -> None:
    run = stage.server.run_to_end(world.one("short", "Old thing"))
    page = stage.page(f"/run/{run}")
    page.locator("summary", has_text="More").click()
    page.get_by_role("button", name="Forget run").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Forget").click()
    expect(page.locator("h1")).to_have_text("Runs")
    expect(page.locator("a.run-row")).to_have_count(0)


def a_viewer_may_look_and_is_told_why_nothing_more(stage: Stage) -> None:
    run = stage.server.start(world.one("asker"))
    page = stage.page(f"/run/{run}/task/only", viewer=True)
    cancel = page.get_by_role("button", name="Cancel task")
    expect(cancel).to_have_attribute("aria-disabled", "true")
    cancel.click(force=True)
    expect(page.locator(".toast")).to_contain_text("may only look")
    expect(page.get_by_role("alertdialog")).to_have_count(0)
    expect(page.locator("[data-compose]")).to_be_disabled()
    page.get_by_role("button", name="sqlite").click(force=True)
    page.get_by_role("link", name="Events").click()
    expect(page.locator(".events")).to_contain_text("question.asked")
    expect(page.locator(".events")).not_to_contain_text("question.answered")


def markup_and_hidden_characters_are_only_text(stage: Stage) -> None:
    run = stage.server.start(world.hostile())
    page = stage.page()
    goal = page.locator("a.run-row .goal")
    expect(goal).to_contain_text("<img src=x")
    expect(goal).to_contain_text("\u2039202E\u203agnp.exe\u203907\u203a")
    places = ["", "/graph", "/timeline", "/events", "/messages", "/files", "/summary"]
    places += [
        f"/task/{t}{part}"
        for t in ("nasty", "output")
        for part in ("", "/messages", "/events", "/about")
    ]
    for place in places:
        page.evaluate("place => { location.hash = place; }", f"#/run/{run}{place}")
        page.wait_for_timeout(150)
        assert page.locator("img[src='x']").count() == 0, place
        assert page.locator("main script").count() == 0, place
        assert "\u202e" not in page.locator("main").inner_text(), place
        stage.check()
    page.evaluate("run => { location.hash = `#/run/${run}/task/nasty`; }", run)
    page.get_by_role("button", name="<img").click()
    expect(page.locator(".facts .status")).to_have_text(re.compile("completed"))
    page.get_by_role("link", name="About").click()
    expect(page.locator(".prose").first).to_contain_text("<img src=x")
