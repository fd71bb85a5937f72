# The sending side of an actor: what everybody else holds.
#
# 1. A ref stays valid over restarts, and is harmless after the end: tells raise
#    `MailboxClosed`, asks raise `ActorStopped`.
# 2. An ask costs one slot and one entry in the heap of the clock. Only an ask that has
#    to wait for room pays for a cancel scope.
# 3. An ask that would close a cycle of actors which wait for each other is refused.
"""Refs: how to reach an actor."""

from collections.abc import Coroutine
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Generic,
    NoReturn,
    Protocol,
    TypeVar,
    cast,
    final,
)

import attrs
import trio
from trio.lowlevel import checkpoint_if_cancelled, current_task, wait_task_rescheduled

from crew_actors.actors._ends import Terminated
from crew_actors.actors._errors import ActorStopped, AskTimeout, NeverReplied
from crew_actors.actors._waits import open_asks, refuse_cycle
from crew_mailbox import (
    Address,
    Answer,
    AnswerState,
    AnyRequest,
    Asks,
    MailboxClosed,
    MailboxError,
    MailboxFull,
    MailboxStatistics,
    Priority,
    clear_answer,
    summary_of,
)

if TYPE_CHECKING:
    from crew_actors.actors._cell import Cell
    from crew_supervisors import CancelReason, ChildReport

M_contra = TypeVar("M_contra", contravariant=True)
R = TypeVar("R")

# Enum members are slow to look up.
_WAITING: Final = AnswerState.WAITING
_REPLIED: Final = AnswerState.REPLIED


class Tell(Protocol[M_contra]):
    """The type of `Ref.tell`."""

    def __call__(
        self, message: M_contra, priority: Priority = "normal"
    ) -> Coroutine[Any, Any, None]:
        """Send *message*."""
        ...


