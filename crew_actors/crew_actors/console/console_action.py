# 1. Lines go through the table as every command does; panes need the terminal for
#    themselves and the main thread, so the command line opens them.
# 2. A token comes from the command line, the link, the environment, or the file that a
#    console of this machine keeps for its user, in this order.
"""`crew console`: watch and steer the runs of a console from a terminal."""

import ssl
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Final, Literal, final

import attrs
import trio

from crew_actors.commands import Action, BadParameters, Context, told
from crew_actors.console._kept import Kept, find_kept
from crew_actors.console._lines import Lines, lines_of
from crew_actors.console.client import Address, connect, read_address
from crew_actors.errors import UserError
from crew_actors.observe import clean

TOKEN: Final = "CREW_CONSOLE_TOKEN"  # noqa: S105 - the name of a variable
"""The environment variable that may hold the token."""

PATIENCE: Final = 30.0
"""Seconds that a line waits for a connection that was lost."""


@final
class NoConsole(UserError):
    """No console of this project is open on this machine."""

    exit_code = 1

    def __init__(self, project: str, others: tuple[str, ...]) -> None:
        super().__init__(project, others)
        self.project = project
        self.others = others

    def __str__(self) -> str:
        problem = (
            f"no console of {clean(self.project)} is open here: start one with "
            "`crew serve`, or give the link of another one with --url"
        )
        others = (f"there is one of {clean(one)}" for one in self.others)
        return "\n".join([problem, *others])


@final
class NoPanes(UserError):
    """What the panes are made with is not installed."""

    exit_code = 1

    def __str__(self) -> str:
        return (
            "the panes need Textual: pip install 'crew-actors[tui]'; "
            "`crew console --exec …` works without it"
        )


@attrs.frozen(kw_only=True)
class ConsoleParameters:
    """Which console, and what to do there."""

    url: str | None = attrs.field(
        default=None,
        metadata=told(
            "where the console is, or the whole link that `crew serve` tells; without "
            "it, the console of this project on this machine"
        ),
    )
    token: str | None = attrs.field(
        default=None,
        metadata=told(
            f"the token, if it is not in the link; {TOKEN} is seen by nobody"
        ),
    )
    ca: str | None = attrs.field(
        default=None,
        metadata=told(
            "the file of the certificate that an https console is checked with"
        ),
    )
    exec_: tuple[str, ...] = attrs.field(
        default=(),
        metadata=told(
            "do this, as on the command line but without `crew`, and end; several are "
            "done in their order, until one fails; - reads them from the standard input"
        ),
    )


@attrs.frozen(kw_only=True)
class LinesDone:
    """What came of the lines."""

    kind: Literal["summary"] = "summary"
    lines: int
    exit_code: int
    """That of the last line."""


async def console(parameters: ConsoleParameters, context: Context) -> LinesDone:
    """Watch the runs of a console in panes, or have it carry out lines.

    With `--exec` it shows nothing but what the commands tell. Without RUN, a command
    means the only run that somebody works on. `events RUN --follow` ends with the run;
    commands that start a run are done when it is at work.

    Raises:
      UserError: there is no such console, or a line was not carried out; those before
        it were.
    """
    if not parameters.exec_:
        problem = "--exec is missing: the panes are for a terminal only"
        raise BadParameters("console", (problem,))
    address = await trio.to_thread.run_sync(find_console, parameters, context)
    async with connect(address, PATIENCE, "crew console --exec") as found:
        return await _carry_out(Lines(found, context.watcher), parameters.exec_)


async def _carry_out(lines: Lines, given: Sequence[str]) -> LinesDone:
    count = code = 0
    async with aclosing(lines_of(given)) as wanted:
        async for line in wanted:
            count += 1
            code = await lines.carry_out(line)
            if code:
                break
    return LinesDone(lines=count, exit_code=code)


def find_console(parameters: ConsoleParameters, context: Context) -> Address:
    """Tell where the console is that is meant, and how to get in.

    Raises:
      NoConsole: none is meant, and none is open here.
      BadAddress: the address or the token is none.
      BadParameters: the certificate cannot be read.
    """
    tls = _tls(parameters.ca)
    kept = find_kept(context.places)
    project = str(context.project.root)
    own = _own(parameters.url, project, kept)
    url = parameters.url or (own.url if own is not None else None)
    if url is None:
        others = tuple(f"{one.project}: --url {one.url}" for one in kept)
        raise NoConsole(project, others)
    token = parameters.token
    if token is None and "#" not in url:
        token = context.environ.get(TOKEN) or (own.operator if own else None)
    return read_address(url, token, tls)


def _own(url: str | None, project: str, kept: list[Kept]) -> Kept | None:
    """Return the console of this machine that is meant; without *url*, the project's."""
    for one in kept:
        is_meant = (
            one.project == project
            if url is None
            else one.url.rstrip("/") == url.rstrip("/")
        )
        if is_meant:
            return one
    return None


def _tls(path: str | None) -> ssl.SSLContext | None:
    if path is None:
        return None
    try:
        return ssl.create_default_context(cadata=Path(path).read_text(encoding="ascii"))
    except (OSError, ValueError, ssl.SSLError) as error:
        problem = f"--ca {path}: {getattr(error, 'strerror', None) or error}"
        raise BadParameters("console", (problem,)) from error


def _text(_: LinesDone) -> str:
    return ""


def _exit_code(done: LinesDone) -> int:
    return done.exit_code


ACTION = Action[ConsoleParameters, LinesDone](
    name="console",
    parameters=ConsoleParameters,
    handler=console,
    text=_text,
    exit_code=_exit_code,
)
