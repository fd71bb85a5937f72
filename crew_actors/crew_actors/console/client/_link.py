# One connection: what was asked, and what came for it.
#
# 1. A frame is written by one task: whoever stops waiting for an answer breaks nothing.
# 2. What was asked ends in one of three ways: it is answered, refused, or lost with the
#    connection. What had not been sent by then, was not done.
# 3. Whatever comes that is not understood is left aside: a newer server may say more.
"""One connection to a console."""

import json
import math
from collections.abc import Callable, Mapping
from itertools import count
from types import MappingProxyType
from typing import Any, Final, cast, final

import attrs
import trio

from crew_actors.console._frames import FRAME_LIMIT
from crew_actors.console._http import PROTOCOL
from crew_actors.console._transport import Gone, WebSocket
from crew_actors.console.client._errors import ConsoleRefused

Json = dict[str, Any]

SILENCE: Final = 50.0
"""Seconds without a word after which a server is gone: it pings each 20."""

TURNED_AWAY: Final = frozenset({4400, 4401})
"""Close codes of a server that will say the same the next time."""

_NAME: Final = 60  # characters of a method that are repeated


@final
@attrs.frozen
class Answered:
    """It was done."""

    result: Json


@final
@attrs.frozen
class Refused:
    """It was not done."""

    error: ConsoleRefused
    retry_after: float | None = None
    """Seconds after which it may be asked again, if that is all there is to it."""


@final
@attrs.frozen
class Lost:
    """The connection is gone."""

    was_sent: bool


Outcome = Answered | Refused | Lost


@final
@attrs.define(eq=False)
class Asked:
    """Something that waits for its answer."""

    frame: str
    done: Callable[[Outcome], None]
    note: Callable[[str], None] | None = None
    was_sent: bool = False


@final
@attrs.define(eq=False)
class Link:
    """A connection that has been greeted."""

    socket: WebSocket
    heard: Callable[[str, Json], None]
    """Takes in the notices of subscriptions."""
    welcome: Json = attrs.field(factory=dict[str, Any], init=False)
    _asked: dict[int, Asked] = attrs.field(factory=dict[int, Asked], init=False)
    _numbers: "count[int]" = attrs.field(factory=lambda: count(1), init=False)
    _to_send: trio.MemorySendChannel[int] = attrs.field(init=False)
    _to_write: trio.MemoryReceiveChannel[int] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        # Bounded by what is asked: each number in it stands for something in `_asked`.
        self._to_send, self._to_write = trio.open_memory_channel[int](math.inf)

    def ask(
        self,
        method: str,
        params: Mapping[str, object],
        done: Callable[[Outcome], None],
        note: Callable[[str], None] | None = None,
    ) -> int:
        """Ask for *method*; *done* is called once, when it is known what came of it.

        What the server could not read is refused here and now, before it is sent.

        Raises:
          TypeError: *params* have no form in JSON.
          ValueError: as above.
        """
        number = next(self._numbers)
        frame = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        text = json.dumps(
            frame, allow_nan=False, ensure_ascii=False, separators=(",", ":")
        )
        problem = _objection(text)
        if problem is None:
            self._asked[number] = Asked(text, done, note)
            self._to_send.send_nowait(number)
        else:
            done(Refused(ConsoleRefused(f"{method[:_NAME]}: {problem}", "", 2)))
        return number

    def forget(self, number: int) -> None:
        """Wait no more; if it was not sent, it will not be."""
        self._asked.pop(number, None)

    def close(self) -> None:
        """Have all that is asked end as lost."""
        asked, self._asked = self._asked, {}
        self._to_send.close()
        for one in asked.values():
            one.done(Lost(one.was_sent))

    async def greet(self, token: str, client: str) -> None:
        """Say hello.

        Raises:
          Gone: the server hung up.
        """
        params = {"token": token, "versions": [PROTOCOL], "client": client}
        frame = {"jsonrpc": "2.0", "id": 0, "method": "hello", "params": params}
        await self.socket.send(json.dumps(frame))
        answer = _read(await self.socket.receive())
        result = answer.get("result")
        if answer.get("id") != 0 or not isinstance(result, dict):
            raise Gone
        self.welcome = cast("Json", result)

    async def write(self) -> None:
        """Send what is asked, one by one, until the connection ends."""
        async for number in self._to_write:
            asked = self._asked.get(number)
            if asked is not None:
                asked.was_sent = True
                await self.socket.send(asked.frame)

    async def read(self) -> None:
        """Take in frames until the connection ends.

        Raises:
          Gone: it has.
        """
        while True:
            frame: str | bytes | None = None
            with trio.move_on_at(self.socket.last_heard + SILENCE):
                frame = await self.socket.receive()
            if frame is not None:
                self._take(_read(frame))
            elif trio.current_time() >= self.socket.last_heard + SILENCE:
                raise Gone

    def _take(self, frame: Json) -> None:
        params = frame.get("params")
        method = frame.get("method")
        if method == "note" and isinstance(params, dict):
            asked = self._asked.get(cast("Json", params).get("request", -1))
            if asked is not None and asked.note is not None:
                asked.note(str(cast("Json", params).get("text", "")))
        elif isinstance(method, str) and isinstance(params, dict):
            self.heard(method, cast("Json", params))
        else:
            number = frame.get("id")
            asked = self._asked.pop(number, None) if isinstance(number, int) else None
            if asked is not None:
                asked.done(_outcome(frame))


def _objection(frame: str) -> str | None:
    """Tell why no server can read *frame*, if so."""
    try:
        size = len(frame.encode("utf-8"))
    except UnicodeEncodeError:
        return "what is no text in UTF-8 cannot be sent"
    if size > FRAME_LIMIT:
        return f"it takes {size} bytes; a frame may have {FRAME_LIMIT} bytes"
    return None


def _read(frame: str | bytes) -> Json:
    try:
        found: object = json.loads(frame)
    except (ValueError, RecursionError):
        return {}
    return cast("Json", found) if isinstance(found, dict) else {}


def _outcome(frame: Json) -> Outcome:
    result = frame.get("result")
    if isinstance(result, dict):
        return Answered(cast("Json", result))
    said = _object(frame.get("error"))
    data = _object(said.get("data"))
    code, retry, problems = (
        said.get("code"),
        data.get("retry_after"),
        data.get("problems"),
    )
    refused = ConsoleRefused(
        str(said.get("message", "the console gave no answer that is understood")),
        str(data.get("kind", "")),
        _exit_code(code, data),
        code if isinstance(code, int) else 0,
        tuple(map(str, cast("list[object]", problems)))
        if isinstance(problems, list)
        else (),
    )
    wait = max(0.0, float(retry)) if isinstance(retry, int | float) else None
    return Refused(refused, wait)


def _object(found: object) -> Json:
    return cast("Json", found) if isinstance(found, dict) else {}


_EXIT_CODES: Final[Mapping[object, int]] = MappingProxyType({-32602: 2, -32603: 70})
"""Of bad parameters, and of a defect: a server tells none for them."""


def _exit_code(code: object, data: Json) -> int:
    """Tell what a command exits with that was refused so."""
    told = data.get("exit_code")
    if isinstance(told, int):
        return told
    return _EXIT_CODES.get(code, 1) if isinstance(code, int) else 1
