# One client's conversation. A frame goes in, effects come out.
#
# 1. It does no I/O, reads no clock and never raises on what a client has sent.
# 2. The first frame is `hello` with a token. Until then nothing is granted, and nothing
#    but that the token is wrong is told.
# 3. Every request is answered exactly once, unless the connection ends before.
# 4. What a client can have at the same time is bounded: requests, subscriptions, and
#    requests in a second. What is too much is refused; who goes on is hung up on.
"""The session: what a client may do, and what is done for it."""

import difflib
import math
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias, final

import attrs

from crew_actors.console._frames import (
    FRAME_LIMIT,
    Code,
    Fault,
    Request,
    RequestId,
    error_frame,
    notice_frame,
    parse,
    result_frame,
    subscribed_result,
    write,
)
from crew_actors.console._http import PROTOCOL
from crew_actors.console._scopes import Wish, read_wish
from crew_actors.console._tokens import Role, Tokens

VERSION: Final = PROTOCOL
"""The version of the protocol that is spoken."""

REQUESTS: Final = 16
"""Requests of one client that are at work at the same time."""

SUBSCRIPTIONS: Final = 64
"""Subscriptions of one client."""

RATE: Final = 100
"""Requests of one client in a second; so many at once after a pause."""

PATIENCE: Final = 1000
"""Requests over the rate that are answered before the client is hung up on."""

HELLO_SECONDS: Final = 1.0
"""Seconds in which a client must have shown its token."""

_OWN: Final = ("subscribe", "unsubscribe")  # methods that are no actions
_NAME_LIMIT: Final = 64  # characters of a wrong name that are repeated


MALFORMED: Final = 4400
"""Close code: what came is no frame of the protocol, or the first one no hello."""
WRONG_TOKEN: Final = 4401
"""Close code: the token is not one of this server."""
NO_HELLO: Final = 4408
"""Close code: no hello came in time."""
TOO_BIG: Final = 1009
"""Close code: a frame was larger than is allowed."""
TOO_MUCH: Final = 4429
"""Close code: a flood of requests, or a client that does not read."""
SERVER_ENDS: Final = 4503
"""Close code: the server ends. It may come back."""


@final
@attrs.frozen
class Say:
    """Send a frame."""

    frame: str


@final
@attrs.frozen
class End:
    """Hang up."""

    code: int
    why: str


@final
@attrs.frozen
class Call:
    """Have an action done; then `Session.answer` or `Session.refuse`."""

    id: RequestId
    action: str
    params: Mapping[str, object]


@final
@attrs.frozen
class Subscribe:
    """Open a subscription; then `Session.subscribed` or `Session.refuse`."""

    id: RequestId
    name: str
    wish: Wish


@final
@attrs.frozen
class Drop:
    """End the subscription of this name; nothing more is told of it."""

    name: str


Effect: TypeAlias = Say | End | Call | Subscribe | Drop


@final
@attrs.frozen(kw_only=True)
class Exposed:
    """An action that clients may ask for."""

    summary: str
    role: Role


@final
@attrs.frozen(kw_only=True)
class House:
    """What all sessions of a server share."""

    tokens: Tokens
    server: Mapping[str, object]
    """What a client is told of the server."""
    actions: Mapping[str, Exposed]
    wall_clock: Callable[[], float]
    """Tells the moment in seconds since 1970."""


