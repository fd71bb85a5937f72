"""Ask the person at the terminal."""

import sys
from typing import cast, final

import attrs
import click

from crew_actors.commands._layout import is_terminal
from crew_actors.commands._table import Context
from crew_actors.commands._trust import Trusted, TrustParameters, trust
from crew_actors.errors import UserError
from crew_actors.resources import Executable, executable_lines, introduction


@final
class Declined(UserError):
    """The user was asked and does not agree. Nothing was started."""

    def __str__(self) -> str:
        return "You have not allowed it. Nothing was started."


def can_ask() -> bool:
    """Tell whether there is a person who can be asked."""
    return is_terminal(sys.stdin) and is_terminal(sys.stderr)


def agrees_to(missing: tuple[Executable, ...]) -> bool:
    """Show what would be executed and ask whether it may be. Waits for an answer.

    Raises:
      click.Abort: the user has pressed Ctrl-C or Ctrl-D instead.
    """
    lines = (introduction(missing), *executable_lines(missing))
    click.echo("\n".join(lines), err=True)
    return click.confirm("Allow this, exactly as it is now?", err=True)


def trust_or_ask(parameters: object, context: Context) -> Trusted:
    """Do what `trust` does; ask the user, if there is one, for what is left to allow.

    Raises:
      click.Abort: the user has pressed Ctrl-C or Ctrl-D. Nothing was allowed.
    """
    asked = cast("TrustParameters", parameters)
    result = trust(asked, context)
    if not result.missing or not can_ask() or not agrees_to(result.missing):
        return result
    agreed = ",".join(one.sha256 for one in result.missing)
    return trust(attrs.evolve(asked, agreed=agreed), context)
