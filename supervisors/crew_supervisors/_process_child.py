"""The body of a child that is an operating-system process."""

from typing import final

import trio

from ._child import Child
from .processes import ChildProcess, ProcessError, ProcessSpec, run_process


async def run_process_child(
    spec: ProcessSpec,
    *,
    child: Child,
    task_status: trio.TaskStatus[ChildProcess],
) -> None:
    """Run a process until it ends, and stop its tree when the child is asked to stop.

    Asked, it goes up the whole stop ladder of *spec*; cancelled, it takes the short way
    of `run_process`. Returns when nothing of the tree is left, or what is left is in the
    report of the process.

    Raises:
      ProcessError: nothing was started, or nothing of it is left.
    """
    failed: ProcessError | None = None
    async with trio.open_nursery() as nursery:
        up = _Relay(nursery, child, task_status)
        try:
            await run_process(spec, task_status=up)
        except ProcessError as error:
            failed = error  # raised outside of the nursery, which would wrap it
        nursery.cancel_scope.cancel()
    if failed is not None:
        raise failed


@final
class _Relay:
    """Reports that the process is up, and from then on listens for the stop."""

    def __init__(
        self,
        nursery: trio.Nursery,
        child: Child,
        task_status: trio.TaskStatus[ChildProcess],
    ) -> None:
        self._nursery = nursery
        self._child = child
        self._task_status = task_status

    def started(self, value: ChildProcess | None = None) -> None:
        assert value is not None  # run_process reports what it runs
        self._nursery.start_soon(_stop_when_asked, value, self._child)
        self._task_status.started(value)


async def _stop_when_asked(process: ChildProcess, child: Child) -> None:
    await child.stopping.wait()
    await process.stop(reason=str(child.stopping.reason))
