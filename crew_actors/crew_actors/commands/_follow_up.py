"""`crew follow-up`: tell the agent of a task what to do next."""

from crew_actors.commands._table import Action, Context
from crew_actors.commands._telling import (
    TellParameters,
    Told,
    tell,
    told_code,
    told_text,
)


async def follow_up(parameters: TellParameters, context: Context) -> Told:
    """Send a message for when the agent has done what it does now.

    Raises:
      UserError: there is no such run or task, or nobody works on it.
    """
    return await tell("follow_up", parameters, context)


ACTION = Action[TellParameters, Told](
    name="follow-up",
    parameters=TellParameters,
    handler=follow_up,
    text=told_text,
    exit_code=told_code,
)
