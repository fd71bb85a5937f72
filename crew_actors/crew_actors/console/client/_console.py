# A console, seen from a client: one connection after the other.
#
# 1. One task keeps the connection. When it is lost, it is made again, after a pause that
#    grows; what was subscribed to goes on where it was.
# 2. What only looks is asked again after a loss. What acts is not, once it was sent:
#    nobody can know whether it was done.
# 3. A server that does not know the token is not asked again.
"""A client of a console that lasts longer than its connections."""

import math
import random
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from ssl import SSLContext
from typing import Any, Final, final
from weakref import WeakSet, WeakValueDictionary

import attrs
import trio

from crew_actors.console._scopes import SCOPES
from crew_actors.console._transport import Gone, WebSocket, use_websocket
from crew_actors.console.client._address import Address, read_address
from crew_actors.console.client._errors import (
    AnswerLost,
    ConsoleRefused,
    ConsoleUnreachable,
)
from crew_actors.console.client._link import (
    TURNED_AWAY,
    Answered,
    Link,
    Outcome,
    Refused,
)
from crew_actors.console.client._subscription import Host, Subscription

Json = dict[str, Any]

CONNECT_SECONDS: Final = 10.0
"""Seconds that one attempt to connect may take, with the greeting."""

FIRST_PAUSE: Final = 0.1
"""Seconds before the first attempt after a loss; twice as many after each failure."""

LONGEST_PAUSE: Final = 5.0
"""Seconds between two attempts at most."""


