"""`crew cancel`: stop a run that another process works on."""

import attrs

from crew_actors.commands._runs import NAMED, find_run
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.control import call_owner, cancel_run
from crew_actors.journal import effective_status
from crew_actors.model import RunStatus


@attrs.frozen(kw_only=True)
class CancelParameters:
    """What to stop, and why."""

    run: str = attrs.field(metadata=told(NAMED, positional=True))
    task: str | None = attrs.field(
        default=None, metadata=told("stop this task only; the run goes on without it")
    )
    reason: str = attrs.field(
        default="cancelled by its user",
        metadata=told("why, as it is written into the journal of the run"),
    )


@attrs.frozen(kw_only=True)
class Cancelled:
    """What became of the run."""

    run: str
    status: RunStatus
    task: str | None = None
    """The task that was told to stop, if it was only one."""


async def cancel(parameters: CancelParameters, context: Context) -> Cancelled:
    """Ask the owner of the run to stop it, and wait until it has.

    Cancelling this call leaves the request standing.

    Raises:
      UserError: there is no such run, it does not run, or its owner does not answer.
    """
    folder = find_run(parameters.run, context)
    if parameters.task is not None:
        params: dict[str, object] = {"task": parameters.task, "why": parameters.reason}
        await call_owner(folder, "cancel_task", params)
        status = effective_status(folder)
        return Cancelled(run=folder.run, status=status, task=parameters.task)
    status = effective_status(folder)
    if not status.ended and status is not RunStatus.INTERRUPTED:
        await context.watcher.note(f"Stopping run {folder.run}.")
    status = await cancel_run(folder, parameters.reason)
    return Cancelled(run=folder.run, status=status)


def _text(result: Cancelled) -> str:
    if result.task is not None:
        return f"run {result.run}: task {result.task} is being stopped"
    return f"run {result.run} {result.status.value}"


ACTION = Action[CancelParameters, Cancelled](
    name="cancel", parameters=CancelParameters, handler=cancel, text=_text
)
