# One client: its socket, its session and what goes on for it.
#
# 1. The session decides; here its effects are carried out. Everything that goes on for
#    a client is in one nursery, and ends with the connection.
# 2. Nothing is queued for a client. A subscription waits for the newest that its client
#    does not have, sends it, and only then looks again: who reads slowly gets fewer and
#    larger updates. An answer waits until the frame before it has been taken.
# 3. A frame that is not taken in `SEND_SECONDS` ends the connection. So does a ping that
#    is not answered before the next one is due.
"""The life of a connection."""

import logging
import math
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from typing import Final, Protocol, cast, final

import attrs
import trio

from crew_actors.commands import BadParameters
from crew_actors.console._counts import Counts
from crew_actors.console._frames import Code, Fault, update_frame
from crew_actors.console._pulse import Pulse
from crew_actors.console._scopes import Scope
from crew_actors.console._session import (
    HELLO_SECONDS,
    NO_HELLO,
    SERVER_ENDS,
    TOO_MUCH,
    WRONG_TOKEN,
    Call,
    Drop,
    Effect,
    End,
    Say,
    Session,
    Subscribe,
    bad_parameters,
)
from crew_actors.console._transport import Gone, Socket
from crew_actors.console.feeds import FeedEnded
from crew_actors.errors import UserError

_log = logging.getLogger("crew_actors.console")

SEND_SECONDS: Final = 30.0
"""Seconds that a client may leave a frame untaken."""

Note = Callable[[str], Awaitable[None]]
"""Takes in a line for whoever has asked."""


class Cursor(Protocol):
    """What is newer than a client knows. See `feeds.Cursor`."""

    rev: int
    snapshot: bytes | None

    async def next(self) -> bytes:
        """Wait for it."""
        ...

    def close(self) -> None:
        """Look no more."""
        ...


@final
@attrs.frozen(kw_only=True)
class Services:
    """What a server can do for its clients."""

    carry_out: Callable[[str, Mapping[str, object], Note], Awaitable[str]]
    """Does an action; gives its result as JSON. Raises `UserError`."""
    subscribe: Callable[[Scope, int | None], Awaitable[Cursor]]
    """Opens a cursor. Raises `UserError`."""
    counts: Counts
    pulse: Pulse


def _unheeded() -> None:
    """Nobody wants to know."""


