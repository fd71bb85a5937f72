# A run has an owner: `crew run` or `crew resume` in a process of its own, or the runner
# that they start with `--detach`. Here they are started, and killed.
"""Processes that own the run of a round."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import Final

import attrs
import psutil
import trio

from crew_actors.control import wait_for_run
from crew_stress.scenarios.ground import Ground
from crew_stress.scenarios.machine import carriers
from crew_stress.scenarios.people import Told
from crew_stress.scenarios.refusal import Refused

CREW: Final = ("-m", "crew_stress.scenarios.killed_child")
"""What Python is to execute."""
RUNNER: Final = "crew_actors.detached"
"""What a detached runner executes."""
PATIENCE: Final = 30.0
"""Seconds for a process to say its first word, or its last."""
USAGE: Final = 2
"""What `crew run` exits with if something is wrong with what it is to do."""
AS_EXPECTED: Final = (0, 1, 130, 143, -signal.SIGKILL)
"""Of `crew`: all well, a task has failed, stopped, killed."""


@attrs.frozen(kw_only=True)
class Life:
    """One owner of the run, and what becomes of it."""

    args: tuple[str, ...]
    """Of `crew`."""
    detached: bool
    early: bool
    """Killed while it starts; else its agents are at work."""
    moment: float
    """Seconds, of its start or of its work, after which it is ended."""
    how: str = "kill"
    """`kill`, or `stop` in order, or `none`: it comes to its end."""


@attrs.frozen
class Lived:
    """What became of an owner."""

    killed: int
    """How many processes had to be killed for it; 0: it has ended by itself."""
    took: float
    """Seconds until then."""
    problem: str = ""


async def live(life: Life, ground: Ground, told: Told) -> Lived:
    """Have the run owned, and end its owner as *life* says.

    What it has printed is told.

    Raises:
      Refused: the run cannot be.
    """
    begin = trio.current_time()
    detach = ("--detach",) if life.detached else ()
    process = await trio.lowlevel.open_process(
        [sys.executable, *CREW, *life.args, "--json", *detach],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ground.project,
        env=ground.environ,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    heard, errors = bytearray(), bytearray()
    killed = 0
    try:
        async with trio.open_nursery() as nursery:
            if not (life.early or life.detached):
                with trio.move_on_after(PATIENCE):
                    heard += await process.stdout.receive_some()
            nursery.start_soon(_read, process.stdout, heard)
            nursery.start_soon(_read, process.stderr, errors)
            killed = await _end(life, process, ground)
            nursery.cancel_scope.deadline = trio.current_time() + PATIENCE
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 5):
            process.kill()
            await process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                await stream.aclose()
    lines = heard.decode().split("\n")[:-1]  # the last one may be torn
    told.events.update(line for line in lines if '"seq": ' in line)
    said = errors.decode(errors="replace").strip()
    if process.returncode == USAGE and life.args[0] == "run":
        raise Refused(said)
    problem = ""
    if process.returncode not in AS_EXPECTED:
        problem = f"crew {life.args[0]} exited with {process.returncode}: {said[-200:]}"
    return Lived(killed, trio.current_time() - begin, problem)


async def _read(stream: trio.abc.ReceiveStream, into: bytearray) -> None:
    async for piece in stream:
        into += piece


async def _end(life: Life, process: trio.Process, ground: Ground) -> int:
    """End the owner; return how many processes had to be killed."""
    if life.how == "none":
        await process.wait()
        for folder in ground.runs() if life.detached else ():
            await wait_for_run(folder)
        return 0
    if life.detached and not life.early:
        with trio.move_on_after(PATIENCE):
            await process.wait()
        await trio.sleep(life.moment)
    else:
        with trio.move_on_after(life.moment):
            await process.wait()
    if life.how == "stop":
        assert process.stdin is not None
        await process.stdin.aclose()  # it stops then, and writes that down
        with trio.move_on_after(PATIENCE):
            await process.wait()
        return 0
    process.kill()
    killed = int(await process.wait() == -signal.SIGKILL)
    return killed + await _kill_runners(ground.token)


async def _kill_runners(token: str) -> int:
    """Kill the detached owners; who has just forked is found by the next look."""
    killed = 0
    while runners := await trio.to_thread.run_sync(_runners, token):
        killed += len(runners)
        for one in runners:
            with suppress(ProcessLookupError):
                os.kill(one.pid, signal.SIGKILL)
        await trio.sleep(0.02)
    return killed


def _runners(token: str) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for one in carriers(token):
        with suppress(psutil.Error):
            if RUNNER in one.cmdline():
                found.append(one)
    return found
