"""A team, a workflow and a goal become tasks."""

import attrs

from crew_actors.model import PlannedTask, parse_task_id
from crew_actors.resources._checks import (
    fit_problems,
    role_problems,
    team_problems,
    workflow_problems,
)
from crew_actors.resources._errors import InvalidWorkflow
from crew_actors.resources._problems import errors_of
from crew_actors.resources._resources import Agent, Catalog, Role, Step, Team, Workflow

AGENT_PROGRAM = "agent"
"""The runtime of an agent that names none: the program the user has configured."""


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
        _task(step, roles[step.role], catalog.agents[roles[step.role].agent], goal)
        for step in workflow.steps
    )


def _task(step: Step, role: Role, agent: Agent, goal: str) -> PlannedTask:
    return PlannedTask(
        id=parse_task_id(step.id),
        step=step.id,
        role=role.name,
        agent=agent.name,
        title=step.id.replace("-", " ").replace("_", " ").capitalize(),
        depends_on=tuple(parse_task_id(name) for name in step.depends_on),
        prompt=step.prompt.replace("{goal}", goal),
        instructions=agent.prompt,
        runtime=agent.runtime or AGENT_PROGRAM,
        command=agent.command,
        output=step.output,
        reads=step.reads,
        model=step.model or role.model or agent.model,
        verify=step.verify,
    )
