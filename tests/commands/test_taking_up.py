"""`crew resume` and `crew retry` of a run in which nothing is left to be done."""

import pytest
from tests.commands.conftest import Record
from tests.commands.samples import (
    artifact,
    beginning,
    plan,
    planned,
    started,
)

from crew_actors.commands import Context, _resume
from crew_actors.commands._resume import ResumeParameters, resume
from crew_actors.commands._retry import RetryParameters, retry
from crew_actors.model import (
    Event,
    Failure,
    FailureKind,
    RunCompleted,
    RunFailed,
    TaskCompleted,
    TaskFailed,
    TaskId,
    attempt_id,
)
from crew_actors.runs import NothingToResume

A = TaskId("a")


def _events(*, failed: bool) -> list[Event]:
    attempt = attempt_id(A, 1)
    begun = [*beginning(plan(planned("a"))), started("a")]
    if not failed:
        done = TaskCompleted(task=A, attempt=attempt, result=artifact("a"))
        return [*begun, done, RunCompleted(summary=None)]
    failure = Failure(kind=FailureKind.EXIT, message="exit status 1")
    lost = TaskFailed(task=A, attempt=attempt, failure=failure)
    return [*begun, lost, RunFailed(why="a failed")]


@pytest.fixture(autouse=True)
def _no_runner(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object, **__: object) -> None:
        pytest.fail("a runner was started in vain")

    monkeypatch.setattr(_resume, "detached", never)


@pytest.mark.parametrize("detach", [False, True])
async def test_a_run_that_has_completed_is_not_taken_up(
    record: Record, context: Context, detach: bool
) -> None:
    folder = await record(_events(failed=False))
    asked = ResumeParameters(run=folder.run, detach=detach)
    with pytest.raises(NothingToResume, match="completed: nothing in it is left"):
        await resume(asked, context)
    again = RetryParameters(run=folder.run, detach=detach)
    with pytest.raises(NothingToResume, match="completed: nothing in it is left"):
        await retry(again, context)


async def test_what_failed_is_not_resumed_but_retried(
    record: Record, context: Context
) -> None:
    folder = await record(_events(failed=True))
    with pytest.raises(NothingToResume, match="`crew retry` does again"):
        await resume(ResumeParameters(run=folder.run, detach=True), context)
