"""Trees in Job Objects, through `run_process`: the model, and Windows itself."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import trio
from tests.support.windows_jobs import (
    AGENT,
    LIMIT,
    SYSTEMS,
    agent,
    needs_windows,
    system,
    wait_gone,
)

from crew_supervisors.processes import (
    ChildProcess,
    ContainmentUnavailable,
    ProcessSpec,
    Rung,
    SpawnFailed,
    _run,
    run_process,
)
from crew_supervisors.processes._host import Host, Launch
from crew_supervisors.processes._job_api import Windows
from crew_supervisors.processes._job_host import start_on_windows

SOON = (Rung("SIGTERM", 0.1),)
SHAPES = ("ready", "child", "detached", "three", "orphan", "ignore-break")
REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(params=SYSTEMS)
def windows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Windows:
    """The system that `run_process` starts processes on."""
    chosen = system(request.param)

    async def start(spec: ProcessSpec, launch: Launch) -> Host:
        return await start_on_windows(chosen, launch, spec.containment)

    monkeypatch.setattr(_run, "_start", start)
    return chosen


async def tree_of(process: ChildProcess) -> dict[str, int]:
    with trio.fail_after(LIMIT):
        told = json.loads((await anext(process.lines())).text)
    return {"leader": told["pid"], **told["pids"]}


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_stop_leaves_no_survivor(windows: Windows, shape: str) -> None:
    spec = agent(shape, "ready", "sleep", ladder=SOON, containment="required:job")
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, spec)
        pids = await tree_of(process)
        report = await process.stop()
        assert [pid for pid in pids.values() if windows.created(pid)] == []
        ended = await process.wait()
    assert report.survivors == ()
    assert report.containment == "job"
    assert report.escalations == ("SIGKILL",)
    assert (ended.returncode, ended.signal, ended.reason) == (
        None,
        "SIGKILL",
        "stopped",
    )


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_cancellation_leaves_no_survivor(windows: Windows, shape: str) -> None:
    pids: dict[str, int] = {}
    with trio.fail_after(LIMIT):
        async with trio.open_nursery() as nursery:
            process = await nursery.start(run_process, agent(shape, "ready", "sleep"))
            pids = await tree_of(process)
            nursery.cancel_scope.cancel()
    assert [pid for pid in pids.values() if windows.created(pid)] == []


@pytest.mark.parametrize("shape", [*SHAPES, "hold"])
async def test_the_end_of_the_leader_leaves_no_survivor(
    windows: Windows, shape: str
) -> None:
    spec = agent(shape, "ready", "exit:3", drain=0.05)
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, spec)
        pids = await tree_of(process)
        ended = await process.wait()
    assert [pid for pid in pids.values() if windows.created(pid)] == []
    assert (ended.returncode, ended.signal, ended.reason) == (3, None, "exited")
    assert ended.report.containment == "job"
    assert ended.report.survivors == ()
    assert ended.output_truncated == (shape == "hold")


async def test_output_comes_whole_and_stdin_arrives(windows: Windows) -> None:
    spec = agent("bytes:300000", "echo", "exit:0", stdin="pipe")
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, spec)
        with trio.fail_after(LIMIT):
            assert len((await anext(process.lines())).text) == 300_000
            await process.send_line("hello")
            assert (await anext(process.lines())).text == "hello"
            await process.close_stdin()
            ended = await process.wait()
    assert ended.succeeded
    assert ended.report.graceful


async def test_a_closed_stdin_is_a_polite_step(windows: Windows) -> None:
    ladder = (Rung(close_stdin=True, grace=LIMIT),)
    spec = agent("say:up", "echo", "exit:0", stdin="pipe", ladder=ladder)
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, spec)
        with trio.fail_after(LIMIT):
            await anext(process.lines())
        report = await process.stop()
    assert report.graceful
    assert report.escalations == ("stdin closed",)


async def test_many_trees_are_stopped_together(windows: Windows) -> None:
    processes: list[ChildProcess] = []
    pids: list[int] = []
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            spec = agent("child", "ready", "sleep", ladder=SOON)
            processes.append(await nursery.start(run_process, spec))
        for process in processes:
            pids += (await tree_of(process)).values()
        nursery.cancel_scope.cancel()
    assert len(pids) == 10
    assert [pid for pid in pids if windows.created(pid)] == []


@needs_windows  # scans look at the system itself, and the model is none
async def test_without_a_job_the_chain_and_the_marker_find_the_tree() -> None:
    spec = agent("child", "ready", "sleep", ladder=SOON, containment="group")
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, spec)
        pids = await tree_of(process)
        report = await process.stop()
    await wait_gone(system("Windows"), pids.values())
    assert report.containment == "taskkill"
    assert report.survivors == ()


@pytest.mark.parametrize("kind", ["cgroup", "warden"])
async def test_what_windows_has_not_is_refused(windows: Windows, kind: str) -> None:
    with pytest.raises(ContainmentUnavailable, match=f"no {kind} on Windows"):
        await run_process(agent("sleep", containment=f"required:{kind}"))


async def test_a_folder_that_is_not_there_is_named(windows: Windows) -> None:
    missing = REPOSITORY / "missing"
    with pytest.raises(SpawnFailed, match="cannot be entered"):
        await run_process(ProcessSpec(name="a", argv=AGENT, cwd=missing))


RUNTIME = """
import json, sys, trio
import tests.support.wine
from crew_supervisors.processes import ProcessSpec, run_process

async def one(argv):
    async with trio.open_nursery() as nursery:
        spec = ProcessSpec(name=argv[-1], argv=tuple(argv), drain=60.0)
        process = await nursery.start(run_process, spec)
        print((await anext(process.lines())).text, process.containment, flush=True)

async def main():
    async with trio.open_nursery() as nursery:
        for argv in json.loads(sys.argv[1]):
            nursery.start_soon(one, argv)

trio.run(main)
"""


@needs_windows
async def test_no_tree_survives_the_kill_of_the_runtime() -> None:
    windows = system("Windows")
    scripts = [[*AGENT, shape, "ready", "sleep"] for shape in SHAPES]
    scripts.append([*AGENT, "three", "ready", "exit:0"])
    runtime = await trio.lowlevel.open_process(
        [AGENT[0], "-c", RUNTIME, json.dumps(scripts)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert runtime.stdout is not None
    try:
        told = b""
        with trio.fail_after(2 * LIMIT):
            while told.count(b"\n") < len(scripts):
                piece = await runtime.stdout.receive_some()
                assert piece, told
                told += piece
    finally:  # it would outlive a failure
        runtime.kill()
    await runtime.wait()
    await runtime.stdout.aclose()
    lines = [line.rpartition(" ") for line in told.decode().splitlines()]
    ready = [json.loads(line) for line, _, _ in lines]
    assert {kind for _, _, kind in lines} == {"job"}
    pids = [pid for each in ready for pid in (each["pid"], *each["pids"].values())]
    assert len(pids) >= 12
    await wait_gone(windows, pids)
