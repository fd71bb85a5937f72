"""Somebody sets the clock of the machine: what waits, waits as long as it was to."""

import time
from functools import partial
from pathlib import Path

import attrs
import pytest
import trio
import trio.abc
import trio.testing
from tests.runs.test_resume import left
from tests.support.crews import crew_in, echo, fail
from tests.support.plans import outside, plan, task

from crew_actors.journal import effective_status, read_events
from crew_actors.model import (
    AttemptFailed,
    AttemptStarted,
    Limits,
    Question,
    QuestionAsked,
    QuestionExpired,
    RetryPolicy,
    RunState,
    RunStatus,
    TaskClaimed,
    TaskFailed,
    TaskId,
    TaskStatus,
    attempt_id,
)
from crew_actors.runs import Run, keep_answer
from crew_actors.runtimes import Completed, Job, Outcome, Port

A = TaskId("a")
HOUR, DAY = 3600.0, 86_400.0
WAIT = 600.0
"""Seconds that a run has to wait for something, in each of these tests."""

jumps = pytest.mark.parametrize(
    "jump", [-HOUR, DAY], ids=["an hour back", "a day forward"]
)


@attrs.define(eq=False)
class Clocks(trio.abc.Clock):
    """The clock of the machine, which may be set, and the time that really passes.

    The latter is what trio goes by in a test that asks for them.
    """

    shift: float = 0.0
    _begun: float = attrs.field(factory=time.time, init=False)
    _passing: trio.testing.MockClock = attrs.field(
        factory=partial(trio.testing.MockClock, rate=1.0), init=False
    )

    def start_clock(self) -> None:
        self._passing.start_clock()

    def current_time(self) -> float:
        return self._passing.current_time()

    def deadline_to_sleep_time(self, deadline: float) -> float:
        return self._passing.deadline_to_sleep_time(deadline)

    def wall(self) -> float:
        """Tell what the machine takes for the time, in seconds since 1970."""
        return self._begun + self.current_time() + self.shift

    async def jumps(self, seconds: float, run: Run) -> None:
        """Set the clock of the machine, and have *run* look at once what is due."""
        self.shift = seconds
        with trio.move_on_after(0.1):  # no agent takes it
            await run.send("a", "the clock was set", kind="message")

    async def passes(self, seconds: float) -> None:
        """Let time pass, and let what is due by then happen."""
        self._passing.jump(seconds)
        await trio.sleep(0.1)


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    found = Clocks()
    monkeypatch.setattr(time, "time", found.wall)
    return found


async def until(run: Run, kind: type[object], number: int = 1) -> None:
    """Wait until the run has told *number* events of *kind*."""
    with trio.fail_after(20):
        async for one in run.events():
            number -= isinstance(one.event, kind)
            if not number:
                return
    raise AssertionError(run.state.why)


async def ended(run: Run) -> RunState:
    """Wait until the run has ended, which is due."""
    with trio.fail_after(20):
        return await run.wait()


def told(run: Run, kind: type[object]) -> int:
    """Count the events of *kind* that are on disk."""
    return sum(isinstance(one.event, kind) for one in read_events(run.folder))


@jumps
async def test_attempts_come_neither_early_nor_late(
    project: Path, clocks: Clocks, jump: float
) -> None:
    wanted = attrs.evolve(
        plan(task("a"), limits=Limits(attempts=3)),
        retry=RetryPolicy(first=WAIT, factor=1.0, cap=WAIT, jitter=0.0),
    )
    async with crew_in(project, worker=fail) as crew:
        run = await crew.start(wanted)
        await until(run, AttemptFailed, 1)
        await clocks.jumps(jump, run)
        for number in (1, 2):
            await until(run, AttemptFailed, number)
            await clocks.passes(WAIT - 10)
            assert told(run, AttemptStarted) == number
            await clocks.passes(10)
        assert (await ended(run)).status is RunStatus.FAILED
    assert told(run, AttemptStarted) == 3


