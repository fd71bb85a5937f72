# The one thing to open. A crew is a supervisor of runs: each run is an actor with a
# journal of its own, and leaving the block stops the runs that are still at work.
"""Open a crew, start runs, watch and stop them."""

import logging
import os
import shutil
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import cast, final

import attrs
import trio

from crew_actors.actors import (
    Actors,
    MailboxClosed,
    MailboxFull,
    Ref,
    open_actors,
)
from crew_actors.census import recording, records_folder, sweep_orphans
from crew_actors.errors import UserError
from crew_actors.journal import (
    Journal,
    JournalError,
    Lease,
    Registry,
    RunEntry,
    RunFolder,
    open_journal,
    read_state,
)
from crew_actors.model import (
    Limits,
    MessageKind,
    PlannedTask,
    Recorded,
    RunCreated,
    RunId,
    RunPlan,
    RunState,
    Selection,
    TaskId,
    begin,
    new_run_id,
)
from crew_actors.places import Places, Project, find_project, user_places
from crew_actors.runs._calls import wish_of
from crew_actors.runs._messages import (
    Approve,
    Begin,
    CancelTask,
    Reject,
    Respond,
    Retry,
    RunMessage,
    Send,
    Sent,
    Stop,
)
from crew_actors.runs._order import RunOrder, TakeUp
from crew_actors.runs._run import run_actor
from crew_actors.runs._slots import Slots
from crew_actors.runs._view import RunEvents, RunView
from crew_actors.runtimes import AgentFunction, Runtime, function_runtime, run_command
from crew_actors.worktrees import Worktrees
from crew_supervisors import KILL

_log = logging.getLogger("crew_actors.runs")

BEGIN_DEADLINE = 30.0
"""Seconds in which a run must have been created. A disk that needs longer is stuck."""


