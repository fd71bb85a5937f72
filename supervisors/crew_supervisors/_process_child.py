# A process is a child like any other: what a child may do, its body does.
#
# 1. An incarnation has ended when its tree is gone and its owner's function has ended.
#    So a restart never meets the old tree.
# 2. Asked to stop, the process goes up its whole ladder; cancelled, it takes the short
#    way of `run_process`.
# 3. Nobody's error is wrapped: they are kept, and raised outside of the nursery.
"""The bodies of children that are operating-system processes."""

from collections.abc import Awaitable, Callable
from typing import Final, final

import trio

from ._child import Child
from ._specs import FOREVER, Backoff, ChildSpec, OnFailure, RestartType, StopPolicy
from .processes import (
    ChildProcess,
    KilledBySystem,
    ProcessError,
    ProcessExit,
    ProcessFailed,
    ProcessSpec,
    run_process,
)

OnProcess = Callable[[ChildProcess], Awaitable[object]]

KILLED_BACKOFF: Final = Backoff(first=7.5)
"""A quarter of the usual cap at once: who was killed for its memory would be again."""


def process_spec(
    spec: ProcessSpec,
    on_process: OnProcess | None = None,
    *,
    restart: RestartType = "transient",
    stop: StopPolicy = FOREVER,
    backoff: Backoff | None = None,
    significant: bool = False,
    on_failure: tuple[OnFailure, ...] = (),
) -> ChildSpec:
    """Return the spec of a child that is the process *spec*, named ``spec.name``.

    Each incarnation is a process of its own; ``Supervisor.start`` returns the first.
    *on_process* is called with each of them when it runs: it reads the lines, or
    stores the handle. What it raises stops the process, and fails the child. A restart
    waits for the end of the whole old tree, and for *on_process*, which therefore ends
    when the process has: by reading its lines, or by `ChildProcess.wait`. When the child
    has been asked to stop, it is cancelled ``spec.drain`` seconds after the process.

    The child fails, with `ProcessFailed`, when the process ends by itself with another
    status than 0, by a signal or by a deadline; not when its owner has stopped or
    finished it. `KilledBySystem` waits 7.5 seconds before the first restart, and twice as
    long before each further one, unless *on_failure* has a rule for it. Other fields are
    those of `ChildSpec`. *stop* waits for the ladder of *spec*, which has limits.
    """
    killed = OnFailure(KilledBySystem, "restart", backoff=KILLED_BACKOFF)
    rules = on_failure if restart == "temporary" else (*on_failure, killed)
    return ChildSpec(
        spec.name,
        run_restarted_process,
        (spec, on_process),
        restart,
        stop,
        backoff,
        significant,
        rules,
    )


def failure_of(spec: ProcessSpec, ended: ProcessExit) -> ProcessFailed | None:
    """Return what the end of *spec* is to its supervisor; None when it is well."""
    if ended.succeeded or ended.reason == "stopped":
        return None
    kind = KilledBySystem if ended.reason == "killed_by_system" else ProcessFailed
    return kind(spec.name, ended)


async def run_restarted_process(
    spec: ProcessSpec,
    on_process: OnProcess | None,
    *,
    child: Child,
    task_status: trio.TaskStatus[ChildProcess],
) -> None:
    """Run one incarnation of `process_spec`.

    Raises:
      ProcessFailed: it ended, and not well.
      ProcessError: nothing was started, or nothing of it is left.
    """
    ended = await _run(spec, on_process, child, task_status)
    if failure := failure_of(spec, ended):
        raise failure


async def run_process_child(
    spec: ProcessSpec,
    *,
    child: Child,
    task_status: trio.TaskStatus[ChildProcess],
) -> None:
    """Run a process until it ends; however it ends, the child has returned.

    Raises:
      ProcessError: nothing was started, or nothing of it is left.
    """
    await _run(spec, None, child, task_status)


async def _run(
    spec: ProcessSpec,
    on_process: OnProcess | None,
    child: Child,
    task_status: trio.TaskStatus[ChildProcess],
) -> ProcessExit:
    failed: Exception | None = None
    ended: ProcessExit | None = None
    async with trio.open_nursery() as nursery:
        life = _Incarnation(nursery, child, task_status, on_process)
        try:
            ended = await run_process(spec, task_status=life)
        except ProcessError as error:
            failed = error
        else:
            await life.handled.wait()
        nursery.cancel_scope.cancel()
    failed = failed or life.failed
    if failed is not None:
        raise failed
    assert ended is not None  # else run_process has failed
    return ended


@final
class _Incarnation:
    """Reports that the process is up; then works with it, and listens for the stop."""

    def __init__(
        self,
        nursery: trio.Nursery,
        child: Child,
        task_status: trio.TaskStatus[ChildProcess],
        on_process: OnProcess | None,
    ) -> None:
        self.handled = trio.Event()
        self.failed: Exception | None = None
        self._nursery = nursery
        self._child = child
        self._task_status = task_status
        self._on_process = on_process
        self._handling = trio.CancelScope()

    def started(self, value: ChildProcess | None = None) -> None:
        assert value is not None  # run_process reports what it runs
        self._nursery.start_soon(self._stop_when_asked, value)
        if self._on_process is None:
            self.handled.set()
        else:
            self._nursery.start_soon(self._handle, value, self._on_process)
        self._task_status.started(value)

    async def _handle(self, process: ChildProcess, on_process: OnProcess) -> None:
        try:
            with self._handling:
                await on_process(process)
        except Exception as error:  # noqa: BLE001 - the user's, raised again by `_run`
            self.failed = error
            await process.stop(reason=f"its handler failed: {error!r}")
        finally:
            self.handled.set()

    async def _stop_when_asked(self, process: ChildProcess) -> None:
        with self._child.shown_as_process(process.pid):
            await self._stop_in_order(process)

    async def _stop_in_order(self, process: ChildProcess) -> None:
        await self._child.stopping.wait()
        await process.stop(reason=str(self._child.stopping.reason))
        self._handling.deadline = trio.current_time() + process.spec.drain
