# Responses. A reply is a list of items; text comes in deltas, and each item comes whole
# when it is done. Nothing is stored with the provider: each request tells all of it.
"""The wire format of responses."""

from collections.abc import Iterator, Mapping
from typing import final

import attrs
import msgspec

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


@final
class Responses:
    """Writes and reads responses."""

    path = "/responses"

    def headers(self, key: str | None) -> Mapping[str, str]:
        """Return the headers of a request."""
        return {} if key is None else {"authorization": f"Bearer {key}"}

    def body(self, request: Request) -> Json:
        """Write *request*."""
        body: dict[str, object] = {
            "model": request.model,
            "input": [item for entry in request.entries for item in _items(entry)],
            "max_output_tokens": request.max_output,
            "store": False,
            "stream": True,
        }
        if request.system:
            body["instructions"] = request.system
        if request.tools:
            body["tools"] = [
                {
                    "type": "function",
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.schema,
                    "strict": False,
                }
                for tool in request.tools
            ]
        if request.must_call is not None:
            body["tool_choice"] = {"type": "function", "name": request.must_call}
        if request.schema is not None:
            body["text"] = {
                "format": {
                    "type": "json_schema",
                    "name": "result",
                    "schema": request.schema,
                }
            }
        return body

    def reader(self) -> "_ResponsesReader":
        """Return what reads one reply."""
        return _ResponsesReader()


def _items(entry: Entry) -> Iterator[Json]:
    if isinstance(entry, Prompt):
        yield _message("user", "input_text", entry.text)
    elif isinstance(entry, Reply):
        if entry.text:
            yield _message("assistant", "output_text", entry.text)
        for call in entry.calls:
            yield {
                "type": "function_call",
                "call_id": call.id,
                "name": call.name,
                "arguments": msgspec.json.encode(
                    field.arguments(call.arguments)
                ).decode(),
            }
    else:
        for result in entry.results:
            yield {
                "type": "function_call_output",
                "call_id": result.call,
                "output": result.text,
            }


def _message(role: str, kind: str, text: str) -> Json:
    return {
        "type": "message",
        "role": role,
        "content": [{"type": kind, "text": text}],
    }


@final
@attrs.define
class _ResponsesReader:
    _parts: Parts = attrs.field(factory=Parts)
    _heard: set[int] = attrs.field(factory=set[int])
    """Places of items of which there were deltas."""

    def take(self, event: ServerEvent) -> Iterator[Delta]:
        """Yield what *event* brings."""
        found = field.decoded(event.data)
        if found is None:
            return
        kind = field.text(found, "type") or event.name
        match kind:
            case "response.output_text.delta":
                self._heard.add(field.count(found, "output_index"))
                yield Text(self._parts.say(field.text(found, "delta")))
            case "response.reasoning_summary_text.delta":
                yield Thought(field.text(found, "delta"))
            case "response.output_item.done":
                yield from self._item(found)
            case "response.completed" | "response.incomplete":
                yield self._end(field.table(found, "response"))
            case "response.failed":
                told = field.table(field.table(found, "response"), "error")
                raise failure_in_stream(told)
            case "error":
                raise failure_in_stream(field.table(found, "error") or found)
            case _:
                pass  # tells of what comes whole later

    def _item(self, found: Json) -> Iterator[Delta]:
        place = field.count(found, "output_index")
        item = field.table(found, "item")
        match field.text(item, "type"):
            case "function_call":
                self._parts.call(
                    ("call", place, field.text(item, "call_id")),
                    name=field.text(item, "name"),
                    written=field.text(item, "arguments"),
                    to=field.text(item, "call_id"),
                )
            case "message" if place not in self._heard:
                for part in field.tables(item, "content"):
                    if piece := field.text(part, "text"):
                        yield Text(self._parts.say(piece))
            case _:
                pass

    def _end(self, response: Json) -> Ended:
        calls = self._parts.calls()
        why = field.text(field.table(response, "incomplete_details"), "reason")
        stop: Stop = "calls" if calls else "end"
        if field.text(response, "status") == "incomplete":
            stop = "refused" if why == "content_filter" else "length"
        usage = field.table(response, "usage")
        return Ended(
            reply=Reply(text=self._parts.text, calls=calls),
            usage=Usage(
                input=field.count(usage, "input_tokens"),
                output=field.count(usage, "output_tokens"),
            ),
            stop=stop,
        )
