"""What happens when the warden is missing, lame, killed or stopped."""

import os
import signal
import socket
import sys
import time
from pathlib import Path

import psutil
import pytest
import trio
from tests.support.processes import agent, living, next_json, tree_of

from crew_supervisors.processes import (
    ChildProcess,
    ContainmentUnavailable,
    SpawnFailed,
    _warden,
    _warden_host,
    run_process,
)
from crew_supervisors.processes._scan import Sweep, TreeQuery, sweep


def spare(*_: object) -> bool:
    return False


def unknown(_: int) -> None:
    return None


def warden_of(process: ChildProcess) -> int:
    host = process._life.host
    assert isinstance(host, _warden_host.WardenHost)
    return host._process.pid


async def test_a_killed_warden_ends_its_tree_and_is_told() -> None:
    async with trio.open_nursery() as nursery:
        process = await nursery.start(
            run_process, agent("tree:session", "ready", "sleep")
        )
        pids = await tree_of(process)
        os.kill(warden_of(process), signal.SIGKILL)
        ended = await process.wait()
        assert living(pids.values()) == []
    assert ended.reason == "containment_lost"
    assert (ended.returncode, ended.signal) == (None, None)
    assert ended.report.containment == "group-warden-lost"
    assert ended.report.survivors == ()
    assert process.containment == "group-warden-lost"


async def test_a_warden_killed_during_the_stop_changes_nothing_for_the_tree() -> None:
    async with trio.open_nursery() as nursery:
        spec = agent("ignore-term", "tree:daemon", "ready", "sleep")
        process = await nursery.start(run_process, spec)
        pids = await tree_of(process)
        nursery.start_soon(process.stop)
        await trio.testing.wait_all_tasks_blocked()
        os.kill(warden_of(process), signal.SIGKILL)
        ended = await process.wait()
        assert living(pids.values()) == []
    assert ended.reason == "stopped"
    assert ended.report.containment == "group-warden-lost"


async def test_a_warden_that_does_not_answer_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("crew_supervisors.processes._life.KILL_LIMIT", 0.1)
    monkeypatch.setattr(_warden_host, "WARDEN_EXIT", 0.1)
    async with trio.open_nursery() as nursery:
        process = await nursery.start(
            run_process, agent("tree:three", "ready", "sleep")
        )
        pids = await tree_of(process)
        os.kill(warden_of(process), signal.SIGSTOP)
        with trio.fail_after(10):
            report = await process.stop(grace=0.05)
            assert living(pids.values()) == []
            await process.wait()
    assert report.containment == "group-warden-lost"
    assert report.survivors == ()


