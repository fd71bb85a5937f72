"""A run, from its plan to its last event, with agents that are functions."""

from collections.abc import Mapping
from pathlib import Path

import attrs
import pytest
import trio
import trio.testing
from tests.support.crews import crew_in, echo, fail, finish, sleep
from tests.support.plans import plan, task

from crew_actors.journal import (
    MAX_EVENT,
    BadEvent,
    RunFolder,
    effective_status,
    read_events,
    read_state,
)
from crew_actors.model import (
    AttemptStarted,
    Failure,
    FailureKind,
    Progress,
    RunCreated,
    RunStatus,
    TaskCompleted,
    TaskId,
    TaskStatus,
    Usage,
)
from crew_actors.runs import NoRuntime, Run, cancel_run
from crew_actors.runtimes import (
    AgentFunction,
    Completed,
    Job,
    NoResult,
    Outcome,
    Port,
)
from crew_supervisors import open_supervisor

Functions = Mapping[str, AgentFunction]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    project.mkdir()
    return project


async def test_a_run_completes_and_what_is_on_disk_says_the_same(folder: Path) -> None:
    run = await finish(folder, plan(task("a"), task("b", "a")), worker=echo)
    state = run.state
    assert state.status is RunStatus.COMPLETED
    assert read_state(run.folder) == state
    assert effective_status(run.folder) is RunStatus.COMPLETED
    events = list(read_events(run.folder))
    assert [recorded.seq for recorded in events] == list(range(1, len(events) + 1))
    result = state.tasks[TaskId("b")].result
    assert result is not None
    assert (run.folder.path / result.path).read_text() == "b did it"


async def test_a_task_is_given_the_results_of_its_dependencies(folder: Path) -> None:
    seen: dict[str, object] = {}

    async def look(job: Job, port: Port) -> Outcome:
        if job.task.id == "a":
            source = job.folder / "x.txt"
            source.write_text("kept")  # a few bytes
            await port.artifact("x.txt", source)
            return Completed(text="from a", data={"n": [1]})
        seen.update(job.dependencies)
        return Completed(text="from b")

    await finish(folder, plan(task("a"), task("b", "a")), worker=look)
    (given,) = seen.values()
    assert getattr(given, "text", None) == "from a"
    assert getattr(given, "data", None) == {"n": [1]}
    names = [name for name, _ in getattr(given, "artifacts", ())]
    assert names == ["x.txt", "result.md", "data.json"]


async def test_a_task_starts_as_soon_as_its_own_dependencies_are_done(
    folder: Path,
) -> None:
    """There is no batch: c need not wait for b, which is still at work."""
    done = trio.Event()

    async def work(job: Job, port: Port) -> Outcome:
        if job.task.id == "b":
            await done.wait()
        if job.task.id == "c":
            done.set()
        return Completed(text="x")

    tasks = (task("a"), task("b"), task("c", "a"))
    with trio.fail_after(10):
        run = await finish(folder, plan(*tasks), worker=work)
    assert run.state.status is RunStatus.COMPLETED


async def test_never_more_tasks_run_than_the_limit_allows(folder: Path) -> None:
    running = peak = 0
    full = trio.Event()

    async def work(job: Job, port: Port) -> Outcome:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        if running == 3:
            full.set()
        await full.wait()
        await trio.testing.wait_all_tasks_blocked()
        running -= 1
        return Completed(text="x")

    tasks = [task(f"t{n}") for n in range(20)]
    await finish(folder, plan(*tasks, limit=3), worker=work)
    assert peak == 3


async def test_a_failure_does_not_destroy_its_siblings_work(folder: Path) -> None:
    tasks = (task("a", role="bad"), task("b"), task("c", "a"), task("d", "b"))
    run = await finish(folder, plan(*tasks), worker=echo, bad=fail)
    assert run.state.status is RunStatus.FAILED
    assert {name: one.status.value for name, one in run.state.tasks.items()} == {
        "a": "failed",
        "b": "completed",
        "c": "skipped",
        "d": "completed",
    }
    assert run.state.why == "failed: a"
    summary = (run.folder.path / str(run.state.summary)).read_text()
    assert "- a failed: exit code 1" in summary
    assert "- c, skipped: a failed" in summary


async def test_fail_fast_cancels_the_running_and_waits_for_them(folder: Path) -> None:
    cleaned_up = False

    async def slow(job: Job, port: Port) -> Outcome:
        nonlocal cleaned_up
        try:
            await trio.sleep_forever()
        finally:
            cleaned_up = True
        raise AssertionError

    tasks = (task("a", role="slow"), task("b", role="bad"))
    run = await finish(
        folder, plan(*tasks, on_failure="fail_fast"), slow=slow, bad=fail
    )
    assert run.state.status is RunStatus.FAILED
    assert run.state.tasks[TaskId("a")].status is TaskStatus.CANCELLED
    assert cleaned_up


