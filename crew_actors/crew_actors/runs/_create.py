"""Bring a run into being: its folder, its first event, its entry in the registry."""

import logging
import os
import shutil
import time
from functools import partial

import attrs
import trio

from crew_actors.journal import (
    JournalError,
    Lease,
    Registry,
    RunEntry,
    RunFolder,
    open_journal,
)
from crew_actors.model import RunCreated, RunPlan, RunState, begin, new_run_id
from crew_actors.places import Places, Project
from crew_actors.runs._nested import ask_leave, home_of
from crew_actors.worktrees import Worktrees

_log = logging.getLogger("crew_actors.runs")

REMOVE_DEADLINE = 5.0
"""Seconds that removing a folder with next to nothing in it may take."""


async def create_run(project: Project, places: Places, plan: RunPlan) -> RunFolder:
    """Write down a run of *plan* that nobody works on yet.

    `Crew.resume` begins it, in this process or in another one. If cancelled, the run
    may be there.

    Raises:
      WorktreeError: it is to work in worktrees, and the project has none.
      JournalError: the run cannot be written. Nothing is left of it.
      UserError: it would be nested, and its parent refuses; likewise.
      OSError: the folder of the run cannot be made.
    """
    plan = await with_base(plan, Worktrees(project.root))
    folder = await make_run_folder(project, plan)
    lease = Lease.mine(now=time.time())
    try:
        async with open_journal(folder, lease=lease, create=True) as journal:
            created = RunCreated(run=folder.run, workspace=str(project.root), plan=plan)
            state = begin(await journal.append(created))
    except JournalError:
        await remove_run(folder)
        raise
    await register(folder, state, project, places)
    return folder


async def with_base(plan: RunPlan, worktrees: Worktrees) -> RunPlan:
    """Note the commit that the worktrees of a run begin with, if it has any."""
    if plan.workspace == "shared" or plan.base is not None:
        return plan
    return attrs.evolve(plan, base=await worktrees.head())


async def make_run_folder(project: Project, plan: RunPlan) -> RunFolder:
    """Make the folder of a run that is to be; its parent, if it has one, agrees.

    Raises:
      UserError: the parent refuses. Nothing is left of the folder.
      OSError: it cannot be made.
    """
    run = new_run_id(time.time(), os.urandom(8))
    home = home_of(plan, project.root)
    folder = await trio.to_thread.run_sync(RunFolder.create, home, run)
    try:
        await ask_leave(plan, run)
    except BaseException:  # nothing half-made stays, whatever it was
        await remove_run(folder)
        raise
    return folder


async def register(
    folder: RunFolder, state: RunState, project: Project, places: Places
) -> None:
    """Enter a run into the user's registry, without which it still works."""
    entry = RunEntry(
        run=state.run,
        folder=folder,
        project=home_of(state.plan, project.root),
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


async def remove_run(folder: RunFolder) -> None:
    """Remove the folder of a run that never began, within `REMOVE_DEADLINE` seconds."""
    with trio.CancelScope(shield=True, deadline=trio.current_time() + REMOVE_DEADLINE):
        remove = partial(shutil.rmtree, folder.path, ignore_errors=True)
        await trio.to_thread.run_sync(remove, abandon_on_cancel=True)
