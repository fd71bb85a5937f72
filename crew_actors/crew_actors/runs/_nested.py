# Runs inside of runs: an agent may start runs of its own.
#
# 1. A process knows by its environment which attempt it belongs to. The run that is
#    started there is nested, one deeper than its parent, and never too deep.
# 2. The owner of the parent alone gives leave, and writes that down before the nested
#    run exists: so many for a task, so many at work at the same time. Who gets none is
#    told at once. Nothing waits: an agent that waits holds the room that others need.
# 3. A nested run lies beside its parent, in the same folder of runs: a worktree, where
#    its agents may be at work, goes when its attempt has ended.
# 4. Its owner is a process of the parent's agent, and is ended with that agent.
"""Runs that agents start."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import trio

from crew_actors.control import RunNotRunning, call_owner
from crew_actors.journal import JournalError, RunFolder, effective_status
from crew_actors.model import (
    AttemptId,
    BadId,
    Parent,
    RunId,
    RunNested,
    RunPlan,
    RunStatus,
    attempt_number,
    parse_task_id,
)
from crew_actors.runs._errors import (
    AttemptOver,
    BadParent,
    NestedTooDeep,
    ParentGone,
    TooManyNested,
    TooManySpawns,
)
from crew_actors.runs._find import find_task
from crew_actors.runs._messages import Nest
from crew_actors.runtimes import DEPTH_VARIABLE, FOLDER_VARIABLE

if TYPE_CHECKING:
    from crew_actors.runs._work import RunWork


def nested_in(plan: RunPlan, environ: Mapping[str, str], most: int) -> RunPlan:
    """Note in *plan* what the process with *environ* is nested in.

    Raises:
      NestedTooDeep: in more than *most* runs.
      BadParent: the variables that tell of it cannot be understood.
    """
    told = environ.get(DEPTH_VARIABLE, "0")
    depth = int(told) if told.isdecimal() else 0
    if depth > most:
        raise NestedTooDeep(depth, most)
    return attrs.evolve(plan, depth=depth, parent=_parent(environ))


def _parent(environ: Mapping[str, str]) -> Parent | None:
    folder = environ.get(FOLDER_VARIABLE)
    if not folder:
        return None
    try:
        attempt = AttemptId(environ.get("CREW_ATTEMPT", ""))
        attempt_number(attempt)
        return Parent(
            run=RunFolder(Path(folder)).run,
            task=parse_task_id(environ.get("CREW_TASK", "")),
            attempt=attempt,
            folder=folder,
        )
    except BadId as error:
        raise BadParent(FOLDER_VARIABLE, folder, str(error)) from error


def home_of(plan: RunPlan, root: Path) -> Path:
    """Tell the project in which a run of *plan* is kept: *root*, or its parent's."""
    return root if plan.parent is None else Path(plan.parent.folder).parents[2]


async def ask_leave(plan: RunPlan, run: RunId) -> None:
    """Have the owner of the parent agree to the nested *run*, if *plan* has a parent.

    If cancelled, it may have.

    Raises:
      ParentGone: nobody works on the parent any more.
      Refused: a limit of the parent is reached; the message names it.
      OwnerUnreachable: it does not answer.
      JournalError: the parent cannot be read.
    """
    parent = plan.parent
    if parent is None:
        return
    asked: dict[str, object] = {
        "task": parent.task,
        "attempt": parent.attempt,
        "run": run,
    }
    try:
        await call_owner(RunFolder(Path(parent.folder)), "nest", asked)
    except RunNotRunning as error:
        raise ParentGone(parent.run, FOLDER_VARIABLE) from error


async def nest(work: "RunWork", wish: Nest) -> None:
    """Give leave to start a nested run, or refuse.

    Raises:
      UnknownTask: there is no such task.
      AttemptOver: the attempt is not at work any more.
      TooManySpawns: its task has started as many as it may.
      TooManyNested: as many are at work as may be.
    """
    task = find_task(work.state, wish.task)
    name, limits = task.plan.id, work.state.plan.limits
    attempt = task.attempt
    if attempt is None or attempt != wish.attempt or work.attempt_of(name) is None:
        raise AttemptOver(wish.attempt)
    if len(task.nested) >= limits.spawns:
        raise TooManySpawns(name, limits.spawns)
    runs = [run for one in work.state.tasks.values() for run in one.nested]
    if len(runs) >= limits.nested:
        beside = work.order.folder.path.parent
        if await trio.to_thread.run_sync(_at_work, beside, runs) >= limits.nested:
            raise TooManyNested(limits.nested)
    nested = RunNested(task=name, attempt=attempt, run=wish.run)
    await work.record(nested, durable=True)
    wish.reply(None)


def _at_work(folder: Path, runs: list[RunId]) -> int:
    """Count the *runs* in *folder* that go on. Blocks on the disk."""
    return sum(_goes_on(RunFolder(folder / run)) for run in runs)


def _goes_on(folder: RunFolder) -> bool:
    try:
        status = effective_status(folder)
    except JournalError:
        return folder.path.exists()  # it is about to begin
    return not status.ended and status is not RunStatus.INTERRUPTED
