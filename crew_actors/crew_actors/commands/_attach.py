"""`crew attach`: watch a run that another process works on."""

from typing import final

import attrs
import trio

from crew_actors.commands._run import RunReport, report_of, run_code, run_text
from crew_actors.commands._runs import NAMED, find_run, goes_on
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context, Watcher
from crew_actors.control import RunNotRunning, call_owner
from crew_actors.errors import UserError
from crew_actors.journal import RunFolder, follow_events, read_state
from crew_actors.observe import clean


@attrs.frozen(kw_only=True)
class AttachParameters:
    """What to watch."""

    run: str = attrs.field(metadata=told(NAMED, positional=True))
    cancel_on_interrupt: bool = attrs.field(
        default=False,
        metadata=told("stop the run on Ctrl-C; without it, the run goes on"),
    )


async def attach(parameters: AttachParameters, context: Context) -> RunReport:
    """Tell the watcher what happens in a run, from its first event to its last.

    Cancelled, it stops telling; the run goes on.

    Raises:
      UserError: there is no such run, or it cannot be read.
    """
    folder = find_run(parameters.run, context)
    if not parameters.cancel_on_interrupt:
        context.watcher.leaves(goes_on(folder))
        await _follow(folder, context.watcher)
        return report_of(read_state(folder), folder.path)
    async with trio.open_nursery() as nursery:
        context.watcher.started(_Elsewhere(folder, context.watcher, nursery))
        await _follow(folder, context.watcher)
        nursery.cancel_scope.cancel()
    return report_of(read_state(folder), folder.path)


async def _follow(folder: RunFolder, watcher: Watcher) -> None:
    async for recorded in follow_events(folder, 0):
        await watcher.event(recorded)


@final
@attrs.frozen
class _Elsewhere:
    """A run in another process, as something that can be stopped."""

    folder: RunFolder
    watcher: Watcher
    nursery: trio.Nursery

    def cancel(self, why: str, *, now: bool = False) -> None:
        """Ask its owner to stop it; what is in the way is told to the watcher."""
        self.nursery.start_soon(self._ask, why, now)

    async def _ask(self, why: str, now: bool) -> None:  # noqa: FBT001 - start_soon passes by position
        try:
            await call_owner(self.folder, "cancel", {"why": why, "now": now})
        except RunNotRunning:
            return  # its last event is on its way
        except UserError as error:
            await self.watcher.note(clean(str(error)))


ACTION = Action[AttachParameters, RunReport](
    name="attach",
    parameters=AttachParameters,
    handler=attach,
    text=run_text,
    exit_code=run_code,
)
