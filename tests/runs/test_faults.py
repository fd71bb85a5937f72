"""Runs that are hurt: what was told stays true, and nothing is done twice."""

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
import trio
import trio.testing
from tests.support.crews import crew_in, echo, fail
from tests.support.plans import plan, task

from crew_actors.journal import (
    JournalError,
    JournalFull,
    LeaseHeld,
    RunFolder,
    _database as database,
    effective_status,
    read_events,
    read_state,
)
from crew_actors.model import (
    AttemptFailed,
    AttemptStarted,
    CancelRequested,
    Failure,
    FailureKind,
    Limits,
    QuestionAsked,
    QuestionExpired,
    Recorded,
    RetryPolicy,
    RunStatus,
    TaskCompleted,
    TaskId,
    TaskStatus,
)
from crew_actors.runs import (
    NothingToResume,
    NothingToRetry,
    NotWaiting,
    Run,
    TooManyMessages,
)
from crew_actors.runtimes import Completed, Failed, Job, Outcome, Port

A, B = TaskId("a"), TaskId("b")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    project.mkdir()
    return project


async def seen(run: Run, kind: type[object]) -> None:
    """Wait for the first event of *kind*."""
    async for one in run.events():
        if isinstance(one.event, kind):
            return


class Steps(trio.abc.Instrument):
    """Does something before a certain step of the actors of runs."""

    def __init__(self, at: int, do: Callable[[], None]) -> None:
        self.steps = 0
        self.at = at
        self.do = do

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        if "run/" in task.name:
            self.steps += 1
            if self.steps == self.at:
                self.do()


async def _cut(folder: Path, at: int) -> tuple[int, Run | None]:
    """Cancel a crew before step *at* of its run; tell how many steps there were."""
    run: Run | None = None
    scope = trio.CancelScope()
    steps = Steps(at, scope.cancel)
    trio.lowlevel.add_instrument(steps)
    try:
        with scope:
            async with crew_in(folder, worker=echo) as crew:
                run = await crew.start(plan(task("a"), task("b", "a")))
                await run.wait()
    finally:
        trio.lowlevel.remove_instrument(steps)
    return steps.steps, run


