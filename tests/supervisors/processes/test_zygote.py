"""Wardens that are forked do what those do that are started."""

import os
import signal
import socket
import subprocess
import sys

import psutil
import pytest
import trio
from tests.support.processes import (
    BARE_DAEMON,
    SHAPES,
    agent,
    living,
    next_json,
    tree_of,
    wait_gone,
)

from crew_supervisors.processes import (
    ChildProcess,
    Rung,
    _zygote,
    expect_processes,
    run_process,
)
from crew_supervisors.processes._warden_host import WardenHost
from crew_supervisors.processes._zygote import ForkedWarden, Zygote

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there is none")

SOON = (Rung("SIGTERM", 0.15),)


async def warm() -> Zygote:
    """Return the zygote of this run once it can be used."""
    zygote = Zygote.of_this_run()
    with trio.fail_after(10):
        for _ in range(_zygote.FIRST_USE):
            assert (await run_process(agent("exit:0"))).succeeded
        while zygote.pid is None:  # noqa: ASYNC110 - it has no need to tell
            await trio.sleep(0.001)
    return zygote


def warden_of(process: ChildProcess) -> ForkedWarden:
    host = process._life.host
    assert isinstance(host, WardenHost)
    assert isinstance(host._process, ForkedWarden)
    return host._process


async def test_whoever_expects_processes_has_the_first_one_forked() -> None:
    expect_processes()
    expect_processes()
    zygote = Zygote.of_this_run()
    with trio.fail_after(10):
        while zygote.pid is None:  # noqa: ASYNC110 - it has no need to tell
            await trio.sleep(0.001)
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, agent("ready", "hang", ladder=SOON))
        assert warden_of(process).pid != zygote.pid
        await process.stop()
    beside = [each.pid for each in psutil.Process().children()]
    assert beside == [zygote.pid]


@pytest.mark.parametrize("shape", [*SHAPES, "daemon without environment"])
async def test_a_stop_leaves_no_survivor(shape: str) -> None:
    await warm()
    before, after = {**SHAPES, "daemon without environment": BARE_DAEMON}[shape]
    spec = agent(*before, "ready", after, drain=30.0, ladder=SOON)
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, spec)
        pids = await tree_of(process)
        warden = warden_of(process)
        assert os.getsid(warden.pid) == warden.pid
        report = await process.stop()
        assert living(pids.values()) == []
        await process.wait()
        assert not psutil.pid_exists(warden.pid)
        assert await warden.wait() == 0
    assert (report.containment, report.survivors) == ("warden", ())


async def test_an_agent_gets_three_open_files_and_talks_both_ways() -> None:
    await warm()
    async with trio.open_nursery() as nursery:
        spec = agent("fds", "err:oh", "echo", "exit:3", stdin="pipe")
        process = await nursery.start(run_process, spec)
        warden_of(process)
        assert (await next_json(process))["fds"] == [0, 1, 2]
        await process.send_line("hello")
        assert (await anext(process.lines())).text == "hello"
        await process.close_stdin()
        ended = await process.wait()
    assert (ended.returncode, ended.stderr_tail) == (3, "oh\n")


async def test_a_link_is_nobody_elses() -> None:
    """Each tree ends when its own link closes, although others were forked after it."""
    await warm()
    async with trio.open_nursery() as nursery:
        first = await nursery.start(run_process, agent("ready", "sleep"))
        other = await nursery.start(run_process, agent("ready", "sleep"))
        await tree_of(first)
        await tree_of(other)
        handle = os.pidfd_open(first.pid)
        host = first._life.host
        assert isinstance(host, WardenHost)
        host._link.close()  # as the kernel does it for a runtime that is killed
        await wait_gone([handle])
        assert await other.alive()
        await other.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_a_zygote_that_is_killed_takes_nothing_with_it(
    number: signal.Signals,
) -> None:
    zygote = await warm()
    assert zygote.pid is not None
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, agent("ready", "sleep"))
        pids = await tree_of(process)
        warden_of(process)
        os.kill(zygote.pid, number)
        assert (await run_process(agent("exit:0"))).succeeded
        assert await process.alive()
        assert (await process.stop()).survivors == ()
        assert living(pids.values()) == []


async def test_a_zygote_that_hangs_is_not_waited_for_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    zygote = await warm()
    assert zygote.pid is not None
    monkeypatch.setattr(_zygote, "ANSWER_LIMIT", 0.05)
    monkeypatch.setattr(_zygote, "EXIT_LIMIT", 0.05)
    os.kill(zygote.pid, signal.SIGSTOP)
    assert (await run_process(agent("exit:0"))).succeeded
    assert Zygote.of_this_run().pid is None
    assert await zygote.fork(stdin_pipe=False) is None


async def test_a_fork_that_is_cancelled_leaves_nothing() -> None:
    zygote = await warm()
    assert zygote.pid is not None
    before = psutil.Process().num_fds()
    os.kill(zygote.pid, signal.SIGSTOP)
    with trio.move_on_after(0.05) as scope:
        await run_process(agent("sleep", stdin="pipe"))
    os.kill(zygote.pid, signal.SIGCONT)
    assert scope.cancelled_caught
    assert psutil.Process().num_fds() == before
    with trio.fail_after(10):
        while psutil.Process(zygote.pid).children():  # noqa: ASYNC110 - nobody tells
            await trio.sleep(0.001)


async def test_without_descriptors_a_warden_is_started_afresh(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    zygote = await warm()
    pipe = os.pipe

    def once() -> tuple[int, int]:
        monkeypatch.setattr(os, "pipe", pipe)
        raise OSError(24, "too many")

    before = psutil.Process().num_fds()
    monkeypatch.setattr(os, "pipe", once)
    assert await zygote.fork(stdin_pipe=True) is None
    assert psutil.Process().num_fds() == before


async def test_a_zygote_that_cannot_be_started_is_done_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refuse(link: int) -> trio.Process:
        raise OSError(11, "no more")

    monkeypatch.setattr(_zygote, "_open", refuse)
    for _ in range(3):
        assert (await run_process(agent("exit:0"))).succeeded
    assert Zygote.of_this_run().pid is None


async def test_a_zygote_that_cannot_fork_is_asked_again_later() -> None:
    """It has closed what it was given, which tells at once that there is no warden."""
    zygote = Zygote()
    ours, theirs = _zygote.make_bond()
    zygote._link = ours

    def refuse() -> None:
        _, fds, _, _ = socket.recv_fds(theirs, 1, 8)
        for fd in fds:
            os.close(fd)

    before = psutil.Process().num_fds()
    with ours, theirs, trio.fail_after(_zygote.ANSWER_LIMIT / 2):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, refuse)
            assert await zygote.fork(stdin_pipe=True) is None
        assert zygote._link is ours
        assert psutil.Process().num_fds() == before


async def test_a_stuck_warden_is_killed_by_its_handle() -> None:
    process = subprocess.Popen(["sleep", "60"])  # noqa: ASYNC220 - it takes a moment
    ours, theirs = socket.socketpair()
    warden = ForkedWarden(process.pid, [ours.detach(), theirs.detach()])
    warden.kill()
    with trio.fail_after(10):
        await warden.wait()
    assert process.wait() == -signal.SIGKILL
    warden.kill()
    await warden.stdout.aclose()
    await warden.stderr.aclose()
