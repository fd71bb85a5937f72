# Read by type checkers, never run: `test_typing.py` lets mypy and pyright read it.
#
# An ignored error is a claim too: both checkers complain about an ignore that is not
# needed.
# pyright: reportUnnecessaryTypeIgnoreComment=true
"""What the types of crews and runs promise."""

from typing import assert_type

from crew_actors import (
    AgentFunction,
    Completed,
    Crew,
    Failed,
    Failure,
    FailureKind,
    Job,
    Limits,
    Outcome,
    Port,
    Recorded,
    Run,
    RunFolder,
    RunPlan,
    RunState,
    RunStatus,
    Sent,
    TaskId,
    TaskState,
    TaskStatus,
    open_crew,
)


async def agent(job: Job, port: Port) -> Outcome:
    assert_type(await port.ask("Which?"), str | None)
    if job.goal:
        return Completed(text=job.goal)
    return Failed(failure=Failure(kind=FailureKind.REPORTED, message="no goal"))


FUNCTIONS: dict[str, AgentFunction] = {"reviewer": agent}


async def start(plan: RunPlan) -> None:
    async with open_crew(".", functions=FUNCTIONS) as crew:
        assert_type(crew, Crew)
        run = await crew.start(team="review", goal="the last commit")
        assert_type(run, Run)
        assert_type(await crew.start(plan), Run)
        await crew.start(
            goal="x",
            agent="reviewer",
            limits=Limits(tokens=1_000),
            workspace="worktree",
            approve=True,
            attempts=2,
        )
        await crew.start(goal=7)  # type: ignore[call-overload]
        await crew.start(team="review")  # type: ignore[call-overload]
        await crew.start(plan, goal="x")  # type: ignore[call-overload]
        await crew.start(goal="x", timelimit=3)  # type: ignore[call-overload]
        assert_type(await crew.find("latest"), RunFolder)
        assert_type(await crew.resume("latest"), Run)


async def follow(run: Run) -> None:
    async for recorded in run.events():
        assert_type(recorded, Recorded)
    state = await run.wait()
    assert_type(state, RunState)
    assert_type(state.status, RunStatus)
    assert_type(state.tasks[TaskId("a")], TaskState)
    assert_type(state.tasks[TaskId("a")].status, TaskStatus)
    assert_type(await run.respond("blue"), TaskId)
    assert_type(await run.send("a", "look"), Sent)
    assert_type(await run.retry("a"), tuple[TaskId, ...])
    assert_type(await run.approve(), None)
    run.cancel("enough")
