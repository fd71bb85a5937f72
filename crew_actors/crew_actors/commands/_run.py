# From a goal to the end of a run.
#
# 1. Whatever can be wrong is found out before anything is started or written.
# 2. What the project brings is executed only with its user's consent.
# 3. The run is followed by its events; who watches is told of each.
"""`crew run`: a team works on a goal."""

import re
from pathlib import Path
from typing import Literal

import attrs

from crew_actors.commands._census import sweep
from crew_actors.commands._consent import NotTrusted, find_consent
from crew_actors.commands._graph import Preview, preview, preview_text
from crew_actors.commands._layout import shown_path
from crew_actors.commands._runs import BLOCKED
from crew_actors.commands._schema import BadParameters, told
from crew_actors.commands._table import Action, Context
from crew_actors.config import load_settings
from crew_actors.model import RunState, RunStatus, TaskStatus
from crew_actors.observe import clean, counted, duration, escaped, tally
from crew_actors.resources import TrustStore, load_catalog
from crew_actors.runs import RunRequest, open_crew, prepare

_NO_TEXT = re.compile("[\x00\ud800-\udfff]")


@attrs.frozen(kw_only=True)
class RunParameters:
    """What to run."""

    goal: str = attrs.field(metadata=told("what the team is to do", positional=True))
    team: str | None = attrs.field(
        default=None,
        metadata=told(
            "the team that does it; without it, `default` if there is an agent CLI, "
            "else `survey`"
        ),
    )
    workflow: str | None = attrs.field(
        default=None, metadata=told("the workflow to follow, instead of the team's own")
    )
    agent_runtime: str | None = attrs.field(
        default=None,
        metadata=told("the agent CLI for agents that have no command of their own"),
    )
    limit: int | None = attrs.field(
        default=None, metadata=told("how many tasks may run at the same time", least=1)
    )
    on_failure: Literal["drain", "fail-fast"] = attrs.field(
        default="drain",
        metadata=told(
            "after a failure, go on with what does not depend on it, or stop all"
        ),
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


async def run_team(parameters: RunParameters, context: Context) -> RunReport | Preview:
    """Run a team on a goal, to its end; with `dry_run`, only tell what would be done.

    Cancelled, the run is stopped first, and recorded as cancelled.

    Raises:
      UserError: something is wrong with the request. Nothing was started.
      NotTrusted: the user has not agreed to the project's commands; likewise.
    """
    _check_text(parameters.goal)
    settings = load_settings(context.places)
    catalog = load_catalog(context.places, context.project)
    request = RunRequest(
        goal=parameters.goal,
        team=parameters.team,
        workflow=parameters.workflow,
        limit=parameters.limit,
        on_failure="fail_fast" if parameters.on_failure == "fail-fast" else "drain",
        agent_runtime=parameters.agent_runtime,
    )
    prepared = prepare(
        catalog,
        request,
        settings=settings,
        workspace=context.project.root,
        environ=context.environ,
    )
    plan = prepared.plan
    consent = find_consent(catalog, plan.tasks, context)
    if prepared.note is not None:
        await context.watcher.note(prepared.note)
    if not context.project.is_repository:
        root = escaped(str(context.project.root))
        await context.watcher.note(
            f"{root} is not a git repository; working on it as it is."
        )
    if parameters.dry_run:
        return preview(plan, consent.missing)
    if consent.missing and not parameters.trust:
        raise NotTrusted(plan.team, consent.missing)
    if consent.missing:
        TrustStore(context.places).grant(context.project, consent.missing)
    if settings.sweep:
        await sweep(context)
    async with open_crew(context.project, places=context.places) as crew:
        run = await crew.start(plan)
        context.watcher.started(run)
        async for recorded in run.events():
            await context.watcher.event(recorded)
        return _report(await run.wait(), run.folder.path)


def _check_text(goal: str) -> None:
    found = _NO_TEXT.search(goal)
    if found is not None:
        what = "a NUL character" if found[0] == "\x00" else "a byte that is not UTF-8"
        message = f"goal: it holds {what} at position {found.start() + 1}; remove it"
        raise BadParameters("run", (message,))


def _report(state: RunState, folder: Path) -> RunReport:
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


def _text(result: RunReport | Preview) -> str:
    if isinstance(result, Preview):
        return preview_text(result)
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


def _exit_code(result: RunReport | Preview) -> int:
    if isinstance(result, Preview):
        return 0
    return 0 if result.status is RunStatus.COMPLETED else 1


ACTION = Action[RunParameters, RunReport | Preview](
    name="run",
    parameters=RunParameters,
    handler=run_team,
    text=_text,
    exit_code=_exit_code,
)
