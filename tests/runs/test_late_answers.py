"""What is said of runs whose owner has gone."""

import time
from pathlib import Path

import attrs
import pytest
from tests.runs.test_resume import left
from tests.support.crews import crew_in, echo
from tests.support.plans import plan, task

from crew_actors.journal import (
    LeaseHeld,
    RunFolder,
    read_events,
    read_state,
)
from crew_actors.model import (
    ApprovalRequested,
    AttemptStarted,
    Question,
    QuestionAnswered,
    QuestionAsked,
    RunStatus,
    TaskId,
    TaskRequeued,
    TaskStatus,
    attempt_id,
)
from crew_actors.runs import (
    NotAChoice,
    NotAwaitingApproval,
    NotWaiting,
    Run,
    RunNotRunning,
    TooLate,
    UnknownTask,
    keep_answer,
    keep_approval,
    keep_rejection,
)
from crew_actors.runtimes import Completed, Job, Outcome, Port

A = TaskId("a")


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


async def _left_waiting(
    folder: Path, *, deadline: float, choices: tuple[str, ...] = ()
) -> RunFolder:
    question = Question(
        id="a.1-q1", text="Which?", choices=choices, asked_at=1.0, deadline=deadline
    )
    attempt = attempt_id(A, 1)
    return await left(
        folder,
        plan(task("a")),
        AttemptStarted(task=A, attempt=attempt),
        QuestionAsked(task=A, attempt=attempt, question=question),
    )


async def test_an_answer_to_a_run_whose_owner_is_gone_is_kept(folder: Path) -> None:
    heard: list[str] = []

    async def ask(job: Job, port: Port) -> Outcome:
        heard.extend(one.answer for one in job.answers)
        return Completed(text="x")

    run = await _left_waiting(folder, deadline=time.time() - 3600)
    assert await keep_answer(run, "left", by="ann") == "a"
    with pytest.raises(NotWaiting, match=f"interrupted .`crew resume {run.run}` takes"):
        await keep_answer(run, "right")
    with pytest.raises(NotWaiting, match="task a does not wait, it is interrupted"):
        await keep_answer(run, "right", task="a")
    async with crew_in(folder, worker=ask) as crew:
        state = await (await crew.resume(run)).wait()
    assert state.status is RunStatus.COMPLETED
    assert heard == ["left"]
    kinds = [type(one.event) for one in read_events(run)]
    assert kinds.index(QuestionAnswered) < kinds.index(TaskRequeued)


async def test_an_answer_that_cannot_be_kept_changes_nothing(folder: Path) -> None:
    run = await _left_waiting(folder, deadline=time.time() - 86_500)
    before = len(list(read_events(run)))
    with pytest.raises(TooLate, match="24 hours ago"):
        await keep_answer(run, "left")
    with pytest.raises(UnknownTask):
        await keep_answer(run, "left", task="z")
    other = folder.parent / "other"
    other.mkdir()
    choosy = await _left_waiting(other, deadline=time.time(), choices=("left", "right"))
    with pytest.raises(NotAChoice):
        await keep_answer(choosy, "up")
    assert len(list(read_events(run))) == before
    async with crew_in(folder, worker=echo) as crew:
        ended = await crew.start(plan(task("a")))
        await ended.wait()
    with pytest.raises(RunNotRunning):
        await keep_answer(ended.folder, "left")


async def test_an_answer_is_not_kept_behind_the_back_of_an_owner(folder: Path) -> None:
    async def ask(job: Job, port: Port) -> Outcome:
        await port.ask("Which?")
        return Completed(text="x")

    async with crew_in(folder, worker=ask) as crew:
        run = await crew.start(plan(task("a")))
        await seen(run, QuestionAsked)
        with pytest.raises(LeaseHeld):
            await keep_answer(run.folder, "left")
        await run.respond("left")
        await run.wait()


async def _left_for_approval(folder: Path) -> RunFolder:
    gated = attrs.evolve(plan(task("a")), approve=True)
    return await left(folder, gated, ApprovalRequested(why="to let a write"))


async def test_an_approval_of_a_run_whose_owner_is_gone_is_kept(folder: Path) -> None:
    run = await _left_for_approval(folder)
    await keep_approval(run, by="ann")
    with pytest.raises(NotAwaitingApproval):
        await keep_approval(run)
    async with crew_in(folder, worker=echo) as crew:
        state = await (await crew.resume(run)).wait()
    assert state.status is RunStatus.COMPLETED
    with pytest.raises(RunNotRunning):
        await keep_approval(run)


async def test_a_rejection_of_a_run_whose_owner_is_gone_ends_it(folder: Path) -> None:
    run = await _left_for_approval(folder)
    await keep_rejection(run, "too dangerous", by="ann")
    state = read_state(run)
    assert state.status is RunStatus.CANCELLED
    assert state.why == "ann rejected the plan: too dangerous"
    assert state.tasks[A].status is TaskStatus.CANCELLED
    assert state.summary is not None
    assert "too dangerous" in (run.path / state.summary).read_text()
    with pytest.raises(RunNotRunning):
        await keep_rejection(run)


async def test_nobody_judges_a_plan_behind_the_back_of_an_owner(folder: Path) -> None:
    gated = attrs.evolve(plan(task("a")), approve=True)
    async with crew_in(folder, worker=echo) as crew:
        run = await crew.start(gated)
        await seen(run, ApprovalRequested)
        with pytest.raises(LeaseHeld):
            await keep_approval(run.folder)
        with pytest.raises(LeaseHeld):
            await keep_rejection(run.folder)
        await run.approve()
        await run.wait()
