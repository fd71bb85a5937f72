# Asking changes nothing.
"""`crew messages`: what was said between people and the agents of a run."""

import attrs
import trio

from crew_actors.commands._runs import NAMED, find_run
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.commands._task import talk_lines
from crew_actors.journal import read_events, read_state
from crew_actors.observe import SeenMessage, SeenQuestion, read_history
from crew_actors.runs import check_tasks


@attrs.frozen(kw_only=True)
class MessagesParameters:
    """Whose messages to tell."""

    run: str = attrs.field(metadata=told(NAMED, positional=True))
    task: str | None = attrs.field(
        default=None,
        metadata=told("only those of the task with this id", positional=True),
    )


@attrs.frozen(kw_only=True)
class MessagesFound:
    """What was said, the oldest first."""

    run: str
    messages: tuple[SeenMessage, ...]
    questions: tuple[SeenQuestion, ...]


async def list_messages(
    parameters: MessagesParameters, context: Context
) -> MessagesFound:
    """List the messages to the agents of a run, and their questions with the answers.

    Raises:
      UserError: there is no such run or task, or its journal cannot be read.
    """
    folder = find_run(parameters.run, context)
    wanted = parameters.task
    if wanted is not None:
        state = await trio.to_thread.run_sync(read_state, folder)
        check_tasks(state, [wanted])
    history = await trio.to_thread.run_sync(lambda: read_history(read_events(folder)))
    return MessagesFound(
        run=folder.run,
        messages=tuple(
            one for one in history.messages.values() if wanted in {None, one.task}
        ),
        questions=tuple(
            one for one in history.questions.values() if wanted in {None, one.task}
        ),
    )


def _text(found: MessagesFound) -> str:
    lines = talk_lines(found.messages, found.questions)
    return "\n".join(lines[1:]) or "Nothing was said yet."


ACTION = Action[MessagesParameters, MessagesFound](
    name="messages", parameters=MessagesParameters, handler=list_messages, text=_text
)
