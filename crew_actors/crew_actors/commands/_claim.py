# The token is told once, on the standard output of whoever has claimed the task. It
# can be given back in the variable CREW_TOKEN, where no list of processes shows it.
"""`crew claim`: take a task that is done outside, or go on with it."""

from datetime import datetime
from pathlib import Path
from typing import Literal

import attrs
import trio

from crew_actors.commands._layout import paragraph
from crew_actors.commands._outside import LEASE, TOKEN, call_run, token_of
from crew_actors.commands._runs import NAMED, find_run
from crew_actors.commands._schema import BadParameters, told
from crew_actors.commands._table import Action, Context
from crew_actors.journal import ArtifactError, JournalError, RunFolder, read_state
from crew_actors.model import Message, TaskId
from crew_actors.observe import clean
from crew_actors.runs import Claimed, read_prompt


@attrs.frozen(kw_only=True)
class ClaimParameters:
    """Which task to take, and for how long."""

    run: str = attrs.field(metadata=told(NAMED, positional=True))
    task: str | None = attrs.field(
        default=None,
        metadata=told(
            "the id of the task; without it, the first that can be claimed",
            positional=True,
        ),
    )
    owner: str | None = attrs.field(
        default=None, metadata=told("who does the task, as it is shown to others")
    )
    token: str | None = attrs.field(
        default=None, metadata=told(f"go on with a claim instead: {TOKEN}")
    )
    lease: float | None = attrs.field(default=None, metadata=told(LEASE, least=1))
    progress: str | None = attrs.field(
        default=None,
        metadata=told("with a token: what is being done, as it is shown to others"),
    )


@attrs.frozen(kw_only=True)
class ClaimHeld:
    """A task that is claimed, and what its worker is told."""

    kind: Literal["claim"] = "claim"
    run: str
    task: str
    attempt: str
    owner: str
    token: str
    until: float
    """Seconds since 1970. The attempt fails then, unless the claim is extended."""
    extended: bool
    """Whether it was claimed before."""
    workspace: Path
    """The project of the run."""
    messages: tuple[Message, ...]
    """What people have told the agent of the task since it was last asked."""
    prompt: str
    """What is to be done; empty if the claim was extended."""
    problem: str
    """Why the prompt is not whole; empty if it is."""


async def claim(parameters: ClaimParameters, context: Context) -> ClaimHeld:
    """Claim a task of an agent with `runtime: external`, or extend a claim.

    Raises:
      UserError: there is no such run or task, nobody works on the run, the task
        cannot be claimed, or the token is not that of its claim.
    """
    folder = find_run(parameters.run, context)
    token = parameters.token
    if token is None and parameters.owner is None:
        token = token_of(None, context)
    if token is None:
        return await _taken(folder, parameters)
    if parameters.owner is not None:
        raise _wrong("--owner: a claim that is extended has one; leave it out")
    if parameters.task is None:
        raise _wrong("task: needed, to go on with its claim")
    params: dict[str, object] = {
        "task": parameters.task,
        "token": token,
        "seconds": parameters.lease,
        "progress": parameters.progress,
    }
    held = await call_run(folder, "extend", params)
    return _held(folder, held, extended=True)


def _wrong(problem: str) -> BadParameters:
    return BadParameters("claim", (problem,))


async def _taken(folder: RunFolder, parameters: ClaimParameters) -> ClaimHeld:
    if parameters.owner is None:
        raise _wrong("--owner: needed to claim a task; --token goes on with a claim")
    if parameters.progress is not None:
        raise _wrong("--progress: nothing has been done yet; give it with --token")
    params: dict[str, object] = {
        "task": parameters.task,
        "owner": parameters.owner,
        "seconds": parameters.lease,
    }
    claimed = await call_run(folder, "claim", params)
    held = _held(folder, claimed, extended=False)
    try:
        state = await trio.to_thread.run_sync(read_state, folder)
        task = state.tasks[TaskId(held.task)]
        prompt = await read_prompt(folder, state, task, held.messages)
    except (ArtifactError, JournalError) as error:  # it is claimed all the same
        return attrs.evolve(held, problem=str(error))
    return attrs.evolve(held, prompt=prompt)


def _held(folder: RunFolder, claimed: Claimed, *, extended: bool) -> ClaimHeld:
    return ClaimHeld(
        run=folder.run,
        task=claimed.task,
        attempt=claimed.attempt,
        owner=claimed.owner,
        token=claimed.token,
        until=claimed.until,
        extended=extended,
        workspace=folder.path.parents[2],
        messages=claimed.messages,
        prompt="",
        problem="",
    )


def _text(held: ClaimHeld) -> str:
    until = datetime.fromtimestamp(held.until).astimezone()
    named = f"{held.run} {clean(held.task)}"
    told_by = [f"{clean(one.by)}: {clean(one.text)}" for one in held.messages]
    if held.extended:
        first = f"{clean(held.attempt)} is yours until {until:%Y-%m-%d %H:%M:%S}"
        return "\n".join([first, *told_by])
    what = f"task {clean(held.task)} of run {held.run} as {clean(held.attempt)}"
    ending = "--status completed --result-file FILE"
    lines = [
        f"{clean(held.owner)} has claimed {what}, until {until:%Y-%m-%d %H:%M:%S}",
        f"token: {held.token}",
        f"go on with it: crew claim {named} --token TOKEN",
        f"end it:        crew transition {named} --token TOKEN {ending}",
        f"give it back:  crew release {named} --token TOKEN",
        "",
    ]
    if held.problem:
        return "\n".join([*lines, f"its prompt cannot be read: {clean(held.problem)}"])
    return "\n".join([*lines, *paragraph(held.prompt, indent="")])


ACTION = Action[ClaimParameters, ClaimHeld](
    name="claim", parameters=ClaimParameters, handler=claim, text=_text
)
