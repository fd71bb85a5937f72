# Some programs do one thing after the other: what they are told while they work, they
# would not hear. For them, prompts wait here for the end of the turn.
"""Prompts of a program that takes one at a time."""

from collections import deque
from typing import final

import attrs
import trio

from crew_actors.model import Message


@final
@attrs.define(eq=False)
class Waiting:
    """Messages that are the prompts of later turns."""

    _letters: deque[Message] = attrs.field(factory=deque[Message], init=False)
    _came: trio.Event = attrs.field(factory=trio.Event, init=False)

    def put(self, message: Message) -> None:
        """Let *message* be the prompt of a later turn. Not a checkpoint."""
        self._letters.append(message)
        self._came.set()

    def put_first(self, message: Message) -> None:
        """Let *message* be the prompt of the next turn. Not a checkpoint."""
        self._letters.appendleft(message)
        self._came.set()

    async def next(self) -> Message:
        """Wait for the next prompt."""
        while not self._letters:
            self._came = trio.Event()
            await self._came.wait()
        return self._letters.popleft()
