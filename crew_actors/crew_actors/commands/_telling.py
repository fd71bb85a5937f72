"""Messages from a person to the agent of a task."""

import attrs

from crew_actors.commands._runs import NAMED, find_run
from crew_actors.commands._schema import told
from crew_actors.commands._table import Context
from crew_actors.control import call_owner
from crew_actors.model import MessageKind
from crew_actors.observe import clean


@attrs.frozen(kw_only=True)
class TellParameters:
    """What to tell, and whom."""

    run: str = attrs.field(metadata=told(NAMED, positional=True))
    task: str = attrs.field(metadata=told("the id of the task", positional=True))
    text: str = attrs.field(metadata=told("what to tell its agent", positional=True))


@attrs.frozen(kw_only=True)
class Told:
    """What became of the message."""

    run: str
    task: str
    message: str
    """Its id."""
    outcome: str
    """`delivered`, `queued` or `rejected`."""
    why: str


def teller(context: Context) -> str:
    """Name whoever speaks, as the system knows them."""
    for name in ("CREW_USER", "USER", "LOGNAME", "USERNAME"):
        found = context.environ.get(name)
        if found:
            return found
    return "the user"


async def tell(kind: MessageKind, parameters: TellParameters, context: Context) -> Told:
    """Send a message of *kind*; return what became of it.

    Raises:
      UserError: there is no such run or task, or nobody works on it.
    """
    folder = find_run(parameters.run, context)
    params: dict[str, object] = {
        "task": parameters.task,
        "text": parameters.text,
        "kind": kind,
        "by": teller(context),
    }
    answer = await call_owner(folder, "send", params)
    return Told(
        run=folder.run,
        task=parameters.task,
        message=str(answer.get("message")),
        outcome=str(answer.get("outcome")),
        why=str(answer.get("why") or ""),
    )


def told_text(result: Told) -> str:
    """Say what became of a message."""
    why = f": {clean(result.why)}" if result.why else ""
    return f"{result.outcome}{why}"


def told_code(result: Told) -> int:
    """Exit with 1 if the message was rejected."""
    return 1 if result.outcome == "rejected" else 0
