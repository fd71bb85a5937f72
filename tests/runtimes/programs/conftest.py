"""Benches for scripted agent programs."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.program_bench import ProgramBench

from crew_actors.runtimes.programs import Acp, Claude, Codex, Pi, Program

PROGRAMS: dict[str, Callable[[], Program]] = {
    "claude": Claude,
    "pi": Pi,
    "codex": Codex,
    "acp": Acp,
}


@pytest.fixture(params=PROGRAMS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> ProgramBench:
    """Make a bench for each program in turn."""
    name: str = request.param
    return ProgramBench(tmp_path, name, PROGRAMS[name])
