"""Tasks that somebody outside does, in runs that are at work."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
import trio
from tests.support.crews import crew_in, echo, sleep
from tests.support.plans import outside, plan, task

from crew_actors.journal import ArtifactStore, Lease, open_journal, read_events
from crew_actors.model import (
    AttemptFailed,
    FailureKind,
    Limits,
    MessageSettled,
    RetryPolicy,
    RunPlan,
    RunStatus,
    TaskClaimed,
    TaskId,
    TaskStatus,
    new_claim,
)
from crew_actors.runs import (
    RESULT_BYTES,
    BadClaim,
    ClaimOver,
    NotClaimable,
    Run,
    UnknownTask,
    WrongToken,
)

A, B = TaskId("a"), TaskId("b")


@asynccontextmanager
async def run_of(folder: Path, the_plan: RunPlan) -> AsyncGenerator[Run]:
    """Start a run of *the_plan*; it is stopped at the end."""
    with trio.fail_after(20):
        async with crew_in(folder, worker=echo) as crew:
            yield await crew.start(the_plan)


async def result_of(run: Run, name: TaskId) -> str:
    result = run.state.tasks[name].result
    assert result is not None
    return (await ArtifactStore(run.folder).read(result)).decode()


async def until(run: Run, kind: type[object]) -> None:
    """Wait until the run has told an event of *kind*."""
    async for one in run.events():
        if isinstance(one.event, kind):
            return


async def test_a_task_is_done_by_whoever_has_claimed_it(tmp_path: Path) -> None:
    async with run_of(tmp_path, plan(task("a"), outside("b", "a"))) as run:
        with pytest.raises(NotClaimable, match="it waits for what it depends on: a"):
            await run.claim("b", owner="ann")
        async for _ in run.events():
            if run.state.tasks[A].status is TaskStatus.COMPLETED:
                break
        claim = await run.claim(owner="ann", seconds=30)
        assert (claim.task, claim.attempt, claim.owner) == ("b", "b.1", "ann")
        assert run.state.tasks[B].status is TaskStatus.RUNNING
        assert run.state.status is RunStatus.RUNNING
        await run.transition("b", claim.token, "completed", result="all is well")
        state = await run.wait()
        assert state.status is RunStatus.COMPLETED
        assert await result_of(run, B) == "all is well"


async def test_a_run_that_waits_for_a_worker_says_so(tmp_path: Path) -> None:
    async with run_of(tmp_path, plan(outside("a"))) as run:
        seen = run.state.seq
        await trio.sleep(0.05)
        assert run.state.status is RunStatus.WAITING
        assert run.state.seq == seen


async def test_the_token_is_nowhere_in_the_folder_of_the_run(tmp_path: Path) -> None:
    async with run_of(tmp_path, plan(outside("a"))) as run:
        claim = await run.claim("a", owner="ann")
        assert claim.token not in repr(claim)
        for file in run.folder.path.rglob("*"):
            if file.is_file():
                assert claim.token.encode() not in file.read_bytes()


async def test_only_the_holder_of_the_claim_may_end_the_task(tmp_path: Path) -> None:
    async with run_of(tmp_path, plan(outside("a"), outside("b"))) as run:
        with pytest.raises(ClaimOver, match="the task is queued"):
            await run.release("a", "x")
        claim = await run.claim("a", owner="ann")
        other = await run.claim("b", owner="bob")
        with pytest.raises(NotClaimable, match="ann has claimed it"):
            await run.claim("a", owner="bob")
        with pytest.raises(WrongToken, match="the claim of ann on task a"):
            await run.transition("a", other.token, "completed", result="mine")
        with pytest.raises(WrongToken):
            await run.extend("a", "")
        with pytest.raises(UnknownTask, match="'c'"):
            await run.release("c", claim.token)
        assert run.state.tasks[A].status is TaskStatus.RUNNING
        await run.transition("a", claim.token, "completed", result="done")
        with pytest.raises(ClaimOver, match="the task is completed"):
            await run.transition("a", claim.token, "completed", result="done")


async def test_a_task_completes_with_a_result_that_can_be_kept(tmp_path: Path) -> None:
    async with run_of(tmp_path, plan(outside("a"))) as run:
        token = (await run.claim(owner="ann")).token
        with pytest.raises(BadClaim, match="result: it is empty"):
            await run.transition("a", token, "completed", result=" \n")
        with pytest.raises(BadClaim, match="at most 524,288 are taken"):
            await run.transition(
                "a", token, "completed", result="x" * RESULT_BYTES + "y"
            )
        await run.transition("a", token, "completed", result="x" * RESULT_BYTES)
        assert (await run.wait()).status is RunStatus.COMPLETED


async def test_a_result_that_cannot_be_stored_leaves_the_claim(tmp_path: Path) -> None:
    bad = attrs.evolve(outside("a"), output="no\\name")
    async with run_of(tmp_path, plan(bad)) as run:
        token = (await run.claim(owner="ann")).token
        with pytest.raises(BadClaim, match="cannot be stored"):
            await run.transition("a", token, "completed", result="x")
        await run.extend("a", token)


async def test_a_worker_that_reports_a_failure_has_failed(tmp_path: Path) -> None:
    the_plan = plan(outside("a"), limits=Limits(attempts=3))
    async with run_of(tmp_path, the_plan) as run:
        token = (await run.claim(owner="ann")).token
        await run.transition("a", token, "failed", why="it rains", result="all day")
        state = await run.wait()
        failure = state.tasks[A].failure
        assert state.status is RunStatus.FAILED
        assert failure is not None
        assert (failure.kind, failure.message) == (FailureKind.REPORTED, "it rains")
        assert failure.detail == "all day"


async def test_a_task_that_was_given_back_can_be_claimed_at_once(
    tmp_path: Path,
) -> None:
    async with run_of(tmp_path, plan(outside("a"))) as run:
        first = await run.claim(owner="ann")
        await run.release("a", first.token, "no time")
        assert run.state.tasks[A].why == "no time"
        second = await run.claim(owner="bob")
        assert (second.attempt, run.state.tasks[A].tries) == ("a.2", 1)
        with pytest.raises(WrongToken):
            await run.extend("a", first.token)


async def test_a_claim_that_nobody_extends_is_tried_again(tmp_path: Path) -> None:
    retry = RetryPolicy(first=60.0)
    the_plan = plan(outside("a"), limits=Limits(attempts=2))
    async with run_of(tmp_path, attrs.evolve(the_plan, retry=retry)) as run:
        first = await run.claim(owner="ann", seconds=1)
        await until(run, AttemptFailed)
        assert run.state.status is RunStatus.WAITING
        with pytest.raises(ClaimOver, match="the task is queued"):
            await run.extend("a", first.token)
        with pytest.raises(NotClaimable, match="its next attempt begins in"):
            await run.claim("a", owner="bob")


async def test_the_last_attempt_at_a_claim_fails_the_task(tmp_path: Path) -> None:
    async with run_of(tmp_path, plan(outside("a"))) as run:
        await run.claim(owner="bob", seconds=1)
        state = await run.wait()
        failure = state.tasks[A].failure
        assert failure is not None
        assert failure.message == "bob did not extend the claim in time"
        assert state.status is RunStatus.FAILED


async def test_a_claim_holds_as_long_as_it_is_extended(tmp_path: Path) -> None:
    async with run_of(tmp_path, plan(outside("a"))) as run:
        token = (await run.claim(owner="ann", seconds=1)).token
        await run.extend("a", token, seconds=60, progress="half of it")
        await trio.sleep(1.1)
        assert run.state.tasks[A].progress == "half of it"
        await run.transition("a", token, "completed", result="done")
        assert (await run.wait()).status is RunStatus.COMPLETED


@pytest.mark.parametrize("seconds", [0.0, 86_401.0, float("nan"), float("inf"), -1.0])
async def test_a_claim_holds_for_a_second_to_a_day(
    tmp_path: Path, seconds: float
) -> None:
    async with run_of(tmp_path, plan(outside("a"))) as run:
        with pytest.raises(BadClaim, match=r"lease: not .*1 to 86,400 seconds"):
            await run.claim(owner="ann", seconds=seconds)


async def test_a_claim_has_an_owner(tmp_path: Path) -> None:
    async with run_of(tmp_path, plan(outside("a"))) as run:
        with pytest.raises(BadClaim, match=r"owner: .*say who does the task"):
            await run.claim(owner=" ")


async def test_where_nothing_can_be_claimed_the_reasons_are_told(
    tmp_path: Path,
) -> None:
    async with run_of(tmp_path, plan(outside("a"), outside("b", "a"))) as run:
        await run.claim(owner="ann", seconds=50)
        with pytest.raises(NotClaimable) as caught:
            await run.claim(owner="bob")
        assert "a: ann has claimed it" in str(caught.value)
        assert "b: it waits for what it depends on: a" in str(caught.value)


async def test_a_task_of_the_run_itself_is_not_given_away(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with crew_in(tmp_path, worker=sleep) as crew:
            run = await crew.start(plan(task("a")))
            with pytest.raises(NotClaimable, match="`runtime: external`"):
                await run.claim("a", owner="ann")
            with pytest.raises(NotClaimable, match="none that is open"):
                await run.claim(owner="ann")
            run.cancel("enough")
            await run.wait()


async def test_cancelling_the_run_or_the_task_ends_the_claim(tmp_path: Path) -> None:
    async with run_of(tmp_path, plan(outside("a"), outside("b"))) as run:
        one = await run.claim("a", owner="ann")
        await run.claim("b", owner="ann")
        await run.cancel_task("a", "not needed")
        with pytest.raises(ClaimOver, match="the task is cancelled"):
            await run.transition("a", one.token, "completed", result="x")
        run.cancel("enough")
        state = await run.wait()
        assert state.status is RunStatus.CANCELLED
        assert [one.status for one in state.tasks.values()] == [
            TaskStatus.CANCELLED
        ] * 2


async def test_a_worker_hears_what_people_say(tmp_path: Path) -> None:
    async with run_of(tmp_path, plan(outside("a"))) as run:
        await run.send("a", "before", by="pat")
        claim = await run.claim(owner="ann")
        assert [one.text for one in claim.messages] == ["before"]
        sent = await run.send("a", "go left", kind="steer")
        assert (sent.outcome, "extend" in sent.why) == ("queued", True)
        again = await run.extend("a", claim.token)
        assert [(one.kind, one.text) for one in again.messages] == [
            ("steer", "go left")
        ]
        assert (await run.extend("a", claim.token)).messages == ()
        settled = [
            one.event.outcome
            for one in read_events(run.folder)
            if isinstance(one.event, MessageSettled)
        ]
        assert settled == ["queued", "delivered", "queued", "delivered"]


async def test_a_claim_outlives_the_owner_of_the_run(tmp_path: Path) -> None:
    """As after a kill: the journal ends with the claim, and nobody wrote an end."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    async with run_of(tmp_path / "one", plan(outside("a"), outside("b"))) as run:
        claim = await run.claim("a", owner="ann")
        await run.claim("b", owner="bob", seconds=1)
        events = [one.event for one in read_events(run.folder)]
    with trio.fail_after(20):
        async with crew_in(tmp_path / "two") as crew:
            other = await crew.start(plan(outside("a"), outside("b")))
            folder = other.folder
            other.cancel("to be replaced")
            await other.wait()
        folder.database.unlink()
        for rest in folder.path.glob("run.db-*"):
            rest.unlink()
        lease = Lease.mine(now=0.0)
        async with open_journal(folder, lease=lease, create=True) as journal:
            for event in events:
                if isinstance(event, TaskClaimed) and event.task == B:
                    late = new_claim("bob", "x", 1.0)  # long ago
                    await journal.append(attrs.evolve(event, claim=late))
                else:
                    await journal.append(event)
        async with crew_in(tmp_path / "two") as crew:
            run = await crew.resume(folder)
            assert run.state.tasks[A].status is TaskStatus.RUNNING
            await run.transition("a", claim.token, "completed", result="late, but well")
            state = await run.wait()
    assert state.tasks[A].status is TaskStatus.COMPLETED
    assert state.tasks[B].status is TaskStatus.FAILED
    assert state.tasks[A].attempts == 1


async def test_a_plan_from_outside_is_followed(tmp_path: Path) -> None:
    template = task("worker")
    the_plan = attrs.evolve(
        plan(outside("a")), adaptive=A, templates={"worker": template}
    )
    text = """ADAPTIVE_PLAN_JSON_START
{"phases": [{"name": "one", "tasks": [{"role": "worker", "task": "Do it"}]}]}
ADAPTIVE_PLAN_JSON_END"""
    async with run_of(tmp_path, the_plan) as run:
        token = (await run.claim(owner="ann")).token
        await run.transition("a", token, "completed", result=text)
        state = await run.wait()
        assert state.status is RunStatus.COMPLETED
        assert len(state.tasks) == 2
