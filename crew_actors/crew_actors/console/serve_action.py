# 1. The address is told once, to the person: it holds the token. It is in no log.
# 2. The first signal ends the console in order: its runs are stopped gracefully, its
#    clients are told. The second one stops at once.
"""`crew serve`: open a console, and keep it open until told to stop."""

import ssl
import webbrowser
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import trio

from crew_actors.commands import Action, BadParameters, Context, told
from crew_actors.config import load_config
from crew_actors.console._errors import BadCertificate
from crew_actors.console._kept import keep, keep_door, kept_tokens, unkeep
from crew_actors.console._server import ConsoleAddress, serve_console
from crew_actors.runs import Crew, open_crew

_PORTS = 65_536


@attrs.frozen(kw_only=True)
class ServeParameters:
    """Where to listen, and who may look."""

    host: str = attrs.field(
        default="127.0.0.1",
        metadata=told("the address to listen on; 127.0.0.1 if not given"),
    )
    port: int = attrs.field(
        default=0, metadata=told("the port; one that is free, if not given")
    )
    hosts: str | None = attrs.field(
        default=None,
        metadata=told("other names that browsers may use, with commas between them"),
    )
    viewer: bool = attrs.field(
        default=False,
        metadata=told("tell an address for people who may only look, too"),
    )
    token_file: str | None = attrs.field(
        default=None,
        metadata=told(
            "keep the tokens in this file, so that pages find the next console; it is "
            "made if there is none"
        ),
    )
    tls_cert: str | None = attrs.field(
        default=None, metadata=told("the file of the certificate, to encrypt")
    )
    tls_key: str | None = attrs.field(
        default=None, metadata=told("the file of its key")
    )
    insecure: bool = attrs.field(
        default=False,
        metadata=told(
            "let other machines in unencrypted, where the network is trusted"
        ),
    )
    open: bool = attrs.field(default=False, metadata=told("show the page in a browser"))


@attrs.frozen(kw_only=True)
class Served:
    """A console that was open."""

    url: str
    seconds: float
    """How long."""


@attrs.define(eq=False)
class _Stop:
    """Ends the console."""

    _asked: trio.Event = attrs.field(factory=trio.Event, init=False)
    _at_once: trio.Event = attrs.field(factory=trio.Event, init=False)

    def cancel(self, why: str, *, now: bool = False) -> None:  # noqa: ARG002 - as runs have it
        """End it in order, or at once."""
        self._asked.set()
        if now:
            self._at_once.set()

    async def asked(self) -> None:
        await self._asked.wait()

    async def end(self, scope: trio.CancelScope) -> None:
        """Cancel *scope* when all is to end at once."""
        await self._at_once.wait()
        scope.cancel()


async def serve(parameters: ServeParameters, context: Context) -> Served:
    """Show the runs of this project to browsers, and let them be steered.

    It goes on until it is told to stop; runs that were started in it are stopped then.

    Raises:
      UserError: the address cannot be listened on, or is not safe. Nothing was started.
    """
    if parameters.port >= _PORTS:
        raise BadParameters("serve", (f"--port must be below {_PORTS}",))
    tls = _tls(parameters)
    tokens = None
    if parameters.token_file is not None:
        tokens = kept_tokens(Path(parameters.token_file))
    settings = load_config(
        context.places, project=context.project, environ=context.environ
    ).checked()
    began = context.now()
    stop = _Stop()
    serving = partial(
        serve_console,
        host=parameters.host,
        port=parameters.port,
        tls=tls,
        insecure=parameters.insecure,
        hosts=_words(parameters.hosts),
        tokens=tokens,
        context=context,
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stop.end, nursery.cancel_scope)
        async with (
            open_crew(
                context.project,
                places=context.places,
                slots=settings.limits.slots,
                settings=settings,
                environ=context.environ,
            ) as crew,
            _opened(serving, crew, context) as address,
        ):
            context.watcher.started(stop)
            await _tell(address, parameters, context)
            await stop.asked()
        nursery.cancel_scope.cancel()
    return Served(url=address.url, seconds=max(0.0, context.now() - began))


@asynccontextmanager
async def _opened(
    serving: "partial[Any]", crew: Crew, context: Context
) -> AsyncGenerator[ConsoleAddress]:
    """Open a console of *crew* that others on this machine can find."""
    async with trio.open_nursery() as nursery:
        address: ConsoleAddress = await nursery.start(serving, crew)
        places, url = context.places, address.url
        try:
            keep(places, url, crew.project.root, address.tokens)
        except OSError as error:  # a full disk is a reason to look, not to go away
            why = f"It will not be found by `crew console`: {error.strerror}."
            await context.watcher.note(why)
        try:
            yield address
        finally:
            unkeep(places, url)
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def console_beside(crew: Crew, context: Context) -> AsyncGenerator[str]:
    """Open a console beside a run; give the address to open in a browser."""
    serving = partial(serve_console, context=context)
    async with _opened(serving, crew, context) as address:
        yield address.link(address.tokens.operator)


async def _tell(
    address: ConsoleAddress, parameters: ServeParameters, context: Context
) -> None:
    link = address.link(address.tokens.operator)
    await context.watcher.note(f"Open {link}")
    if parameters.viewer:
        await context.watcher.note(
            f"To look only: {address.link(address.tokens.viewer)}"
        )
    if parameters.open:
        await _show(address, link, context)


async def _show(address: ConsoleAddress, link: str, context: Context) -> None:
    try:
        door = keep_door(context.places, address.url, link)
    except OSError as error:
        why = f"It cannot be shown in a browser: {error.strerror}."
        await context.watcher.note(why)
        return
    # A browser may take its time; nobody waits for it.
    shown = await trio.to_thread.run_sync(
        webbrowser.open, door.as_uri(), abandon_on_cancel=True
    )
    if not shown:
        await context.watcher.note("There is no browser here; open it elsewhere.")


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(one.strip() for one in (text or "").split(",") if one.strip())


def _tls(parameters: ServeParameters) -> ssl.SSLContext | None:
    cert, key = parameters.tls_cert, parameters.tls_key
    if cert is None:
        if key is not None:
            raise BadParameters("serve", ("--tls-key needs --tls-cert",))
        return None
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        tls.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise BadCertificate(cert, error.strerror or str(error)) from error
    return tls


def _text(_: Served) -> str:
    return ""


ACTION = Action[ServeParameters, Served](
    name="serve", parameters=ServeParameters, handler=serve, text=_text
)
