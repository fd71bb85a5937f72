"""`crew resume`: take up a run on which nobody works any more."""

from pathlib import Path

import attrs
import trio

from crew_actors.commands._census import sweep
from crew_actors.commands._crews import crew_for
from crew_actors.commands._run import (
    RunDetached,
    RunReport,
    detached,
    followed,
    run_code,
    run_text,
    settings_of,
)
from crew_actors.commands._runs import NAMED, find_run
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.journal import RunFolder, read_state
from crew_actors.model import Limits, Selection, TaskId, resume_plan
from crew_actors.places import find_project
from crew_actors.runs import NothingToResume

_WHY = "resumed by its user"


@attrs.frozen(kw_only=True)
class ResumeParameters:
    """What to take up."""

    run: str = attrs.field(metadata=told(NAMED, positional=True))
    detach: bool = attrs.field(
        default=False,
        metadata=told("go on in a process of its own, and do not wait for it"),
    )
    time_limit: float | None = attrs.field(
        default=None,
        metadata=told("seconds that the run may take from now on", least=0),
    )
    token_limit: int | None = attrs.field(
        default=None,
        metadata=told(
            "tokens that all agents may use, with those used so far", least=1
        ),
    )
    cost_limit: float | None = attrs.field(
        default=None,
        metadata=told("what all agents may cost, with what they cost so far", least=0),
    )


async def resume(
    parameters: ResumeParameters, context: Context
) -> RunReport | RunDetached:
    """Take up a run: do what was interrupted, cancelled or skipped, to its end.

    What has completed is not done again. Cancelled, the run is stopped.

    Raises:
      UserError: there is no such run, somebody works on it, or nothing is to be done.
    """
    folder = find_run(parameters.run, context)
    state = await trio.to_thread.run_sync(read_state, folder)
    limits = _limits(parameters, state.plan.limits)
    return await take_up(
        folder, context, why=_WHY, detach=parameters.detach, limits=limits
    )


def _limits(parameters: ResumeParameters, before: Limits) -> Limits | None:
    """Make the limits that the run has from now on; None if they stay."""
    seconds, tokens = parameters.time_limit, parameters.token_limit
    cost = parameters.cost_limit
    if seconds is None and tokens is None and cost is None:
        return None
    return attrs.evolve(
        before,
        run_seconds=before.run_seconds if seconds is None else seconds,
        tokens=before.tokens if tokens is None else tokens,
        cost=before.cost if cost is None else cost,
    )


async def take_up(
    folder: RunFolder,
    context: Context,
    *,
    why: str,
    detach: bool,
    retry: tuple[str, ...] | None = None,
    limits: Limits | None = None,
) -> RunReport | RunDetached:
    """Work on the run in *folder*, here or in a process of its own.

    Raises:
      UserError: somebody works on it, or nothing is to be done.
    """
    settings = await settings_of(context)
    slots = settings.limits.slots
    if settings.sweep:
        await sweep(context)
    state = await trio.to_thread.run_sync(read_state, folder)
    chosen = None
    if retry is not None:
        chosen = Selection(tasks=tuple(map(TaskId, retry)))
    if not resume_plan(state, why, chosen, limits=limits):
        status = state.status.value
        raise NothingToResume(folder.run, status, retried=retry is not None)
    if detach:
        return await detached(
            folder, context, why=why, retry=retry, slots=slots, limits=limits
        )
    project = find_project(Path(state.workspace))
    async with crew_for(project, context, settings, slots=slots) as crew:
        run = await crew.resume(folder, why=why, retry=chosen, limits=limits)
        return await followed(run, context)


ACTION = Action[ResumeParameters, RunReport | RunDetached](
    name="resume",
    parameters=ResumeParameters,
    handler=resume,
    text=run_text,
    exit_code=run_code,
)
