# The Agent Client Protocol: a turn is a request of ours, and what happens in it are
# notifications of one session.
#
# 1. The answer of a turn is what was said after its last use of a tool.
# 2. Agents tell usage in three places: in the result of a turn, in notes of the session,
#    which have its costs so far, and in fields of their own. One of them counts.
# 3. What is not known is passed over: agents have extensions, and there will be more.
"""Understand what an ACP agent tells."""

from collections.abc import Iterator
from typing import Final, final

import attrs

from crew_actors.model import Failure, FailureKind, Usage
from crew_actors.peers import Params
from crew_actors.runtimes import _fields as field
from crew_actors.runtimes._screen import tool_detail
from crew_actors.runtimes._seen import (
    Did,
    Does,
    Says,
    Seen,
    TurnEnds,
    Uses,
)

_STOPS: Final = {
    "max_tokens": "the answer met its limit of tokens",
    "max_turn_requests": "it has asked its model as often as it may",
    "refusal": "it refuses to go on",
}


@final
@attrs.define
class AcpReader:
    """What was seen of one session. Pure: it takes updates and tells what they say."""

    _text: str = ""
    _cost: float = 0.0
    """Of the session, as far as it was told."""
    _due: float = 0.0
    """Costs that were not reported yet."""
    _tools: dict[str, str] = attrs.field(factory=dict[str, str])
    """The tools in use."""

    def begin(self) -> None:
        """Take in that a turn begins."""
        self._text = ""
        self._tools.clear()

    def take(self, update: Params) -> Iterator[Seen]:
        """Yield what an update of the session shows."""
        match field.text(update, "sessionUpdate"):
            case "agent_message_chunk":
                text = field.text(update, "content", "text")
                self._text += text
                yield Says(text)
            case "tool_call":
                yield from self._tool(update)
            case "tool_call_update":
                yield from self._tool_update(update)
            case "usage_update":
                total = field.price(update, "cost", "amount")
                self._due += max(total - self._cost, 0.0)
                self._cost = max(total, self._cost)
            case _:
                pass

    def _tool(self, update: Params) -> Iterator[Seen]:
        name = field.text(update, "toolCallId")
        self._text = ""
        kind = field.text(update, "kind") or "tool"
        detail = field.text(update, "title")
        if not detail:
            detail = tool_detail(field.mapping(update.get("rawInput")))
        if name not in self._tools:
            self._tools[name] = kind
            yield Does(name, kind, detail)
        yield from self._tool_update(update)

    def _tool_update(self, update: Params) -> Iterator[Seen]:
        name, status = field.text(update, "toolCallId"), field.text(update, "status")
        if status in {"completed", "failed"} and name in self._tools:
            del self._tools[name]
            self._text = ""
            yield Did(name, status == "completed")

    def end(self, result: Params) -> Iterator[Seen]:
        """Yield what the result of a turn shows."""
        usage = attrs.evolve(_usage(result), cost=self._due)
        self._due = 0.0
        if usage != Usage():
            yield Uses(usage)
        yield TurnEnds(text=self._text, failure=_failure(result))


def _usage(result: Params) -> Usage:
    told = field.mapping(result.get("usage"))
    if told:
        return Usage(
            input=field.count(told, "inputTokens")
            + field.count(told, "cachedReadTokens")
            + field.count(told, "cachedWriteTokens"),
            output=field.count(told, "outputTokens"),
        )
    count = field.mapping(field.at(result, "_meta", "quota", "token_count"))
    return Usage(
        input=field.count(count, "input_tokens"),
        output=field.count(count, "output_tokens"),
    )


def _failure(result: Params) -> Failure | None:
    reason = field.text(result, "stopReason")
    if reason == "cancelled":
        return Failure(kind=FailureKind.EXIT, message="its turn was broken off")
    if reason in _STOPS:
        return Failure(kind=FailureKind.REPORTED, message=_STOPS[reason])
    return None
