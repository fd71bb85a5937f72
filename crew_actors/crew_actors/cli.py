# The command line: a thin layer over the table of actions.
#
# 1. `crew --help` loads nothing but this, click and the names of the actions. What
#    a command needs is loaded when it is called.
# 2. A user never sees a traceback: what they can mend is told, what they cannot is
#    an internal error in one line, and CREW_DEBUG=1 shows all of it.
# 3. Exit codes: 0 done, 1 failed, 2 wrong use, 70 a defect of ours, 130 interrupted.
"""`crew`, the command."""

import contextlib
import errno
import inspect
import io
import os
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from crew_actors._version import __version__
from crew_actors.commands import (
    SUMMARIES,
    Action,
    BadParameters,
    Context,
    NoFolder,
    NoOutput,
    build,
    load_action,
)
from crew_actors.commands._layout import is_terminal
from crew_actors.commands.arguments import command_of
from crew_actors.errors import UserError
from crew_actors.model import GOAL_LIMIT
from crew_actors.observe import escaped, json_line
from crew_actors.places import find_project, user_places

if TYPE_CHECKING:
    from crew_actors.runs import Crew

_WAYS_OUT: Final = {
    errno.ENOSPC: "make room on the disk",
    errno.EDQUOT: "make room, or have the quota raised",
    errno.EROFS: "have the file system mounted for writing",
    errno.EMFILE: "allow more open files (`ulimit -n`)",
    errno.ENFILE: "have fewer files open on this machine",
    errno.ENOMEM: "end something that needs memory",
    errno.EAGAIN: "end some processes",
}
_FAILED: Final = 1
_DEFECT: Final = 70  # EX_SOFTWARE of sysexits.h
_INTERRUPTED: Final = 130  # 128 and the number of SIGINT, as shells count
_SETTINGS: Final = {"help_option_names": ["-h", "--help"]}


