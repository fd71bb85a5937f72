# Who owes an answer: the reader of the mailbox that accepted the request last, from
# then on until it takes its next message. `defer` makes that longer.
"""The answers that the reader of one mailbox owes."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, final

import attrs

from crew_mailbox._letters import DeadLetters
from crew_mailbox._requests import (
    Answer,
    AnswerState,
    AnyRequest,
    answer_of,
    set_answer,
)

_WAITING: Final = AnswerState.WAITING
"""Enum members are slow to look up, and this one is wanted for each request."""


@final
@attrs.define(eq=False)
class Duties:
    """What the requests in one mailbox, and in the hand of its reader, wait for."""

    dead_letters: DeadLetters
    queued: int = 0
    """How many requests are queued."""
    asked: Answer | None = None
    """The answer to the request in hand."""
    _deferred: set[Answer] = attrs.field(factory=set[Answer])

    @property
    def matter(self) -> bool:
        """Whether a request is queued, or in hand and not answered."""
        return self.queued > 0 or self.asked is not None

    def accept(self, request: AnyRequest) -> None:
        """Take over the duty to answer *request*, which is queued now."""
        self.queued += 1
        answer: Answer | None = getattr(request, "_answer", None)
        if answer is None:
            answer = Answer(asker="nobody", state=AnswerState.UNASKED)
            set_answer(request, answer)
        elif answer.holder is not None:  # it is sent on
            if answer.deferred:
                answer.holder.forget(answer)
                answer.deferred = False
            if answer is self.asked:  # the reader sends it to itself
                self.asked = None
        answer.holder = self

    def take(self, request: AnyRequest) -> None:
        """Note that *request* is in hand now."""
        self.queued -= 1
        answer: Answer | None = getattr(request, "_answer", None)
        if answer is not None and answer.state is _WAITING:
            self.asked = answer

    def put_back(self) -> None:
        """Note that the request in hand is queued again."""
        answer, self.asked = self.asked, None
        if answer is not None and answer.deferred and answer.holder is self:
            self.forget(answer)
            answer.deferred = False
        self.queued += 1

    def holds(self, request: AnyRequest) -> bool:
        """Tell whether *request*, which is in hand, still wants its answer from here.

        Also one that was sent without an asker, until somebody replies to it.
        """
        answer = answer_of(request)
        if answer is None or answer.holder is not self:
            return False
        return answer.state in (AnswerState.WAITING, AnswerState.UNASKED) and (
            not answer.replied
        )

    def end_asked(self) -> None:
        """End the duty to answer the request that was in hand."""
        answer = self.asked
        if answer is None:
            return
        self.asked = None
        if answer.state is _WAITING and answer.holder is self and not answer.deferred:
            answer.settle(AnswerState.UNANSWERED)

    def hand_over(self, messages: Sequence[object]) -> None:
        """Note that *messages* are queued no more; their asks go on waiting."""
        self.queued -= sum(isinstance(each, AnyRequest) for each in messages)

    def give_up(self, messages: Sequence[object]) -> None:
        """Note that *messages* are queued no more; the asks among them fail."""
        self.hand_over(messages)
        for answer in self._asks_in(messages):
            answer.settle(AnswerState.DROPPED)

    def fail(
        self, error: Callable[[], Exception], queued: Iterable[object] = ()
    ) -> None:
        """Fail the ask in hand, the deferred ones, and those among *queued*."""
        answers = [*self._deferred, *self._asks_in(queued)]
        if self.asked is not None:
            answers.append(self.asked)
        for answer in answers:
            if answer.holder is self and answer.state is AnswerState.WAITING:
                answer.settle(AnswerState.FAILED, error=error())

    def owe(self, answer: Answer) -> None:
        """Remember that the reader owes *answer*, which it deferred."""
        self._deferred.add(answer)

    def forget(self, answer: Answer) -> None:
        """Forget a deferred *answer* that is settled or sent on."""
        self._deferred.discard(answer)

    def _asks_in(self, messages: Iterable[object]) -> list[Answer]:
        requests = (each for each in messages if isinstance(each, AnyRequest))
        answers = (answer_of(request) for request in requests)
        return [each for each in answers if each is not None and each.holder is self]
