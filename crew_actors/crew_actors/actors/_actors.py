# The block that actors live in: one supervisor, one table of cells, one clock for
# asks and timers, one stream of dead letters.
#
# 1. An actor is a child of the supervisor, under its own name. Restarts, stops and
#    their limits are the supervisor's business and follow its rules.
# 2. A cell leaves the table when its actor ends for good; the supervisor forgets the
#    name when that actor is stopped through here, or before the next spawn.
# 3. A name may be used again, so a name proves nothing: a cell is in the table only if
#    the table holds that very cell.
# 4. The events of the supervisor tell what the bodies cannot know: that a stop begins,
#    that no restart follows.
"""Where actors are spawned and stopped."""

import difflib
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any, Final, TypeVar, TypeVarTuple, Unpack, final, overload

import attrs
import trio
from trio.lowlevel import checkpoint_if_cancelled

from crew_actors.actors._bodies import run_class, runner_of
from crew_actors.actors._cell import Cell
from crew_actors.actors._clock import Clock
from crew_actors.actors._ends import How
from crew_actors.actors._errors import NoSuchActor
from crew_actors.actors._groups import Group
from crew_actors.actors._inbox import Actor, Inbox
from crew_actors.actors._options import (
    OnCrash,
    SpawnOptions,
    answer_to,
    check_on_crash,
    check_on_failure,
)
from crew_actors.actors._ref import Ref
from crew_mailbox import DeadLetters, Mailbox, MailboxStatistics, OnFull, open_mailbox
from crew_supervisors import (
    Backoff,
    CancelCode,
    CancelReason,
    ChildDeclined,
    ChildEnded,
    ChildExists,
    ChildFailed,
    ChildReport,
    ChildRunning,
    ChildSpec,
    ChildStopped,
    ChildStopping,
    ChildStuck,
    Event,
    Grace,
    NoSuchChild,
    OnFailure,
    RestartType,
    StopPolicy,
    Supervisor,
    SupervisorEnded,
    SupervisorEscalated,
    SupervisorStopped,
    log_event,
    open_supervisor,
)

M = TypeVar("M")
Ts = TypeVarTuple("Ts")

_DEFAULT_STOP: Final = Grace(5.0)

_ABOUT_A_CHILD: Final = (
    ChildStopping,
    ChildStopped,
    ChildEnded,
    ChildDeclined,
    ChildFailed,
    ChildStuck,
    SupervisorEscalated,
)

_FORGET_AT_ONCE: Final = 64
"""How many ended names a spawn cleans up at most: more than one, and still quick."""


