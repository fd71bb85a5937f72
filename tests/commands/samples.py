"""Runs made of events, without a runtime."""

from collections.abc import Iterable, Sequence

from crew_actors.model import (
    Artifact,
    ArtifactWritten,
    AttemptStarted,
    CommandSpec,
    Event,
    Failure,
    FailureKind,
    PlannedTask,
    Progress,
    Recorded,
    RunCompleted,
    RunCreated,
    RunFailed,
    RunId,
    RunPlan,
    RunStarted,
    RunState,
    TaskCompleted,
    TaskFailed,
    TaskId,
    attempt_id,
    fold,
)

RUN = RunId("20260102-030405-0123456789")
START = 1_767_323_045.0
"""When the runs here begin, in seconds since 1970."""


def planned(name: str, *, after: Sequence[str] = (), agent: str = "") -> PlannedTask:
    """Plan a task that runs `true`."""
    return PlannedTask(
        id=TaskId(name),
        step=name,
        role=name,
        agent=agent or f"{name}-agent",
        title=name,
        depends_on=tuple(map(TaskId, after)),
        command=CommandSpec(argv=("true",)),
    )


def plan(*tasks: PlannedTask, goal: str = "look at it") -> RunPlan:
    """Plan a run; of `map` and `write`, which needs it, if nothing is said."""
    chosen = tasks or (planned("map"), planned("write", after=["map"]))
    return RunPlan(goal=goal, team="duo", workflow="pair", tasks=chosen)


def recorded(events: Iterable[Event], *, every: float = 1.0) -> list[Recorded]:
    """Give *events* numbers, and moments that are *every* seconds apart."""
    return [
        Recorded(seq, START + (seq - 1) * every, event)
        for seq, event in enumerate(events, start=1)
    ]


def beginning(chosen: RunPlan | None = None) -> list[Event]:
    """Tell how each run begins."""
    created = RunCreated(run=RUN, workspace="/project", plan=chosen or plan())
    return [created, RunStarted()]


def started(task: str, number: int = 1) -> AttemptStarted:
    """Start an attempt."""
    name = TaskId(task)
    return AttemptStarted(task=name, attempt=attempt_id(name, number))


def progress(task: str, text: str) -> Progress:
    """Say something in the first attempt."""
    name = TaskId(task)
    return Progress(task=name, attempt=attempt_id(name, 1), text=text)


def artifact(task: str, name: str = "result.md") -> Artifact:
    """Describe a file of 2,048 bytes."""
    path = f"artifacts/{task}/1/{name}"
    return Artifact(name=name, path=path, size=2048, sha256="ab" * 32)


def written(task: str, name: str = "result.md") -> ArtifactWritten:
    """Leave a file."""
    return ArtifactWritten(
        task=TaskId(task),
        attempt=attempt_id(TaskId(task), 1),
        artifact=artifact(task, name),
    )


def completed(task: str) -> TaskCompleted:
    """End the first attempt well."""
    return TaskCompleted(
        task=TaskId(task), attempt=attempt_id(TaskId(task), 1), result=artifact(task)
    )


def failed(task: str, message: str = "it broke") -> TaskFailed:
    """End the first attempt with an error."""
    return TaskFailed(
        task=TaskId(task),
        attempt=attempt_id(TaskId(task), 1),
        failure=Failure(kind=FailureKind.EXIT, message=message),
    )


def whole_run(*, well: bool = True) -> list[Event]:
    """Tell a run from its beginning to its end."""
    end: list[Event] = (
        [completed("write"), RunCompleted(summary="summary.md")]
        if well
        else [failed("write"), RunFailed(why="failed: write", summary="summary.md")]
    )
    middle: list[Event] = [
        started("map"),
        progress("map", "counting"),
        completed("map"),
    ]
    return [*beginning(), *middle, started("write"), *end]


def state_of(events: Iterable[Event]) -> RunState:
    """Fold *events*, one second apart."""
    state = fold(recorded(events))
    assert state is not None
    return state
