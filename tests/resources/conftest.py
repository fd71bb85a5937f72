"""A user and a project of its own for each test."""

from pathlib import Path

import pytest
from tests.resources._changing import AGENT, TEAM, WORKFLOW
from tests.resources._house import House

from crew_actors.resources import ResourceEditor


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path.resolve())


@pytest.fixture
def edit(house: House) -> ResourceEditor:
    house.mine("agents/maker.md", AGENT.format("maker"))
    house.mine("teams/duo.team.md", TEAM)
    house.mine("workflows/pair.workflow.md", WORKFLOW)
    return ResourceEditor(house.places, house.project)
