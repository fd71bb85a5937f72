"""Where agents keep notes: the user's own places, or their project."""

import pytest
from tests.resources._house import House, agent_of, told

from crew_actors.model import AgentMemory
from crew_actors.resources import plan_tasks

AGENT = "---\nname: noter\nmemory: {}\n---\nx\n"


def memory_of(house: House) -> AgentMemory | None:
    house.mine("teams/t.team.md", "---\nname: t\n---\n- noter\n")
    house.mine("workflows/t.workflow.md", "---\nname: t\n---\n\n## noter\n\nDo.\n")
    catalog = house.load()
    (task,) = plan_tasks(catalog, catalog.team("t"), catalog.workflow("t"), "g")
    return task.memory


def test_notes_of_the_user_are_in_the_folder_for_data(house: House) -> None:
    house.user("agents/noter.md", AGENT.format("user"))
    assert memory_of(house) == AgentMemory(
        root=str(house.places.data), path="memory/user/noter/MEMORY.md"
    )


def test_notes_of_the_project_are_in_it(house: House) -> None:
    house.user("agents/noter.md", AGENT.format("project"))
    assert memory_of(house) == AgentMemory(
        root=str(house.project.root), path=".crew/memory/noter/MEMORY.md"
    )


def test_local_notes_are_the_users_and_of_one_project_only(house: House) -> None:
    house.user("agents/noter.md", AGENT.format("local"))
    one = memory_of(house)
    assert one is not None
    assert one.root == str(house.places.data)
    other = House(house.root / "other")
    other.root.mkdir()
    other.user("agents/noter.md", AGENT.format("local"))
    there = memory_of(other)
    assert there is not None
    assert there.path != one.path


def test_an_agent_of_a_project_reads_no_notes_of_the_user(house: House) -> None:
    house.mine("agents/noter.md", AGENT.format("user"))
    found = memory_of(house)
    assert found is not None
    assert "/user/" not in found.path
    (problem,) = told(house.load().problems)
    assert "memory: is for agents of the user" in problem


@pytest.mark.parametrize("value", ["false", ""])
def test_without_a_memory_there_is_none(house: House, value: str) -> None:
    house.mine("agents/noter.md", AGENT.format(value))
    assert memory_of(house) is None
    assert told(house.load().problems) == []


def test_another_word_is_an_error() -> None:
    _, problems = agent_of(AGENT.format("everywhere"), stem="noter")
    assert "memory: expects user or project or local" in problems[0]
