"""Processor time of a tree of real processes is a sign of life."""

import sys
from typing import NoReturn

import attrs
import psutil
import pytest
import trio

from crew_supervisors import (
    ChildProcess,
    ChildSpec,
    CpuActivity,
    Level,
    LevelChange,
    ProcessIdentity,
    ProcessSpec,
    Thresholds,
    open_supervisor,
    run_process,
    watched,
)
from crew_supervisors._cpu import gained, tree_times

# Works for 0.2 seconds for each line it reads: itself, or in a child that stays.
WORKER = """
import subprocess, sys, time
work = "import time; end = time.process_time() + 0.2\\nwhile time.process_time() < end: 1"
for line in sys.stdin:
    if line == "below\\n":
        code = work + "\\nprint(flush=True); time.sleep(60)"
        below = subprocess.Popen([sys.executable, "-c", code])
    else:
        exec(work)
        print(flush=True)
"""


def spec() -> ProcessSpec:
    return ProcessSpec(
        name="worker", argv=(sys.executable, "-S", "-c", WORKER), stdin="pipe"
    )


async def work(process: ChildProcess, where: str) -> None:
    lines = process.lines()
    with trio.fail_after(20):
        await process.send_line(where)
        await anext(lines)


async def test_work_of_the_process_and_of_what_it_started_is_activity() -> None:
    activity = CpuActivity(least=0.15)
    async with open_supervisor() as sup:
        process = await sup.start_process(spec())
        await work(process, "here")
        assert await activity(process)  # since it was started
        assert not await activity(process)
        await work(process, "here")
        assert await activity(process)
        await work(process, "below")
        assert await activity(process)
        assert not await activity(process)
        await sup.stop("worker")
        assert not await activity(process)


async def test_another_process_of_the_same_number_is_not_looked_at() -> None:
    async with open_supervisor() as sup:
        process = await sup.start_process(spec())
        mine = process.identity
        assert tree_times(mine)
        other = attrs.evolve(mine, create_time=mine.create_time - 5)
        assert tree_times(other) == {}
    assert tree_times(ProcessIdentity(mine.pid, mine.create_time)) == {}


async def test_what_ends_while_it_is_looked_at_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gone(self: psutil.Process) -> NoReturn:
        raise psutil.NoSuchProcess(self.pid)

    async with open_supervisor() as sup:
        process = await sup.start_process(spec())
        monkeypatch.setattr(psutil.Process, "cpu_times", gone)
        assert tree_times(process.identity) == {}
        monkeypatch.undo()


@pytest.mark.parametrize(
    ("before", "now", "used"),
    [
        ({}, {(1, 1.0): 2.0}, 2.0),
        ({(1, 1.0): 2.0}, {(1, 1.0): 2.0}, 0.0),
        ({(1, 1.0): 2.0, (2, 1.0): 9.0}, {(1, 1.0): 2.5}, 0.5),
        ({(1, 1.0): 2.0}, {(1, 7.0): 0.25}, 0.25),
        ({(1, 1.0): 2.0}, {}, 0.0),
    ],
)
def test_what_ended_takes_nothing_off_what_others_used(
    before: dict[tuple[int, float], float],
    now: dict[tuple[int, float], float],
    used: float,
) -> None:
    assert gained(before, now) == used


async def test_a_process_that_works_in_silence_is_healthy() -> None:
    """Then it rests, and is only alive: the probe says so, and nobody cancels it."""
    levels: list[Level] = []
    rested = trio.Event()

    async def note(change: LevelChange) -> None:
        levels.append(change.level)
        if change.level is Level.STALE:
            rested.set()

    body = watched(
        run_process,
        thresholds=Thresholds(warn=0.15, stale=0.4, dead=0.5),
        activity=CpuActivity(),
        probe=ChildProcess.alive,
        on_level=note,
    )
    busy = "import time\nend = time.process_time() + 1.0\nwhile time.process_time() < end: 1"
    argv = (sys.executable, "-S", "-c", f"{busy}\ntime.sleep(60)")
    child = ChildSpec("agent", body, (ProcessSpec(name="agent", argv=argv),))
    async with open_supervisor() as sup:
        process = await sup.start(child)
        assert isinstance(process, ChildProcess)
        with trio.fail_after(20):
            await rested.wait()
            await trio.sleep(0.7)
        assert await process.alive()
        used = sum(tree_times(process.identity).values())
    assert used >= 0.9
    assert levels[-1] is Level.STALE
    assert Level.DEAD not in levels
