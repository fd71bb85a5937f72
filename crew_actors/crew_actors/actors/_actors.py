# The block that actors live in: one supervisor, one table of cells, one clock for
# asks, one stream of dead letters.
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

import itertools
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar, TypeVarTuple, final, overload

import attrs
import trio
from trio.lowlevel import checkpoint_if_cancelled

from crew_actors.actors._cell import Cell, run_class, run_function
from crew_actors.actors._deadlines import Deadlines
from crew_actors.actors._inbox import Actor, Inbox
from crew_actors.actors._ref import Ref
from crew_mailbox import DeadLetters, Mailbox, MailboxStatistics, OnFull, open_mailbox
from crew_supervisors import (
    Backoff,
    CancelReason,
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
    RestartType,
    StopPolicy,
    Supervisor,
    SupervisorEnded,
    SupervisorEscalated,
    open_supervisor,
)

M = TypeVar("M")
Ts = TypeVarTuple("Ts")

log: Final = logging.getLogger("crew_actors.actors")

_DEFAULT_STOP: Final = Grace(5.0)

_ABOUT_A_CHILD: Final = (
    ChildStopping,
    ChildStopped,
    ChildEnded,
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
    deadlines: Deadlines = attrs.field(factory=Deadlines, init=False)
    """The clock for the asks to these actors."""
    _supervisor: Supervisor = attrs.field(init=False)
    _cells: dict[str, Cell[Any]] = attrs.field(factory=dict[str, Cell[Any]], init=False)
    _numbers: "itertools.count[int]" = attrs.field(factory=itertools.count, init=False)
    _ended: dict[str, None] = attrs.field(factory=dict[str, None], init=False)
    """Names that the supervisor still knows, of actors that have ended."""

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
        name: str | None = None,
        capacity: int = 64,
        on_full: OnFull = "wait",
        restart: RestartType = "transient",
        stop: StopPolicy = _DEFAULT_STOP,
        backoff: Backoff | None = None,
    ) -> Ref[M]: ...

    @overload
    async def spawn(
        self,
        body: Callable[[*Ts], Actor[M]],
        *args: *Ts,
        name: str | None = None,
        capacity: int = 64,
        on_full: OnFull = "wait",
        restart: RestartType = "transient",
        stop: StopPolicy = _DEFAULT_STOP,
        backoff: Backoff | None = None,
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

        Raises:
          ChildExists: the name is taken. Nothing was started.
          ChildStartFailed: the actor failed before it was up; `__cause__` is why.
          BadSpec: an option is wrong. Nothing was started.
          ValueError: *capacity* or *on_full* is wrong. Nothing was started.
          SupervisorStopped: the block is ending. Nothing was started.
        """
        await self._forget_ended(first=name)
        is_class = isinstance(body, type)
        if name is None:
            name = f"{getattr(body, '__name__', 'actor')}-{next(self._numbers)}"
        if name in self._cells:
            raise ChildExists(name, self.name, True)  # noqa: FBT003  its one flag
        mailbox: Mailbox[Any] = open_mailbox(
            name, capacity=capacity, on_full=on_full, dead_letters=self.dead_letters
        )
        cell = Cell[Any](mailbox, body, args, restart, self)
        self._cells[name] = cell
        run = run_class if is_class else run_function
        try:
            await self._supervisor.start(
                ChildSpec(name, run, (cell,), restart, stop, backoff)
            )
        except BaseException as error:
            # The one who has the name is not ours to forget: it may be no actor.
            self._end(cell, error, is_known=not isinstance(error, ChildExists))
            raise
        return cell.ref

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

    def note(self, event: Event) -> None:
        """Take an event of the supervisor. Not a checkpoint."""
        if isinstance(event, SupervisorEnded):
            for cell in list(self._cells.values()):
                self._end(cell, None)
        elif isinstance(event, _ABOUT_A_CHILD):
            known = self._cells.get(event.child)
            if known is not None:
                self._note(event, known)
        if self._on_event is not None:
            self._on_event(event)
        else:
            _log(event)

    def _note(self, event: Event, cell: Cell[Any]) -> None:
        match event:
            case ChildStopping():
                cell.mailbox.close()
            case ChildStopped() | ChildStuck() | SupervisorEscalated():
                self._end(cell, None)
            case ChildEnded() if cell.restart != "permanent":
                self._end(cell, None)
            case ChildFailed(error=error) if cell.restart == "temporary":
                self._end(cell, error)
            case _:
                pass  # it goes on

    def _end(
        self, cell: Cell[Any], cause: BaseException | None, *, is_known: bool = True
    ) -> None:
        """End *cell* for good; *is_known* tells whether the supervisor knows it."""
        cell.finish(cause)
        if self._cells.get(cell.name) is cell:
            del self._cells[cell.name]
            if is_known and cell.restart != "temporary":
                self._ended[cell.name] = None

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


def _log(event: Event) -> None:
    """Log what went wrong, for a block whose events nobody takes."""
    if isinstance(event, ChildFailed):
        log.warning(
            "%s: actor %r (incarnation %d) failed: %s",
            event.supervisor,
            event.child,
            event.incarnation,
            event.summary,
            exc_info=event.error,
        )
    elif isinstance(event, ChildStuck):
        log.error(
            "%s: actor %r was cancelled and still runs at\n%s",
            event.supervisor,
            event.child,
            event.stack,
        )


@asynccontextmanager
async def open_actors(
    *,
    name: str = "actors",
    max_restarts: int = 3,
    within: float = 5.0,
    on_event: Callable[[Event], object] | None = None,
) -> AsyncGenerator[Actors]:
    """Open a block for actors; leaving it stops them.

    They stop newest first, each by its own stop policy. More than *max_restarts*
    restarts within *within* seconds end the block; 0 lets the first crash do so. A
    block inside an actor's body belongs to that actor: its failure is the actor's crash.
    *on_event* is called with each lifecycle event and must be quick; without it failures
    are logged. If cancelled, the actors have 5 seconds in all for an orderly stop.

    Raises:
      BadSpec: an option is wrong; nothing was opened.
      ExceptionGroup: what the block raised, and `RestartLimitReached` with the crash as
        its cause, if an actor could not be restarted any more. All actors have ended.
    """
    actors = Actors(name, on_event)
    try:
        async with open_supervisor(
            name=name, max_restarts=max_restarts, within=within, on_event=actors.note
        ) as actors._supervisor:  # noqa: SLF001  # the two refer to each other
            yield actors
    finally:
        await actors.deadlines.close()
