"""Short slices of each scenario, on real processes."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import psutil
import pytest
from tests.commands.test_cli import run

from crew_stress.scenarios import (
    DEFAULTS,
    Load,
    cancel,
    flood,
    ground,
    killed_runs,
    visitors,
)
from crew_stress.scenarios.agents import MIXED, choose
from crew_stress.scenarios.machine import is_alive
from crew_stress.scenarios.orphans import plan_agent
from crew_stress.scenarios.storm import MOST, plan_for

SMALL = {
    "cancel": 5,
    "flood": 2,
    "storm": 5,
    "orphans": 5,
    "killed-runs": 4,
    "visitors": 3,
}
FEWEST = {"visitors": 1}
"""Processes of a scenario, where those are fewer than its agents."""
BRIEF = """\
import sys
from crew_actors.cli import main
from crew_stress.scenarios import ground, killed_runs, visitors
killed_runs.KILLS = ground.TASKS_EACH = visitors.EACH = 1
sys.exit(main())
"""


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flood, "SECONDS", 0.5)
    monkeypatch.setattr(cancel, "SOON", 2.0)  # the machine may be busy
    monkeypatch.setattr(cancel, "OWN_WARM_UP", 0.2)
    monkeypatch.setattr(ground, "TASKS_EACH", 2)
    monkeypatch.setattr(killed_runs, "KILLS", 2)
    monkeypatch.setattr(visitors, "EACH", 10)


@pytest.mark.parametrize("scenario", DEFAULTS)
def test_the_claim_holds(scenario: str, tmp_path: Path) -> None:
    plot = tmp_path / "plots" / "x.svg"
    args = ("--agents", str(SMALL[scenario]), "--rounds", "1", "--seed", "3")
    code, out, err = run("stress", scenario, *args, "--plot", str(plot))
    assert code == 0, "\n".join(out)
    assert err == [f"{scenario}: round 1 of 1, seed 3: holds"]
    assert out[-1] == f"plot: {plot}"
    assert "p50       p95       p99" in out[3]
    assert any(line.startswith("survivors 0, RSS ") for line in out)
    assert ET.parse(plot).getroot().tag.endswith("svg")


@pytest.mark.parametrize("scenario", ["cancel", "storm"])
def test_an_agent_of_ones_own_is_stressed_the_same_way(
    scenario: str, own_home: Path
) -> None:
    own = f"{sys.executable} -c 'import time; time.sleep(60)'"
    args = ("--agents", "2", "--rounds", "1", "--command", own, "--json")
    code, out, _ = run("stress", scenario, *args)
    result: dict[str, Any] = json.loads(out[-1])
    assert code == 0, result
    assert result["load"]["command"][1] == "-c"
    assert result["plot"] == str(own_home / "data" / "stress" / f"{scenario}-1.svg")
    assert "p95 of a polite cancel" not in [each["what"] for each in result["checks"]]


def test_a_seed_chooses_the_same_agents_again() -> None:
    load = Load(agents=1, rounds=1, seed=1)

    def chosen(seed: int) -> list[tuple[str, ...]]:
        chance = Random(seed)
        return [choose(load, chance, MIXED) for _ in range(20)]

    assert chosen(1) == chosen(1) != chosen(2)

    def planned(seed: int) -> list[dict[str, object]]:
        chance = Random(seed)
        return [plan_agent(load, chance, "token") for _ in range(20)]

    assert planned(1) == planned(1) != planned(2)
    assert plan_for(Random(4)) == plan_for(Random(4))
    assert 1 <= plan_for(Random(4)).crashes <= MOST


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("no-such-program -x", "executable 'no-such-program' not found"),
        ("'", "No closing quotation; write it as for a shell"),
        (" ", "it names no program"),
    ],
)
def test_a_wrong_command_starts_nothing(line: str, problem: str) -> None:
    code, out, err = run("stress", "cancel", "--command", line)
    assert (code, out) == (2, [])
    assert problem in err[0]


@pytest.mark.parametrize("scenario", ["cancel", "flood", "storm", "orphans"])
def test_agents_that_cannot_be_started_are_told(scenario: str, tmp_path: Path) -> None:
    program = tmp_path / "agent"
    program.write_text("no program\n")
    program.chmod(0o755)
    args = ("--command", str(program), "--agents", "1")
    code, out, err = run("stress", scenario, *args)
    assert (code, out) == (1, [])
    assert "try it with fewer --agents" in err[-1]


def test_each_scenario_has_a_slice() -> None:
    assert set(DEFAULTS) == set(SMALL)


@contextmanager
def player(*args: str) -> Generator["subprocess.Popen[bytes]"]:
    """Play a scenario in a process of its own."""
    path = os.pathsep.join(filter(None, sys.path))
    with subprocess.Popen(
        [sys.executable, "-c", BRIEF, "stress", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def below(process: "subprocess.Popen[bytes]", least: int) -> list[psutil.Process]:
    """Wait until so many run below *process*, and return them."""
    deadline = time.monotonic() + 20
    while True:
        found = psutil.Process(process.pid).children(recursive=True)
        if len(found) >= least or time.monotonic() > deadline:
            return found
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("scenario", "number"),
    [*((name, signal.SIGTERM) for name in DEFAULTS), ("cancel", signal.SIGINT)],
)
def test_an_interrupted_scenario_leaves_nobody(
    scenario: str, number: int, tmp_path: Path, own_home: Path
) -> None:
    plot = tmp_path / "x.svg"
    args = (scenario, "--agents", "2", "--rounds", "999", "--plot", str(plot))
    with player(*args) as process:
        assert process.stderr is not None
        assert b"round 1 of 999" in process.stderr.readline()
        agents = below(process, FEWEST.get(scenario, 2))
        process.send_signal(number)
        assert process.wait(timeout=20) == 130
    assert [agent for agent in agents if is_alive(agent)] == []
    assert not plot.exists()
    records = own_home / "data" / "processes"  # a console ends with whoever plays
    assert not records.exists() or list(records.iterdir()) == []


@pytest.mark.parametrize("scenario", DEFAULTS)
def test_a_killed_scenario_leaves_nobody_whom_the_census_does_not_end(
    scenario: str, own_home: Path
) -> None:
    with player(scenario, "--agents", "3", "--rounds", "999") as process:
        assert process.stderr is not None
        assert b"round 1 of 999" in process.stderr.readline()
        agents = below(process, FEWEST.get(scenario, 4))
        assert agents
        process.kill()
        process.wait()
    deadline = time.monotonic() + 10
    while any(map(is_alive, agents)) and time.monotonic() < deadline:
        code, _, err = run("census", "--kill", "--json")
        assert (code, err) == (0, [])
    left = [agent for agent in agents if is_alive(agent)]
    assert left == [], [agent.cmdline() for agent in left]
    run("census", "--kill")
    folder = own_home / "data" / "processes"
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_a_picture_that_has_no_place_starts_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for plot, problem in (
        (tmp_path, "is a folder"),
        (tmp_path / "file" / "x.svg", "is no folder that can be made"),
    ):
        code, out, err = run("stress", "cancel", "--plot", str(plot))
        assert (code, out) == (2, [])
        assert problem in err[0]
        assert "name another file for the picture" in err[0]


def test_a_full_disk_costs_the_picture_and_not_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_half(path: Path, text: str, **_: object) -> int:
        path.write_bytes(text[:9].encode())
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    plot = tmp_path / "x.svg"
    plot.write_text("an earlier picture")
    args = ("--agents", "1", "--rounds", "1", "--plot", str(plot))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", write_half)
        code, out, _ = run("stress", "storm", *args)
    assert code == 0
    assert out[-1] == f"no plot: {plot}: No space left on device"
    assert "survivors 0" in out[-2]
    assert plot.read_text() == "an earlier picture"
    assert list(tmp_path.iterdir()) == [plot]


def test_a_picture_can_go_to_what_is_no_file() -> None:
    args = ("--agents", "1", "--rounds", "1", "--plot", os.devnull)
    code, out, _ = run("stress", "storm", *args)
    assert (code, out[-1]) == (0, f"plot: {os.devnull}")
    assert not Path(os.devnull).is_file()
