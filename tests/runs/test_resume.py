"""Runs that are taken up again: nothing is done twice, nothing is left out."""

import time
from pathlib import Path

import pytest
import trio
from tests.support.crews import crew_in, echo
from tests.support.plans import plan, task

from crew_actors.journal import (
    Lease,
    LeaseHeld,
    RunFolder,
    effective_status,
    open_journal,
    read_events,
    read_state,
)
from crew_actors.model import (
    AttemptStarted,
    Event,
    Limits,
    QuestionAsked,
    ResultStored,
    RunCreated,
    RunPlan,
    RunResumed,
    RunStarted,
    RunStatus,
    Selection,
    TaskCompleted,
    TaskId,
    TaskStatus,
    Usage,
    attempt_id,
    new_run_id,
)
from crew_actors.runs import NothingToResume
from crew_actors.runtimes import Completed, Job, NoResult, Outcome, Port

A, B, C = TaskId("a"), TaskId("b"), TaskId("c")


async def left(project: Path, the_plan: RunPlan, *events: Event) -> RunFolder:
    """Leave a run behind as its owner does who is killed after *events*."""
    run = new_run_id(time.time(), b"12345")
    folder = RunFolder.create(project, run)
    lease = Lease.mine(now=time.time())
    async with open_journal(folder, lease=lease, create=True) as journal:
        created = RunCreated(run=run, workspace=str(project), plan=the_plan)
        for event in (created, RunStarted(), *events):
            await journal.append(event)
    return folder


def begun(name: TaskId, number: int = 1) -> AttemptStarted:
    return AttemptStarted(task=name, attempt=attempt_id(name, number))


async def test_a_run_whose_owner_is_gone_is_interrupted_and_can_be_taken_up(
    tmp_path: Path,
) -> None:
    did: list[str] = []

    async def work(job: Job, port: Port) -> Outcome:
        did.append(job.attempt)
        return Completed(text="x")

    async with crew_in(tmp_path, worker=work) as crew:
        run = await crew.start(plan(task("a"), task("b", "a")))
        await run.wait()
    done = [
        one.event
        for one in read_events(run.folder)
        if one.seq <= _end_of(run.folder, "a")
    ]
    folder = await left(tmp_path, plan(task("a"), task("b", "a")), *done[2:], begun(B))
    assert effective_status(folder) is RunStatus.INTERRUPTED
    did.clear()
    # the results of another run are not in its folder
    (folder.path / "artifacts").mkdir(exist_ok=True)
    source = run.folder.path / "artifacts" / "a"
    source.rename(folder.path / "artifacts" / "a")
    async with crew_in(tmp_path, worker=work) as crew:
        state = await (await crew.resume(folder)).wait()
    assert state.status is RunStatus.COMPLETED
    assert did == ["b.2"]


def _end_of(folder: RunFolder, name: str) -> int:
    (seq,) = (
        one.seq
        for one in read_events(folder)
        if isinstance(one.event, TaskCompleted) and one.event.task == name
    )
    return seq


async def test_three_resumes_do_nothing_twice(tmp_path: Path) -> None:
    folder = await left(tmp_path, plan(task("a")), begun(A))
    async with crew_in(tmp_path, worker=echo) as crew:
        state = await (await crew.resume(folder)).wait()
        assert state.tasks[A].attempts == 2
        before = len(list(read_events(folder)))
        for _ in range(3):
            with pytest.raises(NothingToResume, match=r"completed"):
                await crew.resume(folder)
    assert len(list(read_events(folder))) == before


async def test_a_result_that_is_on_disk_is_not_made_again(tmp_path: Path) -> None:
    async def work(job: Job, port: Port) -> Outcome:
        raise AssertionError

    async with crew_in(tmp_path, worker=echo) as crew:
        run = await crew.start(plan(task("a")))
        await run.wait()
    events = [one.event for one in read_events(run.folder)]
    cut = next(n for n, event in enumerate(events) if isinstance(event, ResultStored))
    folder = await left(tmp_path, plan(task("a")), *events[2 : cut + 1])
    async with crew_in(tmp_path, worker=work) as crew:
        state = await (await crew.resume(folder)).wait()
    assert state.status is RunStatus.COMPLETED
    assert state.tasks[A].attempts == 1


async def test_a_run_that_never_began_is_begun(tmp_path: Path) -> None:
    run = new_run_id(time.time(), b"12345")
    folder = RunFolder.create(tmp_path, run)
    lease = Lease.mine(now=time.time())
    async with open_journal(folder, lease=lease, create=True) as journal:
        await journal.append(
            RunCreated(run=run, workspace=str(tmp_path), plan=plan(task("a")))
        )
    async with crew_in(tmp_path, worker=echo) as crew:
        state = await (await crew.resume(folder)).wait()
    assert state.status is RunStatus.COMPLETED
    assert not any(isinstance(one.event, RunResumed) for one in read_events(folder))


