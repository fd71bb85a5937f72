"""A program that was stopped, as all are in a suspend, finds nobody dead afterwards."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from crew_supervisors import ChildProcess, EnvPolicy, ProcessSpec, open_supervisor

ROOT = Path(__file__).parents[2]

# Its children beat ten times a second, each at another time, and are dead after 0.5
# seconds without. After the stop some watchers wake up before the children they watch.
PROGRAM = """
import trio
from crew_supervisors import *

async def agent(*, child):
    while True:
        await trio.sleep(0.1)
        child.beat()

def on_event(event):
    if isinstance(event, ChildFailed):
        print(event.summary, flush=True)

async def main():
    limits = Thresholds(warn=0.3, stale=0.4, dead=0.5)
    async with open_supervisor(on_event=on_event) as sup:
        for number in range(8):
            await sup.start(ChildSpec(f"{number}", watched(agent, thresholds=limits)))
            await trio.sleep(0.035)
        await trio.sleep(0.5)
        print("going on", flush=True)
        await trio.sleep(3)  # longer than it is stopped
        print("over", flush=True)

trio.run(main)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGSTOP there")
async def test_a_program_that_was_stopped_for_a_while_finds_nobody_dead() -> None:
    spec = ProcessSpec(
        name="program",
        argv=(sys.executable, "-c", PROGRAM),
        env=EnvPolicy(extra={"PYTHONPATH": str(ROOT / "supervisors")}),
    )
    said: list[str] = []
    async with open_supervisor() as sup:
        process = await sup.start_process(spec)
        async for line in process.lines():
            said.append(line.text)
            if line.text == "going on":
                _suspend(process, 2.0)
            if line.text == "over":
                break
        await sup.stop("program")
    assert said == ["going on", "over"]


def _suspend(process: ChildProcess, seconds: float) -> None:
    """Suspend this program and *process*, as far as they can tell."""
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(seconds)  # nobody else may run here, either
    os.kill(process.pid, signal.SIGCONT)
