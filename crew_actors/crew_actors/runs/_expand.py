"""Take in the tasks that a task has planned."""

import logging
from typing import TYPE_CHECKING

from crew_actors.errors import UserError
from crew_actors.journal import ArtifactError, BadEvent, JournalIO
from crew_actors.model import (
    PlannedTask,
    PlanRefused,
    PlanUnreadable,
    TaskId,
    TasksAdded,
    adaptive_tasks,
    parse_adaptive_plan,
)
from crew_actors.runs._words import words

if TYPE_CHECKING:
    from crew_actors.runs._work import RunWork

_log = logging.getLogger("crew_actors.runs")


async def expand(work: "RunWork", by: TaskId) -> None:
    """Add the tasks that the result of *by* plans, or note why that cannot be done."""
    plan = work.state.plan
    result = work.state.tasks[by].result
    assert result is not None, "a task that has completed has a result"
    try:
        text = (await work.store.read(result)).decode("utf-8", "replace")
        found = parse_adaptive_plan(text, tuple(plan.templates))
        tasks = adaptive_tasks(found, by, plan.templates)
        _check(work, tasks)
        added = TasksAdded(by=by, tasks=tasks, repairs=found.repairs)
        await work.record(added, durable=True)
    except (PlanUnreadable, ArtifactError, JournalIO, BadEvent) as error:
        _log.warning("run %s: the plan of %s: %s", work.run, by, error)
        await work.record(PlanRefused(by=by, why=words(f"{by}: {error}")), durable=True)


def _check(work: "RunWork", tasks: tuple[PlannedTask, ...]) -> None:
    """See to it that all *tasks* can be done.

    Raises:
      PlanUnreadable: they are too many, or nobody can do one of them.
    """
    most = work.state.plan.limits.tasks
    if len(work.state.tasks) + len(tasks) > most:
        why = f"with them the run has more than {most} tasks"
        raise PlanUnreadable(why)
    for task in tasks:
        try:
            work.order.check(task)
        except UserError as error:
            raise PlanUnreadable(str(error)) from error
