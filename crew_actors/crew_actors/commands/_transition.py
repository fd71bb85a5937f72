"""`crew transition`: tell how a task has ended that was claimed."""

from functools import partial
from typing import Literal

import attrs
import trio

from crew_actors.commands._outside import TOKEN, needed_token
from crew_actors.commands._reading import check_text, read_text
from crew_actors.commands._runs import NAMED, find_run
from crew_actors.commands._schema import BadParameters, told
from crew_actors.commands._table import Action, Context
from crew_actors.control import call_owner
from crew_actors.observe import clean
from crew_actors.runs import RESULT_BYTES


@attrs.frozen(kw_only=True)
class TransitionParameters:
    """How the task has ended."""

    run: str = attrs.field(metadata=told(NAMED, positional=True))
    task: str = attrs.field(metadata=told("the id of the task", positional=True))
    status: Literal["completed", "failed"] = attrs.field(
        metadata=told("how it has ended")
    )
    token: str | None = attrs.field(default=None, metadata=told(TOKEN))
    result: str | None = attrs.field(
        default=None,
        metadata=told("what it has come to; of a task that failed, the details"),
    )
    result_file: str | None = attrs.field(
        default=None,
        metadata=told(
            f"a file with the result, `-` for the standard input; at most "
            f"{RESULT_BYTES:,} bytes"
        ),
    )
    why: str | None = attrs.field(
        default=None, metadata=told("with `failed`: what went wrong, in one line")
    )


@attrs.frozen(kw_only=True)
class Transitioned:
    """How a task has ended."""

    run: str
    task: str
    status: str


async def transition(
    parameters: TransitionParameters, context: Context
) -> Transitioned:
    """End a claimed task, with its result or with what went wrong.

    Raises:
      UserError: there is no such run or task, nobody works on the run, the token is
        not that of the claim, or the result cannot be one.
    """
    folder = find_run(parameters.run, context)
    token = needed_token("transition", parameters.token, context)
    result = await trio.to_thread.run_sync(partial(_result, parameters))
    params: dict[str, object] = {
        "task": parameters.task,
        "token": token,
        "status": parameters.status,
        "result": result,
        "why": parameters.why,
    }
    await call_owner(folder, "transition", params)
    return Transitioned(run=folder.run, task=parameters.task, status=parameters.status)


def _result(parameters: TransitionParameters) -> str:
    """Read the result, and check that the rest fits to it. Blocks.

    Raises:
      BadParameters: it does not, or the result cannot be read.
    """
    given, path = parameters.result, parameters.result_file
    problems: list[str] = []
    if given is not None and path is not None:
        problems.append("--result-file: --result is there already; give only one")
    if parameters.status == "completed":
        if given is None and path is None:
            problems.append("--result is missing: a task completes with its result")
        if parameters.why is not None:
            problems.append("--why: goes with `--status failed` only")
    elif parameters.why is None:
        problems.append("--why is missing: say what went wrong")
    if problems:
        raise BadParameters("transition", tuple(problems))
    if path is not None:
        given = read_text("transition", "--result-file", path, limit=RESULT_BYTES)
    text = given or ""
    check_text("transition", "--result", text)
    return text


def _text(result: Transitioned) -> str:
    return f"run {result.run}: task {clean(result.task)} is {result.status}"


ACTION = Action[TransitionParameters, Transitioned](
    name="transition", parameters=TransitionParameters, handler=transition, text=_text
)
