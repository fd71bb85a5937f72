# The public face of a supervisor, and the two ways to open one.
#
# 1. Each order is one action on the agenda of the supervisor's task; the caller waits
#    for the answer and for nothing else. So a child may give orders as well.
# 2. The children live in one nursery with the supervisor's task. The user's block is
#    the host of that nursery: what happens to it, happens to the supervisor.
# 3. An error of the block waits until the children are stopped by their own policies.
#    A cancellation does not wait: then `on_outer_cancel` is the limit.
"""Supervisors: open one, give it orders, ask it."""

import math
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Final, final
from weakref import WeakKeyDictionary

import attrs
import trio

from ._checks import (
    check_options,
    check_specs,
    one_shot_problem,
    significant_problem,
)
from ._child import Child, ancestry, enclosing_child, is_inside
from ._engine import Engine
from ._errors import BadSpec, ChildStartFailed, SupervisorsTooDeep
from ._events import Event
from ._reasons import CancelCode, CancelReason
from ._recorder import Recorder
from ._replies import Reply
from ._reports import ChildCounts, ChildInfo, ChildReport, TreeNode
from ._restart import RestartBudget
from ._specs import (
    DEFAULT_GRACE,
    FOREVER,
    ChildSpec,
    Grace,
    KillType,
    StopPolicy,
    Strategy,
)
from ._views import counts_of, info_of, tree_of

if TYPE_CHECKING:
    from .processes import ChildProcess, ProcessSpec

DEEPEST: Final = 50
"""How many supervisors may be nested. trio breaks at some 400 nested nurseries, and
each level here may hold nurseries of its users as well."""

_open_in: WeakKeyDictionary[trio.lowlevel.Task, int] = WeakKeyDictionary()
"""How many supervisors are open in the body of each task."""


