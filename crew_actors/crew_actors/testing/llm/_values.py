"""What a model is asked, and what it is to answer, in words of no wire format."""

from collections.abc import Mapping
from typing import Literal, TypeAlias, final

import attrs

Json: TypeAlias = Mapping[str, object]

Wire: TypeAlias = Literal["chat", "responses", "messages", "gemini"]
"""A wire format."""

Stop: TypeAlias = Literal["end", "length", "refused"]
"""Why an answer ends; one with calls ends for them."""


@final
@attrs.frozen
class Tool:
    """A tool that is offered to the model."""

    name: str
    namespace: str = ""
    """That it has in responses, or nothing."""
    is_free: bool = False
    """Whether it takes a text in place of JSON; only in responses."""


@final
@attrs.frozen
class Words:
    """A message of the user, without what tools brought."""

    text: str


@final
@attrs.frozen
class Turn:
    """Something that the model has said, or has called."""


@final
@attrs.frozen
class Results:
    """What tools brought."""


Entry: TypeAlias = Words | Turn | Results


@final
@attrs.frozen(kw_only=True)
class Asked:
    """A request, read."""

    wire: Wire
    model: str
    entries: tuple[Entry, ...] = attrs.field(repr=False)
    tools: tuple[Tool, ...] = ()
    is_streaming: bool = False


@final
@attrs.frozen
class Call:
    """A call of a tool."""

    name: str
    arguments: Json = attrs.field(factory=dict[str, object])


@final
@attrs.frozen
class Piece:
    """A part of the text, and the seconds that pass before it."""

    text: str
    after: float = 0.0


@final
@attrs.frozen
class Usage:
    """Tokens that the answer says to have cost."""

    input: int = 100
    """All of them, the cached ones too."""
    output: int = 10
    cached: int = 0


@final
@attrs.frozen(kw_only=True)
class Step:
    """What the model does in one turn. The first that is set prevails: status, calls."""

    pieces: tuple[Piece, ...] = ()
    calls: tuple[Call, ...] = ()
    ends: Literal["whole", "hangs", "drops"] = "whole"
    """`hangs`: nothing follows until the client leaves. `drops`: the connection is cut."""
    stop: Stop = "end"
    usage: Usage = Usage()
    delay: float = 0.0
    """Seconds before anything is sent."""
    status: int = 200
    """Of the answer; from 400 on it is an error with `why`."""
    why: str = ""
    retry_after: float | None = None
    """Seconds, told with an error."""
    flaky: tuple[int, int] | None = None
    """A status, and how often it is answered before the step is done."""

    @property
    def text(self) -> str:
        """All pieces."""
        return "".join(piece.text for piece in self.pieces)
