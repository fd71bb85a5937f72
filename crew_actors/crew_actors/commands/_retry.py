"""`crew retry`: do again what failed in a run."""

from typing import Literal, cast

import attrs
import trio

from crew_actors.commands._resume import take_up
from crew_actors.commands._run import RunDetached, RunReport, run_code, run_text
from crew_actors.commands._runs import NAMED, find_run
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.control import RunNotRunning, call_owner
from crew_actors.journal import read_state
from crew_actors.runs import check_tasks

_WHY = "retried by its user"


@attrs.frozen(kw_only=True)
class RetryParameters:
    """What to do again."""

    run: str = attrs.field(metadata=told(NAMED, positional=True))
    task: str | None = attrs.field(
        default=None,
        metadata=told(
            "the task, or several with commas between them, and what depends on "
            "them; without it, each that did not complete"
        ),
    )
    detach: bool = attrs.field(
        default=False,
        metadata=told("go on in a process of its own, and do not wait for it"),
    )


@attrs.frozen(kw_only=True)
class Requeued:
    """Tasks of a run that goes on were queued again."""

    kind: Literal["requeued"] = "requeued"
    run: str
    tasks: tuple[str, ...]


async def retry(
    parameters: RetryParameters, context: Context
) -> RunReport | RunDetached | Requeued:
    """Queue tasks again: in the run that goes on, or by taking it up.

    Raises:
      UserError: there is no such run or task, or nothing that could be done again.
    """
    folder = find_run(parameters.run, context)
    named = (parameters.task or "").split(",")
    tasks = tuple(task.strip() for task in named if task.strip())
    try:
        params: dict[str, object] = {"tasks": list(tasks), "why": _WHY}
        answer = await call_owner(folder, "retry", params)
    except RunNotRunning:
        check_tasks(await trio.to_thread.run_sync(read_state, folder), tasks)
        return await take_up(
            folder, context, why=_WHY, detach=parameters.detach, retry=tasks
        )
    queued = cast("list[object]", answer.get("tasks") or [])
    return Requeued(run=folder.run, tasks=tuple(map(str, queued)))


def _text(result: RunReport | RunDetached | Requeued) -> str:
    if isinstance(result, Requeued):
        return f"run {result.run}: queued again: {', '.join(result.tasks)}"
    return run_text(result)


def _exit_code(result: RunReport | RunDetached | Requeued) -> int:
    return 0 if isinstance(result, Requeued) else run_code(result)


ACTION = Action[RetryParameters, RunReport | RunDetached | Requeued](
    name="retry",
    parameters=RetryParameters,
    handler=retry,
    text=_text,
    exit_code=_exit_code,
)
