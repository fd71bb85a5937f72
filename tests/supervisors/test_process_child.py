"""A process as a child: started, stopped and restarted like any other."""

import sys

import pytest
import trio

from crew_supervisors import (
    ChildEnded,
    ChildProcess,
    ChildSpec,
    ChildStartFailed,
    Event,
    ExecutableNotFound,
    Grace,
    ProcessSpec,
    State,
    open_supervisor,
    run_process,
)

# Real processes: no virtual clock here. Each one says when it is ready.
SLEEP = "import time; print('ready', flush=True); time.sleep(60)"


def python(name: str, code: str) -> ProcessSpec:
    return ProcessSpec(name=name, argv=(sys.executable, "-I", "-c", code))


async def ready(process: ChildProcess) -> None:
    async for line in process.lines():
        assert line.text == "ready"
        return


async def test_a_process_is_started_as_a_child_and_stopped_with_its_tree() -> None:
    with trio.fail_after(20):
        async with open_supervisor() as sup:
            process = await sup.start_process(python("agent", SLEEP))
            await ready(process)
            (info,) = sup.children()
            assert (info.name, info.state) == ("agent", State.RUNNING)
            report = await sup.stop("agent")
            assert report.end == "returned"
            assert report.graceful
            assert sup.children() == ()  # it is temporary
            ended = await process.wait()
            assert ended.reason == "stopped"
            assert not ended.report.survivors


async def test_leaving_the_block_stops_the_process() -> None:
    with trio.fail_after(20):
        async with open_supervisor() as sup:
            process = await sup.start_process(python("agent", SLEEP))
            await ready(process)
        assert (await process.wait()).reason == "stopped"


async def test_a_cancelled_host_stops_the_process() -> None:
    started: list[ChildProcess] = []
    with trio.fail_after(20):
        with trio.CancelScope() as host:
            async with open_supervisor(on_outer_cancel=Grace(0)) as sup:
                process = await sup.start_process(python("agent", SLEEP))
                started.append(process)
                await ready(process)
                host.cancel()
        assert (await started[0].wait()).reason == "stopped"


async def test_a_process_that_ends_is_a_child_that_returned() -> None:
    ended = trio.Event()

    def note(event: Event) -> None:
        if isinstance(event, ChildEnded):
            ended.set()

    with trio.fail_after(20):
        async with open_supervisor(max_restarts=0, on_event=note) as sup:
            spec = python("agent", "raise SystemExit(3)")
            process = await sup.start_process(spec)
            assert (await process.wait()).returncode == 3
            await ended.wait()
            assert sup.children() == ()  # forgotten, and never restarted


async def test_a_process_that_fails_makes_no_noise(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with trio.fail_after(20):
        async with open_supervisor() as sup:
            process = await sup.start_process(python("agent", "raise SystemExit(3)"))
            assert (await process.wait()).returncode == 3
    assert caplog.records == []


async def test_a_body_that_raises_has_its_process_restarted() -> None:
    handles: list[ChildProcess] = []
    up = trio.Event()

    async def worker() -> None:
        code = SLEEP if handles else "raise SystemExit(3)"
        async with trio.open_nursery() as nursery:
            process = await nursery.start(run_process, python("agent", code))
            handles.append(process)
            if len(handles) > 1:
                up.set()
            if (await process.wait()).returncode != 0:
                raise ValueError

    with trio.fail_after(20):
        async with open_supervisor(on_event=lambda _: None) as sup:
            await sup.start(ChildSpec("worker", worker, restart="transient"))
            await up.wait()
            (info,) = sup.children()
            assert (info.incarnation, info.state) == (2, State.RUNNING)
    assert [(await each.wait()).reason for each in handles] == ["exited", "stopped"]


async def test_a_process_that_cannot_be_started_names_the_child() -> None:
    async with open_supervisor(on_event=lambda _: None) as sup:
        with pytest.raises(ChildStartFailed, match="'ghost'") as failed:
            await sup.start_process(
                ProcessSpec(name="ghost", argv=("no-such-program",))
            )
        assert isinstance(failed.value.__cause__, ExecutableNotFound)
        assert sup.children() == ()
        await sup.start(ChildSpec("ghost", trio.sleep_forever))
