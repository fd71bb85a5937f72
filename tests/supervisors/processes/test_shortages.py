"""No descriptors, no processes, no threads: an error that says so, and nothing left."""

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import psutil
import pytest
import trio
from tests.support.processes import AGENT, SOURCES, agent, living, tree_of

from crew_supervisors.processes import (
    SpawnFailed,
    _group_host,
    _scan,
    _zygote,
    run_process,
)

BOTH = pytest.mark.parametrize("containment", ["best", "group"])


def no_descriptors(*_: object, **__: object) -> NoReturn:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def no_thread(*_: object, **__: object) -> NoReturn:
    raise RuntimeError("can't start new thread")


def children() -> list[str]:
    """Return what runs below this process, but for the zygote of this run."""
    below = psutil.Process().children(recursive=True)
    zygote = _zygote.Zygote.of_this_run().pid
    return [" ".join(each.cmdline()) for each in below if each.pid != zygote]


@contextmanager
def only_so_many_more(descriptors: int) -> Generator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = psutil.Process().num_fds() + descriptors
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@BOTH
async def test_a_start_without_descriptors_says_so_and_leaves_nothing(
    containment: str,
) -> None:
    for _ in range(3):  # whatever stays for the next start is there then
        await run_process(agent("exit:0", containment=containment))
    before = psutil.Process().num_fds()
    refused: list[str] = []
    for more in range(12):
        with only_so_many_more(more):
            try:
                ended = await run_process(
                    agent("exit:0", containment=containment, stdin="pipe")
                )
            except SpawnFailed as error:
                refused.append(error.why)
            else:
                assert ended.succeeded
        assert psutil.Process().num_fds() == before
        assert children() == []
    assert refused
    assert all("no more open files are allowed; raise" in why for why in refused)


@BOTH
async def test_a_start_without_a_thread_says_so(
    containment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread is a process to the system, and there may be no more of them."""
    monkeypatch.setattr(trio.lowlevel, "open_process", no_thread)
    for _ in range(3):  # the second one would start a zygote
        with pytest.raises(SpawnFailed, match="no more processes are allowed"):
            await run_process(agent("exit:0", containment=containment))
        await trio.testing.wait_all_tasks_blocked()


async def test_a_program_that_nobody_could_look_at_is_not_left_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = psutil.Process().num_fds()
    monkeypatch.setattr(_group_host, "identity_of", no_descriptors)
    with pytest.raises(SpawnFailed, match="no more open files"):
        await run_process(agent("ignore-term", "sleep", containment="group"))
    monkeypatch.setattr(_group_host, "identity_of", no_thread)
    with pytest.raises(RuntimeError):
        await run_process(
            agent("ignore-term", "sleep", containment="group", stdin="pipe")
        )
    assert children() == []
    assert psutil.Process().num_fds() == before


async def test_without_a_thread_a_tree_is_found_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with trio.open_nursery() as nursery:
        spec = agent(
            "ignore-term", "tree:daemon", "ready", "sleep", containment="group"
        )
        process = await nursery.start(run_process, spec)
        pids = await tree_of(process)
        monkeypatch.setattr(trio.to_thread, "run_sync", no_thread)
        with trio.fail_after(10):
            report = await process.stop(grace=0.05)
    assert report.survivors == ()
    assert report.escalations == ("SIGTERM", "SIGKILL")
    assert living(pids.values()) == []


async def test_a_look_that_was_refused_has_found_nothing_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The group dies all the same: while its leader is not reaped, it is ours."""
    monkeypatch.setattr("crew_supervisors.processes._life.KILL_LIMIT", 0.1)
    async with trio.open_nursery() as nursery:
        spec = agent("ignore-term", "tree:child", "ready", "sleep", containment="group")
        process = await nursery.start(run_process, spec)
        pids = await tree_of(process)
        handles = [os.pidfd_open(pid) for pid in pids.values()]
        monkeypatch.setattr(_scan, "find_tree", no_descriptors)
        with trio.fail_after(10):
            report = await process.stop(grace=0.05)
            for handle in handles:
                await trio.lowlevel.wait_readable(handle)
                os.close(handle)
    assert [(each.pid, each.status) for each in report.survivors] == [
        (process.pid, "unverified")
    ]
    assert not report.graceful


async def test_a_look_that_is_refused_for_a_moment_is_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refused: list[int] = []
    find_tree = _scan.find_tree

    def at_first(query: _scan.TreeQuery) -> Any:
        if len(refused) < 3:
            refused.append(1)
            no_descriptors()
        return find_tree(query)

    async with trio.open_nursery() as nursery:
        spec = agent(
            "ignore-term", "tree:daemon", "ready", "sleep", containment="group"
        )
        process = await nursery.start(run_process, spec)
        pids = await tree_of(process)
        monkeypatch.setattr(_scan, "find_tree", at_first)
        report = await process.stop(grace=0.05)
    assert len(refused) == 3
    assert report.survivors == ()
    assert living(pids.values()) == []


def test_who_cannot_be_looked_at_may_be_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    me = _scan.identity_of(os.getpid())
    assert me is not None
    monkeypatch.setattr(psutil.Process, "status", no_descriptors)
    assert _scan.is_alive(me)
    (survivor,) = _scan.survivors_of([psutil.Process()])
    assert (survivor.pid, survivor.status) == (me.pid, "unverified")


BARE_RUNTIME = """
import json, os, sys, trio
from crew_supervisors.processes import ProcessSpec, run_process

async def one(argv, report):
    async with trio.open_nursery() as nursery:
        spec = ProcessSpec(name="a", argv=argv, stdin="pipe")
        process = await nursery.start(run_process, spec)
        await process.send_line("hello")
        await process.close_stdin()
        said = (await anext(process.lines())).text
        ended = await process.wait()
        report.write(f"{process.containment} {said} {ended} {ended.stderr_tail!r}\\n")

async def main():
    with open(sys.argv[1], "w") as report:
        for fd in (0, 1, 2):
            os.close(fd)
        for _ in range(4):  # started wardens, and forked ones
            await one(tuple(json.loads(sys.argv[2])), report)

trio.run(main)
"""


async def test_a_runtime_without_standard_streams_starts_processes(
    tmp_path: Path,
) -> None:
    """The numbers of those are free then, and nothing of ours may have one of them."""
    told = tmp_path / "told"
    argv = str([*AGENT, "err:oh", "echo", "exit:3"]).replace("'", '"')
    with trio.fail_after(20):
        await trio.run_process(
            [sys.executable, "-c", BARE_RUNTIME, str(told), argv],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_stdout=True,
            capture_stderr=True,
            env={**os.environ, "PYTHONPATH": str(SOURCES / "supervisors")},
        )
    expected = ["warden hello exit status 3 'oh\\n'"] * 4
    assert told.read_text().splitlines() == expected
