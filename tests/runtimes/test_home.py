"""An agent with a home of its own finds nothing of its user's."""

import json
import stat
import sys
from pathlib import Path

import attrs
import pytest
from tests.support.command_bench import Bench

from crew_actors.model import FailureKind
from crew_actors.runtimes import Completed, Failed, Job, Outcome, at_home

SHOWS = "import json, os; print(json.dumps(dict(os.environ)))"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def job_at(bench: Bench, home: Path | None) -> Job:
    job = bench.job(sys.executable, "-c", SHOWS)
    return attrs.evolve(
        job,
        task=attrs.evolve(job.task, home=None if home is None else str(home)),
        environ={**job.environ, "HOME": "/of/the/user", "XDG_CONFIG_HOME": "/too"},
    )


def seen(outcome: Outcome) -> dict[str, str]:
    assert isinstance(outcome, Completed)
    found: dict[str, str] = json.loads(outcome.text)
    return found


async def test_it_is_made_for_it_alone(bench: Bench) -> None:
    home = bench.folder / "homes" / "mole"
    environ = seen(await bench.run(job_at(bench, home)))
    assert environ["HOME"] == str(home)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert "XDG_CONFIG_HOME" not in environ
    assert environ["MY_KEY"] == "k"


async def test_what_it_keeps_there_is_there_the_next_time(bench: Bench) -> None:
    home = bench.folder / "mole"
    home.mkdir()
    (home / "signed-in").touch()
    seen(await bench.run(job_at(bench, home)))
    assert (home / "signed-in").exists()


async def test_without_one_it_is_at_home_where_its_user_is(bench: Bench) -> None:
    environ = seen(await bench.run(job_at(bench, None)))
    assert environ["HOME"] == "/of/the/user"


async def test_where_it_cannot_be_made_nothing_is_started(bench: Bench) -> None:
    (bench.folder / "mole").touch()
    outcome = await bench.run(job_at(bench, bench.folder / "mole"))
    assert isinstance(outcome, Failed)
    assert outcome.failure.kind is FailureKind.START
    assert "its home folder cannot be made" in outcome.failure.message
    assert bench.port.starting == 0


@pytest.mark.parametrize(
    "variable", ["PI_CODING_AGENT_DIR", "CLAUDE_CONFIG_DIR", "CODEX_HOME"]
)
def test_no_variable_leads_a_program_to_the_settings_of_its_user(variable: str) -> None:
    environ = {variable: "/of/the/user", "HOME": "/of/the/user", "A_KEY": "k"}
    assert at_home(environ, "/of/its/own") == {"HOME": "/of/its/own", "A_KEY": "k"}
