# Several goals at once.
#
# 1. Every goal is read, prepared and checked before the first run is started.
# 2. Each is a run of its own, with a journal of its own, under one crew: the room for
#    attempts is shared. What becomes of one changes nothing for the others.
# 3. Who stops it stops all: those at work in order, and none is begun any more.
"""`crew parallel`: several runs side by side."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import attrs
import trio

from crew_actors.commands._census import sweep
from crew_actors.commands._crews import crew_for
from crew_actors.commands._goals import GoalLine, read_goals, shortened
from crew_actors.commands._layout import columns
from crew_actors.commands._reading import read_text
from crew_actors.commands._run import report_of, settings_of
from crew_actors.commands._schema import BadParameters, told
from crew_actors.commands._table import Action, Context
from crew_actors.config import Settings
from crew_actors.errors import UserError
from crew_actors.model import RunPlan, RunStatus
from crew_actors.observe import Narrator, clean, counted, cut, duration
from crew_actors.observe.displays import folded
from crew_actors.resources import (
    Executable,
    NotTrusted,
    TrustStore,
    find_consent,
    load_catalog,
)
from crew_actors.runs import Crew, Run, RunRequest, prepare
from crew_actors.worktrees import Worktrees

MOST: Final = 8
"""Runs at the same time. Each has several agents at work."""

_FILE_LIMIT: Final = 16 << 20
_GOAL: Final = 60  # cells of a goal that are shown

_log = logging.getLogger("crew_actors.commands")


@attrs.frozen(kw_only=True)
class ParallelParameters:
    """Which goals."""

    goals_file: str | None = attrs.field(
        default=None,
        metadata=told(
            "a file with a goal in each line, as text or as JSON with `goal`, `team`, "
            "`workflow`, `limit`; - is the standard input"
        ),
    )
    goals: str | None = attrs.field(
        default=None, metadata=told("the lines themselves, in place of a file")
    )
    concurrency: int = attrs.field(
        default=4,
        metadata=told(f"how many runs at the same time, at most {MOST}", least=1),
    )
    team: str | None = attrs.field(
        default=None, metadata=told("the team of each goal that names none")
    )
    workspace: Literal["shared", "worktree"] = attrs.field(
        default="shared",
        metadata=told(
            "let all tasks work in the project, or each attempt in a git worktree"
        ),
    )
    trust: bool = attrs.field(
        default=False,
        metadata=told("allow the commands that the project brings, as they are now"),
    )


@attrs.frozen(kw_only=True)
class GoalReport:
    """What became of one goal."""

    number: int
    """From 1, in the order in which they were given."""

    goal: str
    team: str
    run: str | None
    """None if it was not started."""

    status: RunStatus | Literal["not started", "error"]
    """`error`: the run could not be started, or could not be written any more."""

    why: str
    took: float
    """Seconds."""

    folder: Path | None
    summary: Path | None


@attrs.frozen(kw_only=True)
class Parallel:
    """What became of all goals."""

    kind: Literal["parallel"] = "parallel"
    goals: tuple[GoalReport, ...]
    completed: int


@attrs.define(eq=False)
class _Batch:
    """The runs that are at work, as one thing that can be stopped."""

    context: Context
    plans: tuple[RunPlan, ...]
    reports: dict[int, GoalReport] = attrs.field(
        factory=dict[int, GoalReport], init=False
    )
    _running: dict[int, Run] = attrs.field(factory=dict[int, Run], init=False)
    _stopped: tuple[str, bool] | None = attrs.field(default=None, init=False)

    def cancel(self, why: str, *, now: bool = False) -> None:
        """Stop all that are at work, and begin none any more."""
        if self._stopped is not None:
            why = self._stopped[0]
        self._stopped = (why, now)
        for run in self._running.values():
            run.cancel(why, now=now)

    async def work(self, crew: Crew, numbers: Iterator[int]) -> None:
        """Take one goal after the other, until none is left."""
        for number in numbers:
            if self._stopped is not None:
                self.reports[number] = self._report(number, "not started")
                continue
            try:
                self.reports[number] = await self._run(crew, number)
            except Exception as error:  # noqa: BLE001 - what one run fails with must not stop the others; it is told with its goal
                if not isinstance(error, UserError | OSError):
                    _log.exception("goal %d failed", number)
                self.reports[number] = await self._given_up(number, error)
            finally:
                self._running.pop(number, None)

    async def _given_up(self, number: int, error: Exception) -> GoalReport:
        why = str(error) or type(error).__name__
        run = self._running.get(number)
        if run is not None:
            run.cancel("it cannot be followed any more")
        await self._say(number, f"could not go on: {clean(why)}")
        name = None if run is None else run.id
        folder = None if run is None else run.folder.path
        return self._report(number, "error", why=why, run=name, folder=folder)

    async def _run(self, crew: Crew, number: int) -> GoalReport:
        run = await crew.start(self.plans[number - 1])
        self._running[number] = run
        if self._stopped is not None:  # while it was being started
            run.cancel(self._stopped[0], now=self._stopped[1])
        await self._say(number, f"run {run.id} started: {self._goal(number)}")
        await self._follow(run, number)
        state = await run.wait()
        report = report_of(state, run.folder.path)
        took = duration(report.took)
        await self._say(number, f"run {run.id} {report.status.value} after {took}")
        return self._report(
            number,
            report.status,
            why=report.why,
            run=report.run,
            took=report.took,
            folder=report.folder,
            summary=report.summary,
        )

    async def _follow(self, run: Run, number: int) -> None:
        narrator, state = Narrator(), None
        async for recorded in run.events():
            state = folded(state, recorded)
            narrator, line = narrator.tell(recorded, state)
            if line is not None:
                await self._say(number, line)

    async def _say(self, number: int, text: str) -> None:
        width = len(str(len(self.plans)))
        await self.context.watcher.note(f"[{number:>{width}}] {text}")

    def _goal(self, number: int) -> str:
        return cut(clean(self.plans[number - 1].goal), _GOAL)

    def _report(
        self,
        number: int,
        status: RunStatus | Literal["not started", "error"],
        *,
        why: str = "",
        run: str | None = None,
        took: float = 0.0,
        folder: Path | None = None,
        summary: Path | None = None,
    ) -> GoalReport:
        plan = self.plans[number - 1]
        return GoalReport(
            number=number,
            goal=plan.goal,
            team=plan.team,
            run=run,
            status=status,
            why=why,
            took=took,
            folder=folder,
            summary=summary,
        )


async def parallel(parameters: ParallelParameters, context: Context) -> Parallel:
    """Run several goals side by side, each to its end.

    Cancelled, all runs are stopped first, and recorded as cancelled.

    Raises:
      UserError: something is wrong with one of the goals. Nothing was started.
      NotTrusted: the user has not agreed to the project's commands; likewise.
    """
    goals = _goals(parameters)
    settings = await settings_of(context)
    plans, missing = _prepared(goals, parameters, context, settings)
    if any(plan.workspace == "worktree" for plan in plans):
        base = await Worktrees(context.project.root).head()
        plans = tuple(attrs.evolve(plan, base=base) for plan in plans)
    if missing and not parameters.trust:
        raise NotTrusted(plans[0].team, missing)
    if missing:
        TrustStore(context.places).grant(context.project, missing)
    batch = _Batch(context, plans)
    context.watcher.started(batch)
    if settings.sweep:
        await sweep(context)
    numbers = iter(range(1, len(plans) + 1))
    slots = max(settings.limits.slots, *(plan.limit for plan in plans if plan.limit))
    async with (
        crew_for(
            context.project,
            context,
            settings,
            slots=slots if any(one.limit for one in goals) else None,
        ) as crew,
        trio.open_nursery() as nursery,
    ):
        for _ in range(min(parameters.concurrency, len(plans))):
            nursery.start_soon(batch.work, crew, numbers)
    reports = tuple(batch.reports[number] for number in sorted(batch.reports))
    done = sum(one.status is RunStatus.COMPLETED for one in reports)
    return Parallel(goals=reports, completed=done)


def _goals(parameters: ParallelParameters) -> tuple[GoalLine, ...]:
    if parameters.concurrency > MOST:
        message = f"--concurrency must be at most {MOST}, not {parameters.concurrency}"
        raise BadParameters("parallel", (message,))
    path = parameters.goals_file
    if (path is None) == (parameters.goals is None):
        message = "goals: use either --goals-file or --goals"
        raise BadParameters("parallel", (message,))
    if path is None:
        return read_goals(parameters.goals or "")
    text = read_text("parallel", "--goals-file", path, limit=_FILE_LIMIT)
    return read_goals(text)


def _prepared(
    goals: tuple[GoalLine, ...],
    parameters: ParallelParameters,
    context: Context,
    settings: Settings,
) -> tuple[tuple[RunPlan, ...], tuple[Executable, ...]]:
    """Make the plans, and tell what the user would have to agree to.

    Raises:
      BadParameters: some goals cannot be run; all of them are told.
    """
    catalog = load_catalog(context.places, context.project)
    plans: list[RunPlan] = []
    problems: list[str] = []
    for number, one in enumerate(goals, start=1):
        request = RunRequest(
            goal=one.goal,
            team=one.team or parameters.team,
            workflow=one.workflow,
            limit=one.limit,
            workspace=parameters.workspace,
        )
        try:
            prepared = prepare(
                catalog,
                request,
                settings=settings,
                workspace=context.project.root,
                environ=context.environ,
            )
        except UserError as error:
            problems.append(f"goal {number}: {error}")
        else:
            plans.append(prepared.plan)
    if problems:
        raise BadParameters("parallel", shortened(problems))
    tasks = (task for plan in plans for task in (*plan.tasks, *plan.templates.values()))
    consent = find_consent(catalog, tasks, context.project, context.places)
    return tuple(plans), consent.missing


def _text(result: Parallel) -> str:
    rows = [
        (
            str(one.number),
            one.run or "-",
            one.status.value if isinstance(one.status, RunStatus) else one.status,
            duration(one.took),
            cut(clean(one.goal), _GOAL) + (f" ({clean(one.why)})" if one.why else ""),
        )
        for one in result.goals
    ]
    done = f"{result.completed} of {counted(len(rows), 'goal')} completed"
    return "\n".join([*columns([("", "run", "status", "took", "goal"), *rows]), done])


def _exit_code(result: Parallel) -> int:
    return 0 if result.completed == len(result.goals) else 1


ACTION = Action[ParallelParameters, Parallel](
    name="parallel",
    parameters=ParallelParameters,
    handler=parallel,
    text=_text,
    exit_code=_exit_code,
)
