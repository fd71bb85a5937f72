"""Failed attempts are made again, by rule or because somebody asks."""

from pathlib import Path

import attrs
import pytest
import trio
from tests.support.crews import crew_in, echo, fail, finish
from tests.support.plans import plan, task

from crew_actors.journal import read_events
from crew_actors.model import (
    AttemptFailed,
    Failure,
    FailureKind,
    Limits,
    PlannedTask,
    RetryPolicy,
    RunPlan,
    RunStatus,
    TaskCompleted,
    TaskId,
    TaskStatus,
)
from crew_actors.runs import NothingToRetry, Run, UnknownTask
from crew_actors.runtimes import AgentFunction, Completed, Failed, Job, Outcome, Port

A, B = TaskId("a"), TaskId("b")


def quick(*tasks: PlannedTask, attempts: int = 3) -> RunPlan:
    """Plan *tasks* with retries that wait for nothing."""
    made = plan(*tasks, limits=Limits(attempts=attempts))
    return attrs.evolve(made, retry=RetryPolicy(first=0.01, jitter=0.0))


def failing(times: int, kind: FailureKind = FailureKind.EXIT) -> AgentFunction:
    """Make an agent that fails a number of times, and then completes."""

    async def work(job: Job, port: Port) -> Outcome:
        if int(job.attempt.rpartition(".")[2]) <= times:
            return Failed(failure=Failure(kind=kind, message="not yet"))
        return Completed(text=f"done in {job.attempt}")

    return work


async def test_a_failed_attempt_is_made_again(tmp_path: Path) -> None:
    run = await finish(tmp_path, quick(task("a"), task("b", "a")), worker=failing(2))
    assert run.state.status is RunStatus.COMPLETED
    assert run.state.tasks[A].attempts == 3
    failures = [
        one.event.attempt
        for one in read_events(run.folder)
        if isinstance(one.event, AttemptFailed)
    ]
    assert failures == ["a.1", "a.2", "b.1", "b.2"]


async def test_an_attempt_knows_how_the_one_before_has_failed(tmp_path: Path) -> None:
    known: list[str | None] = []

    async def work(job: Job, port: Port) -> Outcome:
        known.append(job.failure.message if job.failure else None)
        return await failing(2)(job, port)

    await finish(tmp_path, quick(task("a")), worker=work)
    assert known == [None, "not yet", "not yet"]


async def test_the_last_attempt_is_the_failure_of_its_task(tmp_path: Path) -> None:
    run = await finish(tmp_path, quick(task("a"), attempts=2), worker=failing(9))
    assert run.state.status is RunStatus.FAILED
    assert run.state.tasks[A].attempts == 2
    failure = run.state.tasks[A].failure
    assert failure is not None
    assert failure.message == "not yet"


async def test_what_would_fail_again_is_not_tried_again(tmp_path: Path) -> None:
    agent = failing(9, FailureKind.AUTH)
    run = await finish(tmp_path, quick(task("a")), worker=agent)
    assert run.state.tasks[A].attempts == 1


async def test_others_go_on_while_a_task_waits_for_its_next_attempt(
    tmp_path: Path,
) -> None:
    tasks = (task("a", role="bad"), task("b"), task("c", "b"))
    slow = attrs.evolve(
        quick(*tasks), limit=1, retry=RetryPolicy(first=0.3, jitter=0.0)
    )
    run = await finish(tmp_path, slow, worker=echo, bad=failing(1))
    assert run.state.status is RunStatus.COMPLETED
    order = [
        one.event.task
        for one in read_events(run.folder)
        if isinstance(one.event, TaskCompleted)
    ]
    assert order == ["b", "c", "a"]


async def _until(run: Run, name: str, status: TaskStatus) -> None:
    async for _ in run.events():
        if run.state.tasks[TaskId(name)].status is status:
            return


async def test_somebody_may_ask_for_a_failed_task_again(tmp_path: Path) -> None:
    hold = trio.Event()

    async def work(job: Job, port: Port) -> Outcome:
        if job.task.id == "hold":
            await hold.wait()
            return Completed(text="held")
        return await (failing(1) if job.task.id == "a" else echo)(job, port)

    tasks = (task("a"), task("b", "a"), task("hold"))
    with trio.fail_after(10):
        async with crew_in(tmp_path, worker=work) as crew:
            run = await crew.start(quick(*tasks, attempts=1))
            await _until(run, "b", TaskStatus.SKIPPED)
            assert await run.retry("a", why="try it once more") == ("a", "b")
            await _until(run, "b", TaskStatus.COMPLETED)
            hold.set()
            state = await run.wait()
    assert state.status is RunStatus.COMPLETED
    assert state.tasks[A].attempts == 2


async def test_what_has_not_ended_cannot_be_retried(tmp_path: Path) -> None:
    hold = trio.Event()

    async def work(job: Job, port: Port) -> Outcome:
        await hold.wait()
        return Completed(text="x")

    async with crew_in(tmp_path, worker=work) as crew:
        run = await crew.start(plan(task("a")))
        await _until(run, "a", TaskStatus.RUNNING)
        with pytest.raises(NothingToRetry, match="a is running"):
            await run.retry("a")
        with pytest.raises(UnknownTask, match="did you mean 'a'"):
            await run.retry("aa")
        hold.set()
        await run.wait()


async def test_a_cancelled_run_makes_no_further_attempts(tmp_path: Path) -> None:
    slow = attrs.evolve(quick(task("a")), retry=RetryPolicy(first=600))
    with trio.fail_after(10):
        async with crew_in(tmp_path, worker=fail) as crew:
            run = await crew.start(slow)
            async for one in run.events():
                if isinstance(one.event, AttemptFailed):
                    break
            run.cancel("enough")
            state = await run.wait()
    assert state.status is RunStatus.CANCELLED
    assert state.tasks[A].status is TaskStatus.CANCELLED
