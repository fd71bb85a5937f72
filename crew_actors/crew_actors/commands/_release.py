"""`crew release`: give back a task that was claimed."""

import attrs

from crew_actors.commands._outside import TOKEN, needed_token
from crew_actors.commands._runs import NAMED, find_run
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.control import call_owner
from crew_actors.observe import clean


@attrs.frozen(kw_only=True)
class ReleaseParameters:
    """Which task to give back."""

    run: str = attrs.field(metadata=told(NAMED, positional=True))
    task: str = attrs.field(metadata=told("the id of the task", positional=True))
    token: str | None = attrs.field(default=None, metadata=told(TOKEN))
    why: str | None = attrs.field(
        default=None, metadata=told("why, as it is written into the journal of the run")
    )


@attrs.frozen(kw_only=True)
class Released:
    """A task that waits for another worker."""

    run: str
    task: str


async def release(parameters: ReleaseParameters, context: Context) -> Released:
    """Give a claimed task back; another one can claim it at once.

    Raises:
      UserError: there is no such run or task, nobody works on the run, or the token
        is not that of the claim.
    """
    folder = find_run(parameters.run, context)
    params: dict[str, object] = {
        "task": parameters.task,
        "token": needed_token("release", parameters.token, context),
        "why": parameters.why,
    }
    await call_owner(folder, "release", params)
    return Released(run=folder.run, task=parameters.task)


def _text(result: Released) -> str:
    return f"run {result.run}: task {clean(result.task)} waits for another worker"


ACTION = Action[ReleaseParameters, Released](
    name="release", parameters=ReleaseParameters, handler=release, text=_text
)
