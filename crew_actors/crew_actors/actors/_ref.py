# The sending side of an actor: what everybody else holds.
#
# 1. A ref stays valid over restarts, and is harmless after the end: tells raise
#    `MailboxClosed`, asks raise `ActorStopped`.
# 2. An ask costs one slot and one entry in the heap of deadlines. Only an ask that
#    has to wait for room pays for a cancel scope.
"""Refs: how to reach an actor."""

from typing import TYPE_CHECKING, Generic, TypeVar, cast, final

import attrs
import trio
from trio.lowlevel import checkpoint_if_cancelled, current_task

from crew_actors.actors._errors import ActorStopped, AskTimeout, NeverReplied
from crew_mailbox import (
    Answer,
    AnswerState,
    AnyRequest,
    Asks,
    MailboxClosed,
    MailboxFull,
    MailboxStatistics,
    clear_answer,
    summary_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from crew_actors.actors._cell import Cell
    from crew_supervisors import CancelReason, ChildReport

M_contra = TypeVar("M_contra", contravariant=True)
R = TypeVar("R")


@final
@attrs.frozen(eq=False, repr=False)
class Ref(Generic[M_contra]):
    """An actor, as others see it. Refs of one actor are equal."""

    _cell: "Cell[M_contra]"

    tell: "Callable[[M_contra], Coroutine[Any, Any, None]]"
    """Send a message: `await ref.tell(message)`. The mailbox's own method.

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

    def statistics(self) -> MailboxStatistics:
        """Return the counts of the actor's mailbox."""
        return self._cell.mailbox.statistics()

    def tell_nowait(self, message: M_contra) -> None:
        """Send *message* now. Not a checkpoint, and blind to cancellation.

        Raises:
          MailboxFull: there is no room and the policy drops nothing. Nothing was sent.
          MailboxClosed: the actor has stopped. Nothing was sent.
        """
        self._cell.mailbox.send_nowait(message)

    def tell_system(self, message: M_contra) -> None:
        """Send *message* ahead of all ordinary ones, also to a mailbox that is full.

        For what must not wait behind work, a stop above all. Not a checkpoint, and blind
        to cancellation.

        Raises:
          MailboxFull: very many of these wait already. Nothing was sent.
          MailboxClosed: the actor has stopped. Nothing was sent.
        """
        self._cell.mailbox.send_system(message)

    async def ask(self, request: Asks[M_contra, R], *, timeout: float) -> R:  # noqa: ASYNC109  kept by one clock for all asks, without a scope for each
        """Send *request* and wait for its answer, at most *timeout* seconds in all.

        Always a checkpoint. A cancelled ask that was not accepted yet sent nothing;
        after that its answer becomes a dead letter. `math.inf` waits without a limit.

        Raises:
          AskTimeout: the request may have been handled, or still be.
          ActorRestarted: the incarnation that had the request ended first; `__cause__`
            is why. The request is not handled again.
          ActorStopped: the actor is gone; the request was not answered.
          NeverReplied: the actor handled the request without answering it.
          MailboxFull: the request was not accepted, or was given up by the policy.
          AlreadyAsked: the request object was used before. Nothing was sent.
          ValueError: *timeout* is not above 0. Nothing was sent.
          Exception: what the actor passed to `Request.fail`.
        """
        if not timeout > 0:
            msg = f"timeout is {timeout!r}: an ask needs a time above 0 seconds"
            raise ValueError(msg)
        message = request.as_message()
        assert isinstance(message, AnyRequest)
        await checkpoint_if_cancelled()
        deadline = trio.current_time() + timeout
        answer = Answer(current_task().name)
        answer.attach(message)
        try:
            accepted = await self._send(message, deadline)
        except BaseException:
            clear_answer(message)
            raise
        if not accepted:
            clear_answer(message)
            raise AskTimeout(self.name, summary_of(message), timeout)
        deadlines = self._cell.actors.deadlines
        number = deadlines.add(deadline, answer)
        try:
            await answer.wait()
        finally:
            deadlines.remove(number)
        return cast("R", self._result(answer, message, timeout))

    async def stop(self, reason: "CancelReason | None" = None) -> "ChildReport":
        """Stop the actor; see `Actors.stop`."""
        return await self._cell.actors.stop(self, reason)

    async def _send(self, message: M_contra, deadline: float) -> bool:
        """Send, by *deadline*; False if there was no room until then."""
        mailbox = self._cell.mailbox
        try:
            mailbox.send_nowait(message)
        except MailboxFull:
            if mailbox.on_full != "wait":
                raise
            with trio.CancelScope(deadline=deadline) as scope:
                await self._send_waiting(message)
            return not scope.cancelled_caught
        except MailboxClosed:
            raise ActorStopped(self.name) from None
        return True

    async def _send_waiting(self, message: M_contra) -> None:
        try:
            await self._cell.mailbox.send(message)
        except MailboxClosed:
            raise ActorStopped(self.name) from None

    def _result(self, answer: Answer, request: object, limit: float) -> object:
        match answer.state:
            case AnswerState.REPLIED:
                return answer.value
            case AnswerState.FAILED:
                assert answer.error is not None
                raise answer.error
            case AnswerState.UNANSWERED:
                raise NeverReplied(self.name, summary_of(request))
            case AnswerState.DROPPED:
                raise MailboxFull(self.name, self._cell.mailbox.capacity)
            case _:
                assert answer.state is AnswerState.EXPIRED  # nothing else ends a wait
                raise AskTimeout(self.name, summary_of(request), limit)
