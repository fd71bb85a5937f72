"""Tools for talking: ask people, send something to another agent."""

from typing import Final, final

import attrs

from crew_actors.runtimes._job import NotSent, Port
from crew_actors.runtimes.live._tool import Arguments, Tool, ToolFailed, text, tool

CHOICES: Final = 10
"""Answers that a question may offer."""

_OUTCOMES: Final = {
    "delivered": "it is delivered",
    "queued": "it waits until the other agent can take it",
}


@final
@attrs.frozen
class TalkTools:
    """The tools of one agent for talking to others."""

    port: Port

    def all(self) -> tuple[Tool, ...]:
        """Make them."""
        ask = tool(
            "ask",
            "Ask the people who watch the run, and wait for their answer. Do so only "
            "where you cannot go on without it.",
            self._ask,
            required={"question": text("what you want to know")},
            optional={
                "choices": {
                    "type": "array",
                    "items": {"type": "string"},
                    "maxItems": CHOICES,
                    "description": "the answers to choose from",
                }
            },
        )
        send = tool(
            "send",
            "Send a message to the agent of another task of this run.",
            self._send,
            required={
                "task": text("the id of the task"),
                "text": text("the message"),
            },
        )
        return (ask, send)

    async def _ask(self, given: Arguments) -> str:
        choices = tuple(given.get("choices", ()))
        answer = await self.port.ask(given["question"], choices=choices)
        if answer is None:
            raise ToolFailed("nobody has answered in time: decide for yourself")
        return answer

    async def _send(self, given: Arguments) -> str:
        try:
            outcome, why = await self.port.send(given["task"], given["text"])
        except NotSent as error:
            raise ToolFailed(str(error)) from error
        if outcome == "rejected":
            raise ToolFailed(f"it is rejected: {why}")
        return _OUTCOMES[outcome]
