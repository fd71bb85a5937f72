"""Nobody who keeps all threads busy can hold up a start or a stop, or hide a tree."""

import pytest
import trio
from tests.support.processes import agent, living, next_json, tree_of

from crew_supervisors.processes import (
    ProcessIdentity,
    Survivor,
    _group_host,
    _scan,
    run_process,
)

NOBODY = ProcessIdentity(1 << 22, 1.0)  # above every number that Linux gives
NO_MARKER = "no such marker"


async def keep_all_threads_busy() -> None:
    limiter = trio.to_thread.current_default_thread_limiter()
    limiter.total_tokens = 1
    await limiter.acquire_on_behalf_of(object())


@pytest.mark.parametrize("containment", ["best", "group"])
async def test_a_start_that_waits_for_a_thread_can_be_cancelled(
    containment: str,
) -> None:
    await keep_all_threads_busy()
    with trio.fail_after(5), trio.move_on_after(0.05) as scope:
        await run_process(agent("sleep", containment=containment))
    assert scope.cancelled_caught


@pytest.mark.parametrize("containment", ["best", "group"])
async def test_a_stop_waits_for_nobodys_threads(containment: str) -> None:
    async with trio.open_nursery() as nursery:
        script = ("ignore-term", "tree:session", "ready", "sleep")
        spec = agent(*script, containment=containment)
        process = await nursery.start(run_process, spec)
        pids = await tree_of(process)
        await keep_all_threads_busy()
        with trio.fail_after(10):
            report = await process.stop(grace=0.1)
        assert report.survivors == ()
        assert living(pids.values()) == []


async def test_a_look_that_hangs_holds_no_stop_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_scan, "LOOK_LIMIT", 0.05)
    async with trio.open_nursery() as nursery:
        spec = agent("on-term:bye", "ready", "sleep", containment="group")
        process = await nursery.start(run_process, spec)
        await next_json(process)
        host = process._life.host
        assert isinstance(host, _group_host.GroupHost)
        hanging = object()
        await host._query.limiter.acquire_on_behalf_of(hanging)
        nursery.start_soon(process.stop)
        with trio.fail_after(5):
            assert (await anext(process.lines())).text == "bye"
        host._query.limiter.release_on_behalf_of(hanging)
        assert (await process.wait()).report.survivors == ()


async def test_a_tree_that_nobody_could_look_at_is_not_called_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_scan, "LOOK_LIMIT", 0.05)
    async with trio.open_nursery() as nursery:
        process = await nursery.start(
            run_process, agent("tree:child", "ready", "sleep")
        )
        pids = await tree_of(process)
        child = _scan.identity_of(pids["child"])
        assert child is not None
        query = _scan.TreeQuery(
            root=process.identity, marker=NO_MARKER, known={child, NOBODY}
        )
        await query.limiter.acquire_on_behalf_of(object())
        swept = await _scan.sweep(query, 0.05)
        assert swept.killed == 0
        assert swept.survivors == tuple(
            Survivor(each.pid, each.create_time, "", "unverified")
            for each in (process.identity, child)
        )
        assert await process.alive()
        await process.stop()


async def test_a_tree_is_called_gone_after_two_empty_looks_in_a_row_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    query = _scan.TreeQuery(root=NOBODY, marker=NO_MARKER)
    assert await _scan.sweep(query, 5) == _scan.Sweep(0)
    monkeypatch.setattr(_scan, "EMPTY_SCANS", 1_000_000)
    (survivor,) = (await _scan.sweep(query, 0.1)).survivors
    assert (survivor.pid, survivor.status) == (NOBODY.pid, "unverified")
