# What is asked of a model and what comes back, in words that all wire formats share.
"""Requests to models, and their replies."""

from collections.abc import Mapping
from typing import Literal, TypeAlias, cast

import attrs
import msgspec

from crew_actors.model import Usage

Json: TypeAlias = Mapping[str, object]


@attrs.frozen(kw_only=True)
class ToolSpec:
    """A tool as a model sees it."""

    name: str
    description: str
    schema: Json
    """A JSON schema of an object: its arguments."""


@attrs.frozen(kw_only=True)
class Call:
    """A model wants to use a tool."""

    id: str
    name: str
    arguments: str
    """As the model wrote them: JSON, if it knows its trade."""

    def given(self) -> Json | None:
        """Return the arguments; None if they are no JSON object."""
        try:
            found = msgspec.json.decode(self.arguments)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return None
        return cast("Json", found) if isinstance(found, dict) else None


@attrs.frozen(kw_only=True)
class Result:
    """What the use of a tool has brought."""

    call: str
    """The id of the call."""
    name: str
    text: str
    ok: bool = True


@attrs.frozen
class Prompt:
    """What a model is told."""

    text: str


@attrs.frozen(kw_only=True)
class Reply:
    """What a model has answered."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    kept: tuple[Json, ...] = ()
    """Parts that its provider wants back as they were, and nobody else understands."""


@attrs.frozen
class Results:
    """What the calls of the reply before have brought, all of them, in order."""

    results: tuple[Result, ...]


Entry: TypeAlias = Prompt | Reply | Results
"""One part of a conversation. It begins with a prompt; results follow a reply that has
calls, and nothing else does."""


@attrs.frozen(kw_only=True)
class Request:
    """What a model is asked."""

    model: str
    """As its provider calls it."""
    entries: tuple[Entry, ...]
    system: str = ""
    tools: tuple[ToolSpec, ...] = ()
    must_call: str | None = None
    """The name of a tool that it has to use."""
    schema: Json | None = None
    """A JSON schema that its text has to follow, for models that use no tools."""
    max_output: int = 8192
    """Tokens of the reply, at most."""


Stop: TypeAlias = Literal["end", "calls", "length", "refused"]
"""Why a reply ends: it is complete; it waits for tools; it is too long; the provider
held it back."""


@attrs.frozen
class Text:
    """The next piece of the reply's text."""

    text: str


@attrs.frozen
class Thought:
    """The next piece of what the model thinks by itself."""

    text: str


@attrs.frozen(kw_only=True)
class Ended:
    """The reply is complete. Nothing comes after it."""

    reply: Reply
    usage: Usage
    stop: Stop


Delta: TypeAlias = Text | Thought | Ended
