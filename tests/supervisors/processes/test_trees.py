"""Nine shapes of trees, four ways to end them, no survivors."""

import json
import os
import subprocess
import sys

import psutil
import pytest
import trio
from tests.support.processes import (
    AGENT,
    BARE_DAEMON,
    SHAPES,
    SOURCES,
    agent,
    living,
    tree_of,
    wait_gone,
)

from crew_supervisors.processes import ChildProcess, Rung, run_process

SOON = (Rung("SIGTERM", 0.15),)
WITH_ESCAPE = {**SHAPES, "daemon without environment": BARE_DAEMON}


@pytest.mark.parametrize("shape", WITH_ESCAPE)
async def test_a_stop_leaves_no_survivor(shape: str) -> None:
    before, after = WITH_ESCAPE[shape]
    spec = agent(*before, "ready", after, drain=30.0, ladder=SOON)
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, spec)
        pids = await tree_of(process)
        report = await process.stop()
        assert living(pids.values()) == []
        ended = await process.wait()
    assert report.survivors == ()
    assert report.containment == "warden"
    assert ended.report is report


@pytest.mark.parametrize("shape", WITH_ESCAPE)
async def test_a_cancellation_leaves_no_survivor(shape: str) -> None:
    before, after = WITH_ESCAPE[shape]
    spec = agent(*before, "ready", after, drain=30.0)
    pids: dict[str, int] = {}
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            process = await nursery.start(run_process, spec)
            pids = await tree_of(process)
            nursery.cancel_scope.cancel()
    assert len(pids) >= 1
    assert living(pids.values()) == []


@pytest.mark.parametrize("shape", WITH_ESCAPE)
async def test_the_end_of_the_leader_leaves_no_survivor(shape: str) -> None:
    before, _ = WITH_ESCAPE[shape]
    spec = agent(*before, "ready", "exit:3", drain=0.05)
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, spec)
        pids = await tree_of(process)
        ended = await process.wait()
    assert (ended.returncode, ended.reason) == (3, "exited")
    assert living(pids.values()) == []
    assert ended.output_truncated == shape.startswith("leader first")


@pytest.mark.parametrize("shape", SHAPES)
async def test_without_a_warden_group_and_marker_find_the_nine(shape: str) -> None:
    before, after = SHAPES[shape]
    spec = agent(*before, "ready", after, drain=30.0, ladder=SOON, containment="group")
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, spec)
        pids = await tree_of(process)
        report = await process.stop()
        assert living(pids.values()) == []
    assert report.containment == "group"
    assert report.survivors == ()


@pytest.mark.parametrize("shape", SHAPES)
async def test_without_a_warden_a_cancellation_finds_the_nine_too(shape: str) -> None:
    before, after = SHAPES[shape]
    spec = agent(*before, "ready", after, drain=30.0, containment="group")
    pids: dict[str, int] = {}
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            process = await nursery.start(run_process, spec)
            pids = await tree_of(process)
            nursery.cancel_scope.cancel()
    assert len(pids) >= 1
    assert living(pids.values()) == []


@pytest.mark.parametrize("shape", SHAPES)
async def test_without_a_warden_the_end_of_the_leader_ends_the_nine_or_names_them(
    shape: str,
) -> None:
    before, _ = SHAPES[shape]
    spec = agent(*before, "ready", "exit:3", drain=0.05, containment="group")
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, spec)
        pids = await tree_of(process)
        ended = await process.wait()
    named = {survivor.pid for survivor in ended.report.survivors}
    assert set(living(pids.values())) <= named


async def test_a_storm_of_forks_is_ended() -> None:
    spec = agent("storm:8", "ready", "sleep")
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, spec)
        await tree_of(process)
        report = await process.stop(grace=0)
    assert report.survivors == ()
    assert marked(process) == []


def marked(process: ChildProcess) -> list[int]:
    """Return the processes of the session of *process*."""
    found: list[int] = []
    for pid in psutil.pids():
        try:
            if os.getsid(pid) == process.pid:
                found.append(pid)
        except OSError:
            continue
    return found


RUNTIME = """
import json, sys, trio
from crew_supervisors.processes import ProcessSpec, run_process

async def one(argv):
    async with trio.open_nursery() as nursery:
        spec = ProcessSpec(name=argv[-1], argv=tuple(argv), drain=60.0)
        process = await nursery.start(run_process, spec)
        print((await anext(process.lines())).text, flush=True)

async def main():
    async with trio.open_nursery() as nursery:
        for argv in json.loads(sys.argv[1]):
            nursery.start_soon(one, argv)
            await trio.sleep(0.02)  # so some wardens are started, and some are forked

trio.run(main)
"""


async def test_no_tree_survives_the_kill_of_the_runtime() -> None:
    scripts = [
        [*AGENT, *before, "ready", after] for before, after in WITH_ESCAPE.values()
    ]
    runtime = await trio.lowlevel.open_process(
        [sys.executable, "-c", RUNTIME, json.dumps(scripts)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(SOURCES / "supervisors")},
    )
    assert runtime.stdout is not None
    try:
        told = b""
        with trio.fail_after(20):
            while told.count(b"\n") < len(scripts):
                told += await runtime.stdout.receive_some()
        ready = [json.loads(line) for line in told.splitlines()]
        pids = [pid for each in ready for pid in each["pids"].values()]
        ours = set(pids) | {each["pid"] for each in ready}
        below = psutil.Process(runtime.pid).children(recursive=True)
        wardens = [child.pid for child in below if child.pid not in ours]
        assert len(wardens) >= len(scripts)
        handles = [os.pidfd_open(pid) for pid in (*pids, *wardens)]
    finally:  # it would outlive a failure
        runtime.kill()
    await runtime.wait()
    await runtime.stdout.aclose()
    await wait_gone(handles)
    assert living([*pids, *wardens, *(each["pid"] for each in ready)]) == []
