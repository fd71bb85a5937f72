# Asking changes nothing.
"""`crew output`: what the program of an attempt has said."""

from functools import partial

import attrs
import trio

from crew_actors.commands._runs import NAMED, find_run
from crew_actors.commands._schema import BadParameters, told
from crew_actors.commands._table import Action, Context
from crew_actors.errors import UserError
from crew_actors.journal import RunFolder, read_state
from crew_actors.model import TaskState, attempt_id
from crew_actors.observe import escaped
from crew_actors.runs import find_task
from crew_actors.runtimes import Said, Stream, read_said

BYTES = 64_000
"""So much of the end is told if nobody says otherwise."""


@attrs.frozen(kw_only=True)
class OutputParameters:
    """What to tell of it."""

    run: str = attrs.field(metadata=told(NAMED, positional=True))
    task: str = attrs.field(metadata=told("the id of the task", positional=True))
    attempt: int | None = attrs.field(
        default=None,
        metadata=told("the number of the attempt; without it, the newest", least=1),
    )
    stream: Stream = attrs.field(
        default="stdout", metadata=told("which of its two streams")
    )
    bytes: int | None = attrs.field(
        default=None,
        metadata=told(f"how much of its end; {BYTES:,} if not given", least=1),
    )


class OutputUnreadable(UserError):
    """What an attempt has said lies there, and cannot be read."""

    exit_code = 1

    def __init__(self, attempt: str, why: str) -> None:
        super().__init__(attempt, why)
        self.attempt = attempt
        self.why = why

    def __str__(self) -> str:
        return f"what {self.attempt} has said cannot be read: {self.why}"


@attrs.frozen(kw_only=True)
class OutputFound:
    """The end of what a program has said, with its secrets masked."""

    run: str
    task: str
    attempt: str
    stream: str
    text: str
    first: int
    """The place of its first byte, from 0, among all that was said."""
    size: int
    """Bytes that were said in all; 0 if nothing was, or if there is no program."""


async def tell_output(parameters: OutputParameters, context: Context) -> OutputFound:
    """Tell what the program of an attempt has written, also while it runs.

    Raises:
      UserError: there is no such run, task or attempt, or it cannot be read.
    """
    folder = find_run(parameters.run, context)
    state = await trio.to_thread.run_sync(read_state, folder)
    task = find_task(state, parameters.task)
    number = _number(task, parameters.attempt)
    said = await trio.to_thread.run_sync(
        partial(_read, folder, task, number, parameters)
    )
    return OutputFound(
        run=state.run,
        task=task.plan.id,
        attempt=attempt_id(task.plan.id, number),
        stream=parameters.stream,
        text="" if said is None else said.text,
        first=0 if said is None else said.first,
        size=0 if said is None else said.size,
    )


def _number(task: TaskState, wanted: int | None) -> int:
    """Choose the attempt.

    Raises:
      BadParameters: the task has none, or not that one.
    """
    if not task.attempts:
        problem = f"task {task.plan.id} is {task.status.value}: nobody was at it yet"
        raise BadParameters("output", (problem,))
    if wanted is not None and wanted > task.attempts:
        problem = f"--attempt must be at most {task.attempts}, not {wanted}"
        raise BadParameters("output", (problem,))
    return wanted or task.attempts


def _read(
    folder: RunFolder, task: TaskState, number: int, parameters: OutputParameters
) -> Said | None:
    attempt = attempt_id(task.plan.id, number)
    try:
        return read_said(
            folder.work(attempt), parameters.stream, parameters.bytes or BYTES
        )
    except OSError as error:
        raise OutputUnreadable(attempt, str(error)) from error


def _text(found: OutputFound) -> str:
    if not found.size:
        return f"{found.attempt} has written nothing to {found.stream}."
    lines = [escaped(line) for line in found.text.splitlines()]
    if found.first:
        lines.insert(0, f"({found.first:,} bytes before this are left out.)")
    return "\n".join(lines)


ACTION = Action[OutputParameters, OutputFound](
    name="output", parameters=OutputParameters, handler=tell_output, text=_text
)