REMOVE_DEADLINE = 5.0
"""Seconds that removing a folder with next to nothing in it may take."""


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
class Run:
    """A run of this crew."""

    folder: RunFolder
    _ref: Ref[RunMessage]
    _view: RunView
    _journal: Journal

    @property
    def id(self) -> RunId:
        """The id under which it can be found, also when this process is gone."""
        return self.folder.run

    @property
    def state(self) -> RunState:
        """Where the run stands now. Immutable; ask again for a newer one."""
        return self._view.state

    def events(self, since: int = 0) -> AsyncIterator[Recorded]:
        """Iterate over the events after number *since*: those that are, then live.

        Each event comes exactly once, in order, and is then on disk and in `state`;
        the iteration ends after the run's last one. A slow reader slows nobody.
        """
        return RunEvents(self._view, self._journal.events(since))

    async def wait(self) -> RunState:
        """Wait until the run has ended; its last event is then on disk.

        Cancelling this call leaves the run alone.

        Raises:
          JournalError: the run could not be written any more and was stopped.
          BaseException: the run's actor failed, which is a defect.
        """
        await self._view.ended.wait()
        if self._view.error is not None:
            raise self._view.error
        return self._view.state

    def cancel(self, why: str, *, now: bool = False) -> None:
        """Ask the run to stop; `wait` tells when it has.

        The first reason counts, later ones change nothing. With *now* the agents get
        no grace, also if a graceful stop is on its way. Not a checkpoint.
        """
        # Ended already, or as many requests on their way as there can be.
        with suppress(MailboxClosed, MailboxFull):
            self._ref.tell_system(Stop(why, now=now))

    # Each of the following is a checkpoint, and its effect is on disk on return. A
    # call that is cancelled may have had its effect. Each raises `UserError` when the
    # run has ended, or when what is asked for does not fit its state.

    async def respond(
        self,
        answer: str,
        *,
        task: str | None = None,
        question: str | None = None,
        by: str = "python",
    ) -> TaskId:
        """Answer a question, by default the oldest of the only task that waits.

        Returns the task, which goes on at once.

        Raises:
          NotWaiting: nothing waits for that answer.
          SeveralWaiting: *task* must be given.
          NotAChoice: the question offers choices, and *answer* is none of them.
          UnknownTask: there is no such task.
        """
        wish = Respond(task=task, question=question, answer=answer, by=by)
        return cast("TaskId", await wish_of(self._ref, wish))

    async def send(
        self, task: str, text: str, *, kind: MessageKind = "message", by: str = "python"
    ) -> Sent:
        """Send a message to the agent of *task*; tell what became of it.

        It waits up to `SETTLE_SECONDS` for the agent to take it. What is queued is
        found by the agent later, or by its next attempt.

        Raises:
          TaskEnded: nobody would read it.
          UnknownTask: there is no such task.
        """
        wish = Send(task=task, kind=kind, text=text, by=by)
        return cast("Sent", await wish_of(self._ref, wish))

    async def retry(
        self, *tasks: str, why: str = "asked to retry"
    ) -> tuple[TaskId, ...]:
        """Queue *tasks* again, and what depends on them; all that failed, if none.

        Raises:
          NothingToRetry: none of them has ended.
          UnknownTask: there is no such task.
        """
        found = await wish_of(self._ref, Retry(tasks=tasks, why=why))
        return cast("tuple[TaskId, ...]", found)

    async def cancel_task(self, task: str, why: str) -> None:
        """Stop one task. What depends on it is skipped.

        Raises:
          TaskEnded: there is nothing to stop.
          UnknownTask: there is no such task.
        """
        await wish_of(self._ref, CancelTask(task=task, why=why))

    async def approve(self, *, by: str = "python") -> None:
        """Agree to the plan: tasks that write may begin.

        Raises:
          NotAwaitingApproval: nobody was asked.
        """
        await wish_of(self._ref, Approve(by=by))

    async def reject(self, why: str = "", *, by: str = "python") -> None:
        """Refuse the plan: the run is cancelled.

        Raises:
          NotAwaitingApproval: nobody was asked.
        """
        await wish_of(self._ref, Reject(by=by, why=why))


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
    _environ: Mapping[str, str] = attrs.field(alias="environ")
    _worktrees: Worktrees = attrs.field(init=False)
    _count: Iterator[int] = attrs.field(factory=lambda: count(1), init=False)
    """Numbers the lives of runs: one may be taken up again in a moment."""

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_worktrees", Worktrees(self.project.root))

    async def start(self, plan: RunPlan) -> Run:
        """Start a run of *plan*. It is on disk, and registered, on return.

        If cancelled, the run is stopped.

        Raises:
          NoRuntime: an agent cannot be run. Nothing was started.
          WorktreeError: it is to work in worktrees, and the project has none.
          JournalError: the run cannot be written. Nothing was started.
          OSError: the folder of the run cannot be made. Nothing was started.
          AskTimeout: the disk did not answer in time. The run is stopped if it begins.
        """
        for task in (*plan.tasks, *plan.templates.values()):
            self._runtime(task)
        plan = await with_base(plan, self._worktrees)
        folder = await make_run_folder(self.project)
        order = self._order(folder, plan=plan)
        run: Run | None = None
        try:
            run = await self._begin(order)
            await register(folder, run.state, self.project, self.places)
        except BaseException as error:
            if run is not None:
                run.cancel("its start was given up")
            elif isinstance(error, JournalError | OSError):
                await _remove(folder)  # there is no run
            raise
        return run

    async def resume(
        self,
        folder: RunFolder,
        *,
        why: str = "taken up again",
        retry: Selection | None = None,
        limits: Limits | None = None,
    ) -> Run:
        """Take up the run in *folder*, which nobody works on.

        Tasks that were at work, cancelled or skipped are done; with *retry* those as
        well that it selects, and what depends on them. Tasks that have completed are
        not done again. *limits* take the place of those that the run had. If cancelled,
        the run is stopped.

        Raises:
          NothingToResume: nothing is left to be done. Nothing was changed.
          LeaseHeld: somebody works on it.
          NoRuntime: an agent cannot be run. Nothing was changed.
          JournalError: the run cannot be read or written.
          AskTimeout: the disk did not answer in time. The run is stopped if it begins.
        """
        state = await trio.to_thread.run_sync(read_state, folder)
        for task in state.tasks.values():
            self._runtime(task.plan)
        # What the last owner has started must be gone before its tasks begin again.
        await sweep_orphans(records_folder(self.places))
        take_up = TakeUp(why=why, retry=retry, limits=limits)
        return await self._begin(self._order(folder, take_up=take_up))

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
            view=RunView(),
            slots=self.slots,
            worktrees=self._worktrees,
            environ=self._environ,
        )

    async def _begin(self, order: RunOrder) -> Run:
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
        except BaseException:
            with suppress(MailboxClosed):
                ref.tell_system(Stop("its start was given up"))
            raise
        return Run(folder, ref, order.view, journal)

    def _runtime(self, task: PlannedTask) -> Runtime:
        function = self._functions.get(task.agent)
        if function is not None:
            return function_runtime(function)
        if task.runtime == "command" and task.command is not None:
            return run_command
        raise NoRuntime(task.id, task.runtime)