@jumps
async def test_a_question_waits_for_its_answer_as_long_as_it_was_to(
    project: Path, clocks: Clocks, jump: float
) -> None:
    async def asks(job: Job, port: Port) -> Outcome:
        return Completed(text=f"heard {await port.ask('Which?', seconds=WAIT)}")

    async with crew_in(project, worker=asks) as crew:
        run = await crew.start(plan(task("a")))
        await until(run, QuestionAsked)
        await clocks.jumps(jump, run)
        await clocks.passes(WAIT - 10)
        assert told(run, QuestionExpired) == 0
        assert run.state.tasks[A].status is TaskStatus.WAITING
        await clocks.passes(10)
        assert (await ended(run)).status is RunStatus.COMPLETED
    assert told(run, QuestionExpired) == 1


@jumps
async def test_a_question_that_waits_can_be_answered(
    project: Path, clocks: Clocks, jump: float
) -> None:
    heard: list[str | None] = []

    async def asks(job: Job, port: Port) -> Outcome:
        heard.append(await port.ask("Which?", seconds=WAIT))
        return Completed(text="done")

    async with crew_in(project, worker=asks) as crew:
        run = await crew.start(plan(task("a")))
        await until(run, QuestionAsked)
        await clocks.jumps(jump, run)
        await clocks.passes(WAIT - 10)
        await run.respond("this one")
        assert (await ended(run)).status is RunStatus.COMPLETED
    assert heard == ["this one"]


@jumps
async def test_the_question_of_a_run_whose_owner_has_gone_can_be_answered(
    project: Path, clocks: Clocks, jump: float
) -> None:
    heard: list[str] = []

    async def hears(job: Job, port: Port) -> Outcome:
        heard.extend(one.answer for one in job.answers)
        return Completed(text="done")

    attempt, now = attempt_id(A, 1), clocks.wall()
    question = Question(id="a.1-q1", text="Which?", asked_at=now, deadline=now + WAIT)
    folder = await left(
        project,
        plan(task("a")),
        AttemptStarted(task=A, attempt=attempt),
        QuestionAsked(task=A, attempt=attempt, question=question),
    )
    clocks.shift = jump
    assert effective_status(folder) is RunStatus.INTERRUPTED
    await keep_answer(folder, "this one")
    async with crew_in(project, worker=hears) as crew:
        state = await (await crew.resume(folder)).wait()
    assert state.status is RunStatus.COMPLETED
    assert heard == ["this one"]


@jumps
async def test_a_run_has_the_time_that_it_was_given(
    project: Path, clocks: Clocks, jump: float
) -> None:
    async def sleeps(job: Job, port: Port) -> Outcome:
        await trio.sleep_forever()
        raise AssertionError

    async with crew_in(project, worker=sleeps) as crew:
        limits = Limits(attempts=1, run_seconds=WAIT)
        run = await crew.start(plan(task("a"), limits=limits))
        await until(run, AttemptStarted)
        await clocks.jumps(jump, run)
        await clocks.passes(WAIT - 10)
        assert run.state.tasks[A].status is TaskStatus.RUNNING
        await clocks.passes(11)
        state = await ended(run)
    assert state.status is not RunStatus.COMPLETED
    assert "time" in state.why


@jumps
async def test_a_claim_holds_as_long_as_it_was_to(
    project: Path, clocks: Clocks, jump: float
) -> None:
    async with crew_in(project, worker=echo) as crew:
        run = await crew.start(plan(outside("a")))
        await run.claim("a", owner="ann", seconds=WAIT)
        await until(run, TaskClaimed)
        await clocks.jumps(jump, run)
        await clocks.passes(WAIT - 10)
        assert told(run, TaskFailed) == 0
        await clocks.passes(11)
        assert (await ended(run)).status is RunStatus.FAILED
    assert told(run, TaskFailed) == 1
