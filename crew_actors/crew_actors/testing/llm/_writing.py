# What is written in the same way in every wire format.
"""Answers as they are written."""

from typing import Protocol

import attrs
import msgspec

from crew_actors.testing.llm._values import Call, Json, Stop, Tool, Usage


@attrs.frozen(kw_only=True)
class Answer:
    """All of an answer that is known before its text is sent."""

    number: int
    """Of the request; each id is made of it."""
    model: str
    calls: tuple[Call, ...]
    tools: tuple[Tool, ...]
    """The tool of each call."""
    usage: Usage
    stop: Stop


class Writer(Protocol):
    """Writes one answer: the bytes of a stream, or all of it."""

    def begin(self) -> bytes:
        """Write what comes before the text."""
        ...

    def text(self, piece: str) -> bytes:
        """Write a piece of the text."""
        ...

    def end(self) -> bytes:
        """Write the calls, the usage, and that this is all."""
        ...

    def whole(self, text: str) -> Json:
        """Return the answer to a request that does not stream."""
        ...

    def error(self, status: int, why: str) -> Json:
        """Return the body of an error."""
        ...


def sse(value: Json, name: str = "") -> bytes:
    """Write an event of a stream."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + msgspec.json.encode(value) + b"\n\n"


def as_text(value: Json) -> str:
    """Write JSON where it stands in a text."""
    return msgspec.json.encode(value).decode()