@final
@attrs.frozen(eq=False, repr=False)
class Ref(Generic[M_contra]):
    """An actor, as others see it. Refs of one actor are equal."""

    _cell: "Cell[M_contra]"

    tell: Tell[M_contra]
    """Send a message: `await ref.tell(message, priority="normal")`.

    The mailbox's own method. "urgent" is read before "normal", "low" after it.

    Waits for room if the mailbox is full and its policy says so. A checkpoint when it
    waits or when the sender's turn is used up; always notices cancellation. A cancelled
    tell sent nothing.

    Raises:
      MailboxFull: there is no room and the policy is "fail". Nothing was sent.
      MailboxClosed: the actor has stopped. Nothing was sent.
    """

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Ref):
            return NotImplemented
        theirs: object = cast("Ref[object]", other)._cell
        return theirs is self._cell

    def __hash__(self) -> int:
        return hash(self._cell)

    def __repr__(self) -> str:
        return f"<Ref {self.name!r}>"

    @property
    def name(self) -> str:
        """The name of the actor, unique in its block while it lives."""
        return self._cell.name

    @property
    def incarnation(self) -> int:
        """The incarnation that runs or ran last. Counts from 1; 0 before the first."""
        return self._cell.incarnation

    @property
    def is_alive(self) -> bool:
        """Whether the actor takes messages. A restart does not change that."""
        return not self._cell.mailbox.closed

    @property
    def address(self) -> "Address[M_contra]":
        """The mailbox of the actor, to send to and for `DeadLetters.requeue`."""
        return self._cell.mailbox.address

    def statistics(self) -> MailboxStatistics:
        """Return the counts of the actor's mailbox."""
        return self._cell.mailbox.statistics()

    def tell_nowait(self, message: M_contra, priority: Priority = "normal") -> None:
        """Send *message* now. Not a checkpoint, and blind to cancellation.

        Raises:
          MailboxFull: there is no room and the policy drops nothing. Nothing was sent.
          MailboxClosed: the actor has stopped. Nothing was sent.
        """
        self._cell.mailbox.send_nowait(message, priority)

    def tell_system(self, message: M_contra) -> None:
        """Send *message* ahead of all ordinary ones, also to a mailbox that is full.

        For what must not wait behind work, a stop above all. Not a checkpoint, and blind
        to cancellation.

        Raises:
          MailboxFull: very many of these wait already. Nothing was sent.
          MailboxClosed: the actor has stopped. Nothing was sent.
        """
        self._cell.mailbox.send_system(message)

    async def ask(
        self,
        request: Asks[M_contra, R],
        *,
        timeout: float,  # noqa: ASYNC109  kept by one clock for all asks, without a scope for each
        priority: Priority = "normal",
    ) -> R:
        """Send *request* and wait for its answer, at most *timeout* seconds in all.

        Always a checkpoint. A cancelled ask that was not accepted yet sent nothing;
        after that its answer becomes a dead letter. `math.inf` waits without a limit.

        Raises:
          AskTimeout: the request may have been handled, or still be.
          ActorRestarted: the incarnation that had the request ended first; `__cause__`
            is why. The request is not handled again.
          ActorStopped: the actor is gone; the request was not answered.
          NeverReplied: the actor handled the request without answering it.
          RequestFailed: the actor failed at it, and resumes; `__cause__` is why.
          AskCycle: it waits, also through others, for who asks here. Nothing was sent.
          MailboxFull: the request was not accepted, or was given up by the policy.
          AlreadyAsked: the request object was used before. Nothing was sent.
          ValueError: *timeout* is not above 0. Nothing was sent.
          TypeError: *request* is no `Request`. Nothing was sent.
          Exception: what the actor passed to `Request.fail`.
        """
        if not timeout > 0:
            raise ValueError(f"timeout is {timeout!r}: it must be above 0 seconds")
        message: Any = request  # an `Asks` is its own message
        asked: object = request
        if not isinstance(asked, AnyRequest):
            raise TypeError(
                f"{summary_of(message)} is no Request: derive it from Request"
            )
        cell = self._cell
        mailbox, clock = cell.mailbox, cell.actors.clock
        task = mailbox.running_task
        if task is None:
            await checkpoint_if_cancelled()
            task = current_task()
        reader = mailbox.last_reader
        if reader is task or reader in open_asks:  # by far the most are neither
            refuse_cycle(task, cell)
        deadline = trio.current_time() + timeout
        answer, number, has_room = Answer(task.name), 0, True
        answer.attach(message)
        open_asks[task] = (answer, cell)
        try:
            try:
                mailbox.send_nowait(message, priority)
            except MailboxError:
                has_room = False
            if not has_room:
                await self._send_by(deadline, message, priority)
            if answer.state is _WAITING and answer.holder is not None:
                number = clock.add(deadline, answer)
                answer.waiter = task
                await wait_task_rescheduled(answer.abandon)
        finally:
            clock.remove(number)
            del open_asks[task]
            if answer.holder is None:  # it was not accepted, and may be asked again
                clear_answer(message)
        if answer.state is not _REPLIED:
            self._fail(answer, request, timeout)
        return cast("R", answer.value)

    async def wait(self) -> Terminated:
        """Wait until the actor has ended for good, and tell how. Always a checkpoint.

        Actors `Inbox.watch` instead, so that they can read meanwhile.
        """
        ended = trio.Event()

        def note(_: Terminated) -> None:
            ended.set()

        self._cell.follow(ended, note)
        try:
            await ended.wait()
        finally:
            self._cell.unfollow(ended)
        assert self._cell.end is not None  # that is what was waited for
        return self._cell.end

    async def stop(self, reason: "CancelReason | None" = None) -> "ChildReport":
        """Stop the actor; see `Actors.stop`."""
        return await self._cell.actors.stop(self, reason)

    async def _send_by(
        self,
        deadline: float,
        message: M_contra,
        priority: Priority,
    ) -> None:
        """Send *message* as the mailbox allows, by *deadline*."""
        with trio.CancelScope(deadline=deadline):
            try:
                await self._cell.mailbox.send(message, priority)
            except MailboxClosed:
                raise ActorStopped(self.name) from None

    def _fail(self, answer: Answer, request: object, limit: float) -> NoReturn:
        match answer.state:
            case AnswerState.FAILED:
                assert answer.error is not None
                raise answer.error
            case AnswerState.UNANSWERED:
                raise NeverReplied(self.name, summary_of(request))
            case AnswerState.DROPPED:
                raise MailboxFull(self.name, self._cell.mailbox.capacity)
            case _:  # its time is over, or was over before there was room
                raise AskTimeout(self.name, summary_of(request), limit)
