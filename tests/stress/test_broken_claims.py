"""Each claim can break: then the exit code is 1, and the seed is told."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.commands.test_cli import run

from crew_stress.fake_agent import argv
from crew_stress.scenarios import (
    DEFAULTS,
    cancel,
    driver,
    flood,
    killed_runs,
    orphans,
    storm,
    visitors,
)
from crew_stress.scenarios.agents import spec_of
from crew_stress.scenarios.machine import TOKEN
from crew_supervisors import ChildSpec, ProcessSpec, RestartType
from crew_supervisors.processes import MARKER

WITH_AGENTS = [name for name in DEFAULTS if name != "visitors"]
"""The scenarios that take a command: the others have no agents."""

HELPER = """
import os, subprocess, sys
while True:
    with open(sys.argv[1]) as pipe:
        for token in map(str.strip, pipe):
            subprocess.Popen(
                ["sleep", "60"], env={"CREW_STRESS": token}, start_new_session=True
            )
"""


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def leak(tmp_path: Path) -> Iterator[str]:
    """Return a command that has another service start something for it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen([sys.executable, "-c", HELPER, str(pipe)]) as helper:
        yield f"sh -c 'echo ${TOKEN} > {pipe}; sleep 60'"
        left = psutil.Process(helper.pid).children()
        helper.kill()
    # Killed is not dead: the kernel takes its time on a machine that is busy.
    limit = time.monotonic() + 5
    while (living := [one for one in left if _lives(one)]) and time.monotonic() < limit:
        time.sleep(0.02)
    for one in living:
        one.kill()
    assert living == [], "a scenario ends who is left of it"


def broken(scenario: str, *args: str, seed: int = 8) -> list[str]:
    """Play a scenario whose claim breaks; return what has broken."""
    small = ("--agents", "2", "--rounds", "3", "--seed", str(seed))
    code, out, err = run("stress", scenario, *small, *args)
    assert code == 1, "\n".join(out)
    assert err[-1] == f"{scenario}: round 1 of 3, seed {seed}: BROKEN"
    (last,) = [line for line in out if line.startswith("BROKEN by seed")]
    again = f"crew stress {scenario} --agents 2 --rounds 1 --seed {seed}"
    assert last.startswith(f"BROKEN by seed {seed}; again: {again}")
    assert out[-1].startswith("plot: ")
    return [
        line.removeprefix("BROKEN ").partition(":")[0]
        for line in out
        if line.startswith("BROKEN ") and line != last
    ]


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flood, "SECONDS", 0.3)
    monkeypatch.setattr(cancel, "SOON", 2.0)  # the machine may be busy
    monkeypatch.setattr(cancel, "OWN_WARM_UP", 0.4)
    monkeypatch.setattr(orphans, "PATIENCE", 0.5)
    monkeypatch.setattr(killed_runs, "PATIENCE", 0.5)


@pytest.mark.parametrize("scenario", WITH_AGENTS)
def test_a_command_that_leaks_breaks_each_claim(
    scenario: str, leak: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storm, "MOST", 1)
    monkeypatch.setattr(killed_runs, "EARLY", 0.0)
    monkeypatch.setattr(killed_runs, "DETACHED", 0.0)
    assert "survivors" in broken(scenario, "--command", leak)


def test_visitors_that_cost_too_much_break_the_claim(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(visitors, "EACH", 10)
    monkeypatch.setattr(visitors, "MEMORY", -1.0)
    monkeypatch.setattr(visitors, "LATE", 0.0)
    assert broken("visitors") == ["growth of the console", "p95 of that"]


def test_polite_agents_that_ignore_sigterm_take_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cancel, "SOON", 0.19)  # seconds; the grace is 0.2
    monkeypatch.setattr(cancel, "POLITE", ("stubborn",))
    assert broken("cancel") == ["p95 of a polite cancel"]


def test_more_than_three_times_as_long_as_by_hand_is_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cancel, "ENOUGH", 1)
    monkeypatch.setattr(cancel, "POLITE", ("stubborn",))
    assert "its ratio to SIGTERM and reap by hand" in broken("cancel")


