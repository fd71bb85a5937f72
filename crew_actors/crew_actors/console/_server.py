# The console of a crew: one port, and a tree of supervised children.
#
#   console      feeds         what can be watched
#                works         what clients have started and goes on
#                connections   one child for each connection
#                pulse         asks clients whether they are there
#                listener      takes connections in
#
# 1. They start in this order, and stop in the opposite one. A connection that fails is
#    logged and gone; nobody else is touched.
# 2. Nothing is trusted before its hello: a head has a few seconds, a hello one, and
#    whoever says nothing costs a socket for that time. Strangers in any number keep
#    nobody out who says hello at once.
# 3. No token is ever in what is logged: paths and heads are not logged at all.
"""Serve the console of a crew."""

import logging
import os
import ssl
import time
from collections.abc import Iterator
from functools import partial
from itertools import count
from typing import Final, cast, final

import attrs
import trio

from crew_actors._version import __version__
from crew_actors.commands import Context
from crew_actors.console._actions import WORKS, Actions, exposed
from crew_actors.console._connection import Connection, Services
from crew_actors.console._counts import Counts, exposition
from crew_actors.console._http import (
    HEAD_SECONDS,
    Head,
    HeadReader,
    Reply,
    Site,
    Upgrade,
    Wanted,
    decide,
    write_reply,
)
from crew_actors.console._listening import names_of, open_listeners, port_of
from crew_actors.console._pages import load_pages
from crew_actors.console._pulse import Pulse
from crew_actors.console._schema import schema_text
from crew_actors.console._session import House, Session
from crew_actors.console._tokens import Tokens
from crew_actors.console._transport import serve_websocket
from crew_actors.console.feeds import Feeds
from crew_actors.runs import Crew
from crew_supervisors import (
    FOREVER,
    KILL,
    ChildSpec,
    OnFailure,
    Supervisor,
    SupervisorOptions,
    TooManyChildren,
    open_supervisor,
    supervise,
)

_log = logging.getLogger("crew_actors.console")

CONNECTIONS: Final = 2048
"""Connections at the same time. More are closed at once."""

STRANGERS: Final = 1024
"""Those of them that have not said hello. Of more, the one that came first is closed."""

REPLY_SECONDS: Final = 30.0
"""Seconds that sending a reply may take."""

LINGER_SECONDS: Final = 1.0
"""Seconds in which what a client still sends is read away, so that it gets our answer."""

ACCEPT_PAUSE: Final = 0.1
"""Seconds to wait when a connection cannot be taken, as in `trio.serve_listeners`."""

_LINGER_BYTES: Final = 1 << 20
_READ: Final = 4096
_RESTARTS: Final = 10  # of a child of the console, in a minute

Stream = trio.SocketStream | trio.SSLStream[trio.SocketStream]


@final
@attrs.frozen(kw_only=True)
class ConsoleAddress:
    """Where a console is, and how to get in."""

    url: str
    """Of the page, without a token."""
    port: int
    tokens: Tokens

    def link(self, token: str) -> str:
        """Return what to open in a browser: it sends a fragment to nobody."""
        return f"{self.url}#{token}"


@final
@attrs.define(eq=False)
class _Server:
    """What the connections of one console share."""

    site: Site
    house: House
    services: Services
    feeds: Feeds
    tls: ssl.SSLContext | None
    _schema: str | None = attrs.field(default=None, init=False)
    _strangers: dict[int, trio.CancelScope] = attrs.field(
        factory=dict[int, trio.CancelScope], init=False
    )
    """How to get rid of each, by numbers that grow."""
    _numbers: Iterator[int] = attrs.field(factory=count, init=False)

    async def meet(self, stream: trio.SocketStream) -> None:
        """Serve one connection until it ends."""
        counts = self.services.counts
        counts.connections += 1
        number = next(self._numbers)
        try:
            with self._make_room(number):
                await self._serve(self._secured(stream), number)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return  # the client has gone, which is its right
        finally:
            counts.connections -= 1
            self._strangers.pop(number, None)
            await trio.aclose_forcefully(stream)

    def _make_room(self, number: int) -> trio.CancelScope:
        """Take in a stranger, if need be for the one that has waited longest."""
        if len(self._strangers) >= STRANGERS:
            self.services.counts.crowded_out += 1
            self._strangers.pop(next(iter(self._strangers))).cancel()
        scope = self._strangers[number] = trio.CancelScope()
        return scope

    def _secured(self, stream: trio.SocketStream) -> Stream:
        if self.tls is None:
            return stream
        return trio.SSLStream(stream, self.tls, server_side=True, https_compatible=True)

    async def _serve(self, stream: Stream, number: int) -> None:
        reader = HeadReader()
        found: Head | Reply | None = None
        with trio.move_on_after(HEAD_SECONDS):
            while found is None:
                data = await stream.receive_some(_READ)
                found = reader.feed(bytes(data))
        if found is None:
            return  # too slow to be told
        decision = decide(found, self.site) if isinstance(found, Head) else found
        if isinstance(decision, Upgrade):
            session = Session(self.house)
            let_in = partial(self._strangers.pop, number, None)
            connection = Connection(session, self.services, let_in)
            await serve_websocket(stream, decision, reader.rest, connection.talk)
        else:
            head = found if isinstance(found, Head) else None
            await self._reply(stream, decision, head)
        await _linger(stream)

    async def _reply(
        self, stream: Stream, decision: Reply | Wanted, head: Head | None
    ) -> None:
        reply = decision
        if isinstance(reply, Wanted):
            reply = await self._made(reply.path)
        self.services.counts.replies += 1
        with trio.move_on_after(REPLY_SECONDS):
            await stream.send_all(write_reply(reply, head, self.site))

    async def _made(self, path: str) -> Reply:
        """Make what is not at hand."""
        if path == "/metrics":
            text = exposition(self.feeds.samples())
            kind = "text/plain; version=0.0.4; charset=utf-8"
            return Reply(200, kind, text.encode())
        if self._schema is None:
            self._schema = await trio.to_thread.run_sync(schema_text)
        return Reply(200, "application/schema+json", self._schema.encode())


