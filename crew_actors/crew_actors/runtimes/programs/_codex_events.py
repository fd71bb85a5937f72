# Codex in its app-server mode: JSON-RPC without the field `jsonrpc`.
#
# 1. A turn ends with `turn/completed`, and its status tells how.
# 2. Usage is told as the total of the thread, more than once with the same total. What
#    it counts as input includes what came from a cache.
# 3. A message has been read when it is an item, which has the id that we gave it.
"""Understand the events of Codex."""

from collections.abc import Iterator
from typing import Final, final

import attrs

from crew_actors.model import Failure, FailureKind, Usage
from crew_actors.peers import Notification, Params
from crew_actors.runtimes import _fields as field
from crew_actors.runtimes._screen import tool_detail
from crew_actors.runtimes._seen import (
    Did,
    Does,
    Notes,
    Says,
    Seen,
    Takes,
    Tries,
    TurnEnds,
    Uses,
)
from crew_actors.runtimes.programs._failures import failure_of

_KINDS: Final = {
    "contextWindowExceeded": FailureKind.CONTEXT,
    "usageLimitExceeded": FailureKind.BILLING,
    "rateLimitExceeded": FailureKind.RATE_LIMIT,
    "serverOverloaded": FailureKind.OVERLOADED,
    "internalServerError": FailureKind.OVERLOADED,
    "unauthorized": FailureKind.AUTH,
}

_TOOLS: Final = {
    "commandExecution": "shell",
    "fileChange": "edit",
    "webSearch": "search",
    "imageView": "look",
}
"""Kinds of items that are uses of a tool; others have a name of their own."""

_IN_VAIN: Final = frozenset({"failed", "declined"})


@final
@attrs.define
class CodexReader:
    """What was seen of one thread. Pure: it takes events and tells what they say."""

    _used: Usage = attrs.field(factory=Usage)
    _text: str = ""

    def take(self, told: Notification) -> Iterator[Seen]:
        """Yield what an event shows."""
        found = told.params
        item = field.mapping(found.get("item"))
        match told.method:
            case "turn/started":
                self._text = ""
            case "item/started":
                yield from _begun(item)
            case "item/agentMessage/delta":
                yield Says(field.text(found, "delta"))
            case "item/completed":
                yield from self._ended(item)
            case "thread/tokenUsage/updated":
                yield from self._usage(field.mapping(found.get("tokenUsage")))
            case "error" if field.flag(found, "willRetry"):
                yield Tries(field.text(found, "error", "message"))
            case "thread/compacted":
                yield Notes("it has made its conversation shorter")
            case "turn/completed":
                turn = field.mapping(found.get("turn"))
                yield TurnEnds(text=self._text, failure=_failure(turn))
            case _:
                pass

    def _ended(self, item: Params) -> Iterator[Seen]:
        kind = field.text(item, "type")
        if kind == "agentMessage":
            self._text = field.text(item, "text")
            yield Says("\n")
        elif kind in _TOOLS or "tool" in item:
            failed = field.text(item, "status") in _IN_VAIN
            code = item.get("exitCode")
            why = f"exit {code}" if isinstance(code, int) and code else ""
            yield Did(field.text(item, "id"), not (failed or why), why)

    def _usage(self, usage: Params) -> Iterator[Seen]:
        total = Usage(
            input=field.count(usage, "total", "inputTokens"),
            output=field.count(usage, "total", "outputTokens"),
        )
        more = Usage(
            input=max(total.input - self._used.input, 0),
            output=max(total.output - self._used.output, 0),
        )
        self._used = total
        if more != Usage():
            yield Uses(more)


def _begun(item: Params) -> Iterator[Seen]:
    kind, name = field.text(item, "type"), field.text(item, "id")
    if kind == "userMessage":
        yield Takes(field.text(item, "clientId"))
    elif kind in _TOOLS:
        yield Does(name, _TOOLS[kind], _detail(item))
    elif tool := field.text(item, "tool"):
        server = field.text(item, "server")
        what = tool_detail(field.mapping(item.get("arguments")))
        yield Does(name, f"{server}.{tool}" if server else tool, what)


def _detail(item: Params) -> str:
    paths = [field.text(change, "path") for change in field.items(item, "changes")]
    return ", ".join(paths) or tool_detail(item)


def _failure(turn: Params) -> Failure | None:
    status, error = field.text(turn, "status"), field.mapping(turn.get("error"))
    if status == "completed":
        return None
    said = field.text(error, "message")
    if status == "interrupted":
        return Failure(kind=FailureKind.EXIT, message="its turn was broken off")
    info = error.get("codexErrorInfo")
    if isinstance(info, str) and info in _KINDS:
        return Failure(kind=_KINDS[info], message=said or info)
    told = (field.count(field.mapping(one), "httpStatusCode") for one in _parts(info))
    return failure_of(said, next(filter(None, told), None))


def _parts(info: object) -> Iterator[object]:
    yield from field.mapping(info).values()