async def create_run(project: Project, places: Places, plan: RunPlan) -> RunFolder:
    """Write down a run of *plan* that nobody works on yet.

    `Crew.resume` begins it, in this process or in another one. If cancelled, the run
    may be there.

    Raises:
      WorktreeError: it is to work in worktrees, and the project has none.
      JournalError: the run cannot be written. Nothing is left of it.
      OSError: the folder of the run cannot be made.
    """
    plan = await with_base(plan, Worktrees(project.root))
    folder = await make_run_folder(project)
    lease = Lease.mine(now=time.time())
    try:
        async with open_journal(folder, lease=lease, create=True) as journal:
            created = RunCreated(run=folder.run, workspace=str(project.root), plan=plan)
            state = begin(await journal.append(created))
    except JournalError:
        await _remove(folder)
        raise
    await register(folder, state, project, places)
    return folder


async def with_base(plan: RunPlan, worktrees: Worktrees) -> RunPlan:
    """Note the commit that the worktrees of a run begin with, if it has any."""
    if plan.workspace == "shared" or plan.base is not None:
        return plan
    return attrs.evolve(plan, base=await worktrees.head())


async def make_run_folder(project: Project) -> RunFolder:
    """Make the folder of a run that is to be."""
    run = new_run_id(time.time(), os.urandom(8))
    return await trio.to_thread.run_sync(RunFolder.create, project.root, run)


async def register(
    folder: RunFolder, state: RunState, project: Project, places: Places
) -> None:
    """Enter a run into the user's registry, without which it still works."""
    entry = RunEntry(
        run=state.run,
        folder=folder,
        project=project.root,
        goal=state.plan.goal,
        team=state.plan.team,
        workflow=state.plan.workflow,
        created_at=state.created_at,
    )
    registry = Registry.of(places)
    try:
        await trio.to_thread.run_sync(registry.register, entry)
    except JournalError as error:
        _log.warning("the run is found in its project only: %s", error)


async def _remove(folder: RunFolder) -> None:
    """Remove the folder of a run that never began, within `REMOVE_DEADLINE` seconds."""
    with trio.CancelScope(shield=True, deadline=trio.current_time() + REMOVE_DEADLINE):
        remove = partial(shutil.rmtree, folder.path, ignore_errors=True)
        await trio.to_thread.run_sync(remove, abandon_on_cancel=True)


def default_slots() -> int:
    """Tell how many attempts a crew makes at once where nobody says otherwise.

    Two cores are left to everything else on the machine.
    """
    return max(2, (os.cpu_count() or 1) - 2)


@asynccontextmanager
async def open_crew(
    project: Project | Path | str,
    *,
    places: Places | None = None,
    functions: Mapping[str, AgentFunction] | None = None,
    slots: int | None = None,
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
      slots: how many attempts are made at once, over all runs; without it the number
        of cores less 2, but at least 2. Functions count like processes.
      environ: what the environment of agents is chosen from; this process's own
        without it.
    """
    found = environ if environ is not None else os.environ
    where = project if isinstance(project, Project) else find_project(Path(project))
    mine = places if places is not None else user_places(found)
    with recording(records_folder(mine)):
        async with open_actors(name="crew", max_restarts=0) as actors:
            yield Crew(
                project=where,
                places=mine,
                actors=actors,
                functions=functions or {},
                slots=Slots(default_slots() if slots is None else slots),
                environ=dict(found),
            )
