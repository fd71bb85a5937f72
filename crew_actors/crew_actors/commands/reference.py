# The reference of commands is made from the table of actions:
#
#   python -m crew_actors.commands.reference docs/reference/commands.md
"""Write the reference of all commands."""

import inspect
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crew_actors.commands._schema import Parameter, parameters_of
from crew_actors.commands._table import SUMMARIES, Action, load_action

_HEAD = """\
# All commands

Made from the table of actions; after a change of it, make this page again:
`python -m crew_actors.commands.reference docs/reference/commands.md`. What holds for
all commands, such as exit codes, and what is to be said about some of them beyond their
parameters, is in [The command line](cli.md).

Each command takes `--json` and `--help`. An empty text counts as not given.
"""


def reference() -> str:
    """Write a section for each action: what it does, and its parameters."""
    sections = (_section(load_action(name)) for name in SUMMARIES)
    return "\n".join([_HEAD, *sections])


def _section(action: Action[Any, Any]) -> str:
    parameters = parameters_of(action.parameters)
    words = [_usage(one) for one in parameters if one.positional]
    options = ["[options]"] if len(words) < len(parameters) else []
    lines = [
        f"## `crew {action.name}`",
        "",
        f"    {' '.join(['crew', action.name, *words, *options])}",
        "",
        action.summary,
        *_told(action),
    ]
    if parameters:
        rows = (f"| `{_name(one)}` | {_meaning(one)} |" for one in parameters)
        lines += ["", "| parameter | meaning |", "|---|---|", *rows]
    return "\n".join([*lines, ""])


def _told(action: Action[Any, Any]) -> list[str]:
    """Return what the handler says about itself, without its errors."""
    text = inspect.getdoc(action.handler) or ""
    told = text.partition("Raises:")[0].strip()
    return ["", told] if told else []


def _usage(parameter: Parameter) -> str:
    name = parameter.name.upper()
    return name if parameter.required else f"[{name}]"


def _name(parameter: Parameter) -> str:
    if parameter.positional:
        return parameter.name.upper()
    if parameter.kind == "flag":
        return parameter.label
    return f"{parameter.label} {parameter.name.upper()}"


def _meaning(parameter: Parameter) -> str:
    limits = {
        "number": f"; a whole number, at least {parameter.least}",
        "decimal": f"; a number, at least {parameter.least}",
        "choice": f"; one of {', '.join(f'`{one}`' for one in parameter.choices)}",
    }
    text = parameter.help + limits.get(parameter.kind, "")
    return text.replace("|", "\\|")


def main(args: Sequence[str]) -> int:
    """Write the reference into the file that is named, or to the standard output."""
    if args:
        Path(args[0]).write_text(reference(), encoding="utf-8")
    else:
        sys.stdout.write(reference())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
