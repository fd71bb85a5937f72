"""Answers as Gemini's generateContent."""

from typing import final

import attrs

from crew_actors.testing.llm._values import Json
from crew_actors.testing.llm._writing import Answer, sse


@final
@attrs.frozen
class GeminiWriter:
    """Writes contents."""

    _answer: Answer

    def begin(self) -> bytes:
        """Write nothing: each event has all that there is."""
        return b""

    def text(self, piece: str) -> bytes:
        """Write a piece of the text."""
        return sse(self._content([{"text": piece}]))

    def end(self) -> bytes:
        """Write the calls, why it ends, and the usage."""
        return sse(self._last(self._calls()))

    def whole(self, text: str) -> Json:
        """Return all of it."""
        said: list[Json] = [{"text": text}] if text else []
        return self._last([*said, *self._calls()])

    def error(self, status: int, why: str) -> Json:
        """Return an error."""
        return {"error": {"code": status, "message": why, "status": "SCRIPTED"}}

    def _calls(self) -> list[Json]:
        return [
            {"functionCall": {"name": call.name, "args": call.arguments}}
            for call in self._answer.calls
        ]

    def _content(self, parts: list[Json], why: str | None = None) -> Json:
        candidate: dict[str, object] = {
            "index": 0,
            "content": {"role": "model", "parts": parts},
        }
        if why is not None:
            candidate["finishReason"] = why
        return {
            "candidates": [candidate],
            "modelVersion": self._answer.model,
            "responseId": f"r{self._answer.number}",
        }

    def _last(self, parts: list[Json]) -> Json:
        usage = self._answer.usage
        stops = {"end": "STOP", "length": "MAX_TOKENS", "refused": "SAFETY"}
        return {
            **self._content(parts or [{"text": ""}], stops[self._answer.stop]),
            "usageMetadata": {
                "promptTokenCount": usage.input,
                "cachedContentTokenCount": usage.cached,
                "candidatesTokenCount": usage.output,
                "totalTokenCount": usage.input + usage.output,
            },
        }
