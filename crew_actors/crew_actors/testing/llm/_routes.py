"""What the path of a request asks for."""

import re
from typing import Final, final

import attrs

from crew_actors.testing.llm._values import Wire

_ENDS: Final[tuple[tuple[str, Wire], ...]] = (
    ("/chat/completions", "chat"),
    ("/responses", "responses"),
    ("/messages", "messages"),
)
_GEMINI: Final = re.compile(r"/models/(?P<model>[^/:]+):(?P<verb>[A-Za-z]+)$")


@final
@attrs.frozen
class Generate:
    """An answer of the model."""

    wire: Wire
    model: str = ""
    """Where the path tells it."""
    is_streaming: bool = False
    """Where the path tells it."""


@final
@attrs.frozen
class Count:
    """How many tokens a request has."""

    wire: Wire


@final
@attrs.frozen
class Models:
    """The models that there are."""


@final
@attrs.frozen
class Alive:
    """Whether somebody listens."""


Route = Generate | Count | Models | Alive | None


def route(method: str, target: str) -> Route:
    """Return what is asked for; None if nothing is known at this path."""
    path = target.partition("?")[0].rstrip("/")
    if method in {"GET", "HEAD"}:
        if path.endswith("/models"):
            return Models()
        return Alive() if not path else None
    if method != "POST":
        return None
    if path.endswith("/messages/count_tokens"):
        return Count("messages")
    for end, wire in _ENDS:
        if path.endswith(end):
            return Generate(wire)
    found = _GEMINI.search(path)
    return _gemini(found["verb"], found["model"]) if found else None


def _gemini(verb: str, model: str) -> Route:
    if verb == "countTokens":
        return Count("gemini")
    if verb in {"generateContent", "streamGenerateContent"}:
        streams = verb == "streamGenerateContent"
        return Generate("gemini", model, is_streaming=streams)
    return None
