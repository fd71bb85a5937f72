# A subscription: what is known, and whether its reader has seen that.
#
# 1. Nothing is queued: a slow reader sees fewer states, each of them the newest. Events
#    are the exception, for none of them may be missed: when too many wait, the server is
#    told to stop, and asked for the rest when they have been read.
# 2. After a connection was lost, it goes on from the revision that is known; so it does
#    where an update does not fit.
"""What a client is subscribed to."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, Protocol, Self, final

import attrs
import trio

from crew_actors.console.client._errors import ConsoleRefused
from crew_actors.console.client._link import Answered, Lost, Outcome, Refused
from crew_actors.console.client._states import changed, opened

Json = dict[str, Any]

WAITING: Final = 4096
"""Events that may wait for their reader."""


class Host(Protocol):
    """What a subscription needs of its console."""

    def open(self, subscription: "Subscription") -> None:
        """Subscribe, now or when there is a connection."""
        ...

    def open_later(self, subscription: "Subscription", seconds: float) -> None:
        """Subscribe in some time."""
        ...

    def drop(self, subscription: "Subscription") -> None:
        """Unsubscribe, if the server knows of it."""
        ...


@final
@attrs.define(eq=False)
class Subscription:
    """The states of one scope, as they become known.

    Iterate over it, in one task: each step waits for a state that is newer than the last
    one, and gives it. Cancelled while waiting, it loses nothing. A state is never changed
    once it was given. The iteration ends when nothing more can come; `why` tells the
    reason then.

    ``close`` it, or use it in a ``with`` block, to end it earlier.
    """

    scope: str
    params: Mapping[str, object]
    _host: Host = attrs.field(alias="host", repr=False)
    rev: int | None = None
    """The revision of the newest state that is known."""
    why: str | None = attrs.field(default=None, init=False)
    """Why nothing more can come, if so."""
    name: str | None = attrs.field(default=None, init=False)
    """What the server calls it; None while it knows of none."""
    is_open: bool = attrs.field(default=True, init=False)
    _state: Json | None = attrs.field(default=None, init=False, repr=False)
    _is_new: bool = attrs.field(default=False, init=False)
    _is_held: bool = attrs.field(default=False, init=False)
    """Whether the server was told to stop until all was read."""
    _seq: int = attrs.field(default=0, init=False)
    """The number of the newest event that is known, if it is about events."""
    _error: Exception | None = attrs.field(default=None, init=False)
    _woken: trio.Event = attrs.field(factory=trio.Event, init=False, repr=False)
    _is_read: bool = attrs.field(default=False, init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __attrs_post_init__(self) -> None:
        self._seq = self.rev or 0

    def close(self) -> None:
        """Watch no more. Not a checkpoint; whoever waits for a state is done."""
        if self.is_open:
            self.is_open = False
            self._host.drop(self)
            self._wake()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Json:
        """Wait for a newer state.

        Raises:
          ConsoleRefused: there is nothing of that kind to see, or the server says what
            is not understood.
          ConsoleUnreachable: the console was given up.
          RuntimeError: another task waits here.
        """
        if self._is_read:
            msg = "a subscription is read by one task at a time"
            raise RuntimeError(msg)
        self._is_read = True
        try:
            await trio.lowlevel.checkpoint()
            while not self._is_new:
                if self._error is not None:
                    raise self._error
                if not self.is_open or self.why is not None:
                    raise StopAsyncIteration
                self._woken = trio.Event()
                await self._woken.wait()
        finally:
            self._is_read = False
        return self._take()

    def _take(self) -> Json:
        state = self._state
        assert state is not None
        self._is_new = False
        if self.scope == "events":
            self._state = {"events": []}
            if self._is_held:
                self._is_held = False
                self._host.open(self)
        return state

    def wanted(self) -> dict[str, object]:
        """Return the parameters to subscribe with."""
        known = self.rev
        if self.scope == "events":
            known = self._seq or known
        since = {} if known is None else {"since": known}
        return {"scope": self.scope, **self.params, **since}

    @property
    def is_wanted(self) -> bool:
        """Whether the server should know of it."""
        ended = self.why is not None or self._error is not None
        return self.is_open and not ended and not self._is_held

    def answered(self, outcome: Outcome, register: Callable[[str], None]) -> None:
        """Take in what came of subscribing."""
        if isinstance(outcome, Lost):
            return  # it is done again with the next connection
        if isinstance(outcome, Refused):
            if outcome.retry_after is not None:
                self._host.open_later(self, outcome.retry_after)
            else:
                self.fail(outcome.error)
            return
        with self._understood():
            self._begin(outcome, register)

    @contextmanager
    def _understood(self) -> Generator[None]:
        """End it, where what a server says has not the form that it should have."""
        try:
            yield
        except (LookupError, TypeError, ValueError, OverflowError, AttributeError):
            self._host.drop(self)
            self.fail(ConsoleRefused(f"{self.scope}: the news are not understood"))

    def _begin(self, outcome: Answered, register: Callable[[str], None]) -> None:
        result = outcome.result
        self.name = str(result["subscription"])
        register(self.name)
        if not self.is_open:
            self._host.drop(self)
            return
        self.rev = int(result["rev"])
        if "snapshot" in result:
            fresh = opened(self.scope, result["snapshot"], self._state)
            self._show(self._more(fresh) if self.scope == "events" else fresh)
        elif self._state is None:  # of events only: there are none yet
            self._state = {"events": []}

    def updated(self, params: Json) -> None:
        """Take in what is newer."""
        if params.get("base") != self.rev or self._state is None:
            self._host.drop(self)
            self._host.open(self)
            return
        with self._understood():
            self._change(self._state, params["changes"])
            self.rev = int(params["rev"])

    def _change(self, state: Json, changes: Json) -> None:
        if self.scope == "events":
            self._show(self._more(changes))
        else:
            self._show(changed(self.scope, state, changes))

    def _more(self, news: Json) -> Json:
        """Put events behind those that wait; none comes twice, whatever is sent."""
        events = [*(self._state or {"events": ()})["events"]]
        for one in news["events"]:
            if one["seq"] > self._seq:
                events.append(one)
                self._seq = one["seq"]
        return {"events": events}

    def _show(self, state: Json) -> None:
        self._state = state
        self._is_new = self.scope != "events" or bool(state["events"])
        if self.scope == "events" and len(state["events"]) >= WAITING:
            self._is_held = True
            self._host.drop(self)
        self._wake()

    def ended(self, why: str) -> None:
        """Take in that nothing more can come."""
        self.why = why
        self.name = None
        self._wake()

    def fail(self, error: Exception) -> None:
        """Have whoever waits be told of *error*."""
        self._error = error
        self._wake()

    def _wake(self) -> None:
        self._woken.set()
