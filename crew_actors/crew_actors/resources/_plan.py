"""A team, a workflow and a goal become tasks."""

from collections.abc import Mapping
from typing import Final

import attrs

from crew_actors.model import PlannedTask, parse_task_id
from crew_actors.resources._checks import (
    fit_problems,
    role_problems,
    team_problems,
    workflow_problems,
)
from crew_actors.resources._errors import InvalidWorkflow
from crew_actors.resources._folders import home_of, memory_of
from crew_actors.resources._problems import errors_of
from crew_actors.resources._resources import Agent, Catalog, Role, Step, Team, Workflow
from crew_actors.resources._skills import skill_texts

AGENT_PROGRAM = "agent"
"""The runtime of an agent that names none: the program the user has configured."""


ADAPTIVE = "ADAPTIVE_PLAN_JSON_START"
"""With which a step asks for the plan of further tasks."""

READ_ONLY: Final = frozenset(
    {
        "analyst",
        "critic",
        "explorer",
        "planner",
        "reviewer",
        "security-reviewer",
        "verifier",
        "writer",
    }
)
"""Roles that are to look and not to change. A role that is not known may write, so
that a plan which must be approved first is not begun by it."""


def plan_tasks(
    catalog: Catalog, team: Team, workflow: Workflow, goal: str
) -> tuple[PlannedTask, ...]:
    """Return the tasks that *team* does when it follows *workflow* for *goal*.

    The goal takes the place of each `{goal}` of a prompt, as it stands: what looks
    like a placeholder inside of it stays text.

    Raises:
      InvalidWorkflow: they do not fit; it holds all problems. Nothing was planned.
    """
    asked = {step.role for step in workflow.steps}
    needed = tuple(role for role in team.roles if role.name in asked)
    problems = errors_of(
        (
            *team_problems(team),
            *workflow_problems(workflow),
            *role_problems(catalog, attrs.evolve(team, roles=needed)),
            *fit_problems(team, workflow),
        )
    )
    if problems:
        raise InvalidWorkflow(workflow.name, problems)
    roles = {role.name: role for role in needed}
    return tuple(
        _task(step, roles[step.role], catalog, goal) for step in workflow.steps
    )


def adaptive_step(workflow: Workflow) -> Step | None:
    """Find the step whose result is the plan of further tasks; the last, if several."""
    asked = [step for step in workflow.steps if ADAPTIVE in step.prompt]
    return asked[-1] if asked else None


def plan_roles(
    catalog: Catalog, team: Team, workflow: Workflow
) -> Mapping[str, PlannedTask]:
    """Make, for each role of *team*, a task that planned ones can be made from.

    Raises:
      InvalidWorkflow: the team has a role without an agent. Nothing was planned.
    """
    problems = errors_of(role_problems(catalog, team))
    if problems:
        raise InvalidWorkflow(workflow.name, problems)
    return {
        role.name: _task(Step(id=role.name, role=role.name), role, catalog, "")
        for role in team.roles
    }


def _task(step: Step, role: Role, catalog: Catalog, goal: str) -> PlannedTask:
    agent = catalog.agents[role.agent]
    skills = _skills(step, role, agent)
    return PlannedTask(
        id=parse_task_id(step.id),
        step=step.id,
        role=role.name,
        agent=agent.name,
        title=step.id.replace("-", " ").replace("_", " ").capitalize(),
        depends_on=tuple(parse_task_id(name) for name in step.depends_on),
        prompt=step.prompt.replace("{goal}", goal),
        instructions=agent.prompt,
        writes=role.name not in READ_ONLY and not agent.read_only,
        runtime=agent.runtime or AGENT_PROGRAM,
        command=agent.command,
        output=step.output,
        output_schema=step.output_schema or agent.output_schema,
        reads=step.reads,
        outputs=step.writes,
        model=step.model or role.model or agent.model,
        fallback_models=agent.fallback_models,
        tools=agent.tools,
        mcp=agent.mcp,
        keys=agent.keys,
        home=home_of(catalog, agent),
        skills=skills,
        skill_texts=skill_texts(catalog.skills, skills),
        memory=memory_of(catalog, agent),
        constraints=step.constraints,
        acceptance=step.acceptance,
        max_turns=agent.max_turns,
        verify=step.verify,
    )


def _skills(step: Step, role: Role, agent: Agent) -> tuple[str, ...]:
    """Choose the skills of a task: what its step says, its role, or its agent."""
    said = (one for one in (step.skills, role.skills, agent.skills) if one is not None)
    return next(said, ())
