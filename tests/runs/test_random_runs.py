"""Real runs with agents that do anything: what was said of plans by chance holds here."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Literal, TypeAlias

import attrs
import trio
from hypothesis import given, settings, strategies as st
from tests.support.crews import crew_in
from tests.support.plans import plan as make_plan, task
from tests.support.random_plans import plans
from tests.support.rules import check_change, check_state

from crew_actors.errors import UserError
from crew_actors.journal import RunFolder, read_events, read_state
from crew_actors.model import (
    ArtifactWritten,
    AttemptStarted,
    Failure,
    FailureKind,
    Recorded,
    RetryPolicy,
    RunPlan,
    Selection,
    TaskId,
    TaskStatus,
    Usage,
    advance,
    begin,
)
from crew_actors.runs import NothingToResume, Run
from crew_actors.runtimes import Completed, Failed, Job, NoResult, Outcome, Port

ClaimEnd: TypeAlias = Literal["completed", "failed"]
SLOTS = 3
OWNERS = 3
"""So many take the run up at most, before the last, who brings it to its end."""


@attrs.define
class Agents:
    """Agents that do anything, and what they have done."""

    chance: Random
    begun: list[str] = attrs.field(factory=list[str])
    at_work: int = 0
    most: int = 0

    async def work(self, job: Job, port: Port) -> Outcome:
        """Make an attempt."""
        self.begun.append(job.attempt)
        self.at_work += 1
        self.most = max(self.most, self.at_work)
        try:
            for _ in range(self.chance.randint(0, 4)):
                await self._speak(job, port)
            return self._end()
        finally:
            self.at_work -= 1

    async def _speak(self, job: Job, port: Port) -> None:
        match self.chance.randint(0, 5):
            case 0:
                await port.progress("on it")
            case 1:
                await port.usage(Usage(input=5, output=10, cost=0.25))
            case 2:
                await port.ask("which?", seconds=self.chance.choice([0.01, 5.0]))
            case 3:
                job.output.mkdir(exist_ok=True)
                path = job.output / "page.txt"
                path.write_text(job.attempt)
                await port.artifact(f"{self.chance.random()}.txt", path)
            case _:
                await trio.sleep(self.chance.uniform(0, 0.01))

    def _end(self) -> Outcome:
        match self.chance.randint(0, 9):
            case 0:
                return NoResult(why="nothing was done")
            case 1:
                failure = Failure(kind=FailureKind.REPORTED, message="no")
                return Failed(failure=failure)
            case 2 | 3:
                return Failed(failure=Failure(kind=FailureKind.EXIT, message="no"))
            case 4:
                msg = "a defect of the agent"
                raise RuntimeError(msg)
            case _:
                return Completed(text="done", data={"n": 1})


async def people(run: Run, chance: Random) -> None:
    """Answer, approve, claim, retry, until cancelled; what is refused is refused."""
    while True:
        state = run.state
        try:
            if state.approval == "requested":
                await run.approve()
            if any(state.of(TaskStatus.WAITING)):
                await run.respond("yes")
            if any(state.at(state.board.ready & state.board.graph.external)):
                claim = await run.claim(owner="ann")
                how: ClaimEnd = chance.choice(["completed", "failed"])
                await run.transition(claim.task, claim.token, how, result="it")
            if chance.random() < 0.1:
                await run.retry()
            if chance.random() < 0.1:
                await run.cancel_task(chance.choice(list(state.tasks)), "not wanted")
            if chance.random() < 0.05:
                run.cancel("enough")
        except UserError:
            pass
        await trio.sleep(0.002)


async def lives(project: Path, plan: RunPlan, agents: Agents) -> RunFolder:
    """Have owners work on a run, each of which is stopped; the last is not."""
    folder: RunFolder | None = None
    for owner in range(OWNERS + 1):
        async with crew_in(project, SLOTS, x=agents.work, y=agents.work) as crew:
            if folder is None:
                run = await crew.start(plan)
                folder = run.folder
            else:
                retry = agents.chance.choice([None, Selection()])
                try:
                    run = await crew.resume(folder, retry=retry)
                except NothingToResume:
                    break
            async with trio.open_nursery() as nursery:
                nursery.start_soon(people, run, agents.chance)
                if owner == OWNERS:
                    await run.wait()
                else:
                    with trio.move_on_after(agents.chance.uniform(0, 0.1)):
                        await run.wait()
                nursery.cancel_scope.cancel()
        assert agents.at_work == 0
    assert folder is not None
    return folder


@given(plan=plans(), seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_a_run_keeps_its_rules_whatever_its_agents_and_its_people_do(
    plan: RunPlan, seed: int
) -> None:
    plan = attrs.evolve(plan, retry=RetryPolicy(first=0.005), adaptive=None)
    agents = Agents(Random(seed))
    with TemporaryDirectory() as root:
        folder = trio.run(lives, Path(root), plan, agents)
        events = list(read_events(folder))
        check(folder, events)
    assert agents.most <= SLOTS
    assert len(set(agents.begun)) == len(agents.begun), "no attempt is made twice"
    started = [e.event.attempt for e in events if isinstance(e.event, AttemptStarted)]
    assert set(agents.begun) <= set(started)


def check(folder: RunFolder, events: Sequence[Recorded]) -> None:
    """Fold *events*, and see to it that each step keeps the rules."""
    state = begin(events[0])
    for each in events[1:]:
        before, state = state, advance(state, each)
        check_change(before, each.event, state)
        check_state(state)
    assert state == read_state(folder)
    assert state.status.ended
    written = [e.event for e in events if isinstance(e.event, ArtifactWritten)]
    names = Counter((one.attempt, one.artifact.name) for one in written)
    assert set(names.values()) <= {1}
    for one in written:
        data = (folder.path / one.artifact.path).read_bytes()
        assert hashlib.sha256(data).hexdigest() == one.artifact.sha256


async def test_an_agent_that_fails_while_it_is_stopped_fails_alone(
    tmp_path: Path,
) -> None:
    at_work = trio.Event()

    async def work(job: Job, port: Port) -> Outcome:
        if job.task.id == "b":
            return Completed(text="done")
        at_work.set()
        try:
            await trio.sleep_forever()
        finally:
            msg = "it cannot put its things away"
            raise RuntimeError(msg)

    async with crew_in(tmp_path, worker=work) as crew:
        run = await crew.start(make_plan(task("a"), task("b")))
        await at_work.wait()
        await run.cancel_task("a", "not wanted")
        state = await run.wait()
    assert state.tasks[TaskId("a")].status is TaskStatus.FAILED
    assert state.tasks[TaskId("b")].status is TaskStatus.COMPLETED