async def test_a_run_can_be_cut_at_each_step_of_its_actor(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    number, _ = await _cut(whole, 0)
    assert number > 10
    for at in range(1, number + 1):
        folder = tmp_path / f"cut-{at}"
        folder.mkdir()
        with trio.fail_after(20):
            _, run = await _cut(folder, at)
            if run is None:
                continue
            ended = run.state
            disk = read_state(run.folder)
            assert disk.status.ended, at
            for name, one in ended.tasks.items():
                if one.status.terminal:
                    assert disk.tasks[name].status is one.status, at
            async with crew_in(folder, worker=echo) as crew:
                try:
                    state = await (await crew.resume(run.folder)).wait()
                except NothingToResume:
                    state = read_state(run.folder)
            assert state.status is RunStatus.COMPLETED, at
        done = [
            one.event.task
            for one in read_events(run.folder)
            if isinstance(one.event, TaskCompleted)
        ]
        assert sorted(done) == ["a", "b"], at


def _of(folder: RunFolder, kind: type[object]) -> list[Recorded]:
    return [one for one in read_events(folder) if isinstance(one.event, kind)]


async def test_nobody_sees_an_end_that_a_full_disk_has_swallowed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = trio.Event()
    full = False
    write = database.Database.write

    def limited(self: database.Database, rows: object) -> None:
        if full:
            raise JournalFull(Path("events"), os.strerror(errno.ENOSPC))
        write(self, rows)  # type: ignore[arg-type]

    monkeypatch.setattr(database.Database, "write", limited)

    async def work(job: Job, port: Port) -> Outcome:
        await go.wait()
        return Completed(text="x")

    with trio.fail_after(10):
        async with crew_in(folder, worker=work) as crew:
            run = await crew.start(plan(task("a"), task("b")))
            await seen(run, AttemptStarted)
            full = True
            go.set()
            with pytest.raises(JournalError):
                await run.wait()
    full = False
    disk = read_state(run.folder)
    assert not disk.tasks[A].status.terminal
    assert not run.state.tasks[A].status.terminal
    assert effective_status(run.folder) is RunStatus.INTERRUPTED
    async with crew_in(folder, worker=echo) as crew:
        assert (await (await crew.resume(run.folder)).wait()).status.value == (
            "completed"
        )


async def test_of_two_that_take_up_a_run_one_does(folder: Path) -> None:
    attempts: list[str] = []

    async def work(job: Job, port: Port) -> Outcome:
        attempts.append(job.attempt)
        await trio.sleep(0.05)
        return Completed(text="x")

    async with crew_in(folder, worker=work) as crew:
        run = await crew.start(plan(task("a")))
        await seen(run, AttemptStarted)
        run.cancel("pause", now=True)
        await run.wait()
    attempts.clear()
    refused: list[Exception] = []

    async def take_up() -> None:
        async with crew_in(folder, worker=work) as crew:
            try:
                again = await crew.resume(run.folder)
            except (LeaseHeld, NothingToResume) as error:
                refused.append(error)
            else:
                await again.wait()

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(take_up)
    assert attempts == ["a.2"]
    assert len(refused) == 3
    assert read_state(run.folder).status is RunStatus.COMPLETED


async def test_a_run_is_taken_up_when_its_old_owner_is_dying(folder: Path) -> None:
    dying = trio.Event()

    async def stubborn(job: Job, port: Port) -> Outcome:
        try:
            await trio.sleep_forever()
        finally:
            dying.set()
            with trio.CancelScope(shield=True):
                await trio.sleep(0.2)

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:  # noqa: SIM117 - the order counts
            async with crew_in(folder, worker=stubborn) as crew:
                run = await crew.start(plan(task("a")))
                await seen(run, AttemptStarted)
                await trio.sleep(0.05)

                async def other() -> None:
                    await dying.wait()
                    async with crew_in(folder, worker=echo) as crew:
                        with pytest.raises(LeaseHeld):
                            await crew.resume(run.folder)
                        await run.wait()
                        state = await (await crew.resume(run.folder)).wait()
                    assert state.status is RunStatus.COMPLETED

                nursery.start_soon(other)
                run.cancel("move over")


async def test_a_question_is_answered_once(folder: Path) -> None:
    heard: list[object] = []

    async def ask(job: Job, port: Port) -> Outcome:
        heard.append(await port.ask("Which?"))
        await trio.sleep(0.1)
        return Completed(text="x")

    said: list[str] = []
    refused: list[NotWaiting] = []
    with trio.fail_after(10):
        async with crew_in(folder, worker=ask) as crew:
            run = await crew.start(plan(task("a")))
            await seen(run, QuestionAsked)

            async def answer(text: str) -> None:
                try:
                    await run.respond(text, task="a")
                    said.append(text)
                except NotWaiting as error:
                    refused.append(error)

            async with trio.open_nursery() as nursery:
                for text in ("one", "two", "three"):
                    nursery.start_soon(answer, text)
            await run.wait()
    assert heard == said
    assert len(refused) == 2
    assert len(read_state(run.folder).tasks[A].answers) == 1


async def test_the_question_of_an_ended_attempt_takes_no_answer(folder: Path) -> None:
    hold = trio.Event()

    async def ask(job: Job, port: Port) -> Outcome:
        if job.task.id == "b":
            await hold.wait()
            return Completed(text="x")
        with trio.move_on_after(0.05):
            await port.ask("Which?")
        return gave_up("gave up")

    with trio.fail_after(10):
        async with crew_in(folder, worker=ask) as crew:
            run = await crew.start(plan(task("a"), task("b")))
            async for _ in run.events():
                if run.state.tasks[A].status is TaskStatus.FAILED:
                    break
            with pytest.raises(NotWaiting, match="failed"):
                await run.respond("left", task="a")
            with pytest.raises(NotWaiting, match=r"question a\.1-q1"):
                await run.respond("left", question="a.1-q1")
            hold.set()
            await run.wait()


def gave_up(message: str) -> Outcome:
    return Failed(failure=Failure(kind=FailureKind.EXIT, message=message))


async def test_a_question_that_its_agent_has_given_up_waits_no_more(
    folder: Path,
) -> None:
    hold = trio.Event()

    async def ask(job: Job, port: Port) -> Outcome:
        with trio.move_on_after(0.05):
            await port.ask("Which?")
        await hold.wait()
        return Completed(text="x")

    with trio.fail_after(10):
        async with crew_in(folder, worker=ask) as crew:
            run = await crew.start(plan(task("a")))
            await seen(run, QuestionAsked)
            await seen(run, QuestionExpired)
            with pytest.raises(NotWaiting):
                await run.respond("left")
            hold.set()
            await run.wait()


async def test_nothing_is_queued_again_while_a_run_is_stopped(folder: Path) -> None:
    async def stubborn(job: Job, port: Port) -> Outcome:
        if job.task.id == "a":
            return await fail(job, port)
        with trio.CancelScope(shield=True):
            await trio.sleep(0.3)
        return Completed(text="x")

    with trio.fail_after(10):
        async with crew_in(folder, worker=stubborn) as crew:
            run = await crew.start(plan(task("a"), task("b")))
            async for _ in run.events():
                if run.state.tasks[A].status is TaskStatus.FAILED:
                    break
            run.cancel("enough")
            await seen(run, CancelRequested)
            with pytest.raises(NothingToRetry, match="stopped"):
                await run.retry("a")
            assert (await run.wait()).status is RunStatus.CANCELLED


async def test_a_task_that_was_told_to_stop_is_not_tried_again(folder: Path) -> None:
    begun = 0
    at_work, asked = trio.Event(), trio.Event()

    async def fails_late(job: Job, port: Port) -> Outcome:
        nonlocal begun
        begun += 1
        at_work.set()
        with trio.CancelScope(shield=True):
            await asked.wait()
            await trio.sleep(0.05)
        return await fail(job, port)

    limits = Limits(attempts=3)
    with trio.fail_after(10):
        async with crew_in(folder, worker=fails_late) as crew:
            run = await crew.start(plan(task("a"), limits=limits))
            await at_work.wait()
            await run.cancel_task("a", "not needed")
            asked.set()
            state = await run.wait()
    assert begun == 1
    assert state.tasks[A].status.terminal
    assert not _of(run.folder, AttemptFailed)


async def test_a_clock_that_is_set_back_delays_no_attempt(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, offset = time.time, 0.0
    monkeypatch.setattr(time, "time", lambda: real() + offset)

    async def second(job: Job, port: Port) -> Outcome:
        return await (fail if job.attempt == "a.1" else echo)(job, port)

    the_plan = attrs.evolve(
        plan(task("a"), limits=Limits(attempts=2)),
        retry=RetryPolicy(first=0.3, jitter=0.0),
    )
    with trio.fail_after(10):
        async with crew_in(folder, worker=second) as crew:
            run = await crew.start(the_plan)
            await seen(run, AttemptFailed)
            offset = -3600.0
            state = await run.wait()
    assert state.status is RunStatus.COMPLETED
    assert state.tasks[A].attempts == 2


async def test_five_hundred_tasks_never_exceed_their_limit(folder: Path) -> None:
    now = most = 0
    full = trio.Event()

    async def work(job: Job, port: Port) -> Outcome:
        nonlocal now, most
        now += 1
        most = max(most, now)
        if now == 4:
            full.set()
        await full.wait()
        await trio.lowlevel.checkpoint()
        now -= 1
        return Completed(text="x")

    tasks = [task(f"t{number}") for number in range(500)]
    with trio.fail_after(60):
        async with crew_in(folder, worker=work) as crew:
            state = await (await crew.start(plan(*tasks, limit=4))).wait()
    assert state.status is RunStatus.COMPLETED
    assert most == 4


async def test_many_short_runs_leave_nothing_behind(folder: Path) -> None:
    def held() -> tuple[int, int]:
        statistics = trio.lowlevel.current_statistics()
        return statistics.tasks_living, len(list(Path("/proc/self/fd").iterdir()))

    with trio.fail_after(60):
        async with crew_in(folder, worker=echo) as crew:
            await (await crew.start(plan(task("a")))).wait()
            before = held()
            for _ in range(60):
                await (await crew.start(plan(task("a")))).wait()
            await trio.testing.wait_all_tasks_blocked()
            after = held()
            assert crew.slots.taken == 0
    # The crew may have begun tasks of its own; a leak would be one for each run.
    assert after[0] <= before[0] + 5
    assert after[1] <= before[1] + 5


async def test_a_crew_can_be_opened_and_closed_again_and_again(folder: Path) -> None:
    baseline = trio.lowlevel.current_statistics().tasks_living
    with trio.fail_after(30):
        for _ in range(10):
            async with trio.open_nursery() as host:
                async with crew_in(folder, worker=echo) as crew:
                    run = await crew.start(plan(task("a")))
                    host.start_soon(run.wait)
                host.cancel_scope.cancel()
            assert trio.lowlevel.current_statistics().tasks_living == baseline


async def test_a_flood_of_messages_is_settled_one_by_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crew_actors.runs._wishes.SETTLE_SECONDS", 0.5)
    done = trio.Event()

    async def busy(job: Job, port: Port) -> Outcome:
        await done.wait()
        return Completed(text="x")

    outcomes: list[str] = []
    with trio.fail_after(30):
        async with crew_in(folder, worker=busy) as crew:
            run = await crew.start(plan(task("a")))
            await seen(run, AttemptStarted)

            async def send(number: int) -> None:
                try:
                    sent = await run.send("a", f"hello {number}")
                    outcomes.append(sent.outcome)
                except TooManyMessages:
                    outcomes.append("refused")

            async with trio.open_nursery() as nursery:
                for number in range(400):
                    nursery.start_soon(send, number)
            done.set()
            assert (await run.wait()).status is RunStatus.COMPLETED
    assert len(outcomes) == 400
    assert outcomes.count("queued") == 64
    assert outcomes.count("refused") == 336


async def test_an_agent_with_too_many_questions_hears_no_answer_to_the_rest(
    folder: Path,
) -> None:
    answers: list[str | None] = []

    async def ask(job: Job, port: Port) -> Outcome:
        async def one() -> None:
            answers.append(await port.ask("Which?", seconds=0.2))

        async with trio.open_nursery() as nursery:
            for _ in range(300):
                nursery.start_soon(one)
        return Completed(text="x")

    with trio.fail_after(20):
        async with crew_in(folder, worker=ask) as crew:
            state = await (await crew.start(plan(task("a")))).wait()
    assert state.status is RunStatus.COMPLETED
    assert answers == [None] * 300
    assert len(_of(run_folder(folder), QuestionAsked)) == 16


def run_folder(project: Path) -> RunFolder:
    (found,) = (project / ".crew" / "runs").glob("2*")
    return RunFolder(found)