@final
@attrs.define(eq=False, repr=False)
class Actors:
    """The actors of one `open_actors` block. Its methods may be called by any task."""

    name: str
    _on_event: Callable[[Event], object] | None
    dead_letters: DeadLetters = attrs.field(factory=DeadLetters, init=False)
    """What was not handled, of all actors of the block."""
    clock: Clock = attrs.field(factory=Clock, init=False, repr=False)
    """For the asks to these actors, and for their timers."""
    _supervisor: Supervisor = attrs.field(init=False)
    _cells: dict[str, Cell[Any]] = attrs.field(factory=dict[str, Cell[Any]], init=False)
    _numbers: "itertools.count[int]" = attrs.field(factory=itertools.count, init=False)
    _ended: dict[str, None] = attrs.field(factory=dict[str, None], init=False)
    """Names that the supervisor still knows, of actors that have ended."""
    _groups: dict[str, Group[Any]] = attrs.field(
        factory=dict[str, Group[Any]], init=False
    )

    def __repr__(self) -> str:
        return f"<Actors {self.name!r}: {len(self._cells)} alive>"

    @property
    def supervisor(self) -> Supervisor:
        """The supervisor of the actors: for its tree, and for children of other kinds."""
        return self._supervisor

    def statistics(self) -> tuple[MailboxStatistics, ...]:
        """Return the counts of each living actor's mailbox, oldest actor first."""
        return tuple(cell.mailbox.statistics() for cell in self._cells.values())

    @overload
    async def spawn(
        self,
        body: Callable[[Inbox[M], *Ts], Awaitable[object]],
        *args: *Ts,
        **options: Unpack[SpawnOptions],
    ) -> Ref[M]: ...

    @overload
    async def spawn(
        self,
        body: Callable[[*Ts], Actor[M]],
        *args: *Ts,
        **options: Unpack[SpawnOptions],
    ) -> Ref[M]: ...

    async def spawn(
        self,
        body: Callable[..., Any],
        *args: *Ts,  # pyright: ignore[reportInvalidTypeVarUse]  mypy wants the overloads' form
        name: str | None = None,
        capacity: int = 64,
        on_full: OnFull = "wait",
        restart: RestartType = "transient",
        stop: StopPolicy = _DEFAULT_STOP,
        backoff: Backoff | None = None,
        on_crash: OnCrash = "dead_letter",
        on_failure: tuple[OnFailure, ...] = (),
    ) -> Ref[Any]:
        """Start an actor and return its ref.

        *body* is an async function, called with an `Inbox` and *args*, or a subclass of
        `Actor`, constructed with *args*. A function is up at once, a class when its
        `started` has returned. Always a checkpoint. If cancelled, no actor is left.

        Args:
          body: runs afresh for each incarnation.
          args: the same for each incarnation.
          name: unique among the living actors of the block; else one is made up.
          capacity: how many messages wait at most; the author of the actor knows.
          on_full: what a tell does then; see `crew_mailbox.open_mailbox`.
          restart: "transient" restarts after a crash, "permanent" after each end,
            "temporary" never. A crash that may not be restarted any more ends the
            block, but a temporary actor's crash is only reported.
          stop: `Grace(seconds)` lets the actor handle what is queued, `KILL` does not.
          backoff: how long restarts wait; None restarts at once.
          on_crash: what becomes of the message at which the actor fails: "dead_letter",
            `Redeliver(times)`, or, for a class, "resume", which also keeps its state.
          on_failure: rules for errors of certain types, read in order, before *restart*
            decides: ``(OnFailure(AuthError, "stop"), OnFailure(DiskFull, "escalate"))``.

        Raises:
          ChildExists: the name is taken. Nothing was started.
          ChildStartFailed: the actor failed before it was up; `__cause__` is why. The
            name is free.
          BadSpec, ValueError: an option is wrong. Nothing was started.
          TypeError: *body* is neither function nor class. Nothing was started.
          SupervisorStopped: the block is ending. Nothing was started.
        """
        run = runner_of(body)
        check_on_crash(on_crash, is_class=run is run_class)
        check_on_failure(on_failure)
        await self._forget_ended(first=name)
        if name is None:
            name = f"{getattr(body, '__name__', 'actor')}-{next(self._numbers)}"
        if name in self._cells:
            raise ChildExists(name, self.name, True)  # noqa: FBT003  its one flag
        box: Mailbox[Any] = open_mailbox(
            name, capacity=capacity, on_full=on_full, dead_letters=self.dead_letters
        )
        cell = Cell[Any](box, body, args, restart, self, on_crash, on_failure)
        spec = ChildSpec(
            name, run, (cell,), restart, stop, backoff, on_failure=on_failure
        )
        await self._start(cell, spec)
        return cell.ref

    async def _start(self, cell: Cell[Any], spec: ChildSpec) -> None:
        self._cells[cell.name] = cell
        try:
            await self._supervisor.start(spec)
        except BaseException as error:
            # The one who has the name is not ours to forget: it may be no actor.
            is_known = not isinstance(error, ChildExists)
            self._end(cell, "failed", error, is_known=is_known)
            raise

    async def stop(
        self, ref: Ref[Any], reason: CancelReason | None = None
    ) -> ChildReport:
        """Stop an actor by its stop policy, and report how that went.

        Its mailbox closes at once. What is queued is handled within the grace; what is
        left goes to its `undelivered` hook or becomes dead letters. An actor that has
        ended already is reported as "not_running". Called by the actor itself it only
        gives the order. If cancelled, the actor is cancelled at once.

        Raises:
          NoSuchChild: the actor belongs to another block. Nothing changed.
          SupervisorStopped: the block has ended, and all of its actors.
        """
        cell = ref._cell  # noqa: SLF001  # a ref hides its cell from users, not from us
        if cell.actors is not self:
            raise NoSuchChild(ref.name, self.name)
        if self._cells.get(cell.name) is not cell:
            return ChildReport(ref.name, ref.incarnation, "not_running")
        report = await self._supervisor.stop(ref.name, reason)
        await self._forget_ended()
        return report

    def stop_soon(self, ref: Ref[Any], reason: CancelReason) -> None:
        """Order the stop of an actor, and wait for nothing. Not a checkpoint.

        Does nothing if the actor has ended. While all actors stop, it keeps its turn.
        """
        trio.lowlevel.spawn_system_task(
            self._stop_quietly, ref, reason, name=f"stop of {ref.name}"
        )

    async def _stop_quietly(self, ref: Ref[Any], reason: CancelReason) -> None:
        with suppress(
            NoSuchChild, SupervisorStopped
        ):  # it has ended, which is all we want
            await self.stop(ref, reason)

    # Names

    def refs(self) -> tuple[Ref[Any], ...]:
        """Return the living actors, the oldest first."""
        return tuple(cell.ref for cell in self._cells.values())

    def find(self, name: str) -> Ref[Any] | None:
        """Return the living actor *name*, or None."""
        cell = self._cells.get(name)
        return None if cell is None else cell.ref

    def ref(self, name: str) -> Ref[Any]:
        """Return the living actor *name*.

        Raises:
          NoSuchActor: there is none; it names the one that looks most like it.
        """
        found = self.find(name)
        if found is None:
            near = difflib.get_close_matches(name, self._cells, n=1)
            raise NoSuchActor(name, self.name, near[0] if near else None)
        return found

    def group(self, name: str) -> Group[Any]:
        """Return the group *name* of this block, empty when it is first asked for."""
        return self._groups.setdefault(name, Group(name))

    # Ends

    def note(self, event: Event) -> None:
        """Take an event of the supervisor. Not a checkpoint."""
        if isinstance(event, SupervisorEnded):
            for cell in list(self._cells.values()):
                self._end(cell, "stopped", None)
        elif isinstance(event, _ABOUT_A_CHILD):
            known = self._cells.get(event.child)
            if known is not None:
                self._note(event, known)
        if self._on_event is not None:
            self._on_event(event)
        else:
            log_event(event)

    def _note(self, event: Event, cell: Cell[Any]) -> None:
        match event:
            case ChildStopping():
                cell.mailbox.close()
            case ChildStopped(report=report):
                failure = cell.failure if report.end == "failed" else None
                self._end(cell, "stopped", failure)
            case ChildStuck(reason=reason) if reason.code is not CancelCode.FAILED:
                self._end(cell, "stopped", None)
            case SupervisorEscalated():
                self._end(cell, "failed", cell.failure)
            case ChildEnded() if cell.restart != "permanent":
                self._end(cell, "returned", None)
            case ChildDeclined():
                self._end(cell, "returned", None)
            case ChildFailed(error=error) if cell.restart == "temporary" or (
                error is not None and answer_to(cell.on_failure, error) == "stop"
            ):
                self._end(cell, "failed", error)
            case _:
                pass  # it goes on

    def _end(
        self,
        cell: Cell[Any],
        how: How,
        cause: BaseException | None,
        *,
        is_known: bool = True,
    ) -> None:
        """End *cell* for good; *is_known* tells whether the supervisor knows it."""
        cell.finish(cause)
        if self._cells.get(cell.name) is cell:
            del self._cells[cell.name]
            if is_known and cell.restart != "temporary":
                self._ended[cell.name] = None
        cell.tell_end(how, cause)

    async def _forget_ended(self, *, first: str | None = None) -> None:
        """Have the supervisor forget some actors that have ended, *first* before all."""
        names = [name for name in (first,) if name in self._ended]
        names += itertools.islice(self._ended, _FORGET_AT_ONCE)
        for name in dict.fromkeys(names):
            await checkpoint_if_cancelled()  # so that the next two steps are one
            if name in self._ended:  # no other task has taken it meanwhile
                del self._ended[name]
                await self._forget(name)

    async def _forget(self, name: str) -> None:
        try:
            await self._supervisor.remove(name)
        except NoSuchChild:
            pass  # it is forgotten already
        except ChildRunning:  # it was given up as stuck, and is still there
            self._ended[name] = None
        except trio.Cancelled:  # nobody knows what came of it
            self._ended[name] = None
            raise


@asynccontextmanager
async def open_actors(
    *,
    name: str = "actors",
    max_restarts: int = 3,
    within: float = 5.0,
    on_event: Callable[[Event], object] | None = None,
    random: Random | None = None,
) -> AsyncGenerator[Actors]:
    """Open a block for actors; leaving it stops them.

    They stop newest first, each by its own stop policy. More than *max_restarts*
    restarts within *within* seconds end the block; 0 lets the first crash do so. A
    block inside an actor's body belongs to that actor: its failure is the actor's crash.
    *on_event* is called with each lifecycle event and must be quick; without it failures
    are logged. *random* is for the jitter of backoffs. If cancelled, the actors have 5
    seconds in all for an orderly stop.

    Raises:
      BadSpec: an option is wrong; nothing was opened.
      ExceptionGroup: what the block raised, and `RestartLimitReached` with the crash as
        its cause, if an actor could not be restarted any more. All actors have ended.
    """
    actors = Actors(name, on_event)
    try:
        async with open_supervisor(
            name=name,
            max_restarts=max_restarts,
            within=within,
            on_event=actors.note,
            random=random,
        ) as actors._supervisor:  # noqa: SLF001  # the two refer to each other
            yield actors
    finally:
        await actors.clock.close()