async def test_what_is_below_a_warden_that_does_not_answer_is_of_its_tree(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also a daemon that has left everything else by which it could be found."""
    monkeypatch.setattr("crew_supervisors.processes._life.KILL_LIMIT", 0.1)
    monkeypatch.setattr(_warden_host, "WARDEN_EXIT", 0.1)
    async with trio.open_nursery() as nursery:
        process = await nursery.start(
            run_process, agent("tree:bare-daemon", "ready", "sleep")
        )
        pids = await tree_of(process)
        os.kill(warden_of(process), signal.SIGSTOP)
        with trio.fail_after(10):
            report = await process.stop(grace=0.05)
            assert living(pids.values()) == []
            await process.wait()
    assert report.survivors == ()
    assert "SIGKILL" in report.escalations


async def test_what_cannot_be_killed_is_a_survivor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("crew_supervisors.processes._life.KILL_LIMIT", 0.1)
    monkeypatch.setattr("crew_supervisors.processes._scan.strike", spare)
    monkeypatch.setattr("crew_supervisors.processes._group_host._kill_group", spare)
    async with trio.open_nursery() as nursery:
        spec = agent("ignore-term", "ready", "sleep", containment="group")
        process = await nursery.start(run_process, spec)
        pids = await tree_of(process)
        report = await process.stop(grace=0)
        (survivor,) = report.survivors
        assert survivor.pid == pids["leader"]
        assert "ignore-term" in survivor.command
        os.kill(survivor.pid, signal.SIGKILL)
        ended = await process.wait()
    assert ended.report.survivors == (survivor,)
    assert not report.graceful


async def test_without_a_subreaper_the_tree_ends_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_warden_host, "has_subreaper", lambda: False)
    async with trio.open_nursery() as nursery:
        spec = agent("ignore-term", "tree:daemon", "ready", "sleep")
        process = await nursery.start(run_process, spec)
        pids = await tree_of(process)
        assert process.containment == "warden-no-subreaper"
        report = await process.stop(grace=0.05)
        assert living(pids.values()) == []
    assert report.containment == "warden-no-subreaper"
    assert report.survivors == ()


async def test_without_a_subreaper_the_drain_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_warden_host, "has_subreaper", lambda: False)
    async with trio.open_nursery() as nursery:
        spec = agent("tree:child:hold", "ready", "exit:0", drain=0.2)
        process = await nursery.start(run_process, spec)
        pids = await tree_of(process)
        ended = await process.wait()
        assert living(pids.values()) == []
    assert ended.output_truncated
    assert 0.2 <= ended.report.took < 2


async def test_a_missing_warden_is_refused_only_where_it_is_required(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "")
    spec = agent("exit:0", containment="required:warden")
    with pytest.raises(
        ContainmentUnavailable, match="does not know a Python interpreter"
    ):
        await run_process(spec)
    ended = await run_process(agent("exit:0"))
    assert ended.report.containment == "group"


def test_a_warden_needs_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _warden_host.why_no_warden() is None
    monkeypatch.setattr(_warden_host, "PROGRAM", Path("/no/such/file"))
    assert "is not a file" in (_warden_host.why_no_warden() or "")


@pytest.mark.parametrize("program", ["/no/such/python", "/bin/true"])
async def test_a_warden_that_does_not_start_is_a_failed_spawn(
    program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", program)
    with pytest.raises(SpawnFailed, match="warden"):
        await run_process(agent("exit:0", stdin="pipe"))


async def test_a_job_that_is_too_long_is_refused_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_warden_host, "LONGEST_JOB", 10)
    monkeypatch.setattr(_warden_host, "_open_warden", unknown)
    with pytest.raises(SpawnFailed, match="too long; use stdin or a file"):
        await run_process(agent("exit:0"))


async def test_whatever_fails_in_a_start_leaves_no_warden(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def broken(host: _warden_host.WardenHost, job: bytes) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(_warden_host.WardenHost, "_greet", broken)
    before = psutil.Process().num_fds()
    with pytest.raises(RuntimeError, match="a bug"):
        await run_process(agent("exit:0"))
    assert psutil.Process().children() == []
    assert psutil.Process().num_fds() == before


async def test_a_warden_that_hangs_in_a_failed_start_is_killed_with_its_agent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pids: list[int] = []
    greet = _warden_host.WardenHost._greet

    async def then_hang(host: _warden_host.WardenHost, job: bytes) -> None:
        await greet(host, job)
        pids.extend((host._process.pid, host.identity.pid))
        os.kill(host._process.pid, signal.SIGSTOP)
        raise RuntimeError("a bug")

    monkeypatch.setattr(_warden_host, "GIVE_UP_LIMIT", 0.1)
    monkeypatch.setattr(_warden_host.WardenHost, "_greet", then_hang)
    with pytest.raises(RuntimeError, match="a bug"), trio.fail_after(10):
        await run_process(agent("ignore-term", "sleep"))
    assert len(pids) == 2
    assert living(pids) == []
    assert psutil.Process().children() == []


async def test_a_scan_after_the_exit_knows_when_the_number_became_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queries: list[TreeQuery] = []

    async def note(query: TreeQuery, limit: float) -> Sweep:
        queries.append(query)
        return await sweep(query, limit)

    monkeypatch.setattr(_warden_host, "has_subreaper", lambda: False)
    monkeypatch.setattr(_warden_host, "sweep", note)
    await run_process(agent("tree:child:hold", "exit:0", drain=0.5))
    (query,) = queries
    assert query.gone_at is not None
    assert 0.5 <= time.time() - query.gone_at < 5


async def test_an_agent_can_be_stopped_by_its_session_only() -> None:
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run_process, agent("ready", "sleep"))
        await next_json(process)
        warden = psutil.Process(warden_of(process))
        assert warden.children()[0].pid == process.pid
        assert os.getsid(warden.pid) == warden.pid
        for number in _warden.POLITE:
            os.kill(warden.pid, number)
        assert await process.alive()
        assert warden.is_running()
        await process.stop()


# The program's own parts, run in this process.


def test_a_job_is_read_as_it_was_written() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        fields = [
            *(b"/tmp", b"/bin/true", b"/a/cgroup"),
            *(b"2", b"true", b"", b"A=1=2", b"B="),
        ]
        raw = b"\0".join(fields)
        ours.sendall(b"%08d" % len(raw) + raw)
        job = _warden.read_job(theirs.fileno())
    assert (job.folder, job.executable, job.argv) == (
        b"/tmp",
        b"/bin/true",
        [b"true", b""],
    )
    assert job.cgroup == b"/a/cgroup"
    assert job.environment == {b"A": b"1=2", b"B": b""}


def test_a_guard_looks_again_although_nothing_woke_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[int | None] = []
    looks = iter([(False, None), (True, 0)])

    class Poll:
        def poll(self, pause: int | None) -> list[tuple[int, int]]:
            pauses.append(pause)
            return []

    ours, theirs = socket.socketpair()
    with ours, theirs:
        tree = _warden.Tree(1 << 22, b"", adopts=True)
        monkeypatch.setattr(tree, "reap", lambda: next(looks))
        guard = _warden.Guard(theirs.fileno(), theirs.fileno(), tree)
        monkeypatch.setattr(guard, "poll", Poll())
        guard.reaping = True
        guard.run()
        assert ours.recv(100) == b"exit 0\nempty 0\n"
    assert pauses == [_warden.LOOK_AGAIN]


def test_what_woke_the_warden_is_taken_whole() -> None:
    wake, woken = os.pipe()
    os.set_blocking(wake, False)
    os.write(woken, b"xx")
    for _ in range(2):
        _warden.drain(wake)
    with pytest.raises(BlockingIOError):
        os.read(wake, 1)
    os.close(wake)
    os.close(woken)


def test_a_process_is_struck_only_while_its_parent_is_the_one_seen() -> None:
    assert not _warden.strike(os.getppid(), 1 << 30, signal.SIGKILL)
    assert not _warden.strike(1 << 22, 1, signal.SIGKILL)


def test_descendants_are_found_with_and_without_the_kernels_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    child = os.fork()
    if child == 0:
        signal.pause()
    try:
        assert _warden.descendants() == [(child, os.getpid())]
        monkeypatch.setattr(_warden, "_children_of", unknown)
        assert _warden.descendants() == [(child, os.getpid())]
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert _warden.descendants() == []
