# From what a person asks to a plan that can be run, or to one clear error.
#
# Nothing is started and nothing written here. Everything that can be known to go
# wrong, does so now: unknown names, workflows that cannot end, programs that are not
# there.
"""Turn a request into the plan of a run."""

import json
import os
import shutil
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from crew_actors.config import Settings
from crew_actors.journal import MAX_EVENT
from crew_actors.model import (
    GOAL_LIMIT,
    Limits,
    OnFailure,
    PlannedTask,
    RetryPolicy,
    RunPlan,
    Workspace,
    parse_task_id,
)
from crew_actors.resources import (
    Agent,
    Catalog,
    ResourceError,
    Role,
    Source,
    Step,
    Team,
    Workflow,
    adaptive_step,
    plan_roles,
    plan_tasks,
)
from crew_actors.runs._equip import Equipment, equipped, needs_none
from crew_actors.runs._nested import nested_in
from crew_actors.runs._refused import (
    FALLBACK_TEAM,
    BadRequest,
    FilesInTheWay,
    NoAgentProgram,
    ProgramsMissing,
)
from crew_actors.runtimes import (
    AgentRuntime,
    find_agent_program,
    parse_agent_runtime,
    search_path,
)
from crew_supervisors import ProcessError, resolve_executable

PLAN_LIMIT = MAX_EVENT - (64 << 10)
"""Bytes of the texts of a plan, as JSON. A plan is one event of the journal."""

DEFAULT_LIMIT = 4
"""Tasks at the same time where neither the person nor the team says otherwise."""

DEFAULT_TEAM = "default"


@attrs.frozen(kw_only=True)
class RunRequest:
    """What a person asks for. None means: decide by what is there."""

    goal: str
    team: str | None = None
    workflow: str | None = None
    agent: str | None = None
    """One agent alone, in place of a team."""

    limit: int | None = None
    on_failure: OnFailure | None = None
    agent_runtime: str | None = None
    model: str | None = None
    """That all agents use, whatever their files say."""

    limits: Limits | None = None
    """In place of all limits that are set."""

    retry: RetryPolicy | None = None
    workspace: Workspace | None = None
    approve: bool | None = None
    attempts: int | None = None
    """At one task. This and the following change single limits."""

    time_limit: float | None = None
    """Seconds."""

    token_limit: int | None = None
    cost_limit: float | None = None

    def flags(self) -> dict[str, object]:
        """Name the settings that the request replaces; None is not given."""
        return {
            "limits.attempts": self.attempts,
            "limits.run_seconds": self.time_limit,
            "limits.tokens": self.token_limit,
            "limits.cost": self.cost_limit,
            "run.on_failure": self.on_failure,
            "run.workspace": self.workspace,
            "run.approve": self.approve,
        }


@attrs.frozen(kw_only=True)
class Prepared:
    """A plan, and what was decided on the way to it."""

    plan: RunPlan
    note: str | None = None
    """For the person, if something was decided for them."""

    @property
    def everything(self) -> tuple[PlannedTask, ...]:
        """All tasks that may come of it, those included that its agents may plan."""
        return (*self.plan.tasks, *self.plan.templates.values())


Which = Callable[[str], str | None]


