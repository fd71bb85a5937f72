# How a command agent's argv is made. Values go in as whole strings or parts of one,
# never through a shell, and never twice: what a value holds is not looked into.
"""Fill in the placeholders of a command agent's argv. Pure functions."""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import attrs

from crew_actors.model import CommandSpec

ARGUMENT_LIMIT = 100_000
"""Bytes of a prompt that is passed as an argument. Linux refuses single arguments
of 128 KiB and more (MAX_ARG_STRLEN); a longer prompt is passed as a file's name."""

_PLACEHOLDER = re.compile(r"\{(python|task|task_file|workspace|goal)\}")


@attrs.frozen(kw_only=True)
class CommandLine:
    """A command that is ready to be started."""

    argv: tuple[str, ...]
    stdin: bytes | None
    """What to write to its standard input; None for none."""


def command_line(
    spec: CommandSpec, *, prompt: str, goal: str, task_file: Path, workspace: Path
) -> CommandLine:
    """Make the command line of one attempt.

    The caller has written *prompt* to *task_file*.
    """
    task = _argument(prompt, task_file)
    values = {
        "python": sys.executable,
        "task": task,
        "task_file": str(task_file),
        "workspace": str(workspace),
        "goal": _argument(goal, task_file),
    }
    argv = [
        _PLACEHOLDER.sub(lambda match: values[match[1]], part) for part in spec.argv
    ]
    if spec.input == "argument" and not _mentions(spec, "task"):
        argv.append(task)
    if spec.input == "file" and not _mentions(spec, "task_file"):
        argv.append(str(task_file))
    whole = spec.input == "stdin" and spec.control == "none"
    stdin = _encoded(prompt) if whole else None
    return CommandLine(argv=tuple(argv), stdin=stdin)


def search_path(environ: Mapping[str, str]) -> str:
    """Return the PATH of *environ*, without entries that depend on where one stands.

    Through `.` or `node_modules/.bin` a repository would choose what is run.
    """
    entries = environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(entry for entry in entries if Path(entry).is_absolute())


def _mentions(spec: CommandSpec, name: str) -> bool:
    return any(f"{{{name}}}" in part for part in spec.argv)


def _argument(text: str, task_file: Path) -> str:
    """Return *text* as an argument can hold it."""
    if len(_encoded(text)) > ARGUMENT_LIMIT:
        return f"Your task is written in the file {task_file}. Read it and do it."
    return text.replace("\0", "")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
