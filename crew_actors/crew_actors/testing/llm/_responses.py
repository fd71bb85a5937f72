"""Answers as responses."""

from collections.abc import Iterator
from typing import final

import attrs

from crew_actors.testing.llm._values import Call, Json, Tool
from crew_actors.testing.llm._writing import Answer, as_text, sse


@final
@attrs.define
class ResponsesWriter:
    """Writes responses."""

    _answer: Answer
    _said: str = attrs.field(default="", init=False)
    _number: int = attrs.field(default=0, init=False)

    def begin(self) -> bytes:
        """Write the head."""
        return self._event("response.created", response=self._response("in_progress"))

    def text(self, piece: str) -> bytes:
        """Write a piece of the text."""
        opened = b"" if self._said else self._opens()
        self._said += piece
        return opened + self._event(
            "response.output_text.delta", **self._place(), delta=piece
        )

    def end(self) -> bytes:
        """Write each item whole, the usage, and the end."""
        return b"".join(self._ending())

    def whole(self, text: str) -> Json:
        """Return all of it."""
        said = [self._message(text)] if text else []
        return self._response(self._status(), [*said, *self._calls()])

    def error(self, status: int, why: str) -> Json:
        """Return an error."""
        return {"error": {"message": why, "type": "scripted", "code": str(status)}}

    def _opens(self) -> bytes:
        item = {**self._message(""), "content": list[Json](), "status": "in_progress"}
        part = {"type": "output_text", "text": "", "annotations": list[Json]()}
        return self._event(
            "response.output_item.added", output_index=0, item=item
        ) + self._event("response.content_part.added", **self._place(), part=part)

    def _ending(self) -> Iterator[bytes]:
        items: list[Json] = []
        if self._said:
            message = self._message(self._said)
            part = {
                "type": "output_text",
                "text": self._said,
                "annotations": list[Json](),
            }
            yield self._event(
                "response.output_text.done", **self._place(), text=self._said
            )
            yield self._event("response.content_part.done", **self._place(), part=part)
            yield self._event("response.output_item.done", output_index=0, item=message)
            items.append(message)
        for call in self._calls():
            place = len(items)
            for kind in ("added", "done"):
                yield self._event(
                    f"response.output_item.{kind}", output_index=place, item=call
                )
            items.append(call)
        status = self._status()
        yield self._event(f"response.{status}", response=self._response(status, items))

    def _place(self) -> dict[str, object]:
        return {
            "item_id": f"msg_{self._answer.number}",
            "output_index": 0,
            "content_index": 0,
        }

    def _message(self, text: str) -> Json:
        return {
            "type": "message",
            "id": f"msg_{self._answer.number}",
            "role": "assistant",
            "status": "completed",
            "content": [
                {"type": "output_text", "text": text, "annotations": list[Json]()}
            ],
        }

    def _calls(self) -> list[Json]:
        pairs = zip(self._answer.calls, self._answer.tools, strict=True)
        return [
            _call(call, tool, f"{self._answer.number}_{place}")
            for place, (call, tool) in enumerate(pairs)
        ]

    def _status(self) -> str:
        return "completed" if self._answer.stop == "end" else "incomplete"

    def _response(self, status: str, items: list[Json] | None = None) -> Json:
        usage = self._answer.usage
        reasons = {"length": "max_output_tokens", "refused": "content_filter"}
        why = reasons.get(self._answer.stop) if status == "incomplete" else None
        counted = {
            "input_tokens": usage.input,
            "input_tokens_details": {"cached_tokens": usage.cached},
            "output_tokens": usage.output,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": usage.input + usage.output,
        }
        return {
            "id": f"resp_{self._answer.number}",
            "object": "response",
            "created_at": 0,
            "model": self._answer.model,
            "status": status,
            "incomplete_details": {"reason": why} if why else None,
            "output": items or [],
            "usage": None if status == "in_progress" else counted,
        }

    def _event(self, kind: str, **more: object) -> bytes:
        self._number += 1
        return sse({"type": kind, "sequence_number": self._number, **more}, kind)


def _call(call: Call, tool: Tool, number: str) -> Json:
    item: dict[str, object] = {
        "id": f"fc_{number}",
        "call_id": f"call_{number}",
        "name": call.name,
        "status": "completed",
    }
    if tool.is_free:
        written = call.arguments.get("input", "")
        return {**item, "type": "custom_tool_call", "input": written}
    if tool.namespace:
        item["namespace"] = tool.namespace
    return {**item, "type": "function_call", "arguments": as_text(call.arguments)}
