# What is said between a running agent and the people around it.
#
# 1. A question is in the journal before anybody can answer it, and its answer before
#    the agent hears it. An agent that is stopped meanwhile hears nothing.
# 2. A message waits here until the agent takes it. What becomes of it is told by
#    whoever hands it to the agent, once.
"""Questions of an attempt, and messages to it."""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, final

import attrs
import trio

from crew_actors.model import (
    AttemptId,
    Message,
    MessageOutcome,
    MessageSettled,
    PlannedTask,
    Question,
    QuestionAsked,
    QuestionExpired,
    TaskEvent,
)
from crew_actors.runs._words import words

QUESTION_LIMIT: Final = 3600.0
"""Seconds that an agent may wait for an answer, at most."""

MESSAGES: Final = 64
"""Messages that may wait for the agents of a task; more are refused."""

QUESTIONS: Final = 16
"""Questions of an agent that may wait for an answer at the same time."""

CHOICES: Final = 20
"""Choices of a question that are kept."""


@final
@attrs.define(eq=False)
class Asked:
    """A question whose answer the agent waits for."""

    heard: trio.Event = attrs.field(factory=trio.Event)
    answer: str | None = None


@final
@attrs.define(eq=False)
class Talk:
    """The questions and messages of one attempt."""

    task: PlannedTask
    attempt: AttemptId
    _report: Callable[[TaskEvent], Awaitable[None]] = attrs.field(alias="report")
    _give_up: Callable[[TaskEvent], None] = attrs.field(alias="give_up")
    """Reports at once, if there is room; if not, the deadline of a question does."""
    _clock: Callable[[], float] = attrs.field(alias="clock")
    _seconds: float = attrs.field(alias="seconds")
    """How long a question waits that says nothing about it."""
    _asked: dict[str, Asked] = attrs.field(factory=dict[str, Asked], init=False)
    _number: int = attrs.field(default=0, init=False)
    _letters: deque[Message] = attrs.field(factory=deque[Message], init=False)
    _came: trio.Event = attrs.field(factory=trio.Event, init=False)
    closed: bool = attrs.field(default=False, init=False)
    """Whether the attempt is being stopped, and with it all that it waits for."""

    @property
    def waits(self) -> bool:
        """Whether the agent waits for an answer."""
        return bool(self._asked)

    async def ask(
        self,
        text: str,
        *,
        choices: tuple[str, ...] = (),
        seconds: float | None = None,
        permission: bool = False,
    ) -> str | None:
        """Ask, and wait for the answer; None if there is none in time.

        Cancelled, the question is given up. So it is, with None at once, where the
        agent waits for `QUESTIONS` answers already.
        """
        if len(self._asked) >= QUESTIONS:
            await trio.lowlevel.checkpoint()
            return None
        self._number += 1
        now = self._clock()
        wanted = self._seconds if seconds is None else seconds
        question = Question(
            id=f"{self.attempt}-q{self._number}",
            text=words(text),
            choices=tuple(words(choice) for choice in choices[:CHOICES]),
            asked_at=now,
            deadline=now + min(max(wanted, 0.0), QUESTION_LIMIT),
            permission=permission,
        )
        asked = self._asked[question.id] = Asked()
        try:
            await self._report(
                QuestionAsked(
                    task=self.task.id, attempt=self.attempt, question=question
                )
            )
            await asked.heard.wait()
        finally:
            del self._asked[question.id]
            if not (asked.heard.is_set() or self.closed):
                self._give_up(
                    QuestionExpired(
                        task=self.task.id, attempt=self.attempt, question=question.id
                    )
                )
        return asked.answer

    def answered(self, question: str, answer: str | None) -> None:
        """Let the agent hear *answer*; None: nobody answered in time."""
        asked = self._asked.get(question)
        if asked is not None:  # else the agent has given up
            asked.answer = answer
            asked.heard.set()

    def deliver(self, message: Message) -> None:
        """Put *message* where the agent finds it."""
        self._letters.append(message)
        self._came.set()

    async def next_message(self) -> Message:
        """Wait for the next message. A cancelled call takes none."""
        while not self._letters:
            self._came = trio.Event()
            await self._came.wait()
        return self._letters.popleft()

    async def settle(self, message: str, outcome: MessageOutcome, why: str) -> None:
        """Tell what became of a message."""
        await self._report(
            MessageSettled(
                task=self.task.id,
                attempt=self.attempt,
                message=message,
                outcome=outcome,
                why=words(why),
            )
        )
