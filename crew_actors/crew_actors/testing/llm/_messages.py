"""Answers as Anthropic messages."""

from collections.abc import Iterator
from typing import Final, final

import attrs

from crew_actors.testing.llm._values import Json
from crew_actors.testing.llm._writing import Answer, as_text, sse

_ERRORS: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


@final
@attrs.define
class MessagesWriter:
    """Writes messages."""

    _answer: Answer
    _has_text: bool = attrs.field(default=False, init=False)

    def begin(self) -> bytes:
        """Write the head, with what was put in."""
        usage = {**self._usage(), "output_tokens": 1}
        message = {
            **self._head(),
            "content": list[Json](),
            "stop_reason": None,
            "usage": usage,
        }
        return self._event("message_start", message=message)

    def text(self, piece: str) -> bytes:
        """Write a piece of the text."""
        opened = b"" if self._has_text else self._opens(0, {"type": "text", "text": ""})
        self._has_text = True
        return opened + self._goes_on(0, {"type": "text_delta", "text": piece})

    def end(self) -> bytes:
        """Write the calls, why it ends, and the usage."""
        return b"".join(self._ending())

    def whole(self, text: str) -> Json:
        """Return all of it."""
        said = [{"type": "text", "text": text}] if text else []
        content = [*said, *self._calls()]
        return {
            **self._head(),
            "content": content,
            "stop_reason": self._why(),
            "usage": self._usage(),
        }

    def error(self, status: int, why: str) -> Json:
        """Return an error."""
        kind = _ERRORS.get(status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": why}}

    def _ending(self) -> Iterator[bytes]:
        if self._has_text:
            yield self._event("content_block_stop", index=0)
        for place, call in enumerate(self._calls(), start=int(self._has_text)):
            yield self._opens(place, {**call, "input": {}})
            written = as_text(self._answer.calls[place - self._has_text].arguments)
            yield self._goes_on(
                place, {"type": "input_json_delta", "partial_json": written}
            )
            yield self._event("content_block_stop", index=place)
        why = {"stop_reason": self._why(), "stop_sequence": None}
        yield self._event("message_delta", delta=why, usage=self._usage())
        yield self._event("message_stop")

    def _calls(self) -> list[Json]:
        return [
            {
                "type": "tool_use",
                "id": f"toolu_{self._answer.number}_{place}",
                "name": call.name,
                "input": call.arguments,
            }
            for place, call in enumerate(self._answer.calls)
        ]

    def _why(self) -> str:
        if self._answer.calls:
            return "tool_use"
        stops = {"end": "end_turn", "length": "max_tokens", "refused": "refusal"}
        return stops[self._answer.stop]

    def _usage(self) -> Json:
        usage = self._answer.usage
        return {
            "input_tokens": usage.input - usage.cached,
            "cache_read_input_tokens": usage.cached,
            "cache_creation_input_tokens": 0,
            "output_tokens": usage.output,
        }

    def _head(self) -> Json:
        return {
            "id": f"msg_{self._answer.number}",
            "type": "message",
            "role": "assistant",
            "model": self._answer.model,
            "stop_sequence": None,
        }

    def _opens(self, place: int, block: Json) -> bytes:
        return self._event("content_block_start", index=place, content_block=block)

    def _goes_on(self, place: int, delta: Json) -> bytes:
        return self._event("content_block_delta", index=place, delta=delta)

    def _event(self, kind: str, **more: object) -> bytes:
        return sse({"type": kind, **more}, kind)