def prepare(
    catalog: Catalog,
    request: RunRequest,
    *,
    settings: Settings,
    workspace: Path,
    environ: Mapping[str, str],
    functions: Collection[str] = (),
) -> Prepared:
    """Make the plan that *request* asks for.

    Looks for programs in *workspace*, where their names have a folder, and else on the
    PATH of *environ*. The agents that *functions* names are functions of this program,
    whatever their files say; they need none.

    Raises:
      BadRequest: a field of the request cannot be.
      UnknownResource: there is no such team, workflow or agent.
      InvalidWorkflow: the workflow cannot be run by the team; all problems are named.
      FilesInTheWay: one of the two, where resource files have errors; they are named.
      NoAgentProgram: an agent needs an agent program, and there is none.
      ProgramsMissing: programs that agents name are not there; all are named.
      NoModel: live agents have no model that can be had; all are named.
      NestedTooDeep: this is inside of too many runs.
    """
    _check(request)
    path = search_path(environ)
    wanted = request.agent_runtime or settings.agent_runtime
    cli = _agent_program(wanted, partial(_which, path, workspace))
    with _naming_files(catalog):
        team, workflow, note = _chosen(catalog, request, settings, cli, functions)
        catalog = _with_functions(catalog, functions)
        tasks = plan_tasks(catalog, team, workflow, request.goal)
        step = adaptive_step(workflow)
        roles: Mapping[str, PlannedTask] = {}
        if step is not None:
            roles = plan_roles(catalog, team, workflow)
    equipment = _equipment(request, settings, cli, functions, environ)
    tasks, passed_over = equipped(catalog, equipment, tasks)
    planned, more = equipped(catalog, equipment, tuple(roles.values()))
    templates = dict(zip(roles, planned, strict=True))
    note = "\n".join([*([note] if note else []), *dict.fromkeys(passed_over + more)])
    plan = RunPlan(
        goal=request.goal,
        team=team.name,
        workflow=workflow.name,
        tasks=tasks,
        limit=_limit(request, settings, team, workflow),
        role_limits=_role_limits(team),
        on_failure=request.on_failure or settings.run.on_failure,
        limits=_limits(request, settings),
        retry=request.retry or settings.retry_policy(),
        workspace=request.workspace or settings.run.workspace,
        approve=settings.run.approve if request.approve is None else request.approve,
        adaptive=None if step is None else parse_task_id(step.id),
        templates=templates,
    )
    plan = nested_in(plan, environ, settings.limits.depth)
    prepared = Prepared(plan=plan, note=note or None)
    _check_plan(prepared, wanted, workspace, path)
    return prepared


@contextmanager
def _naming_files(catalog: Catalog) -> Generator[None]:
    """Where something of *catalog* cannot be used, name the files with errors, too."""
    try:
        yield
    except ResourceError as error:
        errors = tuple(p for p in catalog.problems if p.severity == "error")
        if errors:
            raise FilesInTheWay(error, errors) from error
        raise


def _check(request: RunRequest) -> None:
    if not request.goal.strip():
        raise BadRequest("goal", "it is empty; say what the team is to do")
    size = len(request.goal.encode("utf-8", "surrogateescape"))
    if size > GOAL_LIMIT:
        message = f"it has {size:,} bytes; at most {GOAL_LIMIT:,} are allowed"
        raise BadRequest("goal", f"{message}. Put the material into a file")
    if request.limit is not None and request.limit < 1:
        raise BadRequest("limit", f"it must be at least 1, not {request.limit}")
    if request.agent is not None and (request.team or request.workflow):
        message = "one agent alone has neither a team nor a workflow; name only one"
        raise BadRequest("agent", message)


def _check_plan(
    prepared: Prepared, wanted: str | None, workspace: Path, path: str
) -> None:
    """See to it that each task of a plan can be done.

    Raises:
      BadRequest: its tasks are too many, or their texts too long.
      NoAgentProgram: an agent needs an agent program, and there is none.
      ProgramsMissing: programs that agents name are not there.
    """
    plan, everything = prepared.plan, prepared.everything
    if len(plan.tasks) > plan.limits.tasks:
        message = (
            f"{plan.workflow!r} has {len(plan.tasks)} tasks, and a run may have "
            f"{plan.limits.tasks} (limits.tasks)"
        )
        raise BadRequest("workflow", message)
    helpless = {
        task.agent for task in everything if not (task.command or needs_none(task))
    }
    if helpless:
        raise NoAgentProgram(plan.team, tuple(sorted(helpless)), wanted)
    _check_programs(everything, workspace, path)
    _check_size(plan.goal, everything)


