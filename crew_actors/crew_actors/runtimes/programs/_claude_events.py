# Claude Code in its stream-json mode. Everything is an event on its output, except for
# control requests and their answers, which go both ways.
#
# 1. A turn ends with a `result`, and `is_error` tells whether it went well: `subtype` is
#    "success" for an error of the provider, too.
# 2. The usage of a result is that of its turn. The cost is that of the whole session.
#    What the messages on the way say of usage are the values at their start.
# 3. With partial messages on, text comes in pieces and then once more as a whole.
# 4. A user's message that comes back as a replay has been read.
"""Understand the events of Claude Code."""

from collections.abc import Iterator
from typing import final

import attrs

from crew_actors.model import Failure, FailureKind, Usage
from crew_actors.peers import (
    Cancels,
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


@final
@attrs.frozen
class ClaudeDialect:
    """Control requests and their answers; all else are events."""

    def read(self, found: Params) -> Incoming | None:
        """Tell what an object says."""
        kind = field.text(found, "type")
        match kind:
            case "":
                return None
            case "control_response":
                return _reply(field.mapping(found.get("response")))
            case "control_request":
                request = field.mapping(found.get("request"))
                name = field.text(found, "request_id")
                return Request(name, field.text(request, "subtype"), request)
            case "control_cancel_request":
                return Cancels(field.text(found, "request_id"))
            case _:
                return Notification(kind, found)

    def read_cut(self, beginning: str) -> Incoming | None:
        """Tell nothing: no event of that size matters."""
        del beginning
        return None

    def request(self, number: int, method: str, params: Params) -> Params:
        """Write a control request of ours."""
        return {
            "type": "control_request",
            "request_id": str(number),
            "request": {"subtype": method, **params},
        }

    def notification(self, method: str, params: Params) -> Params:
        """Write a message."""
        return {"type": method, **params}

    def reply(self, request: Request, result: object) -> Params:
        """Write the answer to a control request."""
        return _control_response(request, {"subtype": "success", "response": result})

    def refusal(self, request: Request, why: RequestRefused) -> Params:
        """Write that a control request is refused."""
        return _control_response(request, {"subtype": "error", "error": why.message})

    def cancel(self, number: int) -> Params | None:
        """Write that a control request of ours is void."""
        return {"type": "control_cancel_request", "request_id": str(number)}


def _control_response(request: Request, response: Params) -> Params:
    return {
        "type": "control_response",
        "response": {"request_id": request.id, **response},
    }


def _reply(response: Params) -> Reply:
    name = field.text(response, "request_id")
    number = int(name) if name.isdecimal() else None
    if field.text(response, "subtype") == "error":
        problem = field.text(response, "error") or "it gave no reason"
        return Reply(number, problem=problem)
    return Reply(number, response.get("response"))


@final
@attrs.define
class ClaudeReader:
    """What was seen of one session. Pure: it takes events and tells what they say."""

    _cost: float = 0.0
    """Of the session, as far as it was told."""
    _said: bool = False
    """Whether the text of the present message has come in pieces."""
    _in_text: bool = False

    def take(self, told: Notification) -> Iterator[Seen]:
        """Yield what an event shows."""
        match told.method:
            case "stream_event":
                yield from self._piece(told.params)
            case "assistant":
                yield from self._message(told.params)
            case "user":
                yield from _user(told.params)
            case "system":
                yield from _system(told.params)
            case "result":
                yield from self._result(told.params)
            case _:
                pass  # there are more, and new ones with each version

    def _piece(self, found: Params) -> Iterator[Seen]:
        if found.get("parent_tool_use_id") is not None:
            return
        kind = field.text(found, "event", "type")
        delta = field.mapping(field.at(found, "event", "delta"))
        if kind == "message_start":
            self._said = False
        elif field.text(delta, "type") == "text_delta":
            self._said = self._in_text = True
            yield Says(field.text(delta, "text"))
        elif kind == "content_block_stop" and self._in_text:
            self._in_text = False
            yield Says("\n")

    def _message(self, found: Params) -> Iterator[Seen]:
        is_own = found.get("parent_tool_use_id") is None
        for block in field.items(found, "message", "content"):
            match field.text(block, "type"):
                case "text" if is_own and not self._said:
                    yield Says(field.text(block, "text") + "\n")
                case "tool_use":
                    what = tool_detail(field.mapping(block.get("input")))
                    yield Does(field.text(block, "id"), field.text(block, "name"), what)
                case _:
                    pass

    def _result(self, found: Params) -> Iterator[Seen]:
        total = field.price(found, "total_cost_usd")
        cost, self._cost = max(total - self._cost, 0.0), max(total, self._cost)
        usage = Usage(
            input=field.count(found, "usage", "input_tokens")
            + field.count(found, "usage", "cache_read_input_tokens")
            + field.count(found, "usage", "cache_creation_input_tokens"),
            output=field.count(found, "usage", "output_tokens"),
            cost=cost,
        )
        if usage != Usage():
            yield Uses(usage)
        yield TurnEnds(text=field.text(found, "result"), failure=_failure(found))


def _user(found: Params) -> Iterator[Seen]:
    if field.flag(found, "isReplay"):
        yield Takes(field.text(found, "uuid"))
        return
    for block in field.items(found, "message", "content"):
        if field.text(block, "type") == "tool_result":
            failed = field.flag(block, "is_error")
            why = block.get("content") if failed else ""
            name = field.text(block, "tool_use_id")
            yield Did(name, not failed, short(why) if isinstance(why, str) else "")


def _system(found: Params) -> Iterator[Seen]:
    match field.text(found, "subtype"):
        case "api_retry":
            tried, most = (
                field.count(found, "attempt"),
                field.count(found, "max_retries"),
            )
            status = field.count(found, "error_status")
            yield Tries(f"{status or 'no answer'}, {tried} of {most}")
        case "compact_boundary":
            yield Notes("it has made its conversation shorter")
        case _:
            pass


def _failure(found: Params) -> Failure | None:
    kind = field.text(found, "subtype")
    if not field.flag(found, "is_error") and kind == "success":
        return None
    said = field.text(found, "result")
    if kind.startswith("error_max"):
        limit = kind.removeprefix("error_").replace("_", " ")
        return Failure(kind=FailureKind.REPORTED, message=f"a limit was met: {limit}")
    if kind == "error_during_execution" and not said:
        reason = field.text(found, "terminal_reason").replace("_", " ")
        return Failure(
            kind=FailureKind.EXIT, message=f"its turn was broken off: {reason}"
        )
    return failure_of(said, field.count(found, "api_error_status") or None)
