"""An agent at work is begun anew, because somebody asked for it."""

from pathlib import Path

import pytest
import trio
from tests.support.crews import crew_in
from tests.support.plans import outside, plan, task

from crew_actors.control import call_owner
from crew_actors.journal import read_events
from crew_actors.model import (
    AttemptStarted,
    RunStatus,
    TaskCancelled,
    TaskId,
    TaskRequeued,
    TaskStatus,
)
from crew_actors.runs import NotAtWork, Run
from crew_actors.runtimes import Completed, Job, Outcome, Port

A, B = TaskId("a"), TaskId("b")


async def second_time(job: Job, port: Port) -> Outcome:
    """Hang at the first attempt, complete at the second."""
    if job.attempt == "a.1":
        await port.progress("hangs")
        await trio.sleep_forever()
    return Completed(text="done")


async def _until_running(run: Run) -> None:
    async for _ in run.events():
        if run.state.tasks[A].progress == "hangs":
            return


async def test_an_agent_at_work_begins_anew(tmp_path: Path) -> None:
    with trio.fail_after(10):
        async with crew_in(tmp_path, worker=second_time) as crew:
            run = await crew.start(plan(task("a"), task("b", "a")))
            await _until_running(run)
            await run.restart_task("a", "it hangs")
            state = await run.wait()
    assert state.status is RunStatus.COMPLETED
    assert state.tasks[A].attempt == "a.2"
    events = [one.event for one in read_events(run.folder)]
    assert TaskRequeued(task=A, why="it hangs") in events
    begun = [one.attempt for one in events if isinstance(one, AttemptStarted)]
    assert begun == ["a.1", "a.2", "b.1"]
    # What depends on it has waited: nobody has skipped it.
    assert not [one for one in events if isinstance(one, TaskCancelled)]


async def test_an_agent_that_waits_for_an_answer_begins_anew(tmp_path: Path) -> None:
    async def asks(job: Job, port: Port) -> Outcome:
        if job.attempt == "a.1":
            await port.ask("Which way?")
        return Completed(text="done")

    with trio.fail_after(10):
        async with crew_in(tmp_path, worker=asks) as crew:
            run = await crew.start(plan(task("a")))
            async for _ in run.events():
                if run.state.tasks[A].status is TaskStatus.WAITING:
                    break
            await run.restart_task("a", "never mind")
            state = await run.wait()
    assert (state.status, state.tasks[A].questions) == (RunStatus.COMPLETED, ())


async def test_it_is_begun_anew_once_however_often_it_is_asked(tmp_path: Path) -> None:
    gone = trio.Event()

    async def lingers(job: Job, port: Port) -> Outcome:
        if job.attempt != "a.1":
            return Completed(text="done")
        await port.progress("hangs")
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await gone.wait()
        raise AssertionError

    with trio.fail_after(10):
        async with crew_in(tmp_path, worker=lingers) as crew:
            run = await crew.start(plan(task("a")))
            await _until_running(run)
            await run.restart_task("a", "first")
            await run.restart_task("a", "second")
            gone.set()
            state = await run.wait()
    assert state.tasks[A].attempts == 2


async def test_a_cancelled_run_is_cancelled_all_the_same(tmp_path: Path) -> None:
    with trio.fail_after(10):
        async with crew_in(tmp_path, worker=second_time) as crew:
            run = await crew.start(plan(task("a")))
            await _until_running(run)
            run.cancel("enough")
            with pytest.raises(NotAtWork, match="being stopped"):
                await run.restart_task("a", "it hangs")
            state = await run.wait()
    assert state.status is RunStatus.CANCELLED
    assert state.tasks[A].status is TaskStatus.CANCELLED


async def test_a_task_that_is_cancelled_is_not_begun_anew(tmp_path: Path) -> None:
    with trio.fail_after(10):
        async with crew_in(tmp_path, worker=second_time) as crew:
            run = await crew.start(plan(task("a")))
            await _until_running(run)
            await run.cancel_task("a", "not needed")
            with pytest.raises(NotAtWork, match="being stopped"):
                await run.restart_task("a", "it hangs")
            state = await run.wait()
    assert state.tasks[A].status is TaskStatus.CANCELLED


async def test_where_nobody_is_at_work_nothing_is_begun_anew(tmp_path: Path) -> None:
    with trio.fail_after(10):
        async with crew_in(tmp_path, worker=second_time) as crew:
            run = await crew.start(plan(task("a"), task("b", "a"), outside("c")))
            await _until_running(run)
            with pytest.raises(NotAtWork, match="queued"):
                await run.restart_task("b", "x")
            await run.claim("c", owner="ann")
            with pytest.raises(NotAtWork, match="claimed by ann"):
                await run.restart_task("c", "x")
            await run.restart_task("a", "it hangs")
            async for _ in run.events():
                if run.state.tasks[B].status is TaskStatus.COMPLETED:
                    break
            with pytest.raises(NotAtWork, match=r"ended as completed; .crew retry"):
                await run.restart_task("a", "x")
            run.cancel("over")


async def test_another_process_can_ask_for_it(tmp_path: Path) -> None:
    with trio.fail_after(10):
        async with crew_in(tmp_path, worker=second_time) as crew:
            run = await crew.start(plan(task("a")))
            await _until_running(run)
            answer = await call_owner(run.folder, "restart_task", {"task": "a"})
            assert answer == {"task": "a"}
            assert (await run.wait()).status is RunStatus.COMPLETED


async def test_a_task_that_is_cancelled_meanwhile_is_cancelled(tmp_path: Path) -> None:
    with trio.fail_after(10):
        async with crew_in(tmp_path, worker=second_time) as crew:
            run = await crew.start(plan(task("a")))
            await _until_running(run)
            await run.restart_task("a", "it hangs")
            await run.cancel_task("a", "not needed")
            state = await run.wait()
    assert state.tasks[A].status is TaskStatus.CANCELLED
