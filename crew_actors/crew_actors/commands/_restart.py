"""`crew restart`: stop the agent of a task, and begin the task anew."""

import attrs

from crew_actors.commands._runs import NAMED, find_run
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.control import call_owner


@attrs.frozen(kw_only=True)
class RestartParameters:
    """Whom to begin anew, and why."""

    run: str = attrs.field(metadata=told(NAMED, positional=True))
    task: str = attrs.field(metadata=told("the id of the task", positional=True))
    reason: str = attrs.field(
        default="begun anew by its user",
        metadata=told("why, as it is written into the journal of the run"),
    )


@attrs.frozen(kw_only=True)
class Restarted:
    """The agent was told to stop; another attempt follows."""

    run: str
    task: str


async def restart(parameters: RestartParameters, context: Context) -> Restarted:
    """Ask the owner of the run to stop the agent of a task, and to begin another attempt.

    Cancelling this call leaves the request standing.

    Raises:
      UserError: there is no such run or task, no agent is at work on it, or the owner
        of the run does not answer.
    """
    folder = find_run(parameters.run, context)
    params: dict[str, object] = {"task": parameters.task, "why": parameters.reason}
    answer = await call_owner(folder, "restart_task", params)
    return Restarted(run=folder.run, task=str(answer["task"]))


def _text(result: Restarted) -> str:
    return f"run {result.run}: task {result.task} begins anew"


ACTION = Action[RestartParameters, Restarted](
    name="restart", parameters=RestartParameters, handler=restart, text=_text
)
