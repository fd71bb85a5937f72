# A request is a message that carries the place for its answer.
#
# 1. One request object is asked once; it has one answer, given exactly once.
# 2. The mailbox that accepted it last holds the duty to answer, so a request that
#    is sent on to another mailbox takes its asker with it.
# 3. The duty ends when the reader takes its next message: an answer that comes
#    later must be announced with `defer`.
# 4. An answer for which nobody waits any more is a dead letter.
#
# The request lies in an own slot, written past attrs' freeze: the reply is not part
# of the message's value and takes no part in its equality.
"""Requests: messages that are answered, and the asker's side of the answer."""

from collections.abc import Callable
from enum import Enum, auto, unique
from typing import TYPE_CHECKING, Final, Generic, Protocol, Self, TypeVar, final

import attrs
import trio
from trio.lowlevel import Abort, Task, reschedule

from crew_mailbox._errors import AlreadyAsked, AlreadyReplied, NotAsked
from crew_mailbox._letter import Reason, summary_of

if TYPE_CHECKING:
    from crew_mailbox._letters import DeadLetters

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
M_co = TypeVar("M_co", covariant=True)


class Asks(Protocol[M_co, R_co]):
    """The type of a request that is an M and is answered with an R.

    Every `Request[R]` is one. It lets a type checker see at once that a request is
    among the messages which its receiver takes, and what comes back.
    """

    def as_message(self) -> M_co:
        """Return the request itself."""
        ...

    if TYPE_CHECKING:  # covariant, so that ``x: float = await ref.ask(Get())`` is fine

        def _reply_type(self) -> R_co: ...


class Holder(Protocol):
    """The duties of a mailbox's reader, as the requests in it see them."""

    @property
    def dead_letters(self) -> "DeadLetters":
        """Where an answer goes for which nobody waits."""
        ...

    def owe(self, answer: "Answer") -> None:
        """Remember an answer that was deferred."""
        ...

    def forget(self, answer: "Answer") -> None:
        """Forget it: it is settled."""
        ...


@unique
class AnswerState(Enum):
    """How far an answer has come. All but `WAITING` are final."""

    WAITING = auto()
    REPLIED = auto()
    """The value is there."""
    FAILED = auto()
    """The error is there."""
    UNANSWERED = auto()
    """The reader took its next message without a reply."""
    DROPPED = auto()
    """The mailbox gave the request up: it was full, or its messages were buried."""
    EXPIRED = auto()
    """The asker's time was over."""
    ABANDONED = auto()
    """The asker was cancelled."""
    UNASKED = auto()
    """The request was sent as a plain message."""


# Enum members are slow to look up, and each ask looks at several of them.
_WAITING: Final = AnswerState.WAITING
_write: Final = object.__setattr__
_REPLIED: Final = AnswerState.REPLIED


@final
@attrs.define(eq=False)
class Answer:
    """The place where the answer to one request arrives.

    Made by whoever asks: `attach` it to a request, send the request, `wait`.
    """

    asker: str
    """The name of the task that asks."""

    state: AnswerState = _WAITING
    value: object = None
    error: Exception | None = None
    deferred: bool = False
    replied: bool = False
    """Whether the replier has spoken, in time or not."""

    holder: Holder | None = None
    """The duties of the mailbox that accepted the request last."""

    waiter: Task | None = attrs.field(default=None, init=False)
    """The task that is parked until the answer is settled, with `abandon`."""

    def attach(self, request: "AnyRequest") -> None:
        """Make this the answer of *request*.

        Raises:
          AlreadyAsked: it has one. Nothing was changed.
        """
        if getattr(request, "_answer", None) is not None:
            raise AlreadyAsked(summary_of(request))
        _write(request, "_answer", self)

    async def wait(self) -> None:
        """Wait until the answer is settled. A checkpoint unless it is already.

        When cancelled, the answer is abandoned: a reply becomes a dead letter.
        """
        if self.state is _WAITING:
            self.waiter = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(self.abandon)

    def abandon(self, _raise_cancel: Callable[[], object]) -> Abort:
        """Give up waiting, because the asker was cancelled. For trio."""
        self.waiter = None
        self.settle(AnswerState.ABANDONED)
        return Abort.SUCCEEDED

    def settle(
        self,
        state: AnswerState,
        value: object = None,
        error: Exception | None = None,
    ) -> bool:
        """Bring the answer into *state* and wake the asker. Not a checkpoint.

        Only the first call has an effect; returns whether this was it.
        """
        if self.state is not _WAITING:
            return False
        waiter = self.waiter
        if waiter is not None:
            reschedule(waiter)  # before all else: in a foreign thread it raises
            self.waiter = None
        self.state = state
        self.value = value
        self.error = error
        if self.deferred and self.holder is not None:
            self.holder.forget(self)
        return True


