# Git is run as a process like any other: contained, with a limit, and gone when the
# call is cancelled. What a repository has configured to be executed (hooks, file
# system monitors, editors, prompts) is switched off: it is foreign code.
"""Run git."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import trio

from crew_actors.worktrees._errors import GitFailed, GitMissing
from crew_supervisors.processes import EnvPolicy, ProcessError, ProcessSpec, run_process

LIMIT = 120.0
"""Seconds that one git command may take. A checkout of a large repository was measured
to need about 10."""

_QUIET = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_EDITOR": "true",
    "GIT_OPTIONAL_LOCKS": "0",
    "LC_ALL": "C",
}
_NO_CODE = ("-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false")


async def git(
    folder: Path, *args: str, extra: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """Run git in *folder* and return the lines that it prints.

    Cancelling it ends git, which leaves its repository in order.

    Raises:
      GitMissing: there is no git.
      GitFailed: it refused, or took longer than `LIMIT` seconds.
    """
    program = shutil.which("git")
    if program is None:
        raise GitMissing
    spec = ProcessSpec(
        name=f"git {args[0]}",
        argv=(program, *_NO_CODE, *args),
        cwd=folder,
        env=EnvPolicy(extra={**_QUIET, **(extra or {})}),
        containment="group",
        wall=LIMIT,
    )
    try:
        async with trio.open_nursery() as nursery:
            process = await nursery.start(run_process, spec)
            lines = [line.text async for line in process.lines()]
            ended = await process.wait()
    except* ProcessError as group:
        raise GitFailed(args[0], str(group.exceptions[0])) from group
    if ended.returncode != 0:
        said = [*ended.stderr_tail.splitlines(), *lines]
        raise GitFailed(args[0], _why(said) or ended.reason)
    return tuple(lines)


def _why(said: list[str]) -> str:
    """Choose the line that tells what is wrong: git's advice comes after it."""
    for mark in ("CONFLICT", "fatal:", "error:"):
        found = [line.strip() for line in said if line.startswith(mark)]
        if found:
            return found[0]
    return said[-1].strip() if said else ""