def _check_size(goal: str, tasks: tuple[PlannedTask, ...]) -> None:
    texts = [goal, *(task.prompt + task.instructions for task in tasks)]
    texts += [skill.text for task in tasks for skill in task.skill_texts]
    size = sum(
        len(json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        for text in texts
    )
    if size > PLAN_LIMIT:
        message = (
            f"with it the prompts of the {len(tasks)} tasks have {size:,} bytes; "
            f"at most {PLAN_LIMIT:,} are allowed. Put the material into a file of the "
            "project, and name the file in the goal"
        )
        raise BadRequest("goal", message)


def _agent_program(wanted: str | None, which: Which) -> AgentRuntime | None:
    """Find what runs agents without a command of their own."""
    if wanted is None:
        found = find_agent_program(which)
        return None if found is None else parse_agent_runtime(found)
    try:
        chosen = parse_agent_runtime(wanted)
    except ValueError as error:
        raise BadRequest("agent runtime", str(error)) from None
    if chosen.command is None:
        return chosen
    return chosen if which(chosen.command.argv[0]) is not None else None


def _equipment(
    request: RunRequest,
    settings: Settings,
    cli: AgentRuntime | None,
    functions: Collection[str],
    environ: Mapping[str, str],
) -> Equipment:
    return Equipment(
        cli=cli,
        model=_model_of(request, cli),
        silence=settings.limits.silence,
        functions=functions,
        providers=settings.providers,
        environ=environ,
        servers=frozenset(one.name for one in settings.mcp),
    )


def _model_of(request: RunRequest, cli: AgentRuntime | None) -> str | None:
    """Tell the model that a person asks for now: it stands above what files say."""
    if request.model is not None or request.agent_runtime is None or cli is None:
        return request.model
    return cli.model


def _chosen(
    catalog: Catalog,
    request: RunRequest,
    settings: Settings,
    cli: AgentRuntime | None,
    functions: Collection[str],
) -> tuple[Team, Workflow, str | None]:
    """Choose who does it, in which steps; and what the person is to be told of it.

    Without a workflow that was asked for, it is the team's own, or its namesake.
    """
    if request.agent is not None:
        agent = request.agent
        if agent not in functions:
            catalog.agent(agent)
        team, workflow = _alone(agent)
        return team, workflow, None
    team, note = _team(catalog, request, settings, cli)
    named = request.workflow or team.workflow or team.name
    return team, catalog.workflow(named), note


def _alone(agent: str) -> tuple[Team, Workflow]:
    """Make a team of one *agent*, and the one step that it takes."""
    source = _nowhere()
    role = Role(name=agent, agent=agent)
    team = Team(name=f"direct-{agent}", roles=(role,), source=source)
    step = Step(id=agent, role=agent)
    return team, Workflow(name="direct", steps=(step,), source=source)


def _with_functions(catalog: Catalog, functions: Collection[str]) -> Catalog:
    """Add the agents that are functions and have no file."""
    missing = (name for name in functions if name not in catalog.agents)
    added = {name: Agent(name=name, source=_nowhere()) for name in missing}
    if not added:
        return catalog
    return attrs.evolve(catalog, agents={**catalog.agents, **added})


def _nowhere() -> Source:
    """Tell the source of what is in no file."""
    return Source(tier="user", path=Path(), sha256="")


def _team(
    catalog: Catalog, request: RunRequest, settings: Settings, cli: AgentRuntime | None
) -> tuple[Team, str | None]:
    named = request.team or settings.team
    if named is not None:
        return catalog.team(named), None
    if cli is not None:
        note = f"No team named: using {DEFAULT_TEAM!r} with {cli.name}."
        return catalog.team(DEFAULT_TEAM), note
    note = f"No team named and no agent program found: using {FALLBACK_TEAM!r}."
    return catalog.team(FALLBACK_TEAM), note


def _which(path: str, workspace: Path, program: str) -> str | None:
    """Find *program* on *path*, outside of *workspace*.

    What a repository brings must not be taken for the user's agent program.
    """
    entries = path.split(os.pathsep)
    outside = [one for one in entries if not Path(one).is_relative_to(workspace)]
    return shutil.which(program, path=os.pathsep.join(outside))


def _check_programs(tasks: tuple[PlannedTask, ...], workspace: Path, path: str) -> None:
    problems: dict[str, str] = {}
    for task in tasks:
        if task.command is None:
            continue
        program = task.command.argv[0]
        if "{" in program:
            continue  # a placeholder; {python} is this very interpreter
        try:
            resolve_executable(program, cwd=workspace, path=path)
        except ProcessError as error:
            problems[task.agent] = str(error)
    if problems:
        raise ProgramsMissing(tuple(problems.items()))


def _role_limits(team: Team) -> dict[str, int]:
    return {
        role.name: role.max_concurrency
        for role in team.roles
        if role.max_concurrency is not None
    }


def _limit(
    request: RunRequest, settings: Settings, team: Team, workflow: Workflow
) -> int:
    return (
        request.limit
        or team.max_concurrency
        or workflow.max_concurrency
        or settings.limit
        or DEFAULT_LIMIT
    )


def _limits(request: RunRequest, settings: Settings) -> Limits:
    """Tell what the run may use. Single limits of the request stand above all."""
    if request.limits is None:
        return settings.run_limits()  # they have gone into the settings
    single: dict[str, Any] = {
        "attempts": request.attempts,
        "run_seconds": request.time_limit,
        "tokens": request.token_limit,
        "cost": request.cost_limit,
    }
    given = {name: value for name, value in single.items() if value is not None}
    return attrs.evolve(request.limits, **given)