async def _linger(stream: Stream) -> None:
    """End our half, and read what still comes: else a reset could eat our answer."""
    raw = stream.transport_stream if isinstance(stream, trio.SSLStream) else stream
    left = _LINGER_BYTES
    with trio.move_on_after(LINGER_SECONDS):
        await raw.send_eof()
        while left > 0:
            data = await raw.receive_some(_READ)
            if not data:
                return
            left -= len(data)


async def serve_console(
    crew: Crew,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: ssl.SSLContext | None = None,
    insecure: bool = False,
    hosts: tuple[str, ...] = (),
    tokens: Tokens | None = None,
    context: Context | None = None,
    task_status: trio.TaskStatus[ConsoleAddress] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve the console of *crew* until cancelled.

    For ``address = await nursery.start(serve_console, crew)``. When cancelled, clients
    are told that the server ends; runs that clients have started go on in the crew. It
    takes at most 5 seconds.

    Args:
      crew: the crew whose project is shown, and that runs are started in.
      host: the address to listen on.
      port: 0 takes one that is free.
      tls: encrypts; without it, *host* must be a loopback address, unless *insecure*.
      insecure: other machines may reach it unencrypted.
      hosts: names besides that of *host* under which it is reached.
      tokens: those that are asked for; fresh ones, if not given.
      context: where actions act; that of the crew, as this process sees it, if not given.
      task_status: is told the address when clients can come.

    Raises:
      NotLoopback: nothing was started.
      CannotListen: nothing was started.
      ExceptionGroup: a part of it failed again and again, which is a defect.
    """
    listeners = await open_listeners(host, port, is_safe=tls is not None or insecure)
    try:
        site = Site(
            tokens=Tokens() if tokens is None else tokens,
            pages=await trio.to_thread.run_sync(load_pages),
            names=names_of(host, hosts),
            is_secure=tls is not None,
        )
        port = port_of(listeners[0])
        address = ConsoleAddress(
            url=_url(host, port, is_secure=site.is_secure),
            port=port,
            tokens=site.tokens,
        )
        where = _context_of(crew) if context is None else context
        where = attrs.evolve(where, crew=crew)
        async with open_supervisor(
            name="console", max_restarts=_RESTARTS, within=60.0
        ) as console:
            connections, server = await _start(console, crew, where, site, tls)
            listen = partial(_listen, listeners, connections, server)
            await console.start(ChildSpec("listener", listen, stop=KILL))
            task_status.started(address)
            await trio.sleep_forever()
    finally:
        for one in listeners:
            await trio.aclose_forcefully(one)


async def _start(
    console: Supervisor,
    crew: Crew,
    context: Context,
    site: Site,
    tls: ssl.SSLContext | None,
) -> tuple[Supervisor, _Server]:
    """Start all that a connection needs."""
    counts = Counts()
    feeds = Feeds(crew, tree=console.tree, own=counts.samples)
    await console.start(ChildSpec("feeds", feeds.serve))
    works = await _many(console, "works", WORKS)
    connections = await _many(console, "connections", CONNECTIONS)
    pulse = Pulse()
    await console.start(ChildSpec("pulse", pulse.run, stop=KILL))
    services = Services(
        carry_out=Actions(context, works).carry_out,
        subscribe=feeds.subscribe,
        counts=counts,
        pulse=pulse,
    )
    house = House(
        tokens=site.tokens,
        server={
            "version": __version__,
            "pid": os.getpid(),
            "project": str(crew.project.root),
            "started_at": context.now(),
        },
        actions=exposed(),
        wall_clock=context.now,
    )
    return connections, _Server(site, house, services, feeds, tls)


async def _many(console: Supervisor, name: str, most: int) -> Supervisor:
    """Start a supervisor of children that come and go. That it fails ends the console."""
    options = SupervisorOptions(name=name, strategy="dynamic", max_children=most)
    rule = OnFailure(Exception, "escalate")
    spec = ChildSpec(name, supervise, ((), options), stop=FOREVER, on_failure=(rule,))
    return cast("Supervisor", await console.start(spec))


async def _listen(
    listeners: list[trio.SocketListener], connections: Supervisor, server: _Server
) -> None:
    """Take in connections, each as a child of its own."""
    async with trio.open_nursery() as nursery:
        for listener in listeners:
            nursery.start_soon(_accept, listener, connections, server)


async def _accept(
    listener: trio.SocketListener,
    connections: Supervisor,
    server: _Server,
) -> None:
    counts = server.services.counts
    while True:
        try:
            stream = await listener.accept()
        except OSError:
            # No descriptor is free, most likely: others may free some.
            await trio.sleep(ACCEPT_PAUSE)
            continue
        counts.accepted += 1
        name = f"connection-{counts.accepted}"
        spec = ChildSpec(name, server.meet, (stream,), "temporary", KILL)
        try:
            await connections.start(spec)
        except TooManyChildren:
            counts.crowded_out += 1
            await trio.aclose_forcefully(stream)


def _context_of(crew: Crew) -> Context:
    return Context(
        project=crew.project,
        places=crew.places,
        environ=dict(os.environ),
        now=time.time,
    )


def _url(host: str, port: int, *, is_secure: bool) -> str:
    name = f"[{host}]" if ":" in host else host
    if host in {"", "0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        name = "127.0.0.1"  # all addresses: this one is among them
    return f"{'https' if is_secure else 'http'}://{name}:{port}/"
