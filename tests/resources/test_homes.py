"""Agents that see less of their user: a home of their own, keys of their own."""

from pathlib import Path

import pytest
from tests.resources._house import House, agent_of, told

from crew_actors.resources import home_of, plan_tasks

AGENT = "---\nname: mole\nhome: {}\n---\nx\n"


def home(house: House) -> str | None:
    catalog = house.load()
    return home_of(catalog, catalog.agents["mole"])


def test_an_agent_of_the_user_has_the_same_home_in_all_projects(house: House) -> None:
    house.user("agents/mole.md", AGENT.format("own"))
    assert home(house) == str(house.places.data / "homes" / "user" / "mole")


def test_an_agent_of_a_project_is_not_at_home_where_that_of_the_user_is(
    house: House, tmp_path: Path
) -> None:
    house.mine("agents/mole.md", AGENT.format("own"))
    here = home(house)
    assert here is not None
    assert Path(here).parent.parent == house.places.data / "homes"
    assert Path(here).parent.name != "user"
    other = House(tmp_path / "other")
    other.root.mkdir()
    other.mine("agents/mole.md", AGENT.format("own"))
    there = home(other)
    assert there is not None
    assert Path(there).parent.name != Path(here).parent.name


@pytest.mark.parametrize("value", ["user", ""])
def test_without_one_it_is_at_home_where_the_user_is(house: House, value: str) -> None:
    house.mine("agents/mole.md", AGENT.format(value))
    assert home(house) is None
    assert told(house.load().problems) == []


def test_a_task_is_planned_with_them(house: House) -> None:
    house.user("agents/mole.md", "---\nname: mole\nhome: own\nkeys: A_KEY\n---\nx\n")
    house.mine("teams/t.team.md", "---\nname: t\n---\n- mole\n")
    house.mine("workflows/t.workflow.md", "---\nname: t\n---\n\n## mole\n\nDo.\n")
    catalog = house.load()
    (task,) = plan_tasks(catalog, catalog.team("t"), catalog.workflow("t"), "g")
    assert task.keys == ("A_KEY",)
    assert task.home == home(house)


def test_another_word_is_an_error() -> None:
    _, problems = agent_of(AGENT.format("/root"), stem="mole")
    assert "home: expects own or user" in problems[0]


@pytest.mark.parametrize(
    ("line", "keys"), [("", None), ("keys: []", ()), ("keys: A, B", ("A", "B"))]
)
def test_no_keys_and_nothing_said_about_keys_differ(
    line: str, keys: tuple[str, ...] | None
) -> None:
    agent, problems = agent_of(f"---\nname: x\n{line}\n---\nx\n")
    assert (agent.keys, problems) == (keys, [])


def test_a_key_itself_has_no_place_in_a_file() -> None:
    _, problems = agent_of("---\nname: x\nkeys: sk-ant-1\n---\nx\n")
    assert "keys: 'sk-ant-1' cannot be the name of a variable" in problems[0]
