# What is said to a command agent while it works, with `control: stdin` in its file: one
# JSON object a line on its standard input.
#
#   type task                          with text, at first, where its input is stdin
#   type steer, interrupt, follow_up or message   with id and text
#   type answer                        with id, and text, or null if nobody answered
#
# 1. Written is not read. A message is delivered when the agent says `received` with
#    its id; until then it is queued, and its next attempt finds it.
# 2. An agent without that channel cannot be steered, and is told so: what it cannot
#    hear is rejected, or kept for its next attempt.
# 3. While the agent waits for an answer, its silence is not held against it.
"""Talk to a running command agent."""

import json
from typing import final

import attrs
import trio

from crew_actors.model import Message, MessageOutcome
from crew_actors.runtimes._job import Port
from crew_actors.runtimes._messages import Asks
from crew_supervisors import ChildProcess, StdinClosed

BEAT = 1.0
"""Seconds between signs of life given for an agent that waits for a person. A limit on
its silence is longer than that, or useless."""

_DEAF = "the agent takes no messages while it works: `control: stdin` lets it"
_CLOSED = "the agent has closed its standard input"


@final
@attrs.define(eq=False)
class Conversation:
    """The talk with one agent. Ends with its nursery."""

    port: Port
    process: ChildProcess
    can_hear: bool
    _sent: set[str] = attrs.field(factory=set[str], init=False)
    """The messages that were written and not acknowledged."""

    async def begin(self, prompt: str | None) -> None:
        """Tell the agent its task, where that is the way; then hand on messages."""
        if prompt is not None and self.can_hear:
            await self._write({"type": "task", "text": prompt})
        while True:
            message = await self.port.next_message()
            await self._hand_on(message)

    async def received(self, message: str) -> None:
        """Take in that the agent has read *message*."""
        if message in self._sent:
            self._sent.remove(message)
            await self.port.settle_message(message, "delivered")

    async def ask(self, asks: Asks) -> None:
        """Put the agent's question to the people around, and let it hear the answer."""
        if not self.can_hear:
            await self.port.progress(f"it asks, and cannot hear an answer: {asks.text}")
            return
        answer: str | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._wait_with_it)
            answer = await self.port.ask(
                asks.text,
                choices=asks.choices,
                seconds=asks.seconds,
                permission=asks.permission,
            )
            nursery.cancel_scope.cancel()
        await self._write({"type": "answer", "id": asks.id, "text": answer})

    async def _wait_with_it(self) -> None:
        while True:
            self.process.beat()
            await trio.sleep(BEAT)

    async def _hand_on(self, message: Message) -> None:
        if not self.can_hear:
            is_for_now = message.kind in {"steer", "interrupt"}
            outcome: MessageOutcome = "rejected" if is_for_now else "queued"
            await self.port.settle_message(message.id, outcome, _DEAF)
            return
        told: dict[str, object] = {
            "type": message.kind,
            "id": message.id,
            "text": message.text,
        }
        self._sent.add(message.id)
        if not await self._write(told):
            self._sent.discard(message.id)
            await self.port.settle_message(message.id, "rejected", _CLOSED)

    async def _write(self, what: dict[str, object]) -> bool:
        """Write one line; False if nobody can read it."""
        try:
            await self.process.send_line(json.dumps(what))
        except StdinClosed:
            return False
        return True
