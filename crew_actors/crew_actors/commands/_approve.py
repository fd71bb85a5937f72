"""`crew approve`: agree to a plan, so that tasks which write may begin."""

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
from crew_actors.runs import keep_approval

_WHY = "its plan was approved"


@attrs.frozen(kw_only=True)
class ApproveParameters:
    """Whose plan."""

    run: str = attrs.field(metadata=told(NAMED, positional=True))
    detach: bool = attrs.field(
        default=False,
        metadata=told(
            "where the process that worked on the run is gone: go on in a process of "
            "its own, and do not wait for it"
        ),
    )


@attrs.frozen(kw_only=True)
class Judged:
    """What was said of the plan."""

    kind: Literal["judged"] = "judged"
    run: str
    approved: bool
    ended: bool = False
    """Whether the run has ended with that."""


async def approve(
    parameters: ApproveParameters, context: Context
) -> RunReport | RunDetached | Judged:
    """Agree to the plan of a run.

    Where the owner of the run has gone, that is written down and the run taken up.

    Raises:
      UserError: there is no such run, or it does not wait for that.
    """
    folder = find_run(parameters.run, context)
    by = teller(context)
    try:
        await call_owner(folder, "approve", {"by": by})
    except RunNotRunning:
        if effective_status(folder) is not RunStatus.INTERRUPTED:
            raise
        await keep_approval(folder, by=by)
        return await take_up(folder, context, why=_WHY, detach=parameters.detach)
    return Judged(run=folder.run, approved=True)


def judged_text(result: RunReport | RunDetached | Judged) -> str:
    """Say what was said of a plan, or what became of the run then."""
    if not isinstance(result, Judged):
        return run_text(result)
    rest = "the run is cancelled" if result.ended else "the run is being stopped"
    word = "approved" if result.approved else f"rejected; {rest}"
    return f"run {result.run}: the plan is {word}"


def _exit_code(result: RunReport | RunDetached | Judged) -> int:
    return 0 if isinstance(result, Judged) else run_code(result)


ACTION = Action[ApproveParameters, RunReport | RunDetached | Judged](
    name="approve",
    parameters=ApproveParameters,
    handler=approve,
    text=judged_text,
    exit_code=_exit_code,
)
