"""What is cut is masked before: half of a secret would not be known any more."""

import sys
from pathlib import Path

import attrs
import pytest
from tests.support.crews import finish
from tests.support.plans import plan, task

from crew_actors.model import CommandSpec, TaskId
from crew_actors.redaction import redact_end, redact_start
from crew_actors.runs._words import DETAIL_LIMIT, WORDS_LIMIT, last_words, words
from crew_actors.runtimes._answer import Answer, Ending
from crew_actors.runtimes._messages import PROGRESS_LIMIT, Asks, Says, understand

TOKEN = "ghp_" + "Ab1" * 12
LONG = "password=" + "Zq9" * 400
"""A secret that is longer than what is kept, and short when it is masked."""


@pytest.mark.parametrize("shift", range(0, len(TOKEN), 3))
def test_a_secret_across_a_cut_shows_no_half(shift: int) -> None:
    before = " " * (100 - shift)
    assert "Ab1" not in redact_start(f"{before}{TOKEN} tail", 100)
    after = " " * (100 - shift)
    assert "Ab1" not in redact_end(f"head {TOKEN}{after}", 100)


@pytest.mark.parametrize("size", [0, 10, 16_383, 16_384, 16_385, 100_000])
def test_what_holds_no_secret_is_cut_and_nothing_else(size: int) -> None:
    text = ("abc def\n" * (size // 8 + 1))[:size]
    for limit in (1, 500, 20_000, 200_000):
        assert redact_start(text, limit) == text[:limit]
        assert redact_end(text, limit) == text[-limit:]


def test_a_text_that_becomes_short_is_not_filled_up_with_halves() -> None:
    assert "Ab1" not in words(f"{LONG[: 2 * WORDS_LIMIT - 20]} {TOKEN}")
    rest = "x" * (2 * DETAIL_LIMIT - 3 * len(TOKEN))
    assert "Ab1" not in last_words(f"{TOKEN} password={rest}")


@pytest.mark.parametrize("before", range(PROGRESS_LIMIT - len(TOKEN), PROGRESS_LIMIT))
def test_progress_shows_no_half_of_a_secret(before: int) -> None:
    line = " ".join(["x" * (before - 1), TOKEN])
    said = Answer(output="text").take(line)
    in_words = understand(line)
    asked = understand(f'{{"type": "question", "text": "{line}"}}')
    told = understand(f'{{"type": "progress", "text": "{line}"}}')
    assert isinstance(asked, Asks)
    for one in (said, in_words, asked, told):
        assert isinstance(one, Says | Asks)
        assert "ghp" not in one.text


def test_progress_shows_no_line_of_a_private_key() -> None:
    answer = Answer(output="text")
    for line in _private_key():
        said = answer.take(line)
        assert isinstance(said, Says)
        assert "MIIE" not in said.text


def _private_key() -> list[str]:
    body = [f"MIIE{number:060}" for number in range(70)]
    return ["-----BEGIN RSA PRIVATE KEY-----", *body, "-----END RSA PRIVATE KEY-----"]


def test_the_last_words_hold_no_half_of_a_private_key() -> None:
    answer = Answer(output="text")
    for line in [*_private_key(), "it failed"]:
        answer.take(line)
    outcome = answer.outcome(Ending(code=1))
    assert "MIIE" not in str(outcome)
    assert "it failed" in str(outcome)


@pytest.mark.parametrize("after", [3_965, 3_980, 3_998])
def test_the_details_of_a_failure_hold_no_half_of_a_secret(after: int) -> None:
    stderr = f"begin {TOKEN}{' ' * (after - 6)}failed"
    outcome = Answer(output="text").outcome(Ending(code=1, stderr=stderr))
    assert "Ab1" not in str(outcome)


ENDLESS = """
import sys
sys.stderr.write("password=" + "Zq9" * 30_000 + "\\n")
sys.stderr.write("-----BEGIN RSA PRIVATE KEY-----\\n")
for number in range({lines}):
    sys.stderr.write("MIIE%060d\\n" % number)
sys.stderr.write("-----END RSA PRIVATE KEY-----\\nit failed\\n")
sys.exit(1)
"""


@pytest.mark.parametrize("lines", [0, 10, 1_100])
async def test_what_a_process_said_last_holds_no_half_of_a_secret(
    tmp_path: Path, lines: int
) -> None:
    """Not even of one that is longer than what is kept of its error stream."""
    argv = (sys.executable, "-c", ENDLESS.format(lines=lines))
    one = attrs.evolve(task("a"), command=CommandSpec(argv=argv))
    run = await finish(tmp_path, plan(one))
    failure = run.state.tasks[TaskId("a")].failure
    assert failure is not None
    assert "it failed" in failure.message
    assert failure.detail.endswith("it failed\n")
    assert "Zq9" not in str(failure)
    assert "MIIE" not in str(failure)
