# Chat completions: what most servers speak, local ones too. A chunk has a piece of the
# text, pieces of calls by their index, and at last why it ends; the usage comes in a
# chunk of its own, after that, from servers that tell it.
"""The wire format of chat completions."""

from collections.abc import Iterator, Mapping
from typing import Final, final

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

_STOPS: Final[Mapping[str, Stop]] = {
    "length": "length",
    "content_filter": "refused",
}
_DONE: Final = "[DONE]"


@final
class Chat:
    """Writes and reads chat completions."""

    path = "/chat/completions"

    def headers(self, key: str | None) -> Mapping[str, str]:
        """Return the headers of a request."""
        return {} if key is None else {"authorization": f"Bearer {key}"}

    def body(self, request: Request) -> Json:
        """Write *request*."""
        system = (
            [{"role": "system", "content": request.system}] if request.system else []
        )
        body: dict[str, object] = {
            "model": request.model,
            "messages": [*system, *(m for e in request.entries for m in _messages(e))],
            "max_tokens": request.max_output,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if request.tools:
            body["tools"] = [
                {
                    "type": "function",
                    "function": {
                        "name": tool.name,
                        "description": tool.description,
                        "parameters": tool.schema,
                    },
                }
                for tool in request.tools
            ]
        if request.must_call is not None:
            body["tool_choice"] = {
                "type": "function",
                "function": {"name": request.must_call},
            }
        if request.schema is not None:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "result", "schema": request.schema},
            }
        return body

    def reader(self) -> "_ChatReader":
        """Return what reads one reply."""
        return _ChatReader()


def _messages(entry: Entry) -> Iterator[Json]:
    if isinstance(entry, Prompt):
        yield {"role": "user", "content": entry.text}
    elif isinstance(entry, Reply):
        said: dict[str, object] = {"role": "assistant", "content": entry.text or None}
        if entry.calls:
            said["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": _json(call.arguments)},
                }
                for call in entry.calls
            ]
        yield said
    else:
        for result in entry.results:
            yield {"role": "tool", "tool_call_id": result.call, "content": result.text}


def _json(written: str) -> str:
    """Return arguments that a server can take back: those that are JSON, or none."""
    return msgspec.json.encode(field.arguments(written)).decode()


@final
@attrs.define
class _ChatReader:
    _parts: Parts = attrs.field(factory=Parts)
    _usage: Usage = attrs.field(factory=Usage)
    _why: str = ""

    def take(self, event: ServerEvent) -> Iterator[Delta]:
        """Yield what *event* brings."""
        if event.data.strip() == _DONE:
            yield self._end()
            return
        chunk = field.decoded(event.data)
        if chunk is None:
            return  # nothing that could be meant for us
        if error := field.table(chunk, "error"):
            raise failure_in_stream(error)
        if usage := field.table(chunk, "usage"):
            self._usage = Usage(
                input=field.count(usage, "prompt_tokens"),
                output=field.count(usage, "completion_tokens"),
            )
        for choice in field.tables(chunk, "choices")[:1]:
            yield from self._choice(choice)

    def _choice(self, choice: Json) -> Iterator[Delta]:
        delta = field.table(choice, "delta")
        if thought := field.text(delta, "reasoning_content"):
            yield Thought(thought)
        if piece := field.text(delta, "content"):
            yield Text(self._parts.say(piece))
        for call in field.tables(delta, "tool_calls"):
            function = field.table(call, "function")
            self._parts.call(
                field.count(call, "index"),
                name=field.text(function, "name"),
                written=field.text(function, "arguments"),
                to=field.text(call, "id"),
            )
        self._why = field.text(choice, "finish_reason") or self._why

    def _end(self) -> Ended:
        calls = self._parts.calls()
        # Some servers say `stop` where there are calls.
        otherwise: Stop = "calls" if calls else "end"
        stop: Stop = _STOPS.get(self._why, otherwise)
        return Ended(
            reply=Reply(text=self._parts.text, calls=calls),
            usage=self._usage,
            stop=stop,
        )
