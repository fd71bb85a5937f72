"""The page about the health of children says what is so, and its program runs."""

import re
import subprocess
import sys
from pathlib import Path

from crew_supervisors import DeadLetterRule, Thresholds
from crew_supervisors._heartbeat import ASK_LIMIT
from crew_supervisors._specs import CANCEL_PATIENCE
from crew_supervisors._watched import NOTICE_LIMIT

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "watch-a-childs-health.md").read_text()


def test_the_program_runs_as_it_stands() -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    prelude = f"import sys; sys.path[:0] = [{str(ROOT / 'supervisors')!r}]\n"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", prelude + program],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    said = done.stdout.splitlines()
    for expected in (
        "agent 1 falls silent",
        "agent was healthy and is warn",
        "agent was warn and is stale",
        "agent was stale and is dead",
        "agent 2 falls silent",
        "agent was found dead 2 times in a row",
    ):
        assert expected in said
    assert "failed: HeartbeatLost: child 'agent' gave no sign of life" in done.stdout


def test_the_page_has_the_numbers_of_the_code() -> None:
    flat = " ".join(PAGE.split())
    limits, rule = Thresholds(), DeadLetterRule()
    assert (
        f"healthy up to {limits.warn:g} seconds, `warn` up to {limits.stale:g}, "
        f"`stale` up to {limits.dead:g}" in flat
    )
    assert f"found dead {rule.streak} times in a row" in flat
    assert f"follows after {rule.cooldown:g} seconds at the earliest" in flat
    assert f"A notice that takes longer than {NOTICE_LIMIT:g} seconds" in flat
    assert f"An answer that takes longer than {ASK_LIMIT:g} seconds" in flat
    assert f"with its `stack`, {CANCEL_PATIENCE:g} seconds later" in flat
