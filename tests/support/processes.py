"""Real processes for tests: the fake agent, its pids, and their end."""

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil
import trio

from crew_stress import fake_agent
from crew_supervisors.processes import ChildProcess, ProcessSpec

AGENT = (sys.executable, "-I", "-S", fake_agent.__file__)
SOURCES = Path(fake_agent.__file__).parents[2]

# The shapes of trees that a stop must end: what to do before, and after "ready".
SHAPES: dict[str, tuple[tuple[str, ...], str]] = {
    "alone": (("tree:alone",), "sleep"),
    "shell": (("tree:shell",), "sleep"),
    "three levels": (("tree:three",), "sleep"),
    "own session": (("tree:session",), "sleep"),
    "middle exited": (("tree:orphan",), "sleep"),
    "double fork": (("tree:daemon",), "sleep"),
    "leader first": (("tree:child:hold",), "exit:0"),
    "leader first, daemon": (("tree:daemon:hold",), "exit:0"),
    "ignores SIGTERM": (("ignore-term", "tree:child"), "sleep"),
}
BARE_DAEMON = (("tree:bare-daemon",), "sleep")


def agent(*script: str, **options: Any) -> ProcessSpec:
    """Return the spec of a fake agent that does *script*."""
    return ProcessSpec(name="agent", argv=(*AGENT, *script), **options)


async def next_json(process: ChildProcess) -> dict[str, Any]:
    """Return the next line of stdout, parsed."""
    with trio.fail_after(10):
        found: dict[str, Any] = json.loads((await anext(process.lines())).text)
    return found


async def tree_of(process: ChildProcess) -> dict[str, int]:
    """Return the pids of the tree by role, once the agent says that it is ready."""
    ready = await next_json(process)
    return {"leader": ready["pid"], **ready["pids"]}


def living(pids: Iterable[int]) -> list[int]:
    """Return those of *pids* that run, zombies left out."""
    found: list[int] = []
    for pid in pids:
        try:
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.append(pid)
        except psutil.NoSuchProcess:
            continue
    return found


async def wait_gone(handles: Iterable[int]) -> None:
    """Wait for the processes of pidfds that the test opened, and close those."""
    with trio.fail_after(10):
        for handle in handles:
            await trio.lowlevel.wait_readable(handle)
            os.close(handle)
