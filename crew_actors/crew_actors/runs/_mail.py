# Messages to the agents of a run, from people and from other agents.
#
# 1. Each message is in the journal before anybody is handed it, and so is what became
#    of it: delivered, queued or rejected. Whoever sent it is told the same.
# 2. An agent has `SETTLE_SECONDS` to take a message; then it counts as queued, which
#    it is: the agent may take it later, or find it in its next attempt.
# 3. To steer means to change what is going on. Where nothing goes on it is rejected.
"""Messages to tasks, and what becomes of them."""

from typing import Final, final

import attrs

from crew_actors.model import MessageOutcome, MessageSettled, TaskId
from crew_actors.runs._messages import Send, Sent

SETTLE_SECONDS: Final = 5.0
"""Seconds in which an agent must have taken a message, to be told as delivered."""


@final
@attrs.frozen
class Pending:
    """A message that was handed over, and whoever waits to hear of it."""

    task: TaskId
    request: Send


@final
@attrs.define(eq=False)
class Mail:
    """The messages of a run whose senders wait. Only the actor of the run uses it."""

    _pending: dict[str, Pending] = attrs.field(factory=dict[str, Pending], init=False)
    _number: int = attrs.field(default=0, init=False)

    def waits(self, message: str, task: TaskId, request: Send) -> None:
        """Remember who is to be told about *message*."""
        request.defer()
        self._pending[message] = Pending(task, request)

    def settled(self, event: MessageSettled) -> None:
        """Tell the sender what became of its message, if they still wait."""
        self.tell(event.message, event.outcome, event.why)

    def tell(self, message: str, outcome: MessageOutcome, why: str = "") -> None:
        """Tell the sender of *message*, if they still wait."""
        pending = self._pending.pop(message, None)
        if pending is not None:
            sent = Sent(message=message, outcome=outcome, why=why)
            pending.request.reply(sent)
