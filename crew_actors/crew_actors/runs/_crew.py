# The one thing to open. A crew is a supervisor of runs: each run is an actor with a
# journal of its own, and leaving the block stops the runs that are still at work.
"""Open a crew, start runs, watch and stop them."""

import logging
import os
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, final, overload

import attrs
import trio

from crew_actors.actors import Actors, MailboxClosed, Ref, open_actors
from crew_actors.census import recording, records_folder, sweep_orphans
from crew_actors.config import Settings, load_config, load_settings
from crew_actors.errors import UserError
from crew_actors.journal import (
    JournalError,
    Registry,
    RunEntry,
    RunFolder,
    find_run,
    read_state,
)
from crew_actors.model import (
    LIVE,
    Limits,
    OnFailure,
    PlannedTask,
    RunPlan,
    Selection,
    Workspace,
)
from crew_actors.places import Places, Project, find_project, user_places
from crew_actors.runs._create import make_run_folder, register, remove_run, with_base
from crew_actors.runs._handle import Run
from crew_actors.runs._local_models import LocalModels
from crew_actors.runs._looks import Look, look_at
from crew_actors.runs._messages import Begin, RunMessage, Stop
from crew_actors.runs._nested import nested_in
from crew_actors.runs._order import RunOrder, TakeUp
from crew_actors.runs._planning import plan_run, settle_consent
from crew_actors.runs._prepare import RunRequest
from crew_actors.runs._roster import Roster, Totals, totals_of
from crew_actors.runs._run import run_actor
from crew_actors.runs._slots import Slots
from crew_actors.runs._view import RunView
from crew_actors.runtimes import (
    AgentFunction,
    LiveAgents,
    Runtime,
    function_runtime,
    runner_of,
)
from crew_actors.worktrees import Worktrees
from crew_supervisors import KILL

_log = logging.getLogger("crew_actors.runs")

BEGIN_DEADLINE = 30.0
"""Seconds in which a run must have been created. A disk that needs longer is stuck."""


class NoRuntime(UserError):
    """A task asks for a runtime that there is not. Nothing was started."""

    def __init__(self, task: str, runtime: str) -> None:
        super().__init__(task, runtime)
        self.task = task
        self.runtime = runtime

    def __str__(self) -> str:
        return (
            f"task {self.task}: there is no runtime {self.runtime!r}; "
            "give its agent a command, or pass it as a function"
        )


