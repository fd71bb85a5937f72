"""Tools that are processes: bash, grep, find."""

import json
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Final, final

import attrs
import trio

from crew_actors.runtimes._command_line import search_path
from crew_actors.runtimes.live._place import SECRETS, NotThere, Place
from crew_actors.runtimes.live._processes import Processes
from crew_actors.runtimes.live._tool import (
    Arguments,
    Tool,
    ToolFailed,
    text,
    tool,
    whole,
)

COMMAND_SECONDS: Final = 120
"""Seconds that a command may take if the agent asks for no others."""

LONGEST: Final = 1800
"""Seconds that it may ask for."""

SEARCH_SECONDS: Final = 30.0
"""Seconds that a search may take."""

FOUND: Final = 200
"""Lines that a search tells."""

_WORKER: Final = Path(__file__).with_name("_search_worker.py")


@final
@attrs.frozen
class CommandTools:
    """The tools of one agent that run something."""

    place: Place
    processes: Processes

    def readers(self) -> tuple[Tool, ...]:
        """Make those that look for something."""
        where = {"path": text("a folder or file of the workspace; all of it without")}
        grep = tool(
            "grep",
            "Look for a regular expression (Python's) in the lines of text files. What "
            f"git ignores is left out. Tells {FOUND} lines at most.",
            self._grep,
            required={"pattern": text("the regular expression")},
            optional={**where, "ignore_case": {"type": "boolean"}},
        )
        find = tool(
            "find",
            "List files by a glob, such as `*.py` or `src/**/test_*.py`. What git "
            f"ignores is left out. Tells {FOUND} at most.",
            self._find,
            required={"pattern": text("of the file's name, or of its path")},
            optional=where,
        )
        return (grep, find)

    def runners(self) -> tuple[Tool, ...]:
        """Make those that run whatever the agent likes; none without a shell."""
        path = search_path(self.processes.job.environ)
        shell = shutil.which("bash", path=path) or shutil.which("sh", path=path)
        if shell is None:
            return ()
        bash = tool(
            "bash",
            "Run a command line in the workspace. It has no input. When it returns, all "
            f"that it has started is ended. Limit: {COMMAND_SECONDS} seconds.",
            partial(self._bash, shell),
            required={"command": text("the command line")},
            optional={"seconds": whole("another limit", 1, LONGEST)},
        )
        return (bash,)

    async def _bash(self, shell: str, given: Arguments) -> str:
        seconds = given.get("seconds", COMMAND_SECONDS)
        line = f"exec 2>&1\n{given['command']}"  # both streams in the order of words
        said, how = await self.processes.run((shell, "-c", line), seconds=seconds)
        if how.reason == "wall_timeout":
            raise ToolFailed(f"{said}\n(stopped: it took more than {seconds} seconds)")
        if how.returncode != 0:
            end = f"exit {how.returncode}" if how.signal is None else how.signal
            raise ToolFailed(f"{said}\n({end})")
        return said or "(it said nothing)"

    async def _grep(self, given: Arguments) -> str:
        return await self._search(given, "text")

    async def _find(self, given: Arguments) -> str:
        return await self._search(given, "files")

    async def _search(self, given: Arguments, what: str) -> str:
        try:
            folder = await trio.to_thread.run_sync(
                self.place.to_read, given.get("path") or "."
            )
        except NotThere as error:
            raise ToolFailed(str(error)) from error
        asked = {
            "what": what,
            "folder": str(folder),
            "pattern": given["pattern"],
            "ignore_case": bool(given.get("ignore_case")),
            "most": FOUND,
            "secret": SECRETS,
        }
        argv = (sys.executable, "-I", "-S", str(_WORKER), json.dumps(asked))
        said, how = await self.processes.run(argv, seconds=SEARCH_SECONDS)
        if how.reason == "wall_timeout":
            raise ToolFailed("it took too long: search for something simpler")
        if how.returncode != 0:
            raise ToolFailed(said or f"it failed: {how}")
        return said.replace(f"{self.place.workspace}/", "") or "(nothing is found)"
