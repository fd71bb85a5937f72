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
from contextlib import (
    AbstractContextManager,
    asynccontextmanager,
    nullcontext,
    suppress,
)
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Final, Unpack, final
from weakref import WeakKeyDictionary

import attrs
import trio

from . import _points
from ._checks import (
    check_children,
    check_options,
    check_specs,
    is_plainly_right,
)
from ._child import (
    Child,
    StartReply,
    ancestry,
    child_around,
    enclosing_child,
    is_inside,
)
from ._engine import Engine
from ._errors import (
    BadSpec,
    ChildStartFailed,
    SupervisorError,
    SupervisorsTooDeep,
    WrongThread,
)
from ._events import Event
from ._reasons import CancelCode, CancelReason
from ._recorder import Recorder
from ._replies import Reply
from ._reports import (
    ChildCounts,
    ChildInfo,
    ChildReport,
    SupervisorReport,
    TreeNode,
)
from ._specs import (
    FOREVER,
    ChildSpec,
    OptionFields,
    StopPolicy,
    SupervisorOptions,
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
    a child; from a thread, through `trio.from_thread`. Elsewhere it raises `WrongThread`. The asynchronous ones are always checkpoints, and are answered at once also
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

        The value is None also if the child declined to start (`DeclineStart`): then it is
        stopped, and forgotten if it is temporary or the supervisor is ``dynamic``. While
        children are restarted together the new one waits, and is started after them.

        Raises:
          BadSpec: nothing was started.
          ChildExists: nothing was started.
          TooManyChildren: nothing was started.
          ChildStartFailed: the child ended before it was up, and is forgotten. A failed
            first start is not retried and does not count as a restart.
          SupervisorStopped: nothing was started.
          WrongThread: nothing was started.
        """
        if not is_plainly_right(spec):
            problems = check_specs((spec,), self._engine.options)
            if problems:
                raise BadSpec(problems)
        order = partial(self._engine.start, spec)
        return await self._start("start", order, is_first=True)

    async def restart(self, name: str) -> object:
        """Start a stopped child again, and return what `start` returns.

        Not counted as a restart. A running child must be stopped first. If cancelled,
        the child is stopped again, as in `start`.

        Raises:
          NoSuchChild: there is no such child; stopped temporary ones are forgotten.
          ChildRunning: the child is not stopped; nothing changed.
          ChildStartFailed: it did not come up, and is stopped.
          SupervisorStopped: nothing was started.
          WrongThread: nothing was done.
        """
        order = partial(self._engine.restart, name)
        return await self._start("restart", order, is_first=False)

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
        of its grace, and the call ends when it is gone, or stuck after 5 seconds. So a
        deadline around the call shortens the grace.

        Raises:
          NoSuchChild: there is no such child.
          SupervisorStopped: the supervisor has ended, and all its children with it.
          WrongThread: nothing was done.
          TypeError: *reason* is none; nothing was done.
        """
        engine = self._engine
        self._check_run()
        reason = _reason(reason)
        if _points.hook is not None:
            await _points.hook("stop.enter")
        await trio.lowlevel.checkpoint_if_cancelled()
        record = engine.lives.children.get(name)
        inside = record if record is not None and is_inside(record) else None
        is_sibling = (
            engine.order is not None and child_around(engine.lives.children) is not None
        )
        reply: Reply[ChildReport] = Reply()
        engine.agenda.post(
            partial(engine.stop, name, reason, reply, inside, is_sibling=is_sibling)
        )
        try:
            if _points.hook is not None:
                await _points.hook("stop.wait")
            report = await reply.wait()
        except SupervisorError:
            raise
        except BaseException:  # cancelled, or interrupted by Ctrl-C
            engine.agenda.post(partial(engine.hurry, name, reply))
            # Bound: CANCEL_PATIENCE, after which the child is reported as stuck.
            with trio.CancelScope(shield=True), suppress(SupervisorError):
                await reply.wait()
            raise
        if inside is not None:
            await trio.lowlevel.checkpoint()  # most often the end of the caller
        return report

    async def remove(self, name: str) -> None:
        """Forget a stopped child, so that its name is free.

        Raises:
          NoSuchChild: there is no such child.
          ChildRunning: the child is not stopped; nothing changed.
          WrongThread: nothing was done.
        """
        self._check_run()
        if _points.hook is not None:
            await _points.hook("remove.enter")
        await trio.lowlevel.checkpoint_if_cancelled()
        reply: Reply[None] = Reply()
        self._engine.agenda.post(partial(self._engine.remove, name, reply))
        if _points.hook is not None:
            await _points.hook("remove.wait")
        await reply.wait()

    def cancel(self, reason: CancelReason | None = None) -> None:
        """Begin the ordered stop of all children, newest first; then the block ends.

        The block of `open_supervisor` is cancelled at its next checkpoint, and is left
        without an error. The first reason given counts; later calls change nothing.
        """
        self._check_run()
        reason = _reason(reason)
        self._engine.agenda.post(partial(self._engine.stop_all, reason))

    def children(self) -> tuple[ChildInfo, ...]:
        """Return the children, in the order of their first start."""
        self._check_run()
        return tuple(info_of(record) for record in self._engine.lives.children.values())

    def counts(self) -> ChildCounts:
        """Return how many children there are."""
        self._check_run()
        return counts_of(self._engine)

    def tree(self) -> TreeNode:
        """Return this supervisor, its children and the supervisors inside of them."""
        self._check_run()
        return tree_of(self._engine)

    def recent_events(self) -> tuple[Event, ...]:
        """Return the last events, at most 1,000, oldest first."""
        self._check_run()
        return self._engine.recorder.recent()

    @property
    def report(self) -> SupervisorReport | None:
        """How the stop of all children went; None until it is done."""
        return self._engine.report

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

    def _check_run(self) -> None:
        """Refuse to touch a supervisor of another trio run, or from outside of any."""
        try:
            token = trio.lowlevel.current_trio_token()
        except RuntimeError:
            raise WrongThread(self.name) from None
        if token is not self._engine.token:
            raise WrongThread(self.name)

    async def _start(
        self, point: str, order: Callable[[StartReply], None], *, is_first: bool
    ) -> object:
        engine = self._engine
        self._check_run()
        if _points.hook is not None:
            await _points.hook(f"{point}.enter")
        await trio.lowlevel.checkpoint_if_cancelled()
        reply = StartReply(is_first)
        group = engine.lives.group
        if group is not None and group.is_active:
            caller = child_around(engine.lives.children)
            reply.at_once = caller is not None and group.is_started_by(caller)
        engine.agenda.post(partial(order, reply))
        try:
            if _points.hook is not None:
                await _points.hook(f"{point}.wait")
            return await reply.wait()
        except SupervisorError:
            raise
        except BaseException:  # cancelled, or interrupted by Ctrl-C
            gone: Reply[ChildReport] = Reply()
            engine.agenda.post(partial(engine.abandon, reply, gone))
            # Bound: CANCEL_PATIENCE, after which the child is reported as stuck.
            with trio.CancelScope(shield=True), suppress(SupervisorError):
                await gone.wait()
            raise


def _reason(given: object) -> CancelReason:
    """Return *given*, or the reason of those who give none."""
    if given is None:
        return CancelReason(CancelCode.REQUESTED)
    if isinstance(given, CancelReason):
        return given
    message = f"{given!r} is no CancelReason; use CancelReason(CancelCode.USER, text)"
    raise TypeError(message)


@asynccontextmanager
async def open_supervisor(
    options: SupervisorOptions | None = None,
    *,
    on_event: Callable[[Event], object] | None = None,
    random: Random | None = None,
    **fields: Unpack[OptionFields],
) -> AsyncGenerator[Supervisor]:
    """Open a supervisor for the length of a block.

    The fields of `SupervisorOptions` may be given as *options*, or one by one.

    Leaving the block stops the children newest first, each by its stop policy, and waits
    for them. More than ``max_restarts`` restarts within ``within`` seconds stop all
    children and the block. *on_event* is called with each event, in the supervisor's
    context; it must be quick, and what it raises is logged once. Without it failures are
    logged, as by `log_event`. *random* is for the jitter of backoffs.

    If cancelled, the children are stopped in the same order, within the seconds of
    ``on_outer_cancel``; those left then are cancelled at once, as all are with `KILL`,
    or if the stop began under a deadline that is over now. Then trio's cancellation
    travels on. Leaving the block can take as long as a child runs that swallows its
    cancellation; a `ChildStuck` event and `Supervisor.report` name it.

    Raises:
      BadSpec: an option is wrong; nothing was opened.
      SupervisorsTooDeep: nothing was opened.
      ExceptionGroup: as from any trio nursery, with what the block raised, with
        `RestartLimitReached` or `FailureEscalated` if a child was given up, and with
        `StopErrors` if children raised while all were stopped; also when a cancellation
        came meanwhile. All children have ended. What children raise else is in events
        and reports, and comes out nowhere.
      BaseExceptionGroup: the same, if a child or the block raised KeyboardInterrupt,
        SystemExit or something else that is no `Exception`.
    """
    options = attrs.evolve(options or SupervisorOptions(), **fields)
    problems = check_options(options)
    if problems:
        raise BadSpec(problems)
    task = trio.lowlevel.current_task()
    if sum(_open_in.get(each, 0) for each in ancestry(task)) >= DEEPEST:
        raise SupervisorsTooDeep(options.name, DEEPEST)
    around = enclosing_child()
    engine = Engine(
        options,
        Random() if random is None else random,  # noqa: S311  # jitter is no secret
        Recorder(options.name, on_event, options.log_error_after),
        around,
    )
    if around is not None:
        around.inner += (engine,)
        around.is_supervisor = True
    _open_in[task] = _open_in.get(task, 0) + 1
    try:
        async with trio.open_nursery() as nursery:
            engine.lives.nursery = nursery
            nursery.start_soon(engine.run, name=engine.name)
            failure: Exception | None = None
            try:
                with engine.body_scope:
                    if _points.hook is not None:
                        await _points.hook("block.open")
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
    deadline = trio.current_effective_deadline()
    if deadline > trio.current_time():  # else the host is cancelled already
        engine.must_end_by = deadline
    engine.agenda.post(partial(engine.stop_all, reason))
    if failure is not None:
        # Bound: the stop policies; a cancellation reaches the engine's task.
        with trio.CancelScope(shield=True):
            if _points.hook is not None:
                await _points.hook("leave.wait")
            await engine.ended.wait()
        raise failure


async def supervise(
    children: Iterable[ChildSpec],
    options: SupervisorOptions | None = None,
    *,
    on_event: Callable[[Event], object] | None = None,
    random: Random | None = None,
    child: Child | None = None,
    task_status: trio.TaskStatus[Supervisor] = trio.TASK_STATUS_IGNORED,
    **fields: Unpack[OptionFields],
) -> None:
    """Run a supervisor with *children* until it is told to stop.

    For ``await nursery.start(supervise, specs)``, which returns the `Supervisor`, and as
    the body of a child: ``ChildSpec("team", supervise, (specs, options), stop=FOREVER)``.
    The fields of *options* may be given one by one, too. The children start in order,
    each when the one before is up. Without a name it has that of its child spec, or
    ``supervisor``.

    Returns after `Supervisor.cancel`, after an automatic shutdown, and when the supervisor
    above stops it: then its children stop by their own policies. If cancelled, it does
    what `open_supervisor` does.

    Raises:
      BadSpec: with all problems of the options, or of *children*; nothing was started.
      ChildStartFailed: the children that had started are stopped, newest first.
      ExceptionGroup: as from `open_supervisor`; with `ChildStartFailed`, if others
        raised while they were stopped.
    """
    options = attrs.evolve(options or SupervisorOptions(), **fields)
    if child is not None and options.name == SupervisorOptions().name:
        options = attrs.evolve(options, name=child.name)
    problems = check_children(options.name, children)
    if problems:
        raise BadSpec(problems)
    specs = tuple(children)
    problems = check_specs(specs, options)
    if problems:
        raise BadSpec(problems)
    failed: ChildStartFailed | None = None
    try:
        async with open_supervisor(
            options, on_event=on_event, random=random
        ) as supervisor:
            with _asked_through(child, supervisor):
                failed = await _start_all(supervisor, specs)
                if failed is None:
                    task_status.started(supervisor)
                    await trio.sleep(math.inf)  # until the block is cancelled
    except BaseExceptionGroup as others:
        if failed is None:
            raise
        raise others.derive([failed, *others.exceptions]) from failed.__cause__
    if failed is not None:
        raise failed


def _asked_through(
    child: Child | None, supervisor: Supervisor
) -> AbstractContextManager[None]:
    """Have *supervisor* stop when *child*, whose body it is in, is asked to."""
    if child is None:
        return nullcontext()
    return child.stopping._heard_by(supervisor.cancel)  # noqa: SLF001  # not for bodies


async def _start_all(
    supervisor: Supervisor, specs: tuple[ChildSpec, ...]
) -> ChildStartFailed | None:
    """Start children in order, up to the first that fails, which is returned."""
    for spec in specs:
        try:
            await supervisor.start(spec)
        except ChildStartFailed as error:
            return error
    return None
