"""Answers as chat completions."""

from typing import final

import attrs

from crew_actors.testing.llm._values import Json
from crew_actors.testing.llm._writing import Answer, as_text, sse


@final
@attrs.frozen
class ChatWriter:
    """Writes chat completions."""

    _answer: Answer

    def begin(self) -> bytes:
        """Write the role."""
        return self._chunk({"role": "assistant", "content": ""})

    def text(self, piece: str) -> bytes:
        """Write a piece of the text."""
        return self._chunk({"content": piece})

    def end(self) -> bytes:
        """Write the calls, why it ends, and the usage."""
        calls = [{"index": n, **call} for n, call in enumerate(self._calls())]
        last: Json = {
            **self._head("chat.completion.chunk"),
            "choices": list[Json](),
            "usage": self._usage(),
        }
        return b"".join(
            (
                self._chunk({"tool_calls": calls}) if calls else b"",
                self._chunk({}, why=self._why()),
                sse(last),
                b"data: [DONE]\n\n",
            )
        )

    def whole(self, text: str) -> Json:
        """Return all of it."""
        message: dict[str, object] = {"role": "assistant", "content": text or None}
        if calls := self._calls():
            message["tool_calls"] = calls
        choice = {"index": 0, "message": message, "finish_reason": self._why()}
        return {
            **self._head("chat.completion"),
            "choices": [choice],
            "usage": self._usage(),
        }

    def error(self, status: int, why: str) -> Json:
        """Return an error."""
        return {"error": {"message": why, "type": "scripted", "code": str(status)}}

    def _calls(self) -> list[Json]:
        return [
            {
                "id": f"call_{self._answer.number}_{place}",
                "type": "function",
                "function": {"name": call.name, "arguments": as_text(call.arguments)},
            }
            for place, call in enumerate(self._answer.calls)
        ]

    def _why(self) -> str:
        if self._answer.calls:
            return "tool_calls"
        stops = {"end": "stop", "length": "length", "refused": "content_filter"}
        return stops[self._answer.stop]

    def _usage(self) -> Json:
        usage = self._answer.usage
        return {
            "prompt_tokens": usage.input,
            "completion_tokens": usage.output,
            "total_tokens": usage.input + usage.output,
            "prompt_tokens_details": {"cached_tokens": usage.cached},
        }

    def _head(self, kind: str) -> Json:
        return {
            "id": f"chatcmpl-{self._answer.number}",
            "object": kind,
            "created": 0,
            "model": self._answer.model,
        }

    def _chunk(self, delta: Json, *, why: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": why}
        return sse({**self._head("chat.completion.chunk"), "choices": [choice]})
