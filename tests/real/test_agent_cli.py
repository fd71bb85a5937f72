"""Teams without commands of their own are run by the agent CLI that is installed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.real.conftest import Crew

CLI = """\
#!/bin/sh
# Stands in for an agent CLI: shows how it was called and what it was told.
printf 'called with %s arguments: %s\\n' "$#" "$1"
printf '%s\\n' "$2" | grep -E '^(# |## |PLAN|Do not follow)' | sed 's/^#* //'
printf 'key=%s other=%s\\n' "$ANTHROPIC_API_KEY" "$UNRELATED_SECRET"
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
    done = with_claude.run("run", "mend the kiln", "--json", cwd=repository)
    assert done.returncode == 0, done.stderr
    assert "using 'default' with claude" in done.stderr
    last = json.loads(done.stdout.splitlines()[-1])
    assert list(last["tasks"]) == ["explore", "plan", "execute", "verify"]
    folder = Path(last["folder"])
    plan = (folder / "artifacts" / "plan" / "plan.1" / "plan.md").read_text()
    assert "called with 4 arguments: -p" in plan
    assert plan.rstrip().endswith("key=k-123 other=")
    assert "Goal" in plan
    assert "Results of earlier tasks" in plan
    summary = Path(last["summary"]).read_text()
    assert "mend the kiln" in summary
    assert "| plan | planner | completed |" in summary


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
