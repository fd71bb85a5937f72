"""`crew attach`: watch a run that another process works on."""

import attrs

from crew_actors.commands._run import RunReport, report_of, run_code, run_text
from crew_actors.commands._runs import NAMED, find_run
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.journal import follow_events, read_state


@attrs.frozen(kw_only=True)
class AttachParameters:
    """What to watch."""

    run: str = attrs.field(metadata=told(NAMED, positional=True))


async def attach(parameters: AttachParameters, context: Context) -> RunReport:
    """Tell the watcher what happens in a run, from its first event to its last.

    Cancelled, it stops telling; the run goes on.

    Raises:
      UserError: there is no such run, or it cannot be read.
    """
    folder = find_run(parameters.run, context)
    async for recorded in follow_events(folder, 0):
        await context.watcher.event(recorded)
    return report_of(read_state(folder), folder.path)


ACTION = Action[AttachParameters, RunReport](
    name="attach",
    parameters=AttachParameters,
    handler=attach,
    text=run_text,
    exit_code=run_code,
)
