"""`crew wait`: wait until a run has ended."""

import attrs
import trio

from crew_actors.commands._runs import NAMED, find_run, goes_on
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.control import wait_for_run
from crew_actors.errors import UserError
from crew_actors.model import RunStatus


class StillRunning(UserError):
    """The run has not ended in the time that was allowed. It goes on."""

    exit_code = 1

    def __init__(self, run: str, seconds: float) -> None:
        super().__init__(run, seconds)
        self.run = run
        self.seconds = seconds

    def __str__(self) -> str:
        return f"run {self.run} has not ended within {self.seconds:g} seconds"


@attrs.frozen(kw_only=True)
class WaitParameters:
    """What to wait for."""

    run: str = attrs.field(metadata=told(NAMED, positional=True))
    timeout: float | None = attrs.field(
        default=None, metadata=told("seconds to wait at most", least=0)
    )


@attrs.frozen(kw_only=True)
class Waited:
    """Where the run stands now."""

    run: str
    status: RunStatus


async def wait(parameters: WaitParameters, context: Context) -> Waited:
    """Wait until the run has ended, or nobody works on it any more.

    Cancelled, the run goes on.

    Raises:
      StillRunning: it goes on after the time that was allowed.
      UserError: there is no such run, or it cannot be read.
    """
    folder = find_run(parameters.run, context)
    context.watcher.leaves(goes_on(folder))
    seconds = float("inf") if parameters.timeout is None else parameters.timeout
    with trio.move_on_after(seconds):
        return Waited(run=folder.run, status=await wait_for_run(folder))
    raise StillRunning(folder.run, seconds)


def _text(result: Waited) -> str:
    return f"run {result.run} {result.status.value}"


def _exit_code(result: Waited) -> int:
    return 0 if result.status is RunStatus.COMPLETED else 1


ACTION = Action[WaitParameters, Waited](
    name="wait",
    parameters=WaitParameters,
    handler=wait,
    text=_text,
    exit_code=_exit_code,
)
