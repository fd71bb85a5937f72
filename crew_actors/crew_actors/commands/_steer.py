"""`crew steer`: tell an agent at work to change its course."""

from crew_actors.commands._table import Action, Context
from crew_actors.commands._telling import (
    TellParameters,
    Told,
    tell,
    told_code,
    told_text,
)


async def steer(parameters: TellParameters, context: Context) -> Told:
    """Send a message that changes what goes on now; it is rejected if nothing does.

    Raises:
      UserError: there is no such run or task, or nobody works on it.
    """
    return await tell("steer", parameters, context)


ACTION = Action[TellParameters, Told](
    name="steer",
    parameters=TellParameters,
    handler=steer,
    text=told_text,
    exit_code=told_code,
)
