"""`crew approve`: agree to a plan, so that tasks which write may begin."""

import attrs

from crew_actors.commands._runs import NAMED, find_run
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.commands._telling import teller
from crew_actors.control import call_owner


@attrs.frozen(kw_only=True)
class ApproveParameters:
    """Whose plan."""

    run: str = attrs.field(metadata=told(NAMED, positional=True))


@attrs.frozen(kw_only=True)
class Judged:
    """What was said of the plan."""

    run: str
    approved: bool


async def approve(parameters: ApproveParameters, context: Context) -> Judged:
    """Agree to the plan of a run.

    Raises:
      UserError: there is no such run, or it does not wait for that.
    """
    folder = find_run(parameters.run, context)
    await call_owner(folder, "approve", {"by": teller(context)})
    return Judged(run=folder.run, approved=True)


def judged_text(result: Judged) -> str:
    """Say what was said of a plan."""
    word = "approved" if result.approved else "rejected; the run is being stopped"
    return f"run {result.run}: the plan is {word}"


ACTION = Action[ApproveParameters, Judged](
    name="approve", parameters=ApproveParameters, handler=approve, text=judged_text
)
