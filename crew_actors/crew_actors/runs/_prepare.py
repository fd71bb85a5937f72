# From what a person asks to a plan that can be run, or to one clear error.
#
# Nothing is started and nothing written here. Everything that can be known to go
# wrong, does so now: unknown names, workflows that cannot end, programs that are not
# there.
"""Turn a request into the plan of a run."""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import attrs

from crew_actors.config import Settings
from crew_actors.errors import UserError
from crew_actors.journal import MAX_EVENT
from crew_actors.model import (
    GOAL_LIMIT,
    CommandSpec,
    Consent,
    Limits,
    OnFailure,
    PlannedTask,
    RetryPolicy,
    RunPlan,
    Workspace,
    parse_task_id,
)
from crew_actors.resources import (
    Catalog,
    Problem,
    ResourceError,
    Team,
    Workflow,
    adaptive_step,
    executables,
    plan_roles,
    plan_tasks,
)
from crew_actors.runtimes import (
    AGENT_CLIS,
    DEPTH_VARIABLE,
    find_agent_cli,
    search_path,
)
from crew_supervisors import ProcessError, resolve_executable

PLAN_LIMIT = MAX_EVENT - (64 << 10)
"""Bytes of the texts of a plan, as JSON. A plan is one event of the journal."""

DEFAULT_LIMIT = 4
"""Tasks at the same time where neither the person nor the team says otherwise."""

FALLBACK_TEAM = "survey"
DEFAULT_TEAM = "default"


@attrs.frozen(kw_only=True)
class RunRequest:
    """What a person asks for. None means: decide by what is there."""

    goal: str
    team: str | None = None
    workflow: str | None = None
    limit: int | None = None
    on_failure: OnFailure | None = None
    agent_runtime: str | None = None
    limits: Limits | None = None
    retry: RetryPolicy | None = None
    workspace: Workspace | None = None
    approve: bool | None = None


@attrs.frozen(kw_only=True)
class Prepared:
    """A plan, and what was decided on the way to it."""

    plan: RunPlan
    note: str | None = None
    """One line for the person, if something was decided for them."""


class BadRequest(UserError):
    """A field of the request cannot be. Nothing was started."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(field, message)
        self.field = field
        self.message = message

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class NoAgentCli(UserError):
    """Agents of the team need an agent CLI, and there is none. Nothing was started."""

    def __init__(self, team: str, agents: tuple[str, ...], wanted: str | None) -> None:
        super().__init__(team, agents, wanted)
        self.team = team
        self.agents = agents
        self.wanted = wanted

    def __str__(self) -> str:
        known = ", ".join(AGENT_CLIS)
        missing = (
            f"none of {known} is on your PATH"
            if self.wanted is None
            else f"{self.wanted!r} is not on your PATH"
        )
        return (
            f"team {self.team!r} needs an agent CLI to run {', '.join(self.agents)}, "
            f"and {missing}. Install one, or use a team that needs none: "
            f"--team {FALLBACK_TEAM}"
        )


class NestedTooDeep(UserError):
    """An agent of a nested run wants to start a run. Nothing was started."""

    def __init__(self, depth: int, most: int) -> None:
        super().__init__(depth, most)
        self.depth = depth
        self.most = most

    def __str__(self) -> str:
        return (
            f"this is inside of a run that is nested {self.depth - 1} times already, "
            f"and {self.most} is the most: do the work here instead"
        )


class ProgramsMissing(UserError):
    """Programs that agents are to be run by cannot be. Nothing was started."""

    def __init__(self, problems: tuple[tuple[str, str], ...]) -> None:
        super().__init__(problems)
        self.problems = problems
        """Names of agents, each with what is wrong with its program."""

    def __str__(self) -> str:
        return "\n".join(f"agent {agent}: {what}" for agent, what in self.problems)


class FilesInTheWay(UserError):
    """A plan cannot be made, and files that it may need have errors.

    Nothing was started.
    """

    def __init__(self, error: ResourceError, problems: tuple[Problem, ...]) -> None:
        super().__init__(error, problems)
        self.error = error
        self.problems = problems

    def __str__(self) -> str:
        lines = [str(self.error), "Files with errors are not used:"]
        return "\n".join([*lines, *(f"  {problem}" for problem in self.problems)])


Which = Callable[[str], str | None]


def prepare(
    catalog: Catalog,
    request: RunRequest,
    *,
    settings: Settings,
    workspace: Path,
    environ: Mapping[str, str],
) -> Prepared:
    """Make the plan that *request* asks for.

    Looks for programs in *workspace*, where their names have a folder, and else on the
    PATH of *environ*.

    Raises:
      BadRequest: a field of the request cannot be.
      UnknownResource: there is no such team or workflow.
      InvalidWorkflow: the workflow cannot be run by the team; all problems are named.
      FilesInTheWay: one of the two, where resource files have errors; they are named.
      NoAgentCli: an agent needs an agent CLI, and there is none.
      ProgramsMissing: programs that agents name are not there; all are named.
    """
    _check(request)
    path = search_path(environ)
    wanted = request.agent_runtime or settings.agent_runtime
    cli = _agent_cli(wanted, partial(_which, path, workspace))
    try:
        team, note = _team(catalog, request, settings, cli)
        workflow = _workflow(catalog, team, request.workflow)
        planned = plan_tasks(catalog, team, workflow, request.goal)
    except ResourceError as error:
        errors = tuple(p for p in catalog.problems if p.severity == "error")
        if errors:
            raise FilesInTheWay(error, errors) from error
        raise
    silence = settings.limits.silence
    tasks = _with_commands(catalog, planned, cli, silence)
    step = adaptive_step(workflow)
    templates: dict[str, PlannedTask] = {}
    if step is not None:
        roles = plan_roles(catalog, team, workflow)
        made = _with_commands(catalog, tuple(roles.values()), cli, silence)
        templates = dict(zip(roles, made, strict=True))
    everything = (*tasks, *templates.values())
    helpless = tuple(sorted({task.agent for task in everything if not task.command}))
    if helpless:
        raise NoAgentCli(team.name, helpless, wanted)
    _check_programs(everything, workspace, path)
    _check_size(request.goal, everything)
    plan = RunPlan(
        goal=request.goal,
        team=team.name,
        workflow=workflow.name,
        tasks=tasks,
        limit=_limit(request, settings, team, workflow),
        role_limits={
            role.name: role.max_concurrency
            for role in team.roles
            if role.max_concurrency is not None
        },
        on_failure=request.on_failure or settings.run.on_failure,
        limits=request.limits or settings.run_limits(),
        retry=request.retry or settings.retry_policy(),
        workspace=request.workspace or settings.run.workspace,
        approve=settings.run.approve if request.approve is None else request.approve,
        adaptive=None if step is None else parse_task_id(step.id),
        templates=templates,
        depth=nesting(environ, settings.limits.depth),
    )
    return Prepared(plan=plan, note=note)


def nesting(environ: Mapping[str, str], most: int) -> int:
    """Tell how many runs the one is nested in that *environ* is found in.

    Raises:
      NestedTooDeep: that is more than *most*.
    """
    told = environ.get(DEPTH_VARIABLE, "0")
    depth = int(told) if told.isdecimal() else 0
    if depth > most:
        raise NestedTooDeep(depth, most)
    return depth


def _check(request: RunRequest) -> None:
    if not request.goal.strip():
        raise BadRequest("goal", "it is empty; say what the team is to do")
    size = len(request.goal.encode("utf-8", "surrogateescape"))
    if size > GOAL_LIMIT:
        message = f"it has {size:,} bytes; at most {GOAL_LIMIT:,} are allowed"
        raise BadRequest("goal", f"{message}. Put the material into a file")
    if request.limit is not None and request.limit < 1:
        raise BadRequest("limit", f"it must be at least 1, not {request.limit}")


def _check_size(goal: str, tasks: tuple[PlannedTask, ...]) -> None:
    texts = [goal, *(task.prompt + task.instructions for task in tasks)]
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


def _agent_cli(wanted: str | None, which: Which) -> CommandSpec | None:
    """Find the CLI that runs agents without a command of their own."""
    if wanted is None:
        found = find_agent_cli(which)
        return None if found is None else AGENT_CLIS[found]
    if wanted not in AGENT_CLIS:
        known = ", ".join(AGENT_CLIS)
        raise BadRequest(
            "agent runtime", f"{wanted!r} is not known; use one of {known}"
        )
    command = AGENT_CLIS[wanted]
    return command if which(command.argv[0]) is not None else None


def _team(
    catalog: Catalog, request: RunRequest, settings: Settings, cli: CommandSpec | None
) -> tuple[Team, str | None]:
    named = request.team or settings.team
    if named is not None:
        return catalog.team(named), None
    if cli is not None:
        note = f"No team named: using {DEFAULT_TEAM!r} with {cli.argv[0]}."
        return catalog.team(DEFAULT_TEAM), note
    note = f"No team named and no agent CLI found: using {FALLBACK_TEAM!r}."
    return catalog.team(FALLBACK_TEAM), note


def _workflow(catalog: Catalog, team: Team, named: str | None) -> Workflow:
    """Choose the workflow: the one asked for, the team's own, or its namesake."""
    return catalog.workflow(named or team.workflow or team.name)


def _which(path: str, workspace: Path, program: str) -> str | None:
    """Find *program* on *path*, outside of *workspace*.

    What a repository brings must not be taken for the user's agent CLI.
    """
    entries = path.split(os.pathsep)
    outside = [one for one in entries if not Path(one).is_relative_to(workspace)]
    return shutil.which(program, path=os.pathsep.join(outside))


def _with_commands(
    catalog: Catalog,
    planned: tuple[PlannedTask, ...],
    cli: CommandSpec | None,
    silence: float | None,
) -> tuple[PlannedTask, ...]:
    """Give each task its command, and what its user must have agreed to."""
    consents = {
        one.agent: Consent(agent_file=str(one.path), sha256=one.sha256)
        for one in executables(catalog, planned)
    }
    return tuple(
        attrs.evolve(
            task,
            runtime=task.runtime if task.command is not None else "command",
            command=_with_silence(task.command or cli, silence),
            consent=consents.get(task.agent),
        )
        for task in planned
    )


def _with_silence(
    command: CommandSpec | None, silence: float | None
) -> CommandSpec | None:
    """Give a command the limit on its silence that holds where it has none itself."""
    if command is None or command.silence is not None:
        return command
    return attrs.evolve(command, silence=silence)


def _check_programs(tasks: tuple[PlannedTask, ...], workspace: Path, path: str) -> None:
    problems: dict[str, str] = {}
    for task in tasks:
        program = task.command.argv[0] if task.command is not None else ""
        if "{" in program:
            continue  # a placeholder; {python} is this very interpreter
        try:
            resolve_executable(program, cwd=workspace, path=path)
        except ProcessError as error:
            problems[task.agent] = str(error)
    if problems:
        raise ProgramsMissing(tuple(problems.items()))


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