@final
@attrs.define(eq=False, repr=False)
class Supervisor:
    """Starts, watches, restarts and stops its children.

    Every method may be called from any task of the same trio run, also from inside of
    a child. The asynchronous ones are always checkpoints, and are answered at once also
    while a child waits for its restart. The others only look, and are no checkpoints.
    """

    _engine: Engine = attrs.field(alias="engine")

    def __repr__(self) -> str:
        engine = self._engine
        return f"<Supervisor {self.name!r}: {engine.state}, {len(engine.lives.children)} children>"

    @property
    def name(self) -> str:
        """The name that errors and events carry."""
        return self._engine.name

    async def start(self, spec: ChildSpec) -> object:
        """Start a child, and return what it passed to ``task_status.started``.

        Returns when the child is up: a body without ``task_status`` is up as soon as its
        task exists, and the value is None. If cancelled, what was started of the child
        is cancelled too, and the call ends when it is gone, or after 5 seconds.

        Raises:
          BadSpec: nothing was started.
          ChildExists: nothing was started.
          ChildStartFailed: the child ended before it was up, and is forgotten. A failed
            first start is not retried and does not count as a restart.
          SupervisorStopped: nothing was started.
        """
        problems = check_specs((spec,))
        if not problems and spec.significant:
            problems = (significant_problem(spec),)
        if problems:
            raise BadSpec(problems)
        return await self._start(partial(self._engine.start, spec))

    async def restart(self, name: str) -> object:
        """Start a stopped child again, and return what `start` returns.

        Not counted as a restart. A running child must be stopped first. If cancelled,
        the child is stopped again, as in `start`.

        Raises:
          NoSuchChild: there is no such child; stopped temporary ones are forgotten.
          ChildRunning: the child is not stopped; nothing changed.
          ChildStartFailed: it did not come up, and is stopped.
          SupervisorStopped: nothing was started.
        """
        return await self._start(partial(self._engine.restart, name))

    async def stop(self, name: str, reason: CancelReason | None = None) -> ChildReport:
        """Stop a child by its stop policy, and report how that went.

        Returns when the child has ended, or is stuck: 5 seconds after it was cancelled
        (or its longer `Grace`, if it could not be asked). A child that waits
        for its restart is stopped at once; one that does not run is left alone. The
        child is not restarted; it stays known, unless it is temporary. The first reason
        given counts.

        From inside of the child itself the call only gives the order: nobody can wait
        for his own end. It returns at once, with ``asked``, or ends by the cancellation.

        If cancelled, the stop goes on: the child is cancelled at once, whatever is left
        of its grace, and the call does not wait for it.

        Raises:
          NoSuchChild: there is no such child.
          SupervisorStopped: the supervisor has ended, and all its children with it.
        """
        engine = self._engine
        if reason is None:
            reason = CancelReason(CancelCode.REQUESTED)
        await trio.lowlevel.checkpoint_if_cancelled()
        record = engine.lives.children.get(name)
        inside = record if record is not None and is_inside(record) else None
        reply: Reply[ChildReport] = Reply()
        engine.agenda.post(partial(engine.stop, name, reason, reply, inside))
        try:
            report = await reply.wait()
        except BaseException:
            engine.agenda.post(partial(engine.hurry, name, reply))
            raise
        if inside is not None:
            await trio.lowlevel.checkpoint()  # most often the end of the caller
        return report

    async def remove(self, name: str) -> None:
        """Forget a stopped child, so that its name is free.

        Raises:
          NoSuchChild: there is no such child.
          ChildRunning: the child is not stopped; nothing changed.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        reply: Reply[None] = Reply()
        self._engine.agenda.post(partial(self._engine.remove, name, reply))
        await reply.wait()

    def cancel(self, reason: CancelReason | None = None) -> None:
        """Begin the ordered stop of all children, newest first; then the block ends.

        The block of `open_supervisor` is cancelled at its next checkpoint, and is left
        without an error. The first reason given counts; later calls change nothing.
        """
        trio.lowlevel.current_task()  # a call from another thread fails here
        if reason is None:
            reason = CancelReason(CancelCode.REQUESTED)
        self._engine.agenda.post(partial(self._engine.stop_all, reason))

    def children(self) -> tuple[ChildInfo, ...]:
        """Return the children, in the order of their first start."""
        return tuple(info_of(record) for record in self._engine.lives.children.values())

    def counts(self) -> ChildCounts:
        """Return how many children there are."""
        return counts_of(self._engine)

    def tree(self) -> TreeNode:
        """Return this supervisor, its children and the supervisors inside of them."""
        return tree_of(self._engine)

    def recent_events(self) -> tuple[Event, ...]:
        """Return the last events, at most 1,000, oldest first."""
        return self._engine.recorder.recent()

    async def start_process(
        self, spec: "ProcessSpec", *, stop: StopPolicy = FOREVER
    ) -> "ChildProcess":
        """Start an operating-system process as a child, named ``spec.name``.

        Returns when the process runs. ``stop`` of the child stops its whole tree, by the
        ladder of *spec*, which has limits of its own; so the default policy waits for it.

        The child is temporary: however the process ends, `ChildProcess.wait` tells how,
        and the child has returned. It is never restarted, since the handle in the
        caller's hands would be the old one's. A process to be restarted is a child with
        a body of its own, which runs `run_process`, works with the handle, and raises
        when it does not like the end.

        Raises:
          Everything that `start` raises; `ChildStartFailed` has the error of the process
          as its ``__cause__``.
        """
        from ._process_child import run_process_child  # noqa: PLC0415  # 10 ms that supervisors without processes need not pay

        child = ChildSpec(spec.name, run_process_child, (spec,), "temporary", stop)
        return await self.start(child)  # type: ignore[return-value]  # what the body reports

    async def _start(self, order: Callable[[Reply[object]], None]) -> object:
        engine = self._engine
        await trio.lowlevel.checkpoint_if_cancelled()
        reply: Reply[object] = Reply()
        engine.agenda.post(partial(order, reply))
        try:
            return await reply.wait()
        except trio.Cancelled:
            gone: Reply[ChildReport] = Reply()
            engine.agenda.post(partial(engine.abandon, reply, gone))
            # Bound: CANCEL_PATIENCE, after which the child is reported as stuck.
            with trio.CancelScope(shield=True):
                await gone.wait()
            raise


@asynccontextmanager
async def open_supervisor(
    *,
    name: str = "supervisor",
    strategy: Strategy = "one_for_one",
    max_restarts: int = 3,
    within: float = 5.0,
    on_event: Callable[[Event], object] | None = None,
    on_outer_cancel: Grace | KillType = DEFAULT_GRACE,
    random: Random | None = None,
) -> AsyncGenerator[Supervisor]:
    """Open a supervisor for the length of a block.

    Leaving the block stops the children newest first, each by its stop policy, and waits
    for them. More than *max_restarts* restarts within *within* seconds stop all children
    and the block. *on_event* is called with each event, in the supervisor's task; it must
    be quick, and what it raises is logged once. Without it failures are logged.
    *random* is for the jitter of backoffs.

    If cancelled, the children are stopped in the same order, within the seconds of
    *on_outer_cancel*; those left then are cancelled at once, as all are with `KILL`.
    Then trio's cancellation travels on. Leaving the block can take as long as a child
    runs that swallows its cancellation; a `ChildStuck` event names it.

    Raises:
      BadSpec: an option is wrong; nothing was opened.
      SupervisorsTooDeep: nothing was opened.
      ExceptionGroup: as from any trio nursery, with what the block raised, and with
        `RestartLimitReached` if a child was given up, also when a cancellation came
        while the others were stopped. All children have ended. What
        children raise else is in events and reports, and comes out nowhere.
      BaseExceptionGroup: the same, if a child or the block raised KeyboardInterrupt,
        SystemExit or something else that is no `Exception`.
    """
    problems = check_options(
        name,
        strategy=strategy,
        max_restarts=max_restarts,
        within=within,
        on_outer_cancel=on_outer_cancel,
    )
    if problems:
        raise BadSpec(problems)
    engine = Engine(
        name,
        RestartBudget(max_restarts, within),
        on_outer_cancel,
        Random() if random is None else random,  # noqa: S311  # jitter is no secret
        Recorder(name, on_event),
    )
    task = trio.lowlevel.current_task()
    if sum(_open_in.get(each, 0) for each in ancestry(task)) >= DEEPEST:
        raise SupervisorsTooDeep(name, DEEPEST)
    around = enclosing_child()
    if around is not None:
        around.inner += (engine,)
        around.is_supervisor = True
    _open_in[task] = _open_in.get(task, 0) + 1
    try:
        async with trio.open_nursery() as nursery:
            engine.lives.nursery = nursery
            nursery.start_soon(engine.run, name=name)
            failure: Exception | None = None
            try:
                with engine.body_scope:
                    yield Supervisor(engine)
            except Exception as error:  # noqa: BLE001  # raised when the children are stopped
                failure = error
            await _leave(engine, failure)
    finally:
        _open_in[task] -= 1
        if around is not None:
            left = tuple(inner for inner in around.inner if inner is not engine)
            around.inner = left


async def _leave(engine: Engine, failure: Exception | None) -> None:
    """Have all children stopped; then raise what the block raised, if it did."""
    code = CancelCode.SHUTDOWN if failure is None else CancelCode.HOST_FAILED
    reason = CancelReason(code, source=engine.name)
    engine.agenda.post(partial(engine.stop_all, reason))
    if failure is not None:
        # Bound: the stop policies; a cancellation reaches the engine's task.
        with trio.CancelScope(shield=True):
            await engine.ended.wait()
        raise failure


async def supervise(
    children: Iterable[ChildSpec],
    *,
    name: str | None = None,
    strategy: Strategy = "one_for_one",
    max_restarts: int = 3,
    within: float = 5.0,
    on_event: Callable[[Event], object] | None = None,
    on_outer_cancel: Grace | KillType = DEFAULT_GRACE,
    random: Random | None = None,
    child: Child | None = None,
    task_status: trio.TaskStatus[Supervisor] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run a supervisor with *children* until it is told to stop.

    For ``await nursery.start(supervise, specs)``, which returns the `Supervisor`, and as
    the body of a child: ``ChildSpec("team", supervise, (specs,), stop=FOREVER)``. Use
    `functools.partial` for options. The children start in order, each when the one before
    is up. Without a name it has that of its child spec, or ``supervisor``.

    Returns after `Supervisor.cancel`, and when the supervisor above stops it: then its
    children stop by their own policies. If cancelled, it does what `open_supervisor` does.

    Raises:
      BadSpec: with all problems of the options, or of *children*; nothing was started.
      ChildStartFailed: the children that had started are stopped, newest first.
      ExceptionGroup: with `RestartLimitReached`, as from `open_supervisor`.
    """
    if name is None:
        name = "supervisor" if child is None else child.name
    if iter(children) is children:
        raise BadSpec((one_shot_problem(name, children),))
    specs = tuple(children)
    problems = check_specs(specs)
    problems += tuple(
        significant_problem(spec) for spec in specs if not problems and spec.significant
    )
    if problems:
        raise BadSpec(problems)
    failed: ChildStartFailed | None = None
    async with open_supervisor(
        name=name,
        strategy=strategy,
        max_restarts=max_restarts,
        within=within,
        on_event=on_event,
        on_outer_cancel=on_outer_cancel,
        random=random,
    ) as supervisor:
        asked: AbstractContextManager[None] = nullcontext()
        if child is not None:
            asked = child.stopping._heard_by(supervisor.cancel)  # noqa: SLF001  # not for bodies
        with asked:
            try:
                for spec in specs:
                    await supervisor.start(spec)
            except ChildStartFailed as error:
                failed = error
            else:
                task_status.started(supervisor)
                await trio.sleep(math.inf)  # until the block is cancelled
    if failed is not None:
        raise failed
