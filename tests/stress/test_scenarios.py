"""Short slices of each scenario, on real processes."""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from random import Random
from typing import Any

import psutil
import pytest
from tests.commands.test_cli import run
from tests.support.processes import living

from crew_stress.scenarios import DEFAULTS, Load, cancel, flood, orphans
from crew_stress.scenarios.agents import MIXED, choose
from crew_stress.scenarios.storm import MOST, plan_for

SMALL = {"cancel": 5, "flood": 2, "storm": 5, "orphans": 5}


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flood, "SECONDS", 0.5)
    monkeypatch.setattr(cancel, "SOON", 2.0)  # the machine may be busy
    monkeypatch.setattr(cancel, "OWN_WARM_UP", 0.2)


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


def test_a_broken_claim_is_told_with_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the sweep, agents without a warden are left."""

    async def sweep_nothing(_: Path) -> tuple[object, ...]:
        return ()

    monkeypatch.setattr(orphans, "sweep_orphans", sweep_nothing)
    monkeypatch.setattr(orphans, "SHARE", 1.0)
    args = ("--agents", "2", "--rounds", "3", "--seed", "8")
    code, out, err = run("stress", "orphans", *args)
    assert code == 1
    assert err[-1] == "orphans: round 1 of 3, seed 8: BROKEN"
    again = "crew stress orphans --agents 2 --rounds 1 --seed 8"
    assert out[-2] == f"BROKEN by seed 8; again: {again}"
    assert any(line.startswith("BROKEN survivors: ") for line in out)


def test_a_seed_chooses_the_same_agents_again() -> None:
    load = Load(agents=1, rounds=1, seed=1)

    def chosen(seed: int) -> list[tuple[str, ...]]:
        chance = Random(seed)
        return [choose(load, chance, MIXED) for _ in range(20)]

    assert chosen(1) == chosen(1) != chosen(2)
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


def test_agents_that_cannot_be_started_are_told(tmp_path: Path) -> None:
    program = tmp_path / "agent"
    program.write_text("no program\n")
    program.chmod(0o755)
    args = ("--command", str(program), "--agents", "1")
    code, out, err = run("stress", "cancel", *args)
    assert (code, out) == (1, [])
    assert "try it with fewer --agents" in err[-1]


def test_each_scenario_has_a_slice() -> None:
    assert set(DEFAULTS) == set(SMALL)


def test_an_interrupted_scenario_leaves_no_agent(tmp_path: Path) -> None:
    code = "import sys; from crew_actors.cli import main; sys.exit(main())"
    path = os.pathsep.join(filter(None, sys.path))
    plot = tmp_path / "x.svg"
    args = ["stress", "cancel", "--agents", "2", "--rounds", "99", "--plot", str(plot)]
    with subprocess.Popen(
        [sys.executable, "-c", code, *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    ) as process:
        assert process.stderr is not None
        assert b"round 1 of 99" in process.stderr.readline()
        agents = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        assert process.wait(timeout=20) == 130
    assert living(agent.pid for agent in agents) == []
    assert not plot.exists()
