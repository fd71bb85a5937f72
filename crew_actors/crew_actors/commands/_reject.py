"""`crew reject`: refuse a plan, so that its run is cancelled."""

import attrs

from crew_actors.commands._approve import Judged, judged_text
from crew_actors.commands._runs import NAMED, find_run
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.commands._telling import teller
from crew_actors.control import call_owner


@attrs.frozen(kw_only=True)
class RejectParameters:
    """Whose plan, and why."""

    run: str = attrs.field(metadata=told(NAMED, positional=True))
    reason: str | None = attrs.field(
        default=None, metadata=told("why, as it is written into the journal of the run")
    )


async def reject(parameters: RejectParameters, context: Context) -> Judged:
    """Refuse the plan of a run, which is then stopped.

    Raises:
      UserError: there is no such run, or it does not wait for that.
    """
    folder = find_run(parameters.run, context)
    params: dict[str, object] = {"by": teller(context), "why": parameters.reason or ""}
    await call_owner(folder, "reject", params)
    return Judged(run=folder.run, approved=False)


ACTION = Action[RejectParameters, Judged](
    name="reject", parameters=RejectParameters, handler=reject, text=judged_text
)