@final
@attrs.frozen(eq=False)
class Crew:
    """Starts runs in one project."""

    project: Project
    places: Places
    _actors: Actors = attrs.field(alias="actors")
    _functions: Mapping[str, AgentFunction] = attrs.field(alias="functions")
    slots: Slots
    """The room for attempts that its runs share."""
    warm: Slots | None
    """That for processes which are started ahead of their attempts, if there is any."""
    roster: Roster = attrs.field(factory=Roster, init=False)
    """Its runs that are at work."""
    settings: Settings
    """What was set when it was opened."""
    _environ: Mapping[str, str] = attrs.field(alias="environ")
    _live: LiveAgents = attrs.field(alias="live")
    _worktrees: Worktrees = attrs.field(init=False)
    _count: Iterator[int] = attrs.field(factory=lambda: count(1), init=False)
    """Numbers the lives of runs: one may be taken up again in a moment."""

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_worktrees", Worktrees(self.project.root))

    @overload
    async def start(self, plan: RunPlan) -> Run: ...

    @overload
    async def start(
        self,
        *,
        goal: str,
        team: str | None = None,
        workflow: str | None = None,
        agent: str | None = None,
        agent_runtime: str | None = None,
        model: str | None = None,
        limit: int | None = None,
        limits: Limits | None = None,
        attempts: int | None = None,
        time_limit: float | None = None,
        token_limit: int | None = None,
        cost_limit: float | None = None,
        on_failure: OnFailure | None = None,
        workspace: Workspace | None = None,
        approve: bool | None = None,
        trust: bool = False,
    ) -> Run: ...

    async def start(
        self, plan: RunPlan | None = None, *, trust: bool = False, **asked: Any
    ) -> Run:
        """Start a run. It is on disk, and registered, on return.

        Without a *plan*, it is made as `crew run` makes it: what is not given is as
        the settings and the files of the team say, and what can be known to go wrong
        is found out before anything is started. If cancelled, the run is stopped.

        Args:
          plan: what to do, in place of all that follows.
          goal: what the team is to do.
          team: who does it; without it as in `crew run`.
          workflow: the steps, instead of the team's own.
          agent: one agent alone, in place of a team.
          agent_runtime: what runs agents that do not say it themselves: an agent
            program, `acp:PROGRAM`, or `llm:PROVIDER/MODEL`.
          model: that all agents use, whatever their files say.
          limit: how many tasks may run at the same time.
          limits: in place of all limits that are set. The following change one each.
          attempts: at one task.
          time_limit: seconds that the run may take.
          token_limit: tokens that all agents may use together.
          cost_limit: what all of them together may cost.
          on_failure: go on with what does not depend on it, or stop all.
          workspace: the project itself, or a git worktree for each attempt.
          approve: whether tasks that write wait for `Run.approve`.
          trust: agree to the commands that the project brings, as they are now.
          **asked: all of these but *plan* and *trust*.

        Raises:
          NoRuntime: an agent cannot be run. Nothing was started.
          UnknownModel: the model of a live agent cannot be meant. Nothing was started.
          NotTrusted: the project brings commands that its user has not agreed to.
          NestedTooDeep: this is inside of too many runs. Nothing was started.
          Refused: this is inside of a run, and one of its limits is reached.
          WorktreeError: it is to work in worktrees, and the project has none.
          JournalError: the run cannot be written. Nothing was started.
          UserError: the request cannot be, by its class. Nothing was started.
          OSError: the folder of the run cannot be made. Nothing was started.
          AskTimeout: the disk did not answer in time. The run is stopped if it begins.
        """
        if plan is None:
            plan = await self._planned(RunRequest(**asked), trust=trust)
        elif asked or trust:
            msg = f"a plan says it all: leave out {', '.join(asked) or 'trust'}"
            raise TypeError(msg)
        else:
            plan = nested_in(plan, self._environ, self.settings.limits.depth)
        return await self._start(plan)

    async def _planned(self, request: RunRequest, *, trust: bool) -> RunPlan:
        """Make the plan that *request* asks for, with the consent of the user."""
        config = await trio.to_thread.run_sync(
            partial(
                load_config,
                self.places,
                project=self.project,
                environ=self._environ,
                flags=request.flags(),
            )
        )
        settings = config.checked()
        for warning in config.warnings:
            _log.warning("%s", warning)
        planned = await trio.to_thread.run_sync(
            partial(
                plan_run,
                request,
                settings=settings,
                project=self.project,
                places=self.places,
                environ=self._environ,
                functions=self._functions,
            )
        )
        settle = partial(settle_consent, planned, self.project, self.places)
        await trio.to_thread.run_sync(partial(settle, trust=trust))
        return planned.plan

    async def _start(self, plan: RunPlan) -> Run:
        for task in (*plan.tasks, *plan.templates.values()):
            self._check(task)
        if sum(task.command is not None for task in plan.tasks) > 1:
            from crew_supervisors import expect_processes  # noqa: PLC0415 - others load no processes

            expect_processes()
        plan = await with_base(plan, self._worktrees)
        folder = await make_run_folder(self.project, plan)
        order = self._order(folder, plan=plan)
        run: Run | None = None
        try:
            run = await self._begin(order)
            await register(folder, run.state, self.project, self.places)
        except BaseException as error:  # a cancellation too: no run goes on unheld
            if run is not None:
                run.cancel("its start was given up")
            elif isinstance(error, JournalError | OSError):
                await remove_run(folder)  # there is no run
            raise
        return run

    async def resume(
        self,
        run: RunFolder | str,
        *,
        why: str = "taken up again",
        retry: Selection | None = None,
        limits: Limits | None = None,
    ) -> Run:
        """Take up *run*, on which nobody works: its folder, or its name as in `find`.

        Tasks that were at work, cancelled or skipped are done; with *retry* those as
        well that it selects, and what depends on them. Tasks that have completed are
        not done again. *limits* take the place of those that the run had. If cancelled,
        the run is stopped.

        Raises:
          UnknownRun: there is none of that name.
          NothingToResume: nothing is left to be done. Nothing was changed.
          LeaseHeld: somebody works on it.
          NoRuntime: an agent cannot be run. Nothing was changed.
          JournalError: the run cannot be read or written.
          AskTimeout: the disk did not answer in time. The run is stopped if it begins.
        """
        folder = await self.find(run) if isinstance(run, str) else run
        state = await trio.to_thread.run_sync(read_state, folder)
        for task in state.tasks.values():
            self._check(task.plan)
        # What the last owner has started must be gone before its tasks begin again.
        await sweep_orphans(records_folder(self.places))
        take_up = TakeUp(why=why, retry=retry, limits=limits)
        order = self._order(folder, take_up=take_up)
        return await self._begin(order, totals_of(state))

    async def find(self, run: str) -> RunFolder:
        """Find the run whose id is *run* or alone begins with it, or the `latest`.

        Raises:
          NoRuns: the latest is asked for, and the project has none.
          UnknownRun: there is none of that name.
          SeveralRuns: there are several.
        """
        return await trio.to_thread.run_sync(find_run, run, self.project, self.places)

    async def runs(self, limit: int | None = None) -> tuple[RunEntry, ...]:
        """List the runs of the project, the newest first, *limit* of them at most."""
        listed = partial(
            Registry.of(self.places).list, project=self.project.root, limit=limit
        )
        return (await trio.to_thread.run_sync(listed)).runs

    def look(self) -> Look:
        """Look at the actors of the crew. Not a checkpoint.

        Those inside of a run are in the tree only; `Run.look` tells more of them.
        """
        return look_at(self._actors)

    def _order(
        self,
        folder: RunFolder,
        *,
        plan: RunPlan | None = None,
        take_up: TakeUp | None = None,
    ) -> RunOrder:
        return RunOrder(
            folder=folder,
            workspace=self.project.root,
            plan=plan,
            take_up=take_up,
            runtime_of=self._runtime,
            check=self._check,
            view=RunView(),
            slots=self.slots,
            warm=self.warm,
            worktrees=self._worktrees,
            environ=self._environ,
            servers=self.settings.mcp,
            compact_at=self.settings.journal.compact_at,
        )

    async def _begin(self, order: RunOrder, before: Totals | None = None) -> Run:
        """Have the run worked on. If that fails, nobody works on it."""
        folder = order.folder
        ref: Ref[RunMessage] = await self._actors.spawn(
            run_actor,
            order,
            name=f"run/{folder.run}/{next(self._count)}",
            capacity=256,
            restart="temporary",
            stop=KILL,
        )
        try:
            journal = await ref.ask(Begin(), timeout=BEGIN_DEADLINE)
        except BaseException:  # a cancellation as well: nobody waits for the run
            with suppress(MailboxClosed):
                ref.tell_system(Stop("its start was given up"))
            raise
        run = Run(folder, ref, order.view, journal)
        self.roster.enter(run, before or Totals())
        return run

    def _check(self, task: PlannedTask) -> None:
        """See to it that *task* can be done: here, or by whoever claims it.

        Raises:
          NoRuntime: nobody can.
          UnknownModel: it is for a live agent, and its model cannot be meant.
        """
        if not task.external:
            self._runtime(task)

    def _runtime(self, task: PlannedTask) -> Runtime:
        function = self._functions.get(task.agent)
        if function is not None:
            return function_runtime(function)
        if task.runtime == LIVE:
            return self._live.runner_of(task)
        runner = runner_of(task)
        if runner is None:
            raise NoRuntime(task.id, task.runtime)
        return runner


