"""Actions on a run that somebody works on: here a crew in this very process."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import attrs
import pytest
import trio
from tests.runs.test_resume import left
from tests.support.crews import echo, sleep
from tests.support.plans import plan, task

from crew_actors.commands import Context, RunControl, Watcher, _attach, load_action
from crew_actors.commands._approve import ApproveParameters, Judged
from crew_actors.commands._attach import AttachParameters
from crew_actors.commands._reject import RejectParameters
from crew_actors.commands._run import RunDetached, RunReport
from crew_actors.commands._telling import TellParameters, Told, teller
from crew_actors.commands._wait import StillRunning, Waited, WaitParameters
from crew_actors.control import OwnerUnreachable, Refused, RunNotRunning
from crew_actors.journal import RunFolder
from crew_actors.model import (
    ApprovalRequested,
    AttemptStarted,
    MessageKind,
    Recorded,
    RunStatus,
    TaskId,
    attempt_id,
)
from crew_actors.runs import Crew, Run, open_crew
from crew_actors.runtimes import AgentFunction, Completed, Job, Outcome, Port

A = TaskId("a")


@asynccontextmanager
async def crew_of(context: Context, agent: AgentFunction) -> AsyncGenerator[Crew]:
    with trio.fail_after(20):
        async with open_crew(
            context.project, places=context.places, functions={"worker-agent": agent}
        ) as crew:
            yield crew


async def listen(job: Job, port: Port) -> Outcome:
    """Take one message, and say what it was."""
    message = await port.next_message()
    await port.settle_message(message.id, "delivered")
    return Completed(text=f"{message.kind} by {message.by}: {message.text}")


async def result_of(run: Run, task: TaskId = A) -> str:
    state = await run.wait()
    result = state.tasks[task].result
    assert result is not None
    return (run.folder.path / result.path).read_text()


async def begun(run: Run) -> None:
    async for one in run.events():
        if isinstance(one.event, AttemptStarted):
            return


async def told(
    action: str, run: Run, context: Context, *, task: str = "a"
) -> tuple[Told, str, int]:
    """Tell the agent of *task* something; return what a person sees of it."""
    found = load_action(action)
    parameters = TellParameters(run=run.id, task=task, text="look here")
    result = await found.handler(parameters, context)
    assert isinstance(result, Told)
    return result, found.text(result), found.exit_code(result)


@pytest.mark.parametrize(
    ("action", "kind"), [("steer", "steer"), ("follow-up", "follow_up")]
)
async def test_an_agent_at_work_is_told(
    context: Context, action: str, kind: MessageKind
) -> None:
    me = attrs.evolve(context, environ={**context.environ, "CREW_USER": "ann"})
    async with crew_of(context, listen) as crew:
        run = await crew.start(plan(task("a")))
        await begun(run)
        result, text, code = await told(action, run, me)
        assert (result.outcome, text, code) == ("delivered", "delivered", 0)
        assert await result_of(run) == f"{kind} by ann: look here"


async def test_what_nobody_can_hear_yet_is_queued_or_rejected(context: Context) -> None:
    async with crew_of(context, sleep) as crew:
        run = await crew.start(plan(task("a"), task("b", "a")))
        await begun(run)
        _, text, code = await told("follow-up", run, context, task="b")
        assert (text, code) == ("queued: the next attempt finds it", 0)
        _, text, code = await told("steer", run, context, task="b")
        assert text == "rejected: the task is queued: there is nothing to steer yet"
        assert code == 1
        with pytest.raises(Refused, match="there is no task 'c'"):
            await told("steer", run, context, task="c")
        run.cancel("enough")
        await run.wait()
        with pytest.raises(RunNotRunning):
            await told("steer", run, context)


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"CREW_USER": "ann", "USER": "root"}, "ann"),
        ({"CREW_USER": "", "LOGNAME": "bob"}, "bob"),
        ({}, "the user"),
    ],
)
def test_whoever_speaks_has_a_name(
    context: Context, environ: dict[str, str], name: str
) -> None:
    assert teller(attrs.evolve(context, environ=environ)) == name


async def waited(
    run: Run, context: Context, seconds: float | None = None
) -> tuple[str, int]:
    action = load_action("wait")
    result = await action.handler(WaitParameters(run=run.id, timeout=seconds), context)
    assert isinstance(result, Waited)
    return action.text(result), action.exit_code(result)


async def test_a_wait_ends_with_the_run(context: Context) -> None:
    async with crew_of(context, echo) as crew:
        run = await crew.start(plan(task("a")))
        assert await waited(run, context, 10) == (f"run {run.id} completed", 0)
        assert await waited(run, context) == (f"run {run.id} completed", 0)


async def test_a_wait_ends_when_its_time_is_over(context: Context) -> None:
    async with crew_of(context, sleep) as crew:
        run = await crew.start(plan(task("a")))
        with pytest.raises(
            StillRunning, match=r"not ended within 0\.1 seconds"
        ) as late:
            await waited(run, context, 0.1)
        assert late.value.exit_code == 1
        run.cancel("enough")
        assert await waited(run, context) == (f"run {run.id} cancelled", 1)


async def test_nobody_waits_for_a_run_that_nobody_works_on(context: Context) -> None:
    attempt = AttemptStarted(task=A, attempt=attempt_id(A, 1))
    folder = await left(context.project.root, plan(task("a")), attempt)
    action = load_action("wait")
    result = await action.handler(WaitParameters(run=folder.run), context)
    assert action.text(result) == f"run {folder.run} interrupted"
    assert action.exit_code(result) == 1


class Seer(Watcher):
    """Stops the run when it sees the first attempt, if it can."""

    def __init__(self) -> None:
        self.run: RunControl | None = None
        self.parting = ""
        self.seen: list[Recorded] = []
        self.notes: list[str] = []

    def started(self, run: RunControl) -> None:
        self.run = run

    def leaves(self, parting: str) -> None:
        self.parting = parting

    async def note(self, text: str) -> None:
        self.notes.append(text)

    async def event(self, recorded: Recorded) -> None:
        await trio.lowlevel.checkpoint()
        self.seen.append(recorded)
        if isinstance(recorded.event, AttemptStarted) and self.run is not None:
            self.run.cancel("seen enough")


async def attached(
    run: Run, context: Context, seer: Seer, *, cancel_on_interrupt: bool = False
) -> RunReport:
    action = load_action("attach")
    parameters = AttachParameters(run=run.id, cancel_on_interrupt=cancel_on_interrupt)
    result = await action.handler(parameters, attrs.evolve(context, watcher=seer))
    assert isinstance(result, RunReport)
    return result


async def test_who_attaches_sees_all_and_is_told_that_the_run_goes_on(
    context: Context,
) -> None:
    seer = Seer()
    async with crew_of(context, echo) as crew:
        run = await crew.start(plan(task("a")))
        report = await attached(run, context, seer)
    assert report.status is RunStatus.COMPLETED
    assert [one.seq for one in seer.seen] == list(range(1, run.state.seq + 1))
    assert seer.run is None
    assert seer.parting == f"The run goes on. Stop it: crew cancel {run.id}"


async def test_who_attaches_may_have_the_run_stopped(context: Context) -> None:
    seer = Seer()
    async with crew_of(context, sleep) as crew:
        run = await crew.start(plan(task("a")))
        report = await attached(run, context, seer, cancel_on_interrupt=True)
    assert (report.status, report.why) == (RunStatus.CANCELLED, "seen enough")
    assert seer.parting == ""
    assert seer.notes == []


async def test_what_is_in_the_way_of_stopping_a_run_is_told(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(folder: RunFolder, method: str, params: object) -> object:
        raise OwnerUnreachable(folder.run, 7, "it is too slow")

    async with crew_of(context, echo) as crew:
        run = await crew.start(plan(task("a")))
        await run.wait()
    seer = Seer()
    report = await attached(run, context, seer, cancel_on_interrupt=True)
    assert (report.status, seer.notes) == (RunStatus.COMPLETED, [])
    monkeypatch.setattr(_attach, "call_owner", silent)
    await attached(run, context, seer, cancel_on_interrupt=True)
    assert "it is too slow" in seer.notes[0]


async def gated(crew: Crew) -> Run:
    run = await crew.start(attrs.evolve(plan(task("a")), approve=True))
    async for one in run.events():
        if isinstance(one.event, ApprovalRequested):
            break
    return run


async def test_a_plan_is_approved_or_rejected_by_its_owner(context: Context) -> None:
    approve, reject = load_action("approve"), load_action("reject")
    async with crew_of(context, echo) as crew:
        run = await gated(crew)
        result = await approve.handler(ApproveParameters(run=run.id), context)
        assert approve.text(result) == f"run {run.id}: the plan is approved"
        assert approve.exit_code(result) == 0
        assert (await run.wait()).status is RunStatus.COMPLETED
        with pytest.raises(RunNotRunning):
            await approve.handler(ApproveParameters(run=run.id), context)
        with pytest.raises(RunNotRunning):
            await reject.handler(RejectParameters(run=run.id), context)

        run = await gated(crew)
        no = RejectParameters(run=run.id, reason="no")
        result = await reject.handler(no, context)
        expected = f"run {run.id}: the plan is rejected; the run is being stopped"
        assert reject.text(result) == expected
        assert (await run.wait()).status is RunStatus.CANCELLED


async def test_a_plan_whose_owner_is_gone_is_rejected_for_good(
    context: Context,
) -> None:
    asked = ApprovalRequested(why="to let a write")
    wanted = attrs.evolve(plan(task("a")), approve=True)
    folder = await left(context.project.root, wanted, asked)
    reject = load_action("reject")
    result = await reject.handler(RejectParameters(run=folder.run), context)
    assert isinstance(result, Judged)
    expected = f"run {folder.run}: the plan is rejected; the run is cancelled"
    assert reject.text(result) == expected


@pytest.mark.parametrize("detach", [False, True])
async def test_a_plan_whose_owner_is_gone_is_approved_and_its_run_taken_up(
    context: Context,
    detach: bool,
) -> None:
    asked = ApprovalRequested(why="to let a write")
    wanted = attrs.evolve(plan(task("a")), approve=True)  # its agent runs `true`
    folder = await left(context.project.root, wanted, asked)
    approve = load_action("approve")
    parameters = ApproveParameters(run=folder.run, detach=detach)
    with trio.fail_after(30):
        result = await approve.handler(parameters, context)
        if detach:
            assert isinstance(result, RunDetached)
            assert "goes on in process" in approve.text(result)
            assert approve.exit_code(result) == 0
        else:
            assert isinstance(result, RunReport)
            assert result.tasks["a"].value == "needs_attention"
            assert approve.exit_code(result) == 1
        action = load_action("wait")
        ended = await action.handler(WaitParameters(run=folder.run), context)
    assert ended.status is RunStatus.FAILED
