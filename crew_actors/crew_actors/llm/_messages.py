# Anthropic messages. A reply is a list of blocks, each with a beginning, deltas and an
# end. What the model has thought before a call is signed, and has to come back as it was.
#
# The usage at the beginning counts what was put in; that at the end counts what came out,
# all of it: it replaces the one before.
"""The wire format of Anthropic messages."""

from collections.abc import Iterator, Mapping
from typing import Final, final

import attrs

from crew_actors.llm import _reading as field
from crew_actors.llm._failures import failure_in_stream
from crew_actors.llm._sse import ServerEvent
from crew_actors.llm._values import (
    Delta,
    Ended,
    Entry,
    Json,
    Prompt,
    Reply,
    Request,
    Stop,
    Text,
    Thought,
)
from crew_actors.llm._wire import Parts
from crew_actors.model import Usage

VERSION: Final = "2023-06-01"
"""Of the wire format."""

_STOPS: Final[Mapping[str, Stop]] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refused",
}
_CACHED: Final = {"cache_control": {"type": "ephemeral"}}
_INPUTS: Final = (
    *("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"),
)


@final
class Messages:
    """Writes and reads messages."""

    path = "/messages"

    def headers(self, key: str | None) -> Mapping[str, str]:
        """Return the headers of a request."""
        version = {"anthropic-version": VERSION}
        return version if key is None else {**version, "x-api-key": key}

    def body(self, request: Request) -> Json:
        """Write *request*. What it has in common with the next one may be cached."""
        body: dict[str, object] = {
            "model": request.model,
            "max_tokens": request.max_output,
            "messages": _cached([_message(entry) for entry in request.entries]),
            "stream": True,
        }
        if request.system:
            body["system"] = [{"type": "text", "text": request.system, **_CACHED}]
        if request.tools:
            body["tools"] = [
                {
                    "name": tool.name,
                    "description": tool.description,
                    "input_schema": tool.schema,
                }
                for tool in request.tools
            ]
        if request.must_call is not None:
            body["tool_choice"] = {"type": "tool", "name": request.must_call}
        return body

    def reader(self) -> "_MessagesReader":
        """Return what reads one reply."""
        return _MessagesReader()


def _message(entry: Entry) -> Json:
    if isinstance(entry, Prompt):
        return {"role": "user", "content": [{"type": "text", "text": entry.text}]}
    if isinstance(entry, Reply):
        said = [{"type": "text", "text": entry.text}] if entry.text.strip() else []
        calls = [
            {
                "type": "tool_use",
                "id": call.id,
                "name": call.name,
                "input": field.arguments(call.arguments),
            }
            for call in entry.calls
        ]
        content = [*entry.kept, *said, *calls]
        # An empty message is refused.
        return {
            "role": "assistant",
            "content": content or [{"type": "text", "text": "(nothing)"}],
        }
    results = [
        {
            "type": "tool_result",
            "tool_use_id": result.call,
            "content": result.text or "(nothing)",
            "is_error": not result.ok,
        }
        for result in entry.results
    ]
    return {"role": "user", "content": results}


def _cached(messages: list[Json]) -> list[Json]:
    """Mark the end of *messages*: all that comes before it may be cached."""
    *before, last = messages
    *blocks, block = field.tables(last, "content")
    return [*before, {**last, "content": [*blocks, {**block, **_CACHED}]}]


@final
@attrs.define
class _MessagesReader:
    _parts: Parts = attrs.field(factory=Parts)
    _kept: dict[int, dict[str, object]] = attrs.field(
        factory=dict[int, dict[str, object]]
    )
    """Blocks that its provider wants back."""
    _input: int = 0
    _output: int = 0
    _why: str = ""

    def take(self, event: ServerEvent) -> Iterator[Delta]:
        """Yield what *event* brings."""
        found = field.decoded(event.data)
        if found is None:
            return
        kind = field.text(found, "type") or event.name
        if kind == "message_stop":
            yield self._end()
        elif kind == "error":
            raise failure_in_stream(field.table(found, "error"))
        elif kind == "message_start":
            self._count(field.table(field.table(found, "message"), "usage"))
        elif kind == "message_delta":
            self._count(field.table(found, "usage"))
            self._why = field.text(field.table(found, "delta"), "stop_reason")
        elif kind == "content_block_start":
            yield from self._begins(found)
        elif kind == "content_block_delta":
            yield from self._goes_on(found)

    def _count(self, usage: Json) -> None:
        put_in = sum(field.count(usage, name) for name in _INPUTS)
        self._input = put_in or self._input
        self._output = field.count(usage, "output_tokens") or self._output

    def _begins(self, found: Json) -> Iterator[Delta]:
        place = field.count(found, "index")
        block = field.table(found, "content_block")
        kind = field.text(block, "type")
        if kind == "tool_use":
            name, to = field.text(block, "name"), field.text(block, "id")
            self._parts.call(place, name=name, to=to)
        elif kind in {"thinking", "redacted_thinking"}:
            self._kept[place] = dict(block)
        elif piece := field.text(block, "text"):
            yield Text(self._parts.say(piece))

    def _goes_on(self, found: Json) -> Iterator[Delta]:
        place = field.count(found, "index")
        delta = field.table(found, "delta")
        match field.text(delta, "type"):
            case "text_delta":
                yield Text(self._parts.say(field.text(delta, "text")))
            case "input_json_delta":
                self._parts.call(place, written=field.text(delta, "partial_json"))
            case "thinking_delta":
                piece = field.text(delta, "thinking")
                self._keep(place, "thinking", piece)
                yield Thought(piece)
            case "signature_delta":
                self._keep(place, "signature", field.text(delta, "signature"))
            case _:
                pass  # of a kind that we did not ask for

    def _keep(self, place: int, name: str, piece: str) -> None:
        block = self._kept.get(place)
        if block is not None:
            block[name] = field.text(block, name) + piece

    def _end(self) -> Ended:
        calls = self._parts.calls()
        otherwise: Stop = "calls" if calls else "end"
        stop: Stop = _STOPS.get(self._why, otherwise)
        reply = Reply(
            text=self._parts.text, calls=calls, kept=tuple(self._kept.values())
        )
        usage = Usage(input=self._input, output=self._output)
        return Ended(reply=reply, usage=usage, stop=stop)
