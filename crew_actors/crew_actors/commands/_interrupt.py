"""`crew interrupt`: break off what an agent does, and have it go on with something else."""

from crew_actors.commands._table import Action, Context
from crew_actors.commands._telling import (
    TellParameters,
    Told,
    tell,
    told_code,
    told_text,
)


async def interrupt(parameters: TellParameters, context: Context) -> Told:
    """Break off what an agent does now, and have it go on with a message.

    It is rejected if nothing goes on, or if the agent cannot hear.

    Raises:
      UserError: there is no such run or task, or nobody works on it.
    """
    return await tell("interrupt", parameters, context)


ACTION = Action[TellParameters, Told](
    name="interrupt",
    parameters=TellParameters,
    handler=interrupt,
    text=told_text,
    exit_code=told_code,
)
