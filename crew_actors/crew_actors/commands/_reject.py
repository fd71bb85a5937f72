"""`crew reject`: refuse a plan, so that its run is cancelled."""

import attrs

from crew_actors.commands._approve import Judged, judged_text
from crew_actors.commands._runs import NAMED, find_run
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.commands._telling import teller
from crew_actors.control import RunNotRunning, call_owner
from crew_actors.journal import effective_status
from crew_actors.model import RunStatus
from crew_actors.runs import keep_rejection


@attrs.frozen(kw_only=True)
class RejectParameters:
    """Whose plan, and why."""

    run: str = attrs.field(metadata=told(NAMED, positional=True))
    reason: str | None = attrs.field(
        default=None, metadata=told("why, as it is written into the journal of the run")
    )


async def reject(parameters: RejectParameters, context: Context) -> Judged:
    """Refuse the plan of a run, which is then stopped.

    Where its owner has gone, it is written down as cancelled.

    Raises:
      UserError: there is no such run, or it does not wait for that.
    """
    folder = find_run(parameters.run, context)
    by, why = teller(context), parameters.reason or ""
    params: dict[str, object] = {"by": by, "why": why}
    try:
        await call_owner(folder, "reject", params)
    except RunNotRunning:
        if effective_status(folder) is not RunStatus.INTERRUPTED:
            raise
        await keep_rejection(folder, why, by=by)
        return Judged(run=folder.run, approved=False, ended=True)
    return Judged(run=folder.run, approved=False)


ACTION = Action[RejectParameters, Judged](
    name="reject", parameters=RejectParameters, handler=reject, text=judged_text
)
