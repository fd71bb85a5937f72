# A cell is what stays of an actor while its incarnations come and go: name, mailbox,
# number, and who has to know about its end.
#
# 1. A crash keeps the mailbox. The message in hand becomes a dead letter, or is read
#    again, as the policy says; the asks that the incarnation owed an answer fail at
#    once, with the crash as their cause. What was stashed is queued again, in order.
# 2. At the final end each queued message goes to the `undelivered` hook or becomes a
#    dead letter, once; queued asks fail at once.
# 3. An end is final when a stop was ordered or when the restart type says so. What the
#    bodies cannot know, such as the end of the supervisor, the events tell.
# 4. Followers are told when the supervisor has settled the end: then the name is free.
"""The lasting part of an actor."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, final

import attrs
import trio

from crew_actors.actors._ends import Follower, How, Terminated, Ties
from crew_actors.actors._errors import ActorRestarted, ActorStopped, RequestFailed
from crew_actors.actors._groups_of_errors import consists_of
from crew_actors.actors._options import OnCrash, Redeliver, answer_to
from crew_actors.actors._ref import Ref
from crew_mailbox import (
    AnswerState,
    AnyRequest,
    Mailbox,
    Reason,
    answer_of,
    summary_of,
)
from crew_supervisors import OnFailure, RestartType

if TYPE_CHECKING:
    from crew_actors.actors._actors import Actors
    from crew_actors.actors._inbox import Inbox

M = TypeVar("M")

log: Final = logging.getLogger("crew_actors.actors")


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
    on_crash: OnCrash = "dead_letter"
    on_failure: tuple[OnFailure, ...] = ()
    incarnation: int = 0
    inbox: "Inbox[M] | None" = None
    """That of the incarnation that runs; None while none does."""
    ended: bool = False
    """Whether no incarnation will follow."""
    failure: BaseException | None = None
    """What the incarnation that ran last failed with."""
    end: Terminated | None = None
    """Known when the supervisor has settled the end."""
    ties: Ties | None = None

    @property
    def name(self) -> str:
        return self.mailbox.name

    @property
    def ref(self) -> Ref[M]:
        return Ref(self, self.mailbox.send)

    def begin(self, inbox: "Inbox[M]") -> None:
        """Note that an incarnation begins."""
        self.inbox = inbox
        self.incarnation = inbox.incarnation
        self.failure = None

    # What becomes of messages

    def crashed(self, error: BaseException) -> None:
        """Settle what the incarnation had in hand when it raised *error*."""
        self.failure = error
        is_final = self.is_final(error)
        stopped = consists_of(error, trio.Cancelled)
        reason = Reason.HANDLER_CANCELLED if stopped else Reason.HANDLER_FAILED
        if isinstance(self.on_crash, Redeliver) and not (is_final or stopped):
            if self.mailbox.deliveries > self.on_crash.times:
                reason = Reason.POISONED
            elif self.mailbox.is_repeatable:
                self.mailbox.put_back()
        self._fail_asks(error, final=is_final, queued=False)
        self.mailbox.reject(reason, None if stopped else error)
        self.mailbox.unstash()

    def resume(self, message: M, error: Exception) -> None:
        """Give up the message in hand; the incarnation goes on."""
        log.warning(
            "%s: actor %r resumes after it failed at %s",
            self.actors.name,
            self.name,
            summary_of(message),
            exc_info=error,
        )
        answer = answer_of(message) if isinstance(message, AnyRequest) else None
        if answer is not None and self.mailbox.owes(answer) and not answer.deferred:
            failed = RequestFailed(self.name, summary_of(message))
            failed.__cause__ = error
            answer.settle(AnswerState.FAILED, error=failed)
        self.mailbox.reject(Reason.HANDLER_FAILED, error)

    def returned(self) -> None:
        """Settle what the incarnation had in hand when it returned."""
        self.mailbox.ack()
        self._fail_asks(None, final=self.is_final(None), queued=False)
        self.mailbox.unstash()

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

    def lose(self, messages: list[M], cause: BaseException) -> None:
        """Record *messages*, which the `undelivered` hook did not take to its end."""
        box = self.mailbox
        for message in messages:
            box.dead_letters.record(
                Reason.UNDELIVERED, message, receiver=box.name, cause=cause
            )

    def is_final(self, failure: BaseException | None) -> bool:
        """Tell whether no incarnation follows the one that ends with *failure*."""
        if self.mailbox.closed or self.restart == "temporary":
            return True  # closed: a stop was ordered
        if failure is None:
            return self.restart == "transient"
        answer = answer_to(self.on_failure, failure) if self.on_failure else None
        return answer in ("stop", "escalate")

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

    # Who has to know

    def follow(self, key: object, follower: Follower) -> None:
        """Call *follower* when the actor has ended for good; now, if it has."""
        if self.end is not None:
            follower(self.end)
        else:
            self.own_ties().followers[key] = follower

    def unfollow(self, key: object) -> None:
        if self.ties is not None:
            self.ties.followers.pop(key, None)

    def own_ties(self) -> Ties:
        if self.ties is None:
            self.ties = Ties()
        return self.ties

    def tell_end(self, how: How, failure: BaseException | None) -> None:
        """Tell all followers; only the first end counts."""
        if self.end is not None:
            return
        self.end = Terminated(self.ref, how, failure)
        ties, self.ties = self.ties, None
        if ties is not None:
            for follower in tuple(ties.followers.values()):
                follower(self.end)
