"""`crew nudge`: ask an agent at work for a sign of progress."""

from typing import Final

import attrs

from crew_actors.commands._runs import NAMED
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.commands._telling import (
    TellParameters,
    Told,
    tell,
    told_code,
    told_text,
)

NUDGE: Final = (
    "Nothing was heard of you for a while. Say in one line what you are doing and what "
    "keeps you; then go on, or give the result that you have."
)


@attrs.frozen(kw_only=True)
class NudgeParameters:
    """Whom to ask."""

    run: str = attrs.field(metadata=told(NAMED, positional=True))
    task: str = attrs.field(metadata=told("the id of the task", positional=True))


async def nudge(parameters: NudgeParameters, context: Context) -> Told:
    """Steer the agent of a task to show what it is doing.

    Raises:
      UserError: there is no such run or task, or nobody works on it.
    """
    asked = TellParameters(run=parameters.run, task=parameters.task, text=NUDGE)
    return await tell("steer", asked, context)


ACTION = Action[NudgeParameters, Told](
    name="nudge",
    parameters=NudgeParameters,
    handler=nudge,
    text=told_text,
    exit_code=told_code,
)