@final
@attrs.define(eq=False)
class Connection:
    """Talks to one client until one of both hangs up."""

    session: Session
    services: Services
    let_in: Callable[[], object] = _unheeded
    """Is told that the hello was a good one."""
    _socket: Socket = attrs.field(init=False)
    _nursery: trio.Nursery = attrs.field(init=False)
    _pumps: dict[str, trio.CancelScope] = attrs.field(
        factory=dict[str, trio.CancelScope], init=False
    )
    """What waits for news of a subscription."""
    _asked: float = attrs.field(default=-math.inf, init=False)
    """When it was asked whether it is there."""
    _has_ended: bool = attrs.field(default=False, init=False)
    _last_word: End = attrs.field(
        default=End(SERVER_ENDS, "the server ends"), init=False
    )
    """What the client is told if this is cancelled."""

    async def talk(self, socket: Socket, nursery: trio.Nursery) -> None:
        """Serve the client behind *socket*. What goes on for it is in *nursery*.

        If cancelled, the client is told why; that takes up to `CLOSE_SECONDS`.

        Raises:
          Gone: the client has hung up.
        """
        self._socket, self._nursery = socket, nursery
        counts = self.services.counts
        try:
            if await self._greet():
                self.let_in()
                counts.clients += 1
                try:
                    await self._hear()
                finally:
                    counts.clients -= 1
                    self._has_ended = True
        except trio.Cancelled:
            last = self._last_word
            with trio.CancelScope(shield=True):  # bound: CLOSE_SECONDS
                await socket.close(last.code, last.why, wait=False)
            raise

    async def _greet(self) -> bool:
        """Wait for the hello; tell whether it was a good one."""
        frame: str | bytes | None = None
        with trio.move_on_after(HELLO_SECONDS):
            frame = await self._socket.receive()
        if frame is None:
            self.services.counts.turned_away += 1
            await self._socket.close(NO_HELLO, "no hello came in time")
            return False
        return await self._take(frame)

    async def _hear(self) -> None:
        """Take in frames until the connection ends."""
        self.services.pulse.add(self)
        while await self._take(await self._socket.receive()):
            pass

    async def look(self) -> bool:
        """Ask whether the client is there; give it up if nothing came since the last time.

        Returns False if the connection has ended.
        """
        if self._has_ended:
            return False
        if self._socket.last_heard < self._asked:
            self.services.counts.silent += 1
            self._give_up("no answer to a ping")
            return False
        self._asked = trio.current_time()
        await self._in_time(self._socket.ping)
        return not self._has_ended

    async def _take(self, frame: str | bytes) -> bool:
        """Do what a frame asks for; False if that ends the connection."""
        self.services.counts.frames_in += 1
        for effect in self.session.receive(frame, trio.current_time()):
            if isinstance(effect, End):
                self._note_end(effect)
                await self._socket.close(effect.code, effect.why)
                return False
            await self._do(effect)
        return True

    def _note_end(self, end: End) -> None:
        counts = self.services.counts
        if end.code == TOO_MUCH:
            counts.floods += 1
        elif end.code == WRONG_TOKEN or self.session.role is None:
            counts.turned_away += 1

    async def _do(self, effect: Effect) -> None:
        match effect:
            case Say():
                await self._say(effect)
            case Call():
                self._nursery.start_soon(self._call, effect)
            case Subscribe():
                self._nursery.start_soon(self._subscribe, effect)
            case Drop():
                self._pumps[effect.name].cancel()
            case End():
                raise AssertionError(effect)

    async def _say(self, say: Say) -> None:
        """Send a frame. Ends the connection if the client does not take it."""
        counts = self.services.counts
        counts.frames_out += 1
        counts.bytes_out += len(say.frame)
        await self._in_time(self._socket.send, say.frame)

    async def _in_time(self, send: Callable[..., Awaitable[None]], *args: str) -> None:
        """Have something sent, and give up the client if it is not taken in time."""
        with trio.move_on_after(SEND_SECONDS):
            with suppress(Gone):  # whoever hears will find out
                await send(*args)
            return
        if not self._has_ended:
            self.services.counts.stuck += 1
            self._give_up("a frame was not taken")

    def _give_up(self, why: str) -> None:
        """End the connection to a client that most likely hears nothing any more."""
        self._has_ended = True
        self._last_word = End(TOO_MUCH, why)
        self._nursery.cancel_scope.cancel()

    async def _call(self, call: Call) -> None:
        async def note(text: str) -> None:
            await self._say(self.session.note(call.id, text))

        self.services.counts.actions += 1
        try:
            result = await self.services.carry_out(call.action, call.params, note)
        except Exception as error:  # noqa: BLE001 - each is told to the client, and defects to the log
            say = self.session.refuse(call.id, fault_of(error, call.action))
        else:
            say = self.session.answer(call.id, result)
        await self._say(say)

    async def _subscribe(self, wanted: Subscribe) -> None:
        wish = wanted.wish
        try:
            cursor = await self.services.subscribe(wish.scope, wish.since)
        except Exception as error:  # noqa: BLE001 - as in `_call`
            fault = fault_of(error, f"subscribe to {wish.scope.kind}")
            await self._say(self.session.not_subscribed(wanted, fault))
            return
        try:
            await self._pump(wanted, cursor)
        finally:
            cursor.close()

    async def _pump(self, wanted: Subscribe, cursor: Cursor) -> None:
        """Tell what is newer, again and again, until that is not wanted any more."""
        name = wanted.name
        self._pumps[name] = trio.CancelScope()
        try:
            rev, snapshot = cursor.rev, cursor.snapshot
            await self._say(self.session.subscribed(wanted, rev, snapshot))
            while self.session.is_open(name):
                body: bytes | None = None
                with self._pumps[name]:
                    body = await cursor.next()
                self._pumps[name] = trio.CancelScope()
                if body is not None and self.session.is_open(name):
                    self.services.counts.updates += 1
                    await self._say(Say(update_frame(name, body)))
        except FeedEnded as ended:
            if self.session.is_open(name):
                await self._say(self.session.ended(name, ended.why))
        finally:
            del self._pumps[name]


def fault_of(error: Exception, what: str) -> Fault:
    """Tell a client of *error*; what it cannot mend, only the log."""
    if isinstance(error, ExceptionGroup):
        return fault_of(_first(cast("ExceptionGroup[Exception]", error)), what)
    if isinstance(error, BadParameters):
        return bad_parameters(error.problems)
    if isinstance(error, FeedEnded):
        return Fault(Code.REFUSED, error.why, {"kind": "FeedEnded", "exit_code": 1})
    if isinstance(error, UserError):
        kind = getattr(error, "kind", type(error).__name__)
        data = {"kind": kind, "exit_code": error.exit_code}
        return Fault(Code.REFUSED, str(error), data)
    _log.error("%s failed", what, exc_info=error)
    if isinstance(error, OSError) and error.strerror:  # as of a disk that is full
        of = f"{error.filename}: " if isinstance(error.filename, str) else ""
        data = {"kind": "OSError", "exit_code": 1}
        return Fault(Code.REFUSED, f"{of}{error.strerror}", data)
    return Fault(Code.DEFECT, "internal error; the log of the server tells more")


def _first(group: "ExceptionGroup[Exception]") -> Exception:
    """Return the error that matters: a defect, if there is one among them."""
    leaves = list(_leaves(group))
    defects = (one for one in leaves if not isinstance(one, UserError | OSError))
    return next(defects, leaves[0])


def _leaves(error: Exception) -> Iterator[Exception]:
    if isinstance(error, ExceptionGroup):
        group = cast("ExceptionGroup[Exception]", error)
        for one in group.exceptions:
            yield from _leaves(one)
    else:
        yield error