@pytest.mark.parametrize(
    ("script", "what"),
    [
        (("lines:5", "sleep"), "lines lost or out of order"),
        (("sleep",), "agents of which nothing was read"),
    ],
)
def test_what_is_read_wrong_breaks_flood(
    script: tuple[str, ...], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(*_: str) -> tuple[str, ...]:
        return argv(*script)

    monkeypatch.setattr(flood, "argv", other)
    assert what in broken("flood")


def test_memory_that_grows_breaks_flood(monkeypatch: pytest.MonkeyPatch) -> None:
    grown = iter(range(0, 100_000, 50))
    monkeypatch.setattr(flood, "rss", lambda: next(grown))
    assert broken("flood") == ["memory grown by"]


@pytest.mark.parametrize(
    ("restart", "what"),
    [
        (
            "temporary",
            ["restarts too many or too few", "agents that did not end well"],
        ),
        ("permanent", ["failures"]),  # it gives up, as there are too many
    ],
)
def test_too_few_and_too_many_restarts_break_storm(
    restart: RestartType, what: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(name: str, body: storm.Body, **_: object) -> ChildSpec:
        return ChildSpec(name, body, restart=restart, backoff=storm.QUICK)

    monkeypatch.setattr(storm, "ChildSpec", wrong)
    monkeypatch.setattr(storm, "STILL", 1.0)
    assert broken("storm") == what


async def fail(*_: object, **__: object) -> None:
    raise RuntimeError("the ladder is broken")


@pytest.mark.parametrize("scenario", [cancel, flood, storm])
def test_an_error_breaks_any_claim(
    scenario: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenario, "run_process", fail)
    assert broken(scenario.__name__.rpartition(".")[2]) == ["failures"]


def test_a_round_that_does_not_end_breaks_any_claim(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(driver, "ROUND_LIMIT", 0.3)
    monkeypatch.setattr(driver, "EACH_LIMIT", 0.0)
    monkeypatch.setattr(flood, "SECONDS", 1000.0)
    assert broken("flood") == ["failures"]


def test_what_is_left_open_breaks_any_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []

    def hold(*script: str) -> tuple[str, ...]:
        held.append(os.open(os.devnull, os.O_RDONLY))
        return argv(*script)

    monkeypatch.setattr(flood, "argv", hold)
    try:
        assert broken("flood") == ["files left open"]
    finally:
        for each in held:
            os.close(each)


async def sweep_nothing(_: Path) -> tuple[object, ...]:
    return ()


def test_without_the_sweep_agents_without_a_warden_are_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(orphans, "sweep_orphans", sweep_nothing)
    monkeypatch.setattr(orphans, "SHARE", 1.0)
    assert set(broken("orphans")) == {"records left", "survivors"}


async def sweep_strangers(_: Path) -> tuple[object, ...]:
    for one in psutil.process_iter():
        try:
            if one.environ().get(MARKER) == "1-of-nobody":
                one.kill()
                one.wait(5)
        except psutil.Error:
            continue
    return ()


def test_a_stranger_who_is_ended_breaks_orphans(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(orphans, "sweep_orphans", sweep_strangers)
    assert "strangers ended" in broken("orphans")


def test_agents_whose_warden_does_nothing_break_orphans(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def without(*_: object) -> dict[str, object]:
        return {**plan(*_), "containment": "group"}

    plan: Callable[..., dict[str, object]] = orphans.plan_agent
    monkeypatch.setattr(orphans, "SHARE", 0.0)
    monkeypatch.setattr(orphans, "MIXED", ("polite",))
    monkeypatch.setattr(orphans, "plan_agent", without)
    assert broken("orphans") == ["processes that a warden has left"]


def test_a_runtime_that_dies_by_itself_proves_nothing(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def wrong(*_: object) -> dict[str, object]:
        return {}

    monkeypatch.setattr(orphans, "plan_agent", wrong)
    assert "failures" in broken("orphans")
    assert "KeyError: 'argv'" in capfd.readouterr().err


def test_a_seed_puts_on_the_same_load_again(monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[list[tuple[str, ...]]] = []

    def noted(*args: Any, **options: Any) -> ProcessSpec:
        spec = spec_of(*args, **options)
        loads[-1].append(spec.argv)
        return spec

    monkeypatch.setattr(cancel, "spec_of", noted)
    for seed in (5, 5, 6):
        loads.append([])
        args = ("--agents", "3", "--rounds", "1", "--seed", str(seed))
        assert run("stress", "cancel", *args)[0] == 0
    assert loads[0] == loads[1] != loads[2]


def test_what_a_command_prints_is_not_believed(tmp_path: Path) -> None:
    """It says that somebody else is one of its own."""
    with subprocess.Popen(argv("sleep")) as stranger:
        program = tmp_path / "my agent"
        said = f'{{"type": "ready", "pid": {stranger.pid}, "pids": {{}}}}'
        program.write_text(
            f"#!/bin/sh\necho '{said}'\necho '{{\"type\": \"ready\" garbage'\n"
            'head -c 100000 /dev/urandom\nexec sleep "$1"\n'
        )
        program.chmod(0o755)
        command = f"'{program}' '60'"
        args = ("--agents", "2", "--rounds", "1", "--command", command)
        for scenario in WITH_AGENTS:
            code, out, _ = run("stress", scenario, *args)
            assert code == 0, out
            assert stranger.poll() is None
        stranger.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("scenario", WITH_AGENTS)
def test_a_command_that_ends_at_once_breaks_nothing(scenario: str) -> None:
    args = ("--agents", "2", "--rounds", "1", "--command", "true")
    code, out, _ = run("stress", scenario, *args)
    assert code == 0, out
