"""What holds a run back: approvals, budgets, plans, room, and its own outputs."""

import json
from pathlib import Path

import attrs
import pytest
import trio
import trio.testing
from tests.support.crews import crew_in, echo, sleep
from tests.support.plans import plan, task

from crew_actors.journal import read_events
from crew_actors.model import (
    AttemptStarted,
    BudgetSpent,
    BudgetWarned,
    GroupFinished,
    Limits,
    PlannedTask,
    RunPlan,
    RunStatus,
    TaskId,
    TaskStatus,
    Usage,
)
from crew_actors.runs import NotAwaitingApproval, Run
from crew_actors.runs._slots import Slots
from crew_actors.runtimes import Completed, Job, Outcome, Port

A, B, C = TaskId("a"), TaskId("b"), TaskId("c")


async def until(run: Run, status: RunStatus) -> None:
    async for _ in run.events():
        if run.state.status is status:
            return


def reading(one: PlannedTask) -> PlannedTask:
    return attrs.evolve(one, writes=False)


async def test_tasks_that_write_wait_for_the_approval(tmp_path: Path) -> None:
    gated = attrs.evolve(plan(reading(task("a")), task("b", "a")), approve=True)
    with trio.fail_after(10):
        async with crew_in(tmp_path, worker=echo) as crew:
            run = await crew.start(gated)
            await until(run, RunStatus.WAITING)
            assert run.state.tasks[A].status is TaskStatus.COMPLETED
            assert run.state.tasks[B].status is TaskStatus.QUEUED
            await run.approve(by="ann")
            state = await run.wait()
    assert state.status is RunStatus.COMPLETED


async def test_a_rejected_plan_ends_its_run(tmp_path: Path) -> None:
    gated = attrs.evolve(plan(task("a")), approve=True)
    with trio.fail_after(10):
        async with crew_in(tmp_path, worker=echo) as crew:
            run = await crew.start(gated)
            await until(run, RunStatus.WAITING)
            await run.reject("too dangerous", by="ann")
            state = await run.wait()
    assert state.status is RunStatus.CANCELLED
    assert state.why == "ann rejected the plan: too dangerous"
    assert state.tasks[A].attempts == 0


async def test_nobody_approves_what_needs_no_approval(tmp_path: Path) -> None:
    async with crew_in(tmp_path, worker=sleep) as crew:
        run = await crew.start(plan(task("a")))
        with pytest.raises(NotAwaitingApproval):
            await run.approve()
        run.cancel("done")
        await run.wait()


async def spend(job: Job, port: Port) -> Outcome:
    await port.usage(Usage(input=450, output=0, cost=0.0))
    if job.task.id == "c":
        await trio.sleep_forever()
    return Completed(text="x")


async def test_a_spent_budget_stops_the_run_and_names_itself(tmp_path: Path) -> None:
    tasks = (task("a"), task("b", "a"), task("c", "b"), task("d", "c"))
    tight = plan(*tasks, limits=Limits(attempts=1, tokens=1_000))
    with trio.fail_after(10):
        async with crew_in(tmp_path, worker=spend) as crew:
            state = await (await crew.start(tight)).wait()
            (folder,) = (tmp_path / ".crew" / "runs").glob("2*")
    assert state.status is RunStatus.FAILED
    assert state.why == "its budget of tokens is spent: 1,350 tokens of 1,000"
    assert {name: one.status.value for name, one in state.tasks.items()} == {
        "a": "completed",
        "b": "completed",
        "c": "cancelled",
        "d": "skipped",
    }
    del folder


async def test_each_budget_is_told_of_once(tmp_path: Path) -> None:
    tight = plan(
        task("a"), task("b", "a"), limits=Limits(attempts=1, tokens=1_000, cost=1.0)
    )
    with trio.fail_after(10):
        async with crew_in(tmp_path, worker=spend) as crew:
            run = await crew.start(tight)
            state = await run.wait()
    assert state.status is RunStatus.COMPLETED
    told = [
        one.event
        for one in read_events(run.folder)
        if isinstance(one.event, BudgetWarned | BudgetSpent)
    ]
    assert told == [BudgetWarned(budget="tokens", used=900, limit=1_000)]


async def test_a_run_ends_when_its_time_is_over(tmp_path: Path) -> None:
    short = plan(task("a"), limits=Limits(attempts=1, run_seconds=0.2))
    with trio.fail_after(10):
        async with crew_in(tmp_path, worker=sleep) as crew:
            state = await (await crew.start(short)).wait()
    assert state.status is RunStatus.FAILED
    assert state.why.startswith("its budget of time is spent")


def adaptive(*tasks: PlannedTask) -> RunPlan:
    roles = {name: task(name, role=name) for name in ("explorer", "executor")}
    return attrs.evolve(plan(*tasks), adaptive=A, templates=roles)


