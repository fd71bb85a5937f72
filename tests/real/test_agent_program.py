"""Teams without commands of their own are run by the agent program that is installed."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.real.conftest import Crew

FAKE = Path(__file__).parents[1] / "support" / "programs" / "claude.py"
CLI = f"""\
#!/bin/sh
# Stands in for an agent program: it speaks the protocol, and thinks nothing.
exec {sys.executable} {FAKE} "$@"
"""


@pytest.fixture
def with_claude(crew: Crew, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crew]:
    """Put a program called `claude` beside `crew`."""
    program = crew.program.with_name("claude")
    program.write_text(CLI)
    program.chmod(0o755)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k-123")
    monkeypatch.setenv("UNRELATED_SECRET", "s-456")
    yield crew
    program.unlink()


def test_the_default_team_is_run_by_the_agent_cli_that_is_found(
    with_claude: Crew, repository: Path
) -> None:
    goal = "mend the kiln [[echo-env:UNRELATED_SECRET]] [[say:mended]]"
    done = with_claude.run("run", goal, "--json", cwd=repository)
    assert done.returncode == 0, done.stderr
    assert "using 'default' with claude" in done.stderr
    last = json.loads(done.stdout.splitlines()[-1])
    assert list(last["tasks"]) == ["explore", "plan", "execute", "verify"]
    folder = Path(last["folder"])
    plan = (folder / "artifacts" / "plan" / "plan.1" / "plan.md").read_text()
    assert plan.rstrip() == "mended"
    summary = Path(last["summary"]).read_text()
    assert "mend the kiln" in summary
    assert "| plan | planner | completed |" in summary
    said = with_claude.run("output", "latest", "plan", cwd=repository)
    assert said.stdout.splitlines() == ["UNRELATED_SECRET=", "mended"]


def test_a_survey_can_still_be_asked_for(with_claude: Crew, repository: Path) -> None:
    done = with_claude.run("run", "look", "--team", "survey", "--json", cwd=repository)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["team"] == "survey"


def test_an_agent_cli_that_fails_fails_the_run_and_what_follows_is_skipped(
    with_claude: Crew, repository: Path
) -> None:
    program = with_claude.program.with_name("claude")
    program.write_text("#!/bin/sh\necho 'no credit' >&2\nexit 3\n")
    done = with_claude.run("run", "mend it", "--team", "fast-fix", cwd=repository)
    assert done.returncode == 1
    assert "exit code 3" in done.stdout
    assert "no credit" in done.stdout
    assert "skipped" in done.stdout