class AnyRequest:
    """What requests of every reply type have in common. Derive from `Request`."""

    __slots__ = ("_answer",)

    _answer: Answer

    def as_message(self) -> Self:
        """Return the request itself; see `Asks`."""
        return self

    def fail(self, error: Exception) -> None:
        """Answer with *error*, which is raised where the request was asked.

        Not a checkpoint. When nobody waits any more, it becomes a dead letter.

        Raises:
          AlreadyReplied: it was answered before. The first answer stands.
          NotAsked: the request was never sent.
        """
        self._speak(AnswerState.FAILED, None, error)

    def defer(self) -> None:
        """Announce that the answer comes after the reader's next message.

        Call it while the request is the message in hand. Not a checkpoint. The ask
        still fails at once when the reader fails or ends before it has answered.

        Raises:
          NotAsked: the request was never sent.
        """
        answer, holder = self._sent()
        if answer.state is AnswerState.WAITING and not answer.deferred:
            answer.deferred = True
            holder.owe(answer)

    def _sent(self) -> tuple[Answer, Holder]:
        answer = answer_of(self)
        if answer is None or answer.holder is None:
            raise NotAsked(summary_of(self))
        return answer, answer.holder

    def _speak(
        self, state: AnswerState, value: object, error: Exception | None
    ) -> None:
        answer, holder = self._sent()
        if answer.replied:
            raise AlreadyReplied(summary_of(self))
        answer.replied = True
        if answer.settle(state, value, error):
            return
        unasked = answer.state is AnswerState.UNASKED
        holder.dead_letters.record(
            Reason.UNASKED_REPLY if unasked else Reason.LATE_REPLY,
            value if error is None else error,
            receiver=answer.asker,
            sender=trio.lowlevel.current_task().name,
        )


class Request(AnyRequest, Generic[R]):
    """A message that is answered with an R.

    Derive from it, with attrs or without::

        @attrs.frozen
        class Get(Request[int]):
            "Answered with the total."

    One object serves one ask: make another one for the next. A request that the
    reader sends on to another mailbox is answered by that mailbox's reader.
    """

    __slots__ = ()

    if TYPE_CHECKING:  # see `Asks`

        def _reply_type(self) -> R: ...

    def reply(self, value: R) -> None:
        """Answer with *value*. Not a checkpoint.

        When nobody waits any more, *value* becomes a dead letter.

        Raises:
          AlreadyReplied: it was answered before. The first answer stands.
          NotAsked: the request was never sent.
        """
        answer: Answer | None = getattr(self, "_answer", None)
        if (
            answer is not None
            and answer.holder is not None
            and not answer.replied
            and answer.settle(_REPLIED, value)
        ):
            answer.replied = True  # in one step for by far the most
        else:
            self._speak(_REPLIED, value, None)


def answer_of(request: AnyRequest) -> Answer | None:
    """Return the answer that *request* carries, if it was asked or sent."""
    return getattr(request, "_answer", None)


_erase: Final = object.__delattr__


def set_answer(request: AnyRequest, answer: Answer) -> None:
    """Put *answer* into *request*, which may be frozen."""
    _write(request, "_answer", answer)


def clear_answer(request: AnyRequest) -> None:
    """Take the answer out: the request was not sent and may be asked again."""
    _erase(request, "_answer")


def asker_of(request: AnyRequest) -> str | None:
    """Return the name of the task that asks *request*; None if nobody does."""
    answer = answer_of(request)
    if answer is None or answer.state is AnswerState.UNASKED:
        return None
    return answer.asker


def release(request: AnyRequest) -> Answer | None:
    """Take the answer out of a *request* whose ask is over; return it.

    Raises:
      AlreadyAsked: its asker still waits. Nothing was changed.
    """
    answer = answer_of(request)
    if answer is not None:
        if answer.state is AnswerState.WAITING:
            raise AlreadyAsked(summary_of(request))
        clear_answer(request)
    return answer
