# The one thing to open. A crew is a supervisor of runs: each run is an actor with a
# journal of its own, and leaving the block stops the runs that are still at work.
"""Open a crew, start runs, watch and stop them."""

import logging
import os
import shutil
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import final

import attrs
import trio

from crew_actors.actors import (
    Actors,
    MailboxClosed,
    MailboxFull,
    Ref,
    open_actors,
)
from crew_actors.census import recording, records_folder
from crew_actors.errors import UserError
from crew_actors.journal import (
    Journal,
    JournalError,
    Registry,
    RunEntry,
    RunFolder,
)
from crew_actors.model import (
    PlannedTask,
    Recorded,
    RunId,
    RunPlan,
    RunState,
    new_run_id,
)
from crew_actors.places import Places, Project
from crew_actors.runs._messages import Begin, RunMessage, Stop
from crew_actors.runs._run import RunOrder, run_actor
from crew_actors.runs._view import RunView
from crew_actors.runtimes import AgentFunction, Runtime, function_runtime, run_command
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

        Each event comes exactly once, in order; the iteration ends after the run's
        last one. A slow reader slows nobody.
        """
        return self._journal.events(since)

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


@final
@attrs.frozen(eq=False)
class Crew:
    """Starts runs in one project."""

    project: Project
    places: Places
    _actors: Actors = attrs.field(alias="actors")
    _functions: Mapping[str, AgentFunction] = attrs.field(alias="functions")

    async def start(self, plan: RunPlan) -> Run:
        """Start a run of *plan*. It is on disk, and registered, on return.

        If cancelled, the run is stopped.

        Raises:
          NoRuntime: an agent cannot be run. Nothing was started.
          JournalError: the run cannot be written. Nothing was started.
          OSError: the folder of the run cannot be made. Nothing was started.
          AskTimeout: the disk did not answer in time. The run is stopped if it begins.
        """
        runtimes = {task.id: self._runtime(task) for task in plan.tasks}
        run = new_run_id(time.time(), os.urandom(8))
        folder = await trio.to_thread.run_sync(RunFolder.create, self.project.root, run)
        view = RunView()
        order = RunOrder(
            plan=plan,
            folder=folder,
            workspace=self.project.root,
            runtimes=runtimes,
            view=view,
        )
        ref: Ref[RunMessage] | None = None
        try:
            ref = await self._actors.spawn(
                run_actor,
                order,
                name=f"run/{run}",
                capacity=256,
                restart="temporary",
                stop=KILL,
            )
            journal = await ref.ask(Begin(), timeout=BEGIN_DEADLINE)
            await self._register(folder, view.state)
        except BaseException as error:
            if ref is not None:
                with suppress(MailboxClosed):
                    ref.tell_system(Stop("its start was given up"))
            if ref is None or isinstance(error, JournalError | OSError):
                await _remove(folder)  # there is no run
            raise
        return Run(folder, ref, view, journal)

    async def _register(self, folder: RunFolder, state: RunState) -> None:
        """Enter the run into the user's registry, without which it still works."""
        entry = RunEntry(
            run=state.run,
            folder=folder,
            project=self.project.root,
            goal=state.plan.goal,
            team=state.plan.team,
            workflow=state.plan.workflow,
            created_at=state.created_at,
        )
        registry = Registry.of(self.places)
        try:
            await trio.to_thread.run_sync(registry.register, entry)
        except JournalError as error:
            _log.warning("the run is found in its project only: %s", error)

    def _runtime(self, task: PlannedTask) -> Runtime:
        function = self._functions.get(task.agent)
        if function is not None:
            return function_runtime(function)
        if task.runtime == "command" and task.command is not None:
            return run_command
        raise NoRuntime(task.id, task.runtime)


async def _remove(folder: RunFolder) -> None:
    """Remove the folder of a run that never began, within `REMOVE_DEADLINE` seconds."""
    with trio.CancelScope(shield=True, deadline=trio.current_time() + REMOVE_DEADLINE):
        remove = partial(shutil.rmtree, folder.path, ignore_errors=True)
        await trio.to_thread.run_sync(remove, abandon_on_cancel=True)


@asynccontextmanager
async def open_crew(
    project: Project,
    *,
    places: Places,
    functions: Mapping[str, AgentFunction] | None = None,
) -> AsyncGenerator[Crew]:
    """Open a crew for *project*. Nothing is written until a run is started.

    *functions* are agents that live in this process, by the name of the agent; they
    take the place of what its file says.

    Leaving the block stops the runs that are still at work, each in order, and waits
    until nothing of them lives. If the block is cancelled, they are written down as
    cancelled.
    """
    with recording(records_folder(places)):
        async with open_actors(name="crew", max_restarts=0) as actors:
            yield Crew(
                project=project,
                places=places,
                actors=actors,
                functions=functions or {},
            )
