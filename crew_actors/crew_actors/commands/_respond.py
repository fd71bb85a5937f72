"""`crew respond`: answer a question that an agent has asked."""

from typing import Literal

import attrs

from crew_actors.commands._resume import take_up
from crew_actors.commands._run import RunDetached, RunReport, run_code, run_text
from crew_actors.commands._runs import NAMED, find_run
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.commands._telling import teller
from crew_actors.control import RunNotRunning, call_owner
from crew_actors.journal import effective_status
from crew_actors.model import RunStatus
from crew_actors.runs import keep_answer

_WHY = "a question was answered"


@attrs.frozen(kw_only=True)
class RespondParameters:
    """The answer, and what it is for."""

    run: str = attrs.field(metadata=told(NAMED, positional=True))
    answer: str = attrs.field(metadata=told("the answer", positional=True))
    task: str | None = attrs.field(
        default=None,
        metadata=told("the task that waits; not needed if only one does"),
    )
    question: str | None = attrs.field(
        default=None,
        metadata=told("the id of the question; without it, the oldest of the task"),
    )
    detach: bool = attrs.field(
        default=False,
        metadata=told(
            "where the process that worked on the run is gone: go on in a process of "
            "its own, and do not wait for it"
        ),
    )


@attrs.frozen(kw_only=True)
class Responded:
    """Whose question was answered."""

    kind: Literal["answered"] = "answered"
    run: str
    task: str


async def respond(
    parameters: RespondParameters, context: Context
) -> RunReport | RunDetached | Responded:
    """Answer a question; its task goes on at once.

    Where the owner of the run has gone, the answer is written down and the run taken
    up: the next attempt at the task finds it.

    Raises:
      UserError: nothing waits for that answer, or it comes too late.
    """
    folder = find_run(parameters.run, context)
    by = teller(context)
    params: dict[str, object] = {
        "answer": parameters.answer,
        "task": parameters.task,
        "question": parameters.question,
        "by": by,
    }
    try:
        told_of = await call_owner(folder, "respond", params)
    except RunNotRunning:
        if effective_status(folder) is not RunStatus.INTERRUPTED:
            raise
        await keep_answer(
            folder,
            parameters.answer,
            task=parameters.task,
            question=parameters.question,
            by=by,
        )
        return await take_up(folder, context, why=_WHY, detach=parameters.detach)
    return Responded(run=folder.run, task=str(told_of.get("task")))


def _text(result: RunReport | RunDetached | Responded) -> str:
    if isinstance(result, Responded):
        return f"run {result.run}: task {result.task} goes on"
    return run_text(result)


def _exit_code(result: RunReport | RunDetached | Responded) -> int:
    return 0 if isinstance(result, Responded) else run_code(result)


ACTION = Action[RespondParameters, RunReport | RunDetached | Responded](
    name="respond",
    parameters=RespondParameters,
    handler=respond,
    text=_text,
    exit_code=_exit_code,
)
