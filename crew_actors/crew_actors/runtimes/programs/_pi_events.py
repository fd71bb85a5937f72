# pi in its RPC mode. Commands have an id, and a response with it; all else are events.
#
# 1. A prompt is answered when it is accepted. The work is done with `agent_settled`; an
#    older pi, which has no such event, ends with an `agent_end` that says nothing of
#    what follows.
# 2. Usage is told with the end of each message of the model. What `turn_end` and
#    `agent_end` say of it are repetitions.
# 3. A message has been read when it is a message of the user.
# 4. The beginning of a line is enough to know what it is: `agent_end` holds the whole
#    conversation, and may be longer than anything that is taken in.
"""Understand the events of pi."""

import re
from collections.abc import Iterator
from typing import Final, final

import attrs

from crew_actors.model import Failure, FailureKind, Usage
from crew_actors.peers import (
    Incoming,
    Notification,
    Params,
    Reply,
    Request,
    RequestRefused,
)
from crew_actors.runtimes import _fields as field
from crew_actors.runtimes._screen import short, tool_detail
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

_DIALOGS: Final = frozenset({"select", "confirm", "input", "editor"})
_TYPE: Final = re.compile(r'\{"type":"(\w+)"')
_CUT: Final = "cut"


@final
@attrs.frozen
class PiDialect:
    """Commands and their responses; dialogs of extensions; all else are events."""

    def read(self, found: Params) -> Incoming | None:
        """Tell what an object says."""
        kind = field.text(found, "type")
        if kind == "response":
            return _reply(found)
        method = field.text(found, "method")
        if kind == "extension_ui_request" and method in _DIALOGS:
            return Request(field.text(found, "id"), method, found)
        return Notification(kind, found) if kind else None

    def read_cut(self, beginning: str) -> Incoming | None:
        """Tell of which kind a line is, by its beginning."""
        match = _TYPE.match(beginning)
        return Notification(match[1], {_CUT: True}) if match else None

    def request(self, number: int, method: str, params: Params) -> Params:
        """Write a command."""
        return {"id": str(number), "type": method, **params}

    def notification(self, method: str, params: Params) -> Params:
        """Write a command whose response nobody waits for."""
        return {"type": method, **params}

    def reply(self, request: Request, result: object) -> Params:
        """Write the answer to a dialog."""
        given = field.mapping(result)
        return {"type": "extension_ui_response", "id": request.id, **given}

    def refusal(self, request: Request, why: RequestRefused) -> Params:
        """Write that a dialog was closed."""
        del why
        return self.reply(request, {"cancelled": True})

    def cancel(self, number: int) -> Params | None:
        """Tell nothing: there is no word for it."""
        del number
        return None


def _reply(found: Params) -> Reply:
    name = field.text(found, "id")
    number = int(name) if name.isdecimal() else None
    if not field.flag(found, "success"):
        return Reply(number, problem=field.text(found, "error") or "it gave no reason")
    return Reply(number, found.get("data"))


@final
@attrs.define
class PiReader:
    """What was seen of one session. Pure: it takes events and tells what they say.

    A `Takes` has the text of the message; pi knows no ids of messages.
    """

    _text: str = ""
    _failure: Failure | None = None

    def take(self, told: Notification) -> Iterator[Seen]:  # noqa: C901 - a table
        """Yield what an event shows."""
        found = told.params
        match told.method:
            case "message_update":
                yield from _piece(field.mapping(found.get("assistantMessageEvent")))
            case "message_start" if field.text(found, "message", "role") == "user":
                yield Takes(_text_of(field.mapping(found.get("message"))))
            case "message_end" if field.text(found, "message", "role") == "assistant":
                yield from self._message(field.mapping(found.get("message")))
            case "tool_execution_start":
                what = tool_detail(field.mapping(found.get("args")))
                name = field.text(found, "toolCallId")
                yield Does(name, field.text(found, "toolName"), what)
            case "tool_execution_end":
                yield _did(found)
            case "auto_retry_start":
                tried = f"{field.count(found, 'attempt')} of "
                tried += f"{field.count(found, 'maxAttempts')}"
                yield Tries(f"{short(field.text(found, 'errorMessage'))}, {tried}")
            case "compaction_start" | "auto_compaction_start":
                yield Notes("it makes its conversation shorter")
            case "extension_error":
                yield Notes(f"an extension failed: {field.text(found, 'error')}")
            case "agent_settled":
                yield self._end()
            case "agent_end" if "willRetry" not in found and _CUT not in found:
                yield self._end()
            case _:
                pass

    def _message(self, message: Params) -> Iterator[Seen]:
        usage = Usage(
            input=field.count(message, "usage", "input")
            + field.count(message, "usage", "cacheRead")
            + field.count(message, "usage", "cacheWrite"),
            output=field.count(message, "usage", "output"),
            cost=field.price(message, "usage", "cost", "total"),
        )
        if usage != Usage():
            yield Uses(usage)
        said = field.text(message, "errorMessage")
        self._text, self._failure = _text_of(message), None
        match field.text(message, "stopReason"):
            case "error":
                self._failure = failure_of(said)
            case "aborted":
                why = f"its turn was broken off: {said}"
                self._failure = Failure(kind=FailureKind.EXIT, message=why)
            case "length":
                why = "the answer met its limit of tokens"
                self._failure = Failure(kind=FailureKind.REPORTED, message=why)
            case _:
                pass

    def _end(self) -> TurnEnds:
        return TurnEnds(text=self._text, failure=self._failure)


def _piece(event: Params) -> Iterator[Seen]:
    match field.text(event, "type"):
        case "text_delta":
            yield Says(field.text(event, "delta"))
        case "text_end":
            yield Says("\n")
        case _:
            pass


def _did(found: Params) -> Did:
    failed = field.flag(found, "isError")
    why = _text_of(field.mapping(found.get("result"))) if failed else ""
    return Did(field.text(found, "toolCallId"), not failed, short(why))


def _text_of(message: Params) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    blocks = field.items(message, "content")
    return "".join(field.text(block, "text") for block in blocks)