@final
@attrs.define(eq=False)
class Console(Host):
    """A console elsewhere. See `connect_console`."""

    address: Address = attrs.field(repr=False)
    patience: float
    client: str
    lost_why: str | None = attrs.field(default="not connected yet", init=False)
    """Why there is no connection now; None while there is one."""
    _welcome: Json = attrs.field(factory=dict[str, Any], init=False, repr=False)
    _link: Link | None = attrs.field(default=None, init=False, repr=False)
    _over: Exception | None = attrs.field(default=None, init=False)
    """Why there will never be a connection any more."""
    _lost_at: float = attrs.field(default=math.inf, init=False)
    _changed: trio.Event = attrs.field(factory=trio.Event, init=False, repr=False)
    _open: "WeakSet[Subscription]" = attrs.field(
        factory=WeakSet[Subscription], init=False, repr=False
    )
    _names: "WeakValueDictionary[str, Subscription]" = attrs.field(
        factory=WeakValueDictionary[str, Subscription], init=False, repr=False
    )
    _dropped: set[str] = attrs.field(factory=set[str], init=False, repr=False)
    """Subscriptions that the server was told to end, and has not ended yet."""
    _nursery: trio.Nursery = attrs.field(init=False, repr=False)

    @property
    def url(self) -> str:
        """Where it is, without the token."""
        return self.address.url

    @property
    def role(self) -> str:
        """`operator`, or `viewer` who may only look."""
        return str(self._welcome.get("role", ""))

    @property
    def server(self) -> Json:
        """What the server tells of itself: its version, its pid, its project."""
        return dict(self._welcome.get("server", {}))

    @property
    def actions(self) -> Json:
        """The actions that it knows: for each its `summary` and its `role`."""
        return dict(self._welcome.get("actions", {}))

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection at this moment."""
        return self._link is not None

    @property
    def problem(self) -> Exception:
        """What whoever needs a connection now is told."""
        return self._over or ConsoleUnreachable(self.url, str(self.lost_why))

    async def wait_changed(self) -> None:
        """Wait until a connection is lost or made."""
        await self._changed.wait()

    async def call(
        self,
        method: str,
        params: Mapping[str, object] | None = None,
        /,
        *,
        note: Callable[[str], None] | None = None,
        **named: object,
    ) -> Json:
        """Have an action done; return its result, as the command writes it as JSON.

        It takes as long as the action; actions that start a run are answered as soon as
        it is at work. Without a connection, it waits for one, as long as the console has
        patience. Cancelled, it waits no more: what was sent may be done.

        Args:
          method: the name of the action, such as ``"follow-up"``.
          params: its parameters by name, for names that Python does not take.
          note: is given lines for the person, while the action works.
          named: more parameters.

        Raises:
          ConsoleRefused: it was not done; ``kind`` and ``exit_code`` tell more.
          ConsoleUnreachable: it was not sent.
          AnswerLost: it may have been done.
        """
        wanted = {**(params or {}), **named}
        while True:
            link = await self._linked()
            outcome = await _asked(link, method, wanted, note)
            if isinstance(outcome, Answered):
                return outcome.result
            if isinstance(outcome, Refused):
                if outcome.retry_after is None:
                    raise outcome.error
                await trio.sleep(outcome.retry_after)
            elif outcome.was_sent and not self._only_looks(method):
                raise AnswerLost(method)

    def subscribe(
        self,
        scope: str,
        /,
        *,
        run: str | None = None,
        task: str | None = None,
        tail: int | None = None,
        since: int | None = None,
    ) -> Subscription:
        """Watch a scope: iterate over what is returned. Not a checkpoint.

        The states are as the protocol has its snapshots, but for these: ``runs`` and
        ``mailboxes`` are dicts by id and by name, ``events`` holds those that were not
        given yet, each of them once, and ``output`` has the text that is known, up to
        a mebibyte, and ``count``, the characters that it had in all.

        Args:
          scope: one of ``runs``, ``run``, ``events``, ``output``, ``supervisors``,
            ``mailboxes``, ``deadletters``, ``metrics``.
          run: its id, where the scope is of a run.
          task: the id of the task, for ``output``.
          tail: bytes of ``output`` to begin with.
          since: for ``events`` only: the number of the last one that is known.

        Raises:
          ValueError: there is no such scope, or *since* is not for it.
        """
        if scope not in SCOPES:
            raise ValueError(f"there is no scope {scope!r} (there are: {[*SCOPES]})")
        if since is not None and scope != "events":
            raise ValueError("since is for the scope 'events' only")
        named = {"run": run, "task": task, "tail": tail}
        params = {name: value for name, value in named.items() if value is not None}
        made = Subscription(scope, params, self, since)
        self._open.add(made)
        if self._over is not None:
            made.fail(self._over)
        self.open(made)
        return made

    def open(self, subscription: Subscription) -> None:
        """Subscribe, now or when there is a connection."""
        link = self._link
        if link is not None and subscription.is_wanted:
            answered = partial(self._subscribed, subscription)
            link.ask("subscribe", subscription.wanted(), answered)

    def open_later(self, subscription: Subscription, seconds: float) -> None:
        """Subscribe in some time, if there still is this connection."""
        self._later(seconds, partial(self.open, subscription))

    def drop(self, subscription: Subscription) -> None:
        """Unsubscribe, if the server knows of it."""
        name, subscription.name = subscription.name, None
        if name is None:
            return
        self._names.pop(name, None)
        self._unsubscribe(name)

    def _unsubscribe(self, name: str) -> None:
        self._dropped.add(name)

        def done(outcome: Outcome) -> None:
            if isinstance(outcome, Refused) and outcome.retry_after is not None:
                self._later(outcome.retry_after, partial(self._unsubscribe, name))
            else:
                self._dropped.discard(name)

        if self._link is not None:
            self._link.ask("unsubscribe", {"subscription": name}, done)

    def _later(self, seconds: float, do: Callable[[], None]) -> None:
        """Do something in some time, if there still is this connection."""

        async def wait(link: Link | None) -> None:
            await trio.sleep(seconds)
            if link is self._link:
                do()

        self._nursery.start_soon(wait, self._link)

    def _subscribed(self, subscription: Subscription, outcome: Outcome) -> None:
        def register(name: str) -> None:
            self._names[name] = subscription

        subscription.answered(outcome, register)

    def _heard(self, method: str, params: Json) -> None:
        name = str(params.get("subscription"))
        subscription = self._names.get(name)
        if method == "ended":
            self._names.pop(name, None)
            if subscription is not None:
                subscription.ended(str(params.get("why", "")))
        elif method == "update" and subscription is not None:
            subscription.updated(params)
        elif method == "update" and name not in self._dropped:
            self._unsubscribe(name)  # its reader has gone without a word

    def _only_looks(self, method: str) -> bool:
        action: Json = self._welcome.get("actions", {}).get(method, {})
        return action.get("role") == "viewer"

    async def _linked(self) -> Link:
        """Wait for a connection, but not longer than there is patience."""
        with trio.move_on_at(self._lost_at + self.patience):
            while self._link is None and self._over is None:
                await self._changed.wait()
        if self._link is None:
            raise self.problem
        return self._link

    async def keep(self, nursery: trio.Nursery) -> None:
        """Keep a connection, until there can be none any more."""
        self._nursery = nursery
        pause = FIRST_PAUSE
        while self._over is None:
            had = await self._connect()
            if had:
                pause = FIRST_PAUSE
            await trio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - not secret
            pause = min(LONGEST_PAUSE, pause * 2)

    async def _connect(self) -> bool:
        """Connect, and stay so; False if that did not succeed."""
        had = [False]
        stream: trio.SocketStream | trio.SSLStream[trio.SocketStream] | None = None
        try:
            with trio.CancelScope() as limit:
                limit.deadline = trio.current_time() + CONNECT_SECONDS
                stream = await _dial(self.address)
                talk = partial(self._talk, limit, had)
                await use_websocket(stream, self.address.authority, talk)
            self._lose("it took too long")
        except Gone:
            self._lose("the connection was lost" if had[0] else "it hung up")
        except UnicodeError:
            self._lose("that is no name of a host")
        except OSError as error:
            self._lose(error.strerror or str(error))
        except trio.BrokenResourceError as error:
            self._lose(str(error.__cause__ or error) or "the connection broke")
        finally:
            if stream is not None:
                await trio.aclose_forcefully(stream)
        return had[0]

    async def _talk(
        self,
        limit: trio.CancelScope,
        had: list[bool],
        socket: WebSocket,
        nursery: trio.Nursery,
    ) -> None:
        """Greet the server, and hear it until it is gone."""
        link = Link(socket, self._heard)
        try:
            await link.greet(self.address.token, self.client)
            limit.deadline = math.inf
            had[0] = True
            self._gain(link)
            nursery.start_soon(link.write)
            await link.read()
        except Gone:
            code, why = socket.closed_with
            if code in TURNED_AWAY and not had[0]:
                self._end(ConsoleRefused(f"{self.url}: {why}", "TurnedAway", 1, code))
            raise
        finally:
            if self._link is link:
                self._link, self.lost_why = None, "the connection was lost"
                self._lost_at = trio.current_time()
            link.close()

    def _gain(self, link: Link) -> None:
        self._link, self._welcome, self.lost_why = link, link.welcome, None
        self._names.clear()
        self._dropped.clear()
        self._tell()
        for one in list(self._open):
            one.name = None
            self.open(one)

    def _lose(self, why: str) -> None:
        self.lost_why = why
        given_up = trio.current_time() >= self._lost_at + self.patience
        if self._over is None and given_up:
            self._end(ConsoleUnreachable(self.url, why))
        self._tell()

    def _end(self, error: Exception) -> None:
        """Be over: nothing can come any more."""
        self._over = error
        for one in list(self._open):
            one.fail(error)
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


async def _dial(
    address: Address,
) -> trio.SocketStream | trio.SSLStream[trio.SocketStream]:
    """Open a stream to the server."""
    plain = await trio.open_tcp_stream(address.host, address.port)
    if address.tls is None:
        return plain
    stream = trio.SSLStream(
        plain, address.tls, server_hostname=address.host, https_compatible=True
    )
    try:
        await stream.do_handshake()
    except BaseException:  # whatever it was: nobody else would close it
        await trio.aclose_forcefully(plain)
        raise
    return stream


async def _asked(
    link: Link,
    method: str,
    params: Mapping[str, object],
    note: Callable[[str], None] | None,
) -> Outcome:
    """Ask, and wait for what comes of it."""
    known = trio.Event()
    found: list[Outcome] = []

    def done(outcome: Outcome) -> None:
        found.append(outcome)
        known.set()

    number = link.ask(method, params, done, note)
    try:
        await known.wait()
    finally:
        link.forget(number)
    return found[0]


@asynccontextmanager
async def connect_console(
    url: str,
    token: str | None = None,
    *,
    tls: SSLContext | None = None,
    patience: float = math.inf,
    client: str = "crew-actors",
) -> AsyncGenerator[Console]:
    """Connect to the console at *url*, and stay connected within the block.

    A connection that is lost is made again; subscriptions go on where they were. The
    first one is not tried again. The end of the block waits for nothing. An error in
    the block leaves it as it is, in no group.

    Args:
      url: as `crew serve` tells it; it may be the whole link, with its token.
      token: if it is not in *url*.
      tls: what an https server is checked with; what the system trusts, if not given.
      patience: seconds after a loss until the console is given up: then all that waits
        for it, and all that is asked later, fails with `ConsoleUnreachable`.
      client: names the program, for the server.

    Raises:
      BadAddress: *url* is none, or there is no token.
      ConsoleUnreachable: nobody is there.
      ConsoleRefused: the token is not one of this server.
    """
    async with connect(read_address(url, token, tls), patience, client) as console:
        yield console


@asynccontextmanager
async def connect(
    address: Address, patience: float, client: str
) -> AsyncGenerator[Console]:
    """Do what `connect_console` does, where the address is known."""
    console = Console(address, patience, client)
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(console.keep, nursery)
        await console.wait_changed()
        if console.is_connected:
            try:
                yield console
            except Exception as error:  # noqa: BLE001 - is raised below, in no group
                failure = error
        else:
            failure = console.problem
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure
