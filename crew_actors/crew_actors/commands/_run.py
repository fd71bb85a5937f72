# From a goal to the end of a run.
#
# 1. Whatever can be wrong is found out before anything is started or written.
# 2. What the project brings is executed only with its user's consent.
# 3. The run is followed by its events; who watches is told of each.
"""`crew run`: a team works on a goal."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Literal

import attrs
import trio

from crew_actors.commands._census import sweep
from crew_actors.commands._crews import check_console, console_beside, crew_for
from crew_actors.commands._graph import Preview, preview, preview_text
from crew_actors.commands._layout import shown_path
from crew_actors.commands._reading import check_text
from crew_actors.commands._runs import BLOCKED
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.config import Settings, load_config
from crew_actors.detached import RunnerOrder, start_runner
from crew_actors.journal import RunFolder
from crew_actors.model import Limits, RunState, RunStatus, TaskStatus
from crew_actors.observe import clean, counted, duration, escaped, tally
from crew_actors.runs import (
    Run,
    RunRequest,
    create_run,
    plan_run,
    settle_consent,
)


@attrs.frozen(kw_only=True)
class RunParameters:
    """What to run."""

    goal: str = attrs.field(metadata=told("what the team is to do", positional=True))
    team: str | None = attrs.field(
        default=None,
        metadata=told(
            "the team that does it; without it, `default` if there is an agent program, "
            "else `survey`"
        ),
    )
    workflow: str | None = attrs.field(
        default=None, metadata=told("the workflow to follow, instead of the team's own")
    )
    agent: str | None = attrs.field(
        default=None, metadata=told("one agent alone, in place of a team")
    )
    agent_runtime: str | None = attrs.field(
        default=None,
        metadata=told(
            "what runs agents that do not say it themselves: an agent program, "
            "`acp:PROGRAM`, or `llm:PROVIDER/MODEL` for live agents"
        ),
    )
    model: str | None = attrs.field(
        default=None,
        metadata=told("the model that all agents use, whatever their files say"),
    )
    limit: int | None = attrs.field(
        default=None, metadata=told("how many tasks may run at the same time", least=1)
    )
    on_failure: Literal["drain", "fail-fast"] | None = attrs.field(
        default=None,
        metadata=told(
            "after a failure, go on with what does not depend on it, or stop all"
        ),
    )
    workspace: Literal["shared", "worktree"] | None = attrs.field(
        default=None,
        metadata=told(
            "let all tasks work in the project, or each attempt in a git worktree"
        ),
    )
    approve: bool = attrs.field(
        default=False,
        metadata=told("let no task write before somebody has said `crew approve`"),
    )
    attempts: int | None = attrs.field(
        default=None,
        metadata=told("attempts at one task at most; 3 if not given", least=1),
    )
    time_limit: float | None = attrs.field(
        default=None, metadata=told("seconds that the run may take", least=0)
    )
    token_limit: int | None = attrs.field(
        default=None, metadata=told("tokens that all agents may use together", least=1)
    )
    cost_limit: float | None = attrs.field(
        default=None, metadata=told("what all agents together may cost", least=0)
    )
    detach: bool = attrs.field(
        default=False,
        metadata=told("start the run in a process of its own, and do not wait for it"),
    )
    console: bool = attrs.field(
        default=False,
        metadata=told("open a console beside the run, and tell its address"),
    )
    trust: bool = attrs.field(
        default=False,
        metadata=told("allow the commands that the project brings, as they are now"),
    )
    dry_run: bool = attrs.field(
        default=False, metadata=told("show the tasks; start and write nothing")
    )


@attrs.frozen(kw_only=True)
class RunReport:
    """How a run ended."""

    kind: Literal["summary"] = "summary"
    run: str
    status: RunStatus
    why: str
    team: str
    tasks: dict[str, TaskStatus] = attrs.field(hash=False)
    took: float
    """Seconds from its creation to its end."""

    input: int
    """Tokens that the agents report, or what else they count; so with `output`."""

    output: int
    cost: float
    folder: Path
    summary: Path | None


@attrs.frozen(kw_only=True)
class RunDetached:
    """A run that goes on in a process of its own."""

    kind: Literal["detached"] = "detached"
    run: str
    pid: int
    """Of the process that works on it."""
    folder: Path


async def run_team(
    parameters: RunParameters, context: Context
) -> RunReport | Preview | RunDetached:
    """Run a team on a goal, to its end; with `dry_run`, only tell what would be done.

    With `detach`, return when another process works on it.

    Cancelled, the run is stopped first, and recorded as cancelled.

    Raises:
      UserError: something is wrong with the request. Nothing was started.
      NotTrusted: the user has not agreed to the project's commands; likewise.
    """
    check_text("run", "goal", parameters.goal)
    request = _request(parameters)
    flags = {**request.flags(), "run.detach": parameters.detach or None}
    settings = await settings_of(context, flags)
    detach = settings.run.detach
    check_console(context, wanted=parameters.console, detach=detach)
    planned = await trio.to_thread.run_sync(
        partial(
            plan_run,
            request,
            settings=settings,
            project=context.project,
            places=context.places,
            environ=context.environ,
        )
    )
    plan = planned.plan
    if planned.note is not None:
        await context.watcher.note(planned.note)
    if not context.project.is_repository and plan.workspace == "shared":
        root = escaped(str(context.project.root))
        await context.watcher.note(
            f"{root} is not a git repository; working on it as it is."
        )
    if parameters.dry_run:
        return preview(plan, planned.missing)
    settle_consent(planned, context.project, context.places, trust=parameters.trust)
    if settings.sweep:
        await sweep(context)
    slots = settings.limits.slots
    if parameters.limit is not None:
        slots = max(slots, plan.limit)  # who names a number wants so many
    if detach:
        folder = await create_run(context.project, context.places, plan)
        return await detached(folder, context, why="started", slots=slots)
    async with (
        crew_for(context.project, context, settings, slots=slots) as crew,
        console_beside(crew, context, wanted=parameters.console),
    ):
        return await followed(await crew.start(plan), context)


async def followed(run: Run, context: Context) -> RunReport:
    """Tell the watcher what happens in *run*, to its end."""
    context.watcher.started(run)
    async for recorded in run.events():
        await context.watcher.event(recorded)
    return report_of(await run.wait(), run.folder.path)


async def detached(
    folder: RunFolder,
    context: Context,
    *,
    why: str,
    retry: tuple[str, ...] | None = None,
    slots: int | None = None,
    limits: Limits | None = None,
) -> RunDetached:
    """Have a process of its own take up the run in *folder*.

    Raises:
      RunnerFailed: it did not.
    """
    order = RunnerOrder(
        folder=folder.path, why=why, retry=retry, slots=slots, limits=limits
    )
    pid = await start_runner(order, context.environ)
    return RunDetached(run=folder.run, pid=pid, folder=folder.path)


async def settings_of(
    context: Context, flags: Mapping[str, object] | None = None
) -> Settings:
    """Read the settings of all layers; tell the watcher of what has no effect.

    Raises:
      BadSettings: some of them cannot be understood; all are named.
    """
    config = load_config(
        context.places, project=context.project, environ=context.environ, flags=flags
    )
    settings = config.checked()
    for warning in config.warnings:
        await context.watcher.note(str(warning))
    return settings


def _request(parameters: RunParameters) -> RunRequest:
    on_failure = parameters.on_failure
    return RunRequest(
        goal=parameters.goal,
        team=parameters.team,
        workflow=parameters.workflow,
        agent=parameters.agent,
        agent_runtime=parameters.agent_runtime,
        model=parameters.model,
        limit=parameters.limit,
        on_failure="fail_fast" if on_failure == "fail-fast" else on_failure,
        workspace=parameters.workspace,
        approve=parameters.approve or None,
        attempts=parameters.attempts,
        time_limit=parameters.time_limit,
        token_limit=parameters.token_limit,
        cost_limit=parameters.cost_limit,
    )


def report_of(state: RunState, folder: Path) -> RunReport:
    """Tell how the run in *folder* ended."""
    usage = state.usage
    ended = state.created_at if state.ended_at is None else state.ended_at
    return RunReport(
        run=state.run,
        status=state.status,
        why=state.why,
        team=state.plan.team,
        tasks={task: one.status for task, one in state.tasks.items()},
        took=max(0.0, ended - state.created_at),
        input=usage.input,
        output=usage.output,
        cost=usage.cost,
        folder=folder,
        summary=None if state.summary is None else folder / state.summary,
    )


def run_text(result: RunReport | Preview | RunDetached) -> str:
    """Tell a person how a run ended, or what would be done."""
    if isinstance(result, Preview):
        return preview_text(result)
    if isinstance(result, RunDetached):
        lines = [
            f"run {result.run} goes on in process {result.pid}",
            f"Watch it: crew attach {result.run}",
        ]
        return "\n".join(lines)
    how = f"{result.status.value} after {duration(result.took)}"
    tasks = f"{counted(len(result.tasks), 'task')}, {tally(result.tasks.values())}"
    lines = [f"run {result.run} {how}: {tasks}"]
    if result.why:
        lines.append(clean(result.why))
    if result.status is RunStatus.BLOCKED:
        lines.append(BLOCKED)
    if result.summary is not None:
        lines.append(f"summary: {shown_path(result.summary)}")
    return "\n".join(lines)


def run_code(result: RunReport | Preview | RunDetached) -> int:
    """Exit with 0 if all went well."""
    if isinstance(result, Preview | RunDetached):
        return 0
    return 0 if result.status is RunStatus.COMPLETED else 1


ACTION = Action[RunParameters, RunReport | Preview | RunDetached](
    name="run",
    parameters=RunParameters,
    handler=run_team,
    text=run_text,
    exit_code=run_code,
)
