"""Small plans, and journals of events without a disk."""

from collections.abc import Mapping

import attrs

from crew_actors.model import (
    EXTERNAL,
    Artifact,
    AttemptStarted,
    CommandSpec,
    Event,
    Failure,
    FailureKind,
    Limits,
    OnFailure,
    PlannedTask,
    Recorded,
    RunCreated,
    RunId,
    RunPlan,
    RunState,
    TaskCompleted,
    TaskFailed,
    TaskId,
    TaskNeedsAttention,
    advance,
    attempt_id,
    begin,
)

RUN = RunId("20260101-000000-0000000000")


def task(name: str, *needs: str, role: str = "worker") -> PlannedTask:
    """Plan a task called *name* that needs the tasks *needs*."""
    return PlannedTask(
        id=TaskId(name),
        step=name,
        role=role,
        agent=f"{role}-agent",
        title=name.title(),
        depends_on=tuple(map(TaskId, needs)),
        command=CommandSpec(argv=("true",)),
    )


def outside(name: str, *needs: str, role: str = "worker") -> PlannedTask:
    """Plan a task that is done by whoever claims it."""
    return attrs.evolve(task(name, *needs, role=role), runtime=EXTERNAL, command=None)


def plan(
    *tasks: PlannedTask,
    limit: int = 10,
    on_failure: OnFailure = "drain",
    role_limits: Mapping[str, int] | None = None,
    limits: Limits | None = None,
) -> RunPlan:
    """Make a plan of *tasks*, each of which is tried once if nothing else is said."""
    return RunPlan(
        goal="try it",
        team="test",
        workflow="test",
        tasks=tasks,
        limit=limit,
        on_failure=on_failure,
        role_limits=role_limits or {},
        limits=limits or Limits(attempts=1),
    )


def created(the_plan: RunPlan) -> RunState:
    """Return the state of a run that was just created."""
    event = RunCreated(run=RUN, workspace="/project", plan=the_plan)
    return begin(Recorded(1, 1000.0, event))


def after(state: RunState, *events: Event, at: float = 1001.0) -> RunState:
    """Fold *events* into *state*."""
    for event in events:
        state = advance(state, Recorded(state.seq + 1, at, event))
    return state


def artifact(name: str = "result.md") -> Artifact:
    """Return some artifact."""
    return Artifact(name=name, path=f"artifacts/{name}", size=1, sha256="0" * 64)


def started(name: str, number: int = 1) -> AttemptStarted:
    """Return the start of an attempt at task *name*."""
    return AttemptStarted(task=TaskId(name), attempt=attempt_id(TaskId(name), number))


def completed(name: str, number: int = 1) -> TaskCompleted:
    """Return the completion of task *name*."""
    return TaskCompleted(
        task=TaskId(name), attempt=attempt_id(TaskId(name), number), result=artifact()
    )


def failed(name: str, number: int = 1) -> TaskFailed:
    """Return the failure of task *name*."""
    failure = Failure(kind=FailureKind.EXIT, message="exit code 1")
    return TaskFailed(
        task=TaskId(name), attempt=attempt_id(TaskId(name), number), failure=failure
    )


def unproven(name: str, number: int = 1) -> TaskNeedsAttention:
    """Return the end of task *name* without a result."""
    return TaskNeedsAttention(
        task=TaskId(name), attempt=attempt_id(TaskId(name), number), why="no result"
    )
