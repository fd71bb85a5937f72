"""The resources that come with the package."""

from pathlib import Path

import pytest
from tests.resources._house import House

import crew_actors.resources
from crew_actors.resources import Catalog, load_catalog, plan_tasks, validate_all

AGENTS = {
    "analyst",
    "critic",
    "executor",
    "explorer",
    "planner",
    "reviewer",
    "security-reviewer",
    "test-engineer",
    "verifier",
    "writer",
}
SURVEYORS = {
    "cartographer": "cartographer",
    "historian": "historian",
    "auditor": "auditor",
    "tester": "tester",
    "survey-writer": "writer",
}
TEAMS = {
    "default": ("explorer", "planner", "executor", "verifier"),
    "fast-fix": ("explorer", "executor", "verifier"),
    "implementation": tuple(AGENTS),
    "parallel-research": ("explorer", "analyst", "writer"),
    "research": ("explorer", "analyst", "writer"),
    "review": ("explorer", "reviewer", "security-reviewer", "verifier"),
    "survey": ("cartographer", "historian", "auditor", "tester", "writer"),
}
GRAPHS: dict[str, dict[str, set[str]]] = {
    "default": {
        "explore": set(),
        "plan": {"explore"},
        "execute": {"plan"},
        "verify": {"execute"},
    },
    "fast-fix": {"explore": set(), "execute": {"explore"}, "verify": {"execute"}},
    "implementation": {"assess": set()},
    "parallel-research": {
        "discover": set(),
        "explore-core": set(),
        "explore-interface": set(),
        "explore-runtime": set(),
        "explore-edges": set(),
        "synthesize": {
            "discover",
            "explore-core",
            "explore-interface",
            "explore-runtime",
            "explore-edges",
        },
        "write": {"synthesize"},
    },
    "research": {"explore": set(), "analyze": {"explore"}, "write": {"analyze"}},
    "review": {
        "explore": set(),
        "code-review": {"explore"},
        "security-review": {"explore"},
        "verify": {"code-review", "security-review"},
    },
    "survey": {
        "cartographer": set(),
        "historian": set(),
        "auditor": set(),
        "tester": set(),
        "writer": {"cartographer", "historian", "auditor", "tester"},
    },
}


@pytest.fixture
def catalog(house: House) -> Catalog:
    return load_catalog(house.places, None)


def test_they_have_no_problem(catalog: Catalog) -> None:
    assert validate_all(catalog) == ()


def test_they_are_these(catalog: Catalog) -> None:
    assert catalog.agents.keys() == AGENTS | SURVEYORS.keys()
    assert catalog.teams.keys() == TEAMS.keys()
    assert catalog.workflows.keys() == GRAPHS.keys()


@pytest.mark.parametrize("name", TEAMS)
def test_each_team_has_its_roles_and_follows_its_workflow(
    catalog: Catalog, name: str
) -> None:
    team = catalog.team(name)
    assert {role.name for role in team.roles} == set(TEAMS[name])
    assert team.workflow == name
    assert team.description
    assert team.max_concurrency


@pytest.mark.parametrize("name", GRAPHS)
def test_each_workflow_becomes_a_plan_for_its_goal(catalog: Catalog, name: str) -> None:
    tasks = plan_tasks(catalog, catalog.team(name), catalog.workflow(name), "GOAL")
    assert {task.id: set(task.depends_on) for task in tasks} == GRAPHS[name]
    assert any("GOAL" in task.prompt for task in tasks)
    assert not any("{goal}" in task.prompt for task in tasks)


@pytest.mark.parametrize("name", sorted(AGENTS))
def test_each_agent_has_instructions_and_only_the_tools_it_needs(
    catalog: Catalog, name: str
) -> None:
    agent = catalog.agent(name)
    assert agent.runtime is None
    assert len(agent.prompt) > 300
    assert agent.description
    writes = {"edit", "write", "bash"} & set(agent.tools or ())
    may_write = {"executor", "test-engineer", "verifier", "writer"}
    assert bool(writes) == (name in may_write)


@pytest.mark.parametrize(("name", "part"), SURVEYORS.items())
def test_the_survey_needs_no_model(catalog: Catalog, name: str, part: str) -> None:
    command = catalog.agent(name).command
    assert command is not None
    assert command.argv == ("{python}", "-P", "-m", "crew_actors.survey", part)
    assert (command.input, command.output) == ("none", "jsonl")


def test_the_results_of_workflows_have_names(catalog: Catalog) -> None:
    outputs = {
        name: [step.output for step in flow.steps if step.output]
        for name, flow in catalog.workflows.items()
    }
    assert outputs == {
        "default": ["plan.md"],
        "fast-fix": [],
        "implementation": ["adaptive-plan.json"],
        "parallel-research": ["research-summary.md"],
        "research": ["research-summary.md"],
        "review": [],
        "survey": ["summary.md"],
    }


def test_a_planner_is_told_how_to_hand_over_an_adaptive_plan(catalog: Catalog) -> None:
    (step,) = catalog.workflow("implementation").steps
    rows = step.prompt.splitlines()
    start = rows.index("ADAPTIVE_PLAN_JSON_START")
    assert rows[start + 2] == "ADAPTIVE_PLAN_JSON_END"
    assert all(role in step.prompt for role in AGENTS)


def test_they_lie_in_the_package() -> None:
    folder = Path(crew_actors.resources.__file__).parent / "builtin"
    assert len([*folder.rglob("*.md")]) == 31
