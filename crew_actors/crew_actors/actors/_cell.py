# A cell is what stays of an actor while its incarnations come and go: name, mailbox
# and number. The bodies here are what the supervisor runs as its child.
#
# 1. A crash keeps the mailbox. The message in hand becomes a dead letter, and the asks
#    that the incarnation owed an answer fail at once, with the crash as their cause.
# 2. A stop closes the mailbox; the reader gets what is queued, within its grace.
# 3. At the final end each queued message goes to the `undelivered` hook or becomes a
#    dead letter, once; queued asks fail at once.
# 4. Supervisors take the end of a child in which another supervisor gave up for an
#    orderly one, as OTP does. For an actor it is a crash: `ChildrenGaveUp`.
# 5. An end is final when a stop was ordered or when the restart type says so. What the
#    bodies cannot know, such as the end of the supervisor, the events tell.
"""The lasting part of an actor, and the bodies of its incarnations."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast, final

import attrs
import trio

from crew_actors.actors._errors import ActorRestarted, ActorStopped, ChildrenGaveUp
from crew_actors.actors._inbox import Actor, Inbox
from crew_actors.actors._ref import Ref
from crew_mailbox import Mailbox, Reason
from crew_supervisors import Child, RestartLimitReached, RestartType

if TYPE_CHECKING:
    from crew_actors.actors._actors import Actors

M = TypeVar("M")

UNDELIVERED_LIMIT: Final = 2.0
"""Seconds that the `undelivered` hook may take. Less than the patience of supervisors
with a cancelled child."""


@final
@attrs.define(eq=False, on_setattr=attrs.setters.NO_OP)
class Cell(Generic[M]):
    """The lasting part of one actor."""

    mailbox: Mailbox[M]
    body: Callable[..., Any]
    """The function of the actor, or its class."""
    args: tuple[object, ...]
    restart: RestartType
    actors: "Actors"
    incarnation: int = 0
    ended: bool = False
    """Whether no incarnation will follow."""

    @property
    def name(self) -> str:
        return self.mailbox.name

    @property
    def ref(self) -> Ref[M]:
        return Ref(self, self.mailbox.send)

    def begin(self, child: Child) -> Inbox[M]:
        """Note that an incarnation begins."""
        self.incarnation = child.incarnation
        return Inbox(self)

    def crashed(self, error: BaseException) -> None:
        """Settle what the incarnation had in hand when it raised *error*."""
        self._fail_asks(error, final=self.is_final(error), queued=False)
        stopped = consists_of(error, trio.Cancelled)
        self.mailbox.reject(
            Reason.HANDLER_CANCELLED if stopped else Reason.HANDLER_FAILED,
            None if stopped else error,
        )

    def returned(self) -> None:
        """Settle what the incarnation had in hand when it returned."""
        self.mailbox.ack()
        self._fail_asks(None, final=self.is_final(None), queued=False)

    def finish(self, cause: BaseException | None = None) -> None:
        """End for good: queued asks fail, queued messages become dead letters."""
        if not self.ended:
            self.ended = True
            self.mailbox.close()
            self._fail_asks(cause, final=True, queued=True)
            self.mailbox.bury(cause)

    def give_back(self, cause: BaseException | None) -> list[M]:
        """End for good: queued asks fail, queued messages are returned."""
        self.ended = True
        self._fail_asks(cause, final=True, queued=True)
        return self.mailbox.drain()

    def is_final(self, failure: BaseException | None) -> bool:
        """Tell whether no incarnation follows the one that ends with *failure*."""
        if self.mailbox.closed or self.restart == "temporary":
            return True  # closed: a stop was ordered
        return self.restart == "transient" and failure is None

    def _fail_asks(
        self, cause: BaseException | None, *, final: bool, queued: bool
    ) -> None:
        def error() -> Exception:
            why = (
                ActorStopped(self.name)
                if final
                else ActorRestarted(self.name, self.incarnation)
            )
            why.__cause__ = cause
            return why

        self.mailbox.fail_asks(error, queued=queued)


def consists_of(error: BaseException, kind: type[BaseException]) -> bool:
    """Tell whether *error* is of *kind*, or a group of nothing else."""
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return all(consists_of(each, kind) for each in group.exceptions)
    return isinstance(error, kind)


async def run_function(cell: Cell[M], *, child: Child) -> None:
    """Be one incarnation of an actor that is a function."""
    inbox = cell.begin(child)
    function: Callable[..., Awaitable[object]] = cell.body
    try:
        await function(inbox, *cell.args)
        cell.returned()
        if cell.is_final(None):
            cell.finish()
    except BaseException as error:
        cell.crashed(error)
        if cell.is_final(error):
            cell.finish(error)
        if consists_of(error, RestartLimitReached):
            raise ChildrenGaveUp(cell.name) from error
        raise


async def run_class(
    cell: Cell[M], *, child: Child, task_status: trio.TaskStatus[None]
) -> None:
    """Be one incarnation of an actor that is a class; up when `started` returns."""
    inbox = cell.begin(child)
    actor: Actor[M] = cell.body(*cell.args)
    failure: BaseException | None = None
    try:
        await actor.started(inbox)
        task_status.started()
        async for message in inbox:
            await actor.handle(message, inbox)
        cell.returned()
    except BaseException as error:
        failure = error
        cell.crashed(error)
        if consists_of(error, RestartLimitReached):
            raise ChildrenGaveUp(cell.name) from error
        raise
    finally:
        try:
            await actor.stopping(inbox, failure)
        except BaseException as error:
            failure = error
            raise
        finally:
            if cell.is_final(failure):
                await _end(cell, actor, failure)
            del failure  # it holds this frame


async def _end(cell: Cell[M], actor: Actor[M], failure: BaseException | None) -> None:
    base: type[Actor[M]] = Actor
    if type(actor).undelivered is base.undelivered:
        cell.finish(failure)
        return
    messages = cell.give_back(failure)
    if messages:
        # Bound: UNDELIVERED_LIMIT. The hook works also for an actor that is cancelled.
        with trio.fail_after(UNDELIVERED_LIMIT, shield=True):
            await actor.undelivered(messages)
