"""Which crew the runs of an action belong to."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
from tests.support.crews import crew_in

from crew_actors.commands import BadParameters, Context, Watcher
from crew_actors.commands._crews import check_console, console_beside, crew_for
from crew_actors.config import Settings
from crew_actors.places import Project
from crew_actors.runs import Crew


async def test_the_crew_of_the_context_works_in_its_own_project(
    context: Context, project: Project
) -> None:
    async with crew_in(project.root) as mine:
        given = attrs.evolve(context, crew=mine)
        async with crew_for(project, given, Settings(), slots=2) as crew:
            assert crew is mine


async def test_another_project_has_a_crew_of_its_own(
    context: Context, project: Project, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    async with crew_in(other) as mine:
        given = attrs.evolve(context, crew=mine)
        async with crew_for(project, given, Settings(), slots=2) as crew:
            assert crew is not mine
            assert crew.project == project


@pytest.mark.parametrize("detach", [True, False])
def test_a_console_that_cannot_be_is_refused(context: Context, detach: bool) -> None:
    with pytest.raises(BadParameters, match="--console"):
        check_console(context, wanted=True, detach=detach)
    check_console(context, wanted=False, detach=detach)


@attrs.define(eq=False)
class Ear(Watcher):
    told: list[str] = attrs.field(factory=list[str])

    async def note(self, text: str) -> None:
        self.told.append(text)


async def test_a_console_is_open_beside_a_run_and_no_longer(
    context: Context, project: Project
) -> None:
    is_open: list[Crew] = []

    @asynccontextmanager
    async def console(crew: Crew, _: Context) -> AsyncGenerator[str]:
        is_open.append(crew)
        yield "http://there/#token"
        is_open.clear()

    ear = Ear()
    with_one = attrs.evolve(context, watcher=ear, console=console)
    async with crew_in(project.root) as crew:
        async with console_beside(crew, with_one, wanted=False):
            assert is_open == []
        async with console_beside(crew, with_one, wanted=True):
            assert is_open == [crew]
        assert is_open == []
    assert ear.told == ["Open http://there/#token"]