@asynccontextmanager
async def open_crew(
    project: Project | Path | str,
    *,
    places: Places | None = None,
    functions: Mapping[str, AgentFunction] | None = None,
    slots: int | None = None,
    settings: Settings | None = None,
    environ: Mapping[str, str] | None = None,
) -> AsyncGenerator[Crew]:
    """Open a crew for *project*. Nothing is written until a run is started.

    Leaving the block stops the runs that are still at work, each in order, and waits
    until nothing of them lives. If the block is cancelled, they are written down as
    cancelled.

    Args:
      project: or a folder in it.
      places: the user's folders; those of this user without it.
      functions: agents that live in this process, by the name of the agent. They take
        the place of what its file says.
      slots: how many attempts are made at once, over all runs; without it as
        `limits.slots` is set. Functions count like processes.
      settings: what is set; without it as the files and the environment say.
      environ: what the environment of agents is chosen from; this process's own
        without it.

    Raises:
      BadSettings: something that is set cannot be. All of it is named.
    """
    found = environ if environ is not None else os.environ
    where = project if isinstance(project, Project) else find_project(Path(project))
    mine = places if places is not None else user_places(found)
    if settings is None:
        load = partial(load_settings, mine, project=where, environ=found)
        settings = await trio.to_thread.run_sync(load)
    local = LocalModels()
    live = LiveAgents(settings.providers, found, local.url)
    with recording(records_folder(mine)):
        async with (
            aclosing(live),
            open_actors(name="crew", max_restarts=0) as actors,
        ):
            local.live_in(actors)
            yield Crew(
                project=where,
                places=mine,
                actors=actors,
                functions=functions or {},
                slots=Slots(settings.limits.slots if slots is None else slots),
                warm=Slots(settings.limits.warm) if settings.limits.warm else None,
                settings=settings,
                environ=dict(found),
                live=live,
            )