async def test_a_task_without_a_result_blocks_what_waits_for_it(folder: Path) -> None:
    async def nothing(job: Job, port: Port) -> Outcome:
        return NoResult(why="nothing to say")

    run = await finish(folder, plan(task("a"), task("b", "a")), worker=nothing)
    assert run.state.status is RunStatus.BLOCKED
    assert run.state.why == "no result from a; waiting for it: b"
    assert run.state.tasks[TaskId("a")].why == "nothing to say"


async def test_an_empty_result_of_a_function_is_none(folder: Path) -> None:
    async def empty(job: Job, port: Port) -> Outcome:
        return Completed(text=" \n")

    run = await finish(folder, plan(task("a")), worker=empty)
    assert run.state.tasks[TaskId("a")].status is TaskStatus.NEEDS_ATTENTION


async def test_an_agent_that_crashes_fails_its_task_and_nothing_else(
    folder: Path,
) -> None:
    async def crash(job: Job, port: Port) -> Outcome:
        message = "boom"
        raise KeyError(message)

    run = await finish(
        folder, plan(task("a", role="bad"), task("b")), bad=crash, worker=echo
    )
    failure = run.state.tasks[TaskId("a")].failure
    assert failure == Failure(kind=FailureKind.CRASH, message="KeyError: 'boom'")
    assert run.state.tasks[TaskId("b")].status is TaskStatus.COMPLETED


async def test_a_result_that_json_cannot_hold_is_a_failure_of_storage(
    folder: Path,
) -> None:
    async def odd(job: Job, port: Port) -> Outcome:
        return Completed(text="x", data=object())

    run = await finish(folder, plan(task("a")), worker=odd)
    failure = run.state.tasks[TaskId("a")].failure
    assert failure is not None
    assert failure.kind is FailureKind.STORAGE


async def test_usage_is_summed_for_each_task_and_the_run(folder: Path) -> None:
    async def spend(job: Job, port: Port) -> Outcome:
        await port.usage(Usage(input=1, output=2, cost=0.5))
        await port.usage(Usage(input=10))
        return Completed(text="x")

    run = await finish(folder, plan(task("a"), task("b")), worker=spend)
    assert run.state.tasks[TaskId("a")].usage == Usage(input=11, output=2, cost=0.5)
    assert run.state.usage == Usage(input=22, output=4, cost=1.0)


async def test_of_much_progress_the_last_is_told(folder: Path) -> None:
    async def chat(job: Job, port: Port) -> Outcome:
        for number in range(1000):
            await port.progress(f"line {number}")
        return Completed(text="x")

    run = await finish(folder, plan(task("a")), worker=chat)
    told = [r.event for r in read_events(run.folder) if isinstance(r.event, Progress)]
    assert 1 <= len(told) <= 3
    assert told[-1].text == "line 999"


async def test_a_cancelled_run_ends_when_everything_of_it_has(folder: Path) -> None:
    async with crew_in(folder, worker=sleep) as crew:
        run = await crew.start(plan(task("a"), task("b", "a")))
        async for recorded in run.events():
            if isinstance(recorded.event, Progress):
                run.cancel("enough")
                run.cancel("too late a reason")
        state = await run.wait()
    assert state.status is RunStatus.CANCELLED
    assert state.why == "enough"
    assert {one.status for one in state.tasks.values()} == {TaskStatus.CANCELLED}
    assert {one.why for one in state.tasks.values()} == {"enough"}
    run.cancel("long after")  # changes nothing, and is no error


async def test_a_run_can_be_cancelled_at_once(folder: Path) -> None:
    async with crew_in(folder, worker=sleep) as crew:
        run = await crew.start(plan(task("a")))
        run.cancel("enough")
        run.cancel("now", now=True)
        state = await run.wait()
    assert state.status is RunStatus.CANCELLED
    assert state.why == "enough"


async def test_a_run_can_be_cancelled_from_outside_by_its_folder(folder: Path) -> None:
    async with crew_in(folder, worker=sleep) as crew:
        run = await crew.start(plan(task("a")))
        status = await cancel_run(run.folder, "from elsewhere")
        assert status is RunStatus.CANCELLED
        assert (await run.wait()).why == "from elsewhere"