async def test_a_run_that_somebody_works_on_is_not_taken_up(tmp_path: Path) -> None:
    hold = trio.Event()

    async def work(job: Job, port: Port) -> Outcome:
        await hold.wait()
        return Completed(text="x")

    async with crew_in(tmp_path, worker=work) as crew:
        run = await crew.start(plan(task("a")))
        async with crew_in(tmp_path, worker=work) as other:
            with pytest.raises(LeaseHeld):
                await other.resume(run.folder)
        hold.set()
        assert (await run.wait()).status is RunStatus.COMPLETED


async def test_a_cancelled_run_goes_on_where_it_was_cut(tmp_path: Path) -> None:
    async def stuck(job: Job, port: Port) -> Outcome:
        if job.task.id == "b":
            await trio.sleep_forever()
        return Completed(text="x")

    tasks = (task("a"), task("b", "a"), task("c", "b"))
    with trio.fail_after(10):
        async with crew_in(tmp_path, worker=stuck) as crew:
            run = await crew.start(plan(*tasks))
            async for _ in run.events():
                if run.state.tasks[B].status is TaskStatus.RUNNING:
                    break
            run.cancel("for now")
            assert (await run.wait()).status is RunStatus.CANCELLED
        async with crew_in(tmp_path, worker=echo) as crew:
            state = await (await crew.resume(run.folder)).wait()
    assert state.status is RunStatus.COMPLETED
    assert [state.tasks[name].attempts for name in (A, B, C)] == [1, 2, 1]


async def test_what_failed_is_done_again_when_asked_for(tmp_path: Path) -> None:
    async def none(job: Job, port: Port) -> Outcome:
        return NoResult(why="nothing to say")

    tasks = (task("a", role="bad"), task("b", "a"), task("c"))
    async with crew_in(tmp_path, worker=echo, bad=none) as crew:
        run = await crew.start(plan(*tasks))
        assert (await run.wait()).status is RunStatus.BLOCKED
    async with crew_in(tmp_path, worker=echo, bad=echo) as crew:
        with pytest.raises(NothingToResume, match="crew retry"):
            await crew.resume(run.folder)
        again = await crew.resume(run.folder, retry=Selection())
        state = await again.wait()
    assert state.status is RunStatus.COMPLETED
    assert [state.tasks[name].attempts for name in (A, B, C)] == [2, 1, 1]


async def test_an_answer_of_an_earlier_life_is_given_to_the_next_attempt(
    tmp_path: Path,
) -> None:
    heard: list[object] = []

    async def ask(job: Job, port: Port) -> Outcome:
        heard.extend((one.question, one.answer) for one in job.answers)
        if not job.answers:
            await port.ask("Which?")
            await trio.sleep_forever()
        return Completed(text="x")

    with trio.fail_after(10):
        async with crew_in(tmp_path, worker=ask) as crew:
            run = await crew.start(plan(task("a")))
            async for one in run.events():
                if isinstance(one.event, QuestionAsked):
                    break
            await run.respond("that one")
            run.cancel("pause")
            await run.wait()
        async with crew_in(tmp_path, worker=ask) as crew:
            state = await (await crew.resume(run.folder)).wait()
    assert state.status is RunStatus.COMPLETED
    assert heard == [("Which?", "that one")]


async def test_the_state_of_a_resumed_run_is_the_fold_of_its_journal(
    tmp_path: Path,
) -> None:
    folder = await left(tmp_path, plan(task("a"), task("b")), begun(A), begun(B))
    async with crew_in(tmp_path, worker=echo) as crew:
        run = await crew.resume(folder, why="again")
        state = await run.wait()
    assert read_state(folder) == state


async def test_a_retry_by_name_does_a_completed_task_again(tmp_path: Path) -> None:
    async with crew_in(tmp_path, worker=echo) as crew:
        run = await crew.start(plan(task("a"), task("b", "a"), task("c")))
        await run.wait()
        again = await crew.resume(run.folder, retry=Selection(tasks=(A,)))
        state = await again.wait()
    assert [one.attempts for one in state.tasks.values()] == [2, 2, 1]


async def test_a_run_out_of_budget_goes_on_with_a_larger_one(tmp_path: Path) -> None:
    async def spend(job: Job, port: Port) -> Outcome:
        await port.usage(Usage(input=600))
        if job.attempt == "b.1":
            await trio.sleep_forever()
        return Completed(text="x")

    tight = plan(task("a"), task("b", "a"), limits=Limits(attempts=1, tokens=1_000))
    with trio.fail_after(20):
        async with crew_in(tmp_path, worker=spend) as crew:
            run = await crew.start(tight)
            assert (await run.wait()).status is RunStatus.FAILED
            wide = Limits(attempts=1, tokens=10_000)
            again = await crew.resume(run.folder, limits=wide)
            state = await again.wait()
    assert state.status is RunStatus.COMPLETED
    assert state.plan.limits == wide
    assert [state.tasks[name].attempts for name in (A, B)] == [1, 2]
