"""One attempt at a task, on a virtual clock: its heartbeat and its progress."""

from itertools import pairwise
from pathlib import Path
from typing import cast

import attrs
import pytest
import trio
from tests.support.plans import RUN, created, plan, task
from trio.testing import MockClock

from crew_actors.actors import Inbox, open_actors
from crew_actors.journal import ArtifactStore, Journal
from crew_actors.model import (
    Failure,
    FailureKind,
    HeartbeatChanged,
    Progress,
    TaskCancelled,
    TaskEnding,
    TaskEvent,
    TaskFailed,
    TaskNeedsAttention,
    attempt_id,
)
from crew_actors.runs._messages import Report, RunMessage, StopTask
from crew_actors.runs._port import AttemptPort
from crew_actors.runs._task import TaskOrder, Work, task_actor
from crew_actors.runs._workspace import Workspace
from crew_actors.runtimes import Job, NoResult, Outcome, Port, Runtime
from crew_actors.worktrees import Worktrees


@attrs.define
class Told:
    """Stands in for the run and its journal: keeps what it is told, and when."""

    events: list[tuple[float, TaskEvent]] = attrs.field(
        factory=list[tuple[float, TaskEvent]]
    )
    ended: trio.Event = attrs.field(factory=trio.Event)

    async def run(self, inbox: Inbox[RunMessage]) -> None:
        async for message in inbox:
            if isinstance(message, Report):
                self.events.append((trio.current_time(), message.event))
                if isinstance(message.event, TaskEnding):
                    self.ended.set()

    def of(self, kind: type[TaskEvent]) -> list[tuple[float, TaskEvent]]:
        return [(at, event) for at, event in self.events if isinstance(event, kind)]


def _job() -> Job:
    planned = task("a")
    return Job(
        run=RUN,
        task=planned,
        attempt=attempt_id(planned.id, 1),
        goal="g",
        workspace=Path("/w"),
        folder=Path("/f"),
        dependencies={},
    )


async def _attempt(
    runtime: Runtime, *, dead: bool = False, stop_at: float | None = None
) -> Told:
    """Make one attempt; with *dead*, its process is said to be gone."""
    told = Told()
    async with open_actors() as actors:
        run = await actors.spawn(told.run)
        job = _job()
        port = AttemptPort(
            task=job.task,
            attempt=job.attempt,
            run=run,
            store=cast("ArtifactStore", None),
            journal=cast("Journal", None),
        )

        async def prepare() -> Job:
            return job

        if dead:

            async def gone() -> bool:
                return False

            port.watcher.probe = gone
        begin = trio.current_time()
        state = created(plan(job.task))
        order = TaskOrder(
            port=port,
            runtime=runtime,
            work=Work(
                prepare=prepare,
                workspace=Workspace(
                    state, job.task, job.attempt, Worktrees(Path("/w"))
                ),
            ),
        )
        ref = await actors.spawn(task_actor, order, name="a")
        if stop_at is not None:
            await trio.sleep_until(begin + stop_at)
            await ref.tell(StopTask("enough"))
        await told.ended.wait()
        await trio.testing.wait_all_tasks_blocked()
    told.events = [(at - begin, event) for at, event in told.events]
    return told


async def _silent(job: Job, port: Port) -> Outcome:
    await trio.sleep(1000)
    return NoResult(why="slept")


async def test_a_silent_agent_that_lives_is_warned_about_and_never_ended(
    autojump_clock: MockClock,
) -> None:
    told = await _attempt(_silent)
    levels = [
        (at, event.level, event.silent_for)
        for at, event in told.of(HeartbeatChanged)
        if isinstance(event, HeartbeatChanged)
    ]
    assert [level for _, level, _ in levels] == ["warn", "stale"]
    assert [round(at) for at, _, _ in levels] == [30, 60]
    (end,) = told.of(TaskNeedsAttention)
    assert end[0] == 1000


async def test_a_silent_agent_that_is_gone_fails_its_attempt(
    autojump_clock: MockClock,
) -> None:
    told = await _attempt(_silent, dead=True)
    ((at, event),) = told.of(TaskFailed)
    assert round(at) == 300
    assert isinstance(event, TaskFailed)
    expected = Failure(
        kind=FailureKind.TIMEOUT, message="no sign of life for 300 seconds"
    )
    assert event.failure == expected


async def test_a_beat_keeps_an_agent_healthy(autojump_clock: MockClock) -> None:
    async def beating(job: Job, port: Port) -> Outcome:
        for _ in range(100):
            port.beat()
            await trio.sleep(29)
        return NoResult(why="done")

    told = await _attempt(beating, dead=True)
    assert not told.of(HeartbeatChanged)


async def test_progress_is_told_at_once_and_then_at_most_four_times_a_second(
    autojump_clock: MockClock,
) -> None:
    async def chatty(job: Job, port: Port) -> Outcome:
        for number in range(10):
            await port.progress(f"{number}")
            await trio.sleep(0.1)
        await trio.sleep(10)
        return NoResult(why="done")

    told = await _attempt(chatty)
    progress = [
        (round(at, 3), event.text)
        for at, event in told.of(Progress)
        if isinstance(event, Progress)
    ]
    assert [text for _, text in progress][-1] == "9"
    assert progress[0][1] == "0"
    gaps = [b - a for (a, _), (b, _) in pairwise(progress)]
    assert min(gaps) >= 0.25
    assert progress[-1][0] <= 1.25


async def test_a_stopped_attempt_is_cancelled_with_the_first_reason(
    autojump_clock: MockClock,
) -> None:
    told = await _attempt(_silent, stop_at=5)
    ((at, event),) = told.of(TaskCancelled)
    assert round(at) == 5
    assert isinstance(event, TaskCancelled)
    assert event.why == "enough"


@pytest.mark.parametrize("chatter", [1, 50])
async def test_the_end_is_the_last_that_is_said_of_an_attempt(
    autojump_clock: MockClock, chatter: int
) -> None:
    async def talk(job: Job, port: Port) -> Outcome:
        for number in range(chatter):
            await port.progress(f"{number}")
        return NoResult(why="done")

    told = await _attempt(talk)
    kinds = [type(event) for _, event in told.events]
    assert kinds[-1] is TaskNeedsAttention
    assert kinds.count(Progress) >= 1
