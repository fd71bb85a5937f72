# A runtime in a process of its own starts agents and is killed at a random moment.
# Those with a warden must go by themselves. Those without one live on; the sweep, as
# at the start of the next run, must end them, and nobody who only looks like them.
"""A runtime that is killed leaves nothing behind."""

import json
import subprocess
import sys
from collections.abc import Mapping
from random import Random
from typing import Any, Final

import attrs
import psutil
import trio

from crew_actors.census import sweep_orphans
from crew_stress.fake_agent import argv
from crew_stress.scenarios.agents import MIXED, choose
from crew_stress.scenarios.machine import (
    count_files,
    handles,
    is_alive,
    python_path,
    wait_gone,
)
from crew_stress.scenarios.refusal import Refused
from crew_stress.scenarios.round import Round
from crew_stress.scenarios.values import Load
from crew_supervisors.processes import MARKER

CLAIM: Final = (
    "when the runtime is killed, wardens end the trees of its agents; the next sweep "
    "ends what had no warden, and no stranger"
)
WITHOUT_WARDEN: Final = ("polite", "stubborn", "forks", "session", "daemonises")
"""A tree that hides from the census needs a warden."""
SHARE: Final = 0.3
"""Of the agents have no warden."""
PATIENCE: Final = 10.0
"""Seconds for the wardens to end their trees."""
SWEEP_LIMIT: Final = 8_000
"""Milliseconds for a sweep: two seconds of grace, five for SIGKILL, and the looks."""


async def play(one: Round) -> None:
    """Play one round."""
    load, book = one.load, one.book
    folder = one.make_records()
    plan = {
        "records": str(folder),
        "agents": [plan_agent(load, one.chance, one.token) for _ in range(load.agents)],
    }
    stranger = await trio.lowlevel.open_process(
        list(argv("echo")),  # it ends with its stdin, so also when we are killed
        stdin=subprocess.PIPE,
        env={**python_path(), MARKER: "1-of-nobody"},
    )
    try:
        moment = one.chance.uniform(0.2, 1.0 + 0.03 * load.agents)
        there = await _start_and_kill(plan, moment, one)
        book.note("processes when it was killed", [there], unit="")
        took, left = await wait_gone(f"{one.token}-w", PATIENCE)
        book.note("until the wardens were done", [took])
        book.require("processes that a warden has left", left, 0)
        begin = trio.current_time()
        swept = await sweep_orphans(folder)
        took = (trio.current_time() - begin) * 1e3
        book.note("the sweep", [took])
        book.note("orphans swept", [len(swept)], unit="")
        book.require("the sweep", took, SWEEP_LIMIT, "ms")
        book.require("records left", count_files(folder), 0)
        book.require("strangers ended", int(stranger.returncode is not None), 0)
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 5):
            stranger.kill()
            await stranger.wait()
            assert stranger.stdin is not None
            await stranger.stdin.aclose()


def plan_agent(load: Load, chance: Random, token: str) -> dict[str, object]:
    """Choose an agent, and whether it has a warden."""
    bare = chance.random() < SHARE
    return {
        "argv": choose(load, chance, WITHOUT_WARDEN if bare else MIXED),
        "containment": "group" if bare else "best",
        "token": f"{token}-{'g' if bare else 'w'}",
        "is_fake": not load.command,
    }


async def _start_and_kill(plan: Mapping[str, object], moment: float, one: Round) -> int:
    """Start a runtime, take in what its agents tell, and kill it after *moment*.

    Return how many processes, wardens and agents, were alive then.
    """
    runtime = await trio.lowlevel.open_process(
        [sys.executable, "-m", "crew_stress.scenarios.runtime"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=python_path(),
    )
    assert runtime.stdin is not None
    assert runtime.stdout is not None
    try:
        await runtime.stdin.send_all(json.dumps(plan).encode() + b"\n")
        heard = Heard(one.told)
        heard.take(await runtime.stdout.receive_some())  # it has begun
        with trio.move_on_after(moment):
            while piece := await runtime.stdout.receive_some():
                heard.take(piece)
            await runtime.wait()
            one.book.fail("the runtime ended by itself; its stderr tells why")
        one.told += _below(runtime.pid)
        return sum(map(is_alive, set(one.told)))
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 5):
            runtime.kill()
            await runtime.wait()
            await runtime.stdin.aclose()
            await runtime.stdout.aclose()


def _below(pid: int) -> list[psutil.Process]:
    """Return what runs below *pid*, wardens too: they carry no token."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


@attrs.define
class Heard:
    """What a runtime tells of its agents."""

    told: list[psutil.Process]
    _rest: bytes = b""

    def take(self, piece: bytes | bytearray) -> None:
        *lines, self._rest = (self._rest + bytes(piece)).split(b"\n")
        for line in lines:
            said: Any = json.loads(line)
            if isinstance(said, str):
                raise Refused(said)
            self.told += handles(said)
