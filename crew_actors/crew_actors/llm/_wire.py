"""What a wire format has to know: how a request is written, and a reply is read."""

from collections.abc import Iterator, Mapping
from typing import Final, Protocol

from crew_actors.llm._errors import ReplyFailed
from crew_actors.llm._sse import ServerEvent
from crew_actors.llm._values import Call, Delta, Json, Request
from crew_actors.model import FailureKind

CALLS: Final = 64
"""Calls of one reply that are taken in."""

TEXT_LIMIT: Final = 4 << 20
"""Characters of one reply that are taken in."""


class Reader(Protocol):
    """Reads one reply. Pure: events in, deltas out."""

    def take(self, event: ServerEvent) -> Iterator[Delta]:
        """Yield what *event* brings. `Ended` is the last; nothing is read after it.

        Raises:
          ReplyFailed: the provider reports an error, or says more than is taken in.
        """
        ...


class Wire(Protocol):
    """A wire format."""

    @property
    def path(self) -> str:
        """What is added to the base URL of a provider."""
        ...

    def headers(self, key: str | None) -> Mapping[str, str]:
        """Return the headers of a request, with *key* if there is one."""
        ...

    def body(self, request: Request) -> Json:
        """Write *request*."""
        ...

    def reader(self) -> Reader:
        """Return what reads the reply to one request."""
        ...


class Parts:
    """The text and the calls of a reply, put together from their pieces."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._calls: dict[object, _Pieces] = {}
        self._size = 0

    @property
    def text(self) -> str:
        """All of its text so far."""
        return "".join(self._text)

    def say(self, piece: str) -> str:
        """Add *piece* to the text, and return it.

        Raises:
          ReplyFailed: the reply is too long.
        """
        self._grow(piece)
        self._text.append(piece)
        return piece

    def call(
        self, place: object, *, name: str = "", written: str = "", to: str = ""
    ) -> None:
        """Add to the call at *place*: its *name*, its id *to*, a piece of its arguments.

        Raises:
          ReplyFailed: the reply is too long, or has too many calls.
        """
        self._grow(written)
        pieces = self._calls.get(place)
        if pieces is None:
            if len(self._calls) == CALLS:
                raise _too_much(f"it wants to use more than {CALLS} tools at once")
            pieces = self._calls[place] = _Pieces()
        pieces.name = pieces.name or name
        pieces.id = pieces.id or to
        pieces.written.append(written)

    def calls(self) -> tuple[Call, ...]:
        """Return the calls, in the order in which they began."""
        return tuple(
            Call(
                id=pieces.id or f"call-{number}",
                name=pieces.name,
                arguments="".join(pieces.written) or "{}",
            )
            for number, pieces in enumerate(self._calls.values(), 1)
        )

    def _grow(self, piece: str) -> None:
        self._size += len(piece)
        if self._size > TEXT_LIMIT:
            raise _too_much(f"its reply has more than {TEXT_LIMIT:,} characters")


class _Pieces:
    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.written: list[str] = []


def _too_much(why: str) -> ReplyFailed:
    return ReplyFailed(
        FailureKind.REPORTED, f"the model does not come to an end: {why}"
    )