@final
@attrs.define(eq=False)
class Session:
    """One client's conversation."""

    house: House
    role: Role | None = attrs.field(default=None, init=False)
    """What the client may do; None until it has said hello."""
    _at_work: set[RequestId] = attrs.field(factory=set[RequestId], init=False)
    _opening: int = attrs.field(default=0, init=False)
    _open: set[str] = attrs.field(factory=set[str], init=False)
    _names: int = attrs.field(default=0, init=False)
    _left: float = attrs.field(default=RATE, init=False)
    """Requests that may come at once."""
    _refused: int = attrs.field(default=0, init=False)
    """Requests over the rate since there was room for as many as may come at once."""
    _last: float = attrs.field(default=-math.inf, init=False)

    def receive(self, frame: str | bytes, now: float) -> tuple[Effect, ...]:
        """Take in what the client has sent at *now*, in seconds that only grow."""
        if not isinstance(frame, str):
            return (End(MALFORMED, "binary frames are not understood"),)
        if (
            len(frame) > FRAME_LIMIT
            or len(frame.encode("utf-8", "replace")) > FRAME_LIMIT
        ):
            return (End(TOO_BIG, f"a frame may have {FRAME_LIMIT} bytes"),)
        found = parse(frame)
        if self.role is None:
            return self._greet(found)
        wait = self._wait(now)
        if wait:
            return self._hold_off(found.id, wait)
        if isinstance(found, Fault):
            return (Say(error_frame(found.id, found)),)
        return self._grant(found)

    def answer(self, request: RequestId, result: str) -> Say:
        """Answer a request that was at work with *result*, which is JSON."""
        self._at_work.discard(request)
        return Say(result_frame(request, result))

    def refuse(self, request: RequestId, fault: Fault) -> Say:
        """Tell why a request that was at work was not granted."""
        self._at_work.discard(request)
        return Say(error_frame(request, fault))

    def subscribed(self, wanted: Subscribe, rev: int, snapshot: bytes | None) -> Say:
        """Tell that a subscription is open."""
        self._opening -= 1
        self._open.add(wanted.name)
        result = subscribed_result(wanted.name, rev, snapshot)
        return self.answer(wanted.id, result)

    def not_subscribed(self, wanted: Subscribe, fault: Fault) -> Say:
        """Tell why a subscription could not be opened."""
        self._opening -= 1
        return self.refuse(wanted.id, fault)

    def is_open(self, name: str) -> bool:
        """Tell whether there is a subscription of this name."""
        return name in self._open

    def ended(self, name: str, why: str) -> Say:
        """Tell that nothing more can come of a subscription."""
        self._open.discard(name)
        return Say(notice_frame("ended", {"subscription": name, "why": why}))

    def note(self, request: RequestId, text: str) -> Say:
        """Tell something about a request that is at work."""
        return Say(notice_frame("note", {"request": request, "text": text}))

    def _greet(self, found: Request | Fault) -> tuple[Effect, ...]:
        if isinstance(found, Fault) or found.method != "hello":
            return (End(MALFORMED, "the first frame must be hello"),)
        params = found.params
        role = self.house.tokens.role_of(params.get("token"))
        if role is None:
            return (End(WRONG_TOKEN, "the token is not one of this server"),)
        versions = params.get("versions")
        if not isinstance(versions, list) or VERSION not in versions:
            return (End(MALFORMED, f"this server speaks {VERSION}"),)
        self.role = role
        return (Say(result_frame(found.id, write(self._welcome(role)))),)

    def _welcome(self, role: Role) -> dict[str, object]:
        return {
            "version": VERSION,
            "role": role,
            "server": dict(self.house.server),
            "actions": {
                name: {"summary": one.summary, "role": one.role}
                for name, one in self.house.actions.items()
            },
            "limits": {
                "frame": FRAME_LIMIT,
                "requests": REQUESTS,
                "rate": RATE,
                "subscriptions": SUBSCRIPTIONS,
            },
            "now": self.house.wall_clock(),
        }

    def _wait(self, now: float) -> float:
        """Count a request; return the seconds until it could be granted."""
        self._left = min(RATE, self._left + max(0.0, now - self._last) * RATE)
        self._last = max(self._last, now)
        if self._left >= RATE:
            self._refused = 0
        if self._left < 1:
            self._refused += 1
            return (1 - self._left) / RATE
        self._left -= 1
        return 0.0

    def _hold_off(self, request: RequestId | None, wait: float) -> tuple[Effect, ...]:
        if self._refused > PATIENCE:
            return (End(TOO_MUCH, "too many requests"),)
        return (Say(error_frame(request, _busy(f"more than {RATE} a second", wait))),)

    def _grant(self, request: Request) -> tuple[Effect, ...]:
        if request.id in self._at_work:
            fault = Fault(Code.REQUEST, "a request of this id is at work")
            return (Say(error_frame(request.id, fault)),)
        objection = self._objection(request)
        if objection is not None:
            return (Say(error_frame(request.id, objection)),)
        if request.method == "unsubscribe":
            return self._unsubscribe(request)
        if len(self._at_work) >= REQUESTS:
            fault = _busy(f"{REQUESTS} requests are at work", 1.0)
            return (Say(error_frame(request.id, fault)),)
        if request.method == "subscribe":
            return self._subscribe(request)
        self._at_work.add(request.id)
        return (Call(request.id, request.method, request.params),)

    def _objection(self, request: Request) -> Fault | None:
        """Return what speaks against the method that is asked for."""
        method = request.method
        if method in _OWN:
            return None
        if method == "hello":
            return Fault(Code.REQUEST, "hello was said already")
        action = self.house.actions.get(method)
        if action is None:
            return _no_method(method, (*self.house.actions, *_OWN))
        if action.role == "operator" and self.role != "operator":
            why = f"a {self.role} may look only; {method} needs an operator's token"
            return Fault(Code.ROLE, why)
        return None

    def _subscribe(self, request: Request) -> tuple[Effect, ...]:
        wish = read_wish(request.params)
        if not isinstance(wish, Wish):
            fault = bad_parameters(wish)
            return (Say(error_frame(request.id, fault)),)
        if len(self._open) + self._opening >= SUBSCRIPTIONS:
            fault = _busy(f"{SUBSCRIPTIONS} subscriptions are open", 1.0)
            return (Say(error_frame(request.id, fault)),)
        self._names += 1
        self._opening += 1
        self._at_work.add(request.id)
        return (Subscribe(request.id, f"s{self._names}", wish),)

    def _unsubscribe(self, request: Request) -> tuple[Effect, ...]:
        name = request.params.get("subscription")
        if not isinstance(name, str) or name not in self._open:
            fault = bad_parameters(("subscription: there is none of this name",))
            return (Say(error_frame(request.id, fault)),)
        self._open.discard(name)
        return (Drop(name), Say(result_frame(request.id, "{}")))


def bad_parameters(problems: tuple[str, ...]) -> Fault:
    """Say that parameters cannot be understood."""
    return Fault(Code.PARAMETERS, "\n".join(problems), {"problems": list(problems)})


def _busy(why: str, wait: float) -> Fault:
    return Fault(Code.BUSY, f"too many: {why}", {"retry_after": round(wait, 3)})


def _no_method(method: str, known: tuple[str, ...]) -> Fault:
    name = method[:_NAME_LIMIT]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return Fault(Code.METHOD, f"there is no method {name!r}{hint}")