def proposing(text: str) -> object:
    async def work(job: Job, port: Port) -> Outcome:
        if job.task.id == "a":
            return Completed(text=text)
        return Completed(text=f"{job.task.prompt} after {', '.join(job.dependencies)}")

    return work


async def test_the_tasks_that_a_task_has_planned_are_done(tmp_path: Path) -> None:
    phases = [
        {
            "tasks": [
                {"role": "scout", "task": "look"},
                {"role": "explorer", "task": "x"},
            ]
        },
        {"tasks": [{"role": "executor", "task": "build"}]},
    ]
    text = f"Well.\n```json\n{json.dumps({'phases': phases})}\n```"
    work = proposing(text)
    with trio.fail_after(10):
        async with crew_in(
            tmp_path,
            worker=work,  # type: ignore[arg-type]  # it is one
            explorer=work,  # type: ignore[arg-type]
            executor=work,  # type: ignore[arg-type]
        ) as crew:
            run = await crew.start(adaptive(task("a")))
            state = await run.wait()
    assert state.status is RunStatus.COMPLETED
    assert list(state.tasks) == [
        "a",
        "adaptive-01-explorer",
        "adaptive-02-explorer",
        "adaptive-03-executor",
    ]
    result = state.tasks[TaskId("adaptive-03-executor")].result
    assert result is not None
    assert (run.folder.path / result.path).read_text() == (
        "build after adaptive-01-explorer, adaptive-02-explorer"
    )
    groups = [
        one.event
        for one in read_events(run.folder)
        if isinstance(one.event, GroupFinished)
    ]
    assert groups == [
        GroupFinished(group="phase-1", completed=2, of=2),
        GroupFinished(group="phase-2", completed=1, of=1),
    ]


async def test_a_plan_that_cannot_be_understood_blocks_its_run(tmp_path: Path) -> None:
    work = proposing("I would rather not.")
    with trio.fail_after(10):
        async with crew_in(tmp_path, worker=work) as crew:  # type: ignore[arg-type]
            state = await (await crew.start(adaptive(task("a"), task("b", "a")))).wait()
    assert state.status is RunStatus.BLOCKED
    assert "there is no plan in the result" in state.why


async def test_tasks_that_write_to_the_same_place_do_not_meet(tmp_path: Path) -> None:
    at_work = 0

    async def work(job: Job, port: Port) -> Outcome:
        nonlocal at_work
        at_work += 1
        assert at_work == 1
        await trio.testing.wait_all_tasks_blocked(0.01)
        at_work -= 1
        return Completed(text="x")

    tasks = [
        attrs.evolve(task(name), outputs=(path,))
        for name, path in (("a", "src"), ("b", "src/x.py"), ("c", "./src/"))
    ]
    async with crew_in(tmp_path, worker=work) as crew:
        state = await (await crew.start(plan(*tasks))).wait()
    assert state.status is RunStatus.COMPLETED


async def test_runs_of_one_crew_share_its_slots(tmp_path: Path) -> None:
    at_work = most = 0

    async def work(job: Job, port: Port) -> Outcome:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await trio.testing.wait_all_tasks_blocked(0.005)
        at_work -= 1
        return Completed(text="x")

    tasks = [task(f"t{number}") for number in range(6)]
    with trio.fail_after(20):
        async with crew_in(tmp_path, 2, worker=work) as crew:
            runs = [await crew.start(plan(*tasks)) for _ in range(4)]
            states = [await run.wait() for run in runs]
            assert crew.slots.taken == 0
    assert {state.status for state in states} == {RunStatus.COMPLETED}
    assert most == 2


async def test_a_cancelled_run_gives_its_slots_to_the_others(tmp_path: Path) -> None:
    async def work(job: Job, port: Port) -> Outcome:
        if job.goal == "try it" and job.task.id == "long":
            await trio.sleep_forever()
        return Completed(text="x")

    with trio.fail_after(10):
        async with crew_in(tmp_path, 1, worker=work) as crew:
            first = await crew.start(plan(task("long")))
            second = await crew.start(plan(task("short")))
            await trio.testing.wait_all_tasks_blocked(0.05)
            assert not any(
                isinstance(one.event, AttemptStarted)
                for one in read_events(second.folder)
            )
            first.cancel("make room")
            assert (await second.wait()).status is RunStatus.COMPLETED


def test_a_slot_goes_to_whoever_has_waited_longest() -> None:
    told: list[str] = []
    slots = Slots(1)
    assert slots.take("r1", lambda: told.append("r1"))  # type: ignore[arg-type]
    assert not slots.take("r2", lambda: told.append("r2"))  # type: ignore[arg-type]
    assert not slots.take("r3", lambda: told.append("r3"))  # type: ignore[arg-type]
    slots.give_back()
    assert told == ["r2"]
    slots.tell_next()  # r2 needs none after all
    assert told == ["r2", "r3"]