class _Crew(click.Group):
    """The group of all actions, each made into a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(SUMMARIES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        return _command(load_action(cmd_name)) if cmd_name in SUMMARIES else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in SUMMARIES and not name.startswith("-"):
            near = get_close_matches(name, SUMMARIES, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"There is no command {name!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(SUMMARIES.items()))


@click.group(cls=_Crew, context_settings=_SETTINGS)
@click.version_option(__version__, "-V", "--version", message="crew %(version)s")
def crew() -> None:
    """Run teams of AI agents that stop when told to."""


def _command(action: Action[Any, Any]) -> click.Command:
    """Make the command of *action*."""
    as_json = click.Option(["--json"], is_flag=True, help="Write JSON.")
    extras = [*_extras(action.name), as_json]
    command = command_of(action, partial(_call, action), extras)
    command.context_settings = dict(_SETTINGS)
    return command


def _extras(name: str) -> list[click.Parameter]:
    """Return the options that only a command line has."""
    if name != "run":
        return []
    text = "Read the goal from this file; - is the standard input."
    return [click.Option(["--goal-file"], metavar="PATH", help=text)]


def _call(action: Action[Any, Any], /, **given: Any) -> int:  # noqa: ANN401 - as click gives them
    """Carry out *action* with what was *given* on the command line."""
    as_json = bool(given.pop("json"))
    if "goal_file" in given:
        given["goal"] = _goal(given["goal"], given.pop("goal_file"))
    parameters = build(action.name, action.parameters, given)
    context = Context(
        project=find_project(_here()),
        places=user_places(os.environ),
        environ=dict(os.environ),
        now=time.time,
        console=_console,
    )
    if action.name == "console" and not (given["exec"] or as_json) and _at_terminal():
        return _panes(parameters, context)
    if not inspect.iscoroutinefunction(action.handler):
        result = _handled(action, parameters, context, as_json=as_json)
        _say(json_line(result) if as_json else action.text(result))
        return action.exit_code(result)
    from crew_actors.commands.terminal import follow  # noqa: PLC0415 - loads trio

    return follow(action, parameters, context, as_json=as_json)


def _console(crew: "Crew", context: Context) -> AbstractAsyncContextManager[str]:
    from crew_actors.console.serve_action import console_beside  # noqa: PLC0415 - late, as all that actions need

    return console_beside(crew, context)


def _at_terminal() -> bool:
    return is_terminal(sys.stdin) and is_terminal(sys.stdout)


def _panes(parameters: Any, context: Context) -> int:  # noqa: ANN401 - of the action `console`
    """Show the panes: they need the thread that the program began with."""
    from crew_actors.console.console_action import (  # noqa: PLC0415 - late, as all that actions need
        NoPanes,
        find_console,
    )

    address = find_console(parameters, context)
    try:
        from crew_actors.console.panes import show_panes  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise NoPanes from error
    show_panes(address)
    return 0


def _handled(
    action: Action[Any, Any], parameters: object, context: Context, *, as_json: bool
) -> object:
    """Carry out an action that is done at once; ask the user where that is due."""
    if action.name == "trust" and not as_json:
        from crew_actors.commands.asking import trust_or_ask  # noqa: PLC0415 - late, as all that actions need

        return trust_or_ask(parameters, context)
    result: object = action.handler(parameters, context)
    return result


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise NoFolder from None


def _goal(goal: str | None, path: str | None) -> str | None:
    """Take the goal from the command line or from a file; both would be too much."""
    if path is None:
        return goal
    if goal is not None:
        message = "goal: it was given twice; use either GOAL or --goal-file"
        raise BadParameters("run", (message,))
    try:
        with open(path if path != "-" else 0, "rb", closefd=path != "-") as file:
            data = file.read(GOAL_LIMIT + 1)
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = (
            f"--goal-file {path}: byte {error.start + 1} is not UTF-8; save it as UTF-8"
        )
        raise BadParameters("run", (message,)) from error
    except OSError as error:
        message = f"--goal-file {path}: {error.strerror}; name a file that can be read"
        raise BadParameters("run", (message,)) from error


def _say(text: str) -> None:
    """Print *text*; a reader that has gone away is not missed."""
    try:
        print(text, flush=True)  # noqa: T201 - the one place that prints
    except BrokenPipeError:
        _mute()
    except OSError as error:
        _mute()
        raise NoOutput(str(error)) from error


def _mute() -> None:
    """Have what is still to be written go nowhere, instead of failing at the exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def main(args: Sequence[str] | None = None) -> int:
    """Carry out what the command line asks for and return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        code: int = crew.main(args, "crew", standalone_mode=False)
    except SystemExit as ended:  # so click ends when the reader of a help has gone
        code = int(ended.code or 0)
    except (Exception, BaseExceptionGroup, KeyboardInterrupt) as error:  # noqa: BLE001 - the border to the user, where each error is told
        code = _tell(error)
    return code


def _tell(error: BaseException) -> int:
    """Tell the user of *error* and return the exit code."""
    code = _FAILED
    match error:
        case BaseExceptionGroup():
            code = max(map(_tell, error.exceptions))
        case UserError():
            _complain(str(error))
            code = error.exit_code
        case click.Abort() | KeyboardInterrupt():
            code = _INTERRUPTED
        case click.ClickException():
            error.show()
            code = error.exit_code
        case OSError(filename=str() as name):
            _complain(f"{name}: {error.strerror}{_way_out(error)}")
        case OSError() if _way_out(error):
            _complain(f"{error.strerror}{_way_out(error)}")
        case _:
            code = _defect(error)
    return code


def _way_out(error: OSError) -> str:
    """Tell what its user can do about a system that has no more of something."""
    way_out = _WAYS_OUT.get(error.errno or 0)
    return f"; {way_out}, and try again" if way_out else ""


def _defect(error: BaseException) -> int:
    if os.environ.get("CREW_DEBUG"):
        _complain("".join(traceback.format_exception(error)))
    hint = "set CREW_DEBUG=1 and try again to see where"
    _complain(f"internal error: {type(error).__name__}: {error} ({hint})")
    return _DEFECT


def _complain(text: str) -> None:
    """Write *text*, with everything harmful in it made visible, to standard error."""
    lines = [f"crew: {line}" for line in map(escaped, text.splitlines())]
    with contextlib.suppress(OSError):  # nobody is there who could be told
        click.echo("\n".join(lines), err=True)
