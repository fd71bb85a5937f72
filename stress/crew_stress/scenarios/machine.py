# Who is left of a round is found from outside: by a variable that each of its agents
# gets and passes on, and by the pids that fake agents tell of themselves. Neither asks
# the code under stress.
"""What this process holds, and which processes are left."""

import os
import secrets
import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, Self

import attrs
import psutil
import trio

assert sys.platform != "win32"  # fake agents fork

TOKEN: Final = "CREW_STRESS"  # noqa: S105 - the name of a variable, not a secret
"""The variable by which the processes of a round are found."""

MIB: Final = 1 << 20


@attrs.frozen(kw_only=True)
class Holdings:
    """What must be as it was when a round is over."""

    fds: int
    tasks: int
    threads: int
    """Without trio's own, which it keeps for ten seconds to use them again."""
    children: int

    @classmethod
    def now(cls) -> Self:
        """Count. Blocks for some milliseconds."""
        threads = [each.name for each in threading.enumerate()]
        return cls(
            fds=psutil.Process().num_fds(),
            tasks=trio.lowlevel.current_statistics().tasks_living,
            threads=sum(not name.startswith("Trio thread") for name in threads),
            children=len(psutil.Process().children(recursive=True)),
        )


def rss() -> float:
    """Return the memory of this process in MiB."""
    return float(psutil.Process().memory_info().rss) / MIB


def new_token() -> str:
    return secrets.token_hex(8)


def python_path() -> dict[str, str]:
    """Return the environment for a Python program that finds what this one finds."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def carriers(token: str) -> list[psutil.Process]:
    """Return the living processes whose token begins with *token*. Blocks."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            environment: Mapping[str, str] = process.environ()
            if environment.get(TOKEN, "").startswith(token) and is_alive(process):
                found.append(process)
        except (psutil.Error, OSError):
            continue  # somebody else's, or gone
    return found


async def wait_gone(token: str, patience: float) -> tuple[float, int]:
    """Wait until nobody carries *token*, for *patience* seconds at most.

    Return the time in ms, and how many still do.
    """
    begin = trio.current_time()
    found: list[psutil.Process] = []
    empty = 0
    with trio.move_on_after(patience):
        while empty < 2:
            found = await trio.to_thread.run_sync(carriers, token)
            empty = 0 if found else empty + 1
            await trio.sleep(0.01)
    return (trio.current_time() - begin) * 1e3, len(found)


def count_files(folder: Path) -> int:
    """Return how many files are in *folder*, which need not exist."""
    return len(list(folder.glob("*")))


def is_alive(process: psutil.Process) -> bool:
    """Tell whether it runs as the one it was, and is no zombie."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def handles(pids: Iterable[int]) -> list[psutil.Process]:
    """Return handles for *pids* that know their create times; those gone are left out."""
    found: list[psutil.Process] = []
    for pid in pids:
        try:
            found.append(psutil.Process(pid))
        except psutil.NoSuchProcess:
            continue
    return found


def end_survivors(token: str, told: Iterable[psutil.Process]) -> int:
    """Count who is left of a round, and kill them: they are not to disturb the next."""
    left = {each.pid: each for each in told if is_alive(each)}
    left |= {each.pid: each for each in carriers(token)}
    for process in left.values():
        try:
            process.kill()  # psutil compares the create time right before
        except psutil.NoSuchProcess:
            continue
    return len(left)
