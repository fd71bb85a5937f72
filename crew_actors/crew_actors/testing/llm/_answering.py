# What is sent, as a sequence of steps in time: so much is decided before any socket.
"""From a request to the parts of its answer."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, final

import attrs

from crew_actors.testing.llm._asking import read_request
from crew_actors.testing.llm._calling import with_tools
from crew_actors.testing.llm._chat import ChatWriter
from crew_actors.testing.llm._gemini import GeminiWriter
from crew_actors.testing.llm._messages import MessagesWriter
from crew_actors.testing.llm._responses import ResponsesWriter
from crew_actors.testing.llm._routes import Alive, Count, Generate, Models, Route
from crew_actors.testing.llm._script import next_step
from crew_actors.testing.llm._values import Asked, Json, Step, Wire
from crew_actors.testing.llm._writing import Answer, Writer, as_text

MODEL: Final = "fake"
"""The model that the server says to have. It answers for every other one as well."""

_WRITERS: Final[Mapping[Wire, Callable[[Answer], Writer]]] = {
    "chat": ChatWriter,
    "responses": ResponsesWriter,
    "messages": MessagesWriter,
    "gemini": GeminiWriter,
}


@final
@attrs.frozen(kw_only=True)
class Reply:
    """An answer on its way: what to send, and when."""

    status: int = 200
    is_stream: bool = False
    retry_after: float | None = None
    delay: float = 0.0
    """Seconds before the head is sent."""
    parts: tuple[tuple[float, bytes], ...] = ()
    """Each with the seconds that pass before it."""
    ends: str = "whole"
    """`whole`, `hangs` or `drops`, as in `Step`."""


@attrs.define
class Failures:
    """How often a flaky step has failed, by its prompt."""

    _counts: dict[str, int] = attrs.field(factory=dict[str, int], init=False)

    def fails(self, asked: Asked, step: Step) -> bool:
        """Tell whether it fails now, and count that."""
        if step.flaky is None:
            return False
        key = repr((asked.wire, asked.entries))
        count = self._counts.get(key, 0)
        self._counts[key] = count + 1
        return count < step.flaky[1]


def reply_to(
    wanted: Route, body: Json, number: int, failures: Failures
) -> tuple[Asked | None, Reply]:
    """Return what was asked, where it was a model, and the answer."""
    match wanted:
        case Generate():
            asked = read_request(wanted.wire, body, model=wanted.model)
            streams = asked.is_streaming or wanted.is_streaming
            asked = attrs.evolve(asked, is_streaming=streams)
            return asked, _generated(asked, number, failures)
        case Count():
            name = "input_tokens" if wanted.wire == "messages" else "totalTokens"
            return None, _json(200, {name: len(as_text(body)) // 4})
        case Models():
            one = {"id": MODEL, "object": "model", "created": 0, "owned_by": "fake"}
            return None, _json(200, {"object": "list", "data": [one], "models": []})
        case Alive():
            return None, _json(200, {"status": "ok"})
        case None:
            return None, _json(404, {"error": {"message": "there is nothing here"}})


def _generated(asked: Asked, number: int, failures: Failures) -> Reply:
    step = next_step(asked.entries)
    step, tools = with_tools(step, asked.tools)
    answer = Answer(
        number=number,
        model=asked.model or MODEL,
        calls=step.calls,
        tools=tools,
        usage=step.usage,
        stop=step.stop,
    )
    writer = _WRITERS[asked.wire](answer)
    status = step.status
    if failures.fails(asked, step):
        assert step.flaky is not None
        status = step.flaky[0]
    if status >= 400:  # noqa: PLR2004 - as HTTP has it
        body = writer.error(status, step.why or "scripted error")
        reply = _json(status, body)
        return attrs.evolve(reply, retry_after=step.retry_after, delay=step.delay)
    if not asked.is_streaming:
        delay = step.delay + sum(piece.after for piece in step.pieces)
        reply = _json(200, writer.whole(step.text))
        return attrs.evolve(reply, delay=delay, ends=step.ends)
    parts = tuple(_stream(step, writer))
    return Reply(is_stream=True, delay=step.delay, parts=parts, ends=step.ends)


def _stream(step: Step, writer: Writer) -> Iterator[tuple[float, bytes]]:
    yield 0.0, writer.begin()
    for piece in step.pieces:
        yield piece.after, writer.text(piece.text)
    if step.ends == "whole":
        yield 0.0, writer.end()


def _json(status: int, body: Json) -> Reply:
    return Reply(status=status, parts=((0.0, as_text(body).encode()),))