async def test_leaving_the_block_stops_the_runs_and_writes_them_down(
    folder: Path,
) -> None:
    async with crew_in(folder, worker=sleep) as crew:
        run = await crew.start(plan(task("a"), task("b", "a")))
    assert effective_status(run.folder) is RunStatus.CANCELLED
    state = read_state(run.folder)
    assert state.why == "the program that ran it was stopped"
    assert {one.status for one in state.tasks.values()} == {TaskStatus.CANCELLED}


async def test_a_cancelled_block_writes_its_runs_down(folder: Path) -> None:
    started: list[Run] = []
    with trio.CancelScope() as scope:
        async with crew_in(folder, worker=sleep) as crew:
            started.append(await crew.start(plan(task("a"))))
            scope.cancel()
            await trio.sleep_forever()
    assert effective_status(started[0].folder) is RunStatus.CANCELLED


async def test_a_task_that_no_runtime_can_run_is_refused(folder: Path) -> None:
    odd = attrs.evolve(task("a"), runtime="telepathy")
    async with crew_in(folder) as crew:
        with pytest.raises(NoRuntime, match="task a: there is no runtime 'telepathy'"):
            await crew.start(plan(odd))
    assert not (folder / ".crew").exists()


async def test_events_can_be_followed_from_any_number(folder: Path) -> None:
    async with crew_in(folder, worker=echo) as crew:
        run = await crew.start(plan(task("a")))
        every = [recorded async for recorded in run.events()]
        later = [recorded async for recorded in run.events(since=2)]
    assert isinstance(every[0].event, RunCreated)
    assert later == every[2:]


async def test_two_runs_with_equal_task_names_do_not_mix(folder: Path) -> None:
    async def who(job: Job, port: Port) -> Outcome:
        return Completed(text=job.run)

    async with crew_in(folder, worker=who) as crew:
        runs = [await crew.start(plan(task("a"))) for _ in range(2)]
        for run in runs:
            state = await run.wait()
            result = state.tasks[TaskId("a")].result
            assert result is not None
            assert (run.folder.path / result.path).read_text() == run.id


async def test_an_attempt_is_on_disk_and_watched_before_its_process_starts(
    folder: Path,
) -> None:
    seen: list[bool] = []
    children: list[str] = []

    async def look(job: Job, port: Port) -> Outcome:
        async with open_supervisor(name="here") as supervisor:
            await port.process_starts(supervisor)
            children.extend(child.name for child in supervisor.tree().children)
            await supervisor.stop("heartbeat")
            (run,) = (folder / ".crew" / "runs").glob("2*")
            events = await trio.to_thread.run_sync(
                lambda: list(read_events(RunFolder(run)))
            )
        seen.append(any(isinstance(r.event, AttemptStarted) for r in events))
        return Completed(text="x")

    await finish(folder, plan(task("a")), worker=look)
    assert seen == [True]
    assert children == ["heartbeat"]


async def test_a_summary_that_the_team_writes_is_the_summary(folder: Path) -> None:
    write = attrs.evolve(task("a"), output="summary.md")
    run = await finish(folder, plan(write), worker=echo)
    assert run.state.summary == "artifacts/a/a.1/summary.md"
    (completed,) = (
        r.event for r in read_events(run.folder) if isinstance(r.event, TaskCompleted)
    )
    assert completed.result.path == run.state.summary


async def test_a_thousand_events_keep_their_order(folder: Path) -> None:
    async def spend(job: Job, port: Port) -> Outcome:
        for number in range(1, 101):
            await port.usage(Usage(input=number))
        return Completed(text="x")

    tasks = [task(f"t{n}") for n in range(10)]
    run = await finish(folder, plan(*tasks), worker=spend)
    assert run.state.usage.input == 10 * 5050
    assert read_state(run.folder) == run.state


async def test_a_run_that_cannot_be_written_leaves_nothing(folder: Path) -> None:
    huge = attrs.evolve(plan(task("a")), goal="x" * MAX_EVENT)
    async with crew_in(folder, worker=echo) as crew:
        with pytest.raises(BadEvent):
            await crew.start(huge)
        assert not list((folder / ".crew" / "runs").glob("2*"))
        run = await crew.start(plan(task("a")))
        assert (await run.wait()).status is RunStatus.COMPLETED


async def test_without_a_registry_a_run_works_and_says_so(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder.parent / "data").write_text("not a folder")
    run = await finish(folder, plan(task("a")), worker=echo)
    assert run.state.status is RunStatus.COMPLETED
    (record,) = caplog.records
    assert record.message.startswith("the run is found in its project only: ")
    assert "Errno" not in record.message
