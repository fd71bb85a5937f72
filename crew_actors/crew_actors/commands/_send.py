"""`crew send`: tell the agent of a task something."""

from crew_actors.commands._table import Action, Context
from crew_actors.commands._telling import (
    TellParameters,
    Told,
    tell,
    told_code,
    told_text,
)


async def send(parameters: TellParameters, context: Context) -> Told:
    """Send a message to be known, whatever its agent is at.

    Raises:
      UserError: there is no such run or task, or nobody works on it.
    """
    return await tell("message", parameters, context)


ACTION = Action[TellParameters, Told](
    name="send",
    parameters=TellParameters,
    handler=send,
    text=told_text,
    exit_code=told_code,
)
