"""Real agent programs with a home of their own leave their user's alone."""

from pathlib import Path

import attrs
import pytest
import trio
from tests.real.agents.conftest import FOLDER, A, real

from crew_actors.model import RunStatus
from crew_actors.testing.llm import point_programs

LIMIT = 60.0


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=pytest.mark.skipif(
                not FOLDER or not Path(FOLDER, name).exists(),
                reason=f"{name} is not installed: `.ci/agents FOLDER` does it",
            ),
        )
        for name in ("pi", "claude", "codex", "gemini", "opencode")
    ],
)
async def test_its_settings_and_what_it_keeps_are_in_its_own_home(
    name: str, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    with trio.fail_after(LIMIT):
        async with real(name, tmp_path) as agent:
            before = files(tmp_path / "home")
            point_programs(own, agent.llm.url)
            told = files(own)
            plan = agent.plan("[[say:at home]]")
            (task,) = plan.tasks
            mine = attrs.evolve(task, home=str(own))
            run = await agent.crew.start(attrs.evolve(plan, tasks=(mine,)))
            state = await run.wait()
            assert state.status is RunStatus.COMPLETED, state.tasks[A].failure
            assert agent.left_of(run) == []
    assert files(own) > told
    assert files(tmp_path / "home") == before


def files(home: Path) -> set[str]:
    """Name the hidden ones; it is also where temporary files and libraries go here."""
    found = (one.relative_to(home) for one in home.rglob("*") if one.is_file())
    return {
        str(one)
        for one in found
        if one.parts[0].startswith(".") and one.suffix != ".so"
    }
