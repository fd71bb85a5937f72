# What to do next, as a function of the state alone.
#
# 1. Data flow, no batches: a task is ready the moment each task that it depends on
#    has completed.
# 2. A task that depends on one which failed, was cancelled or was skipped, cannot
#    run: it is skipped, and so are those behind it.
# 3. A task that depends on one which needs attention stays queued: a person may
#    still help. If nothing else can run, the run is blocked.
# 4. The run ends only when nothing runs. Precedence: cancelled, failed, completed.
"""The scheduler: pure decisions about the next step of a run."""

from collections import Counter
from collections.abc import Sequence

import attrs

from crew_actors.model._ids import TaskId
from crew_actors.model._state import RunState, TaskState
from crew_actors.model._statuses import RunStatus, TaskStatus

_BROKEN = frozenset({TaskStatus.FAILED, TaskStatus.CANCELLED, TaskStatus.SKIPPED})


@attrs.frozen
class Skip:
    """A task that will not run, and why."""

    task: TaskId
    why: str


@attrs.frozen
class End:
    """How the run ends."""

    status: RunStatus
    why: str = ""


@attrs.frozen(kw_only=True)
class Decision:
    """What is to be done now. All of it can be done in any order, but `end` alone."""

    start: tuple[TaskId, ...] = ()
    skip: tuple[Skip, ...] = ()
    cancel: tuple[TaskId, ...] = ()
    """Running or queued tasks that are to be stopped."""
    why: str = ""
    """Why they are to be stopped."""
    end: End | None = None


def decide(state: RunState) -> Decision:
    """Tell what is to be done in *state*; an empty decision means: wait."""
    if state.status.terminal:
        return Decision()
    stop = _reason_to_stop(state)
    active = [task for task in state.tasks.values() if task.status.active]
    if stop is not None:
        queued = _of_status(state, TaskStatus.QUEUED)
        if state.cancelling is None:  # fail fast: what never began is skipped
            skips = tuple(Skip(task.plan.id, stop) for task in queued)
            return _or_end(state, Decision(cancel=_ids(active), skip=skips, why=stop))
        return _or_end(state, Decision(cancel=_ids([*active, *queued]), why=stop))
    skips = _skips(state)
    if skips:
        return Decision(skip=skips)
    return _or_end(state, Decision(start=_startable(state, active)))


def ready_tasks(state: RunState) -> tuple[TaskId, ...]:
    """List the queued tasks whose dependencies have all completed, in plan order."""
    return tuple(
        task.plan.id
        for task in _of_status(state, TaskStatus.QUEUED)
        if all(
            state.tasks[needed].status is TaskStatus.COMPLETED
            for needed in task.plan.depends_on
        )
    )


def _reason_to_stop(state: RunState) -> str | None:
    if state.cancelling is not None:
        return state.cancelling
    if state.plan.on_failure == "fail_fast":
        for task in state.tasks.values():
            if task.status in {TaskStatus.FAILED, TaskStatus.NEEDS_ATTENTION}:
                return f"task {task.plan.id} failed, and the run is to fail fast"
    return None


def _or_end(state: RunState, decision: Decision) -> Decision:
    """Add the end of the run to a decision that leaves nothing to wait for."""
    idle = not (decision.start or decision.skip or decision.cancel)
    running = any(task.status.active for task in state.tasks.values())
    if idle and not running:
        return attrs.evolve(decision, end=_end(state))
    return decision


def _skips(state: RunState) -> tuple[Skip, ...]:
    """List the queued tasks that can never run, each with the task to blame."""
    skips: list[Skip] = []
    for task in _of_status(state, TaskStatus.QUEUED):
        for needed in task.plan.depends_on:
            status = state.tasks[needed].status
            if status in _BROKEN:
                skips.append(Skip(task.plan.id, f"{needed} {_past(status)}"))
                break
    return tuple(skips)


def _past(status: TaskStatus) -> str:
    return {
        TaskStatus.FAILED: "failed",
        TaskStatus.CANCELLED: "was cancelled",
        TaskStatus.SKIPPED: "was skipped",
    }[status]


def _startable(state: RunState, active: Sequence[TaskState]) -> tuple[TaskId, ...]:
    room = state.plan.limit - len(active)
    by_role = Counter(task.plan.role for task in active)
    chosen: list[TaskId] = []
    for ready in ready_tasks(state):
        if len(chosen) >= room:
            break
        role = state.tasks[ready].plan.role
        if by_role[role] < state.plan.role_limits.get(role, state.plan.limit):
            by_role[role] += 1
            chosen.append(ready)
    return tuple(chosen)


def _end(state: RunState) -> End:
    if state.cancelling is not None:
        return End(RunStatus.CANCELLED, state.cancelling)
    failed = _of_status(state, TaskStatus.FAILED)
    attention = _of_status(state, TaskStatus.NEEDS_ATTENTION)
    queued = _of_status(state, TaskStatus.QUEUED)
    if queued:
        why = f"no result from {_names(attention)}; waiting for it: {_names(queued)}"
        return End(RunStatus.BLOCKED, why)
    if failed:
        return End(RunStatus.FAILED, f"failed: {_names(failed)}")
    if attention:
        return End(RunStatus.FAILED, f"no result from {_names(attention)}")
    undone = [t for t in state.tasks.values() if t.status is not TaskStatus.COMPLETED]
    if undone:
        return End(RunStatus.FAILED, f"did not complete: {_names(undone)}")
    return End(RunStatus.COMPLETED)


def _of_status(state: RunState, status: TaskStatus) -> list[TaskState]:
    return [task for task in state.tasks.values() if task.status is status]


def _ids(tasks: Sequence[TaskState]) -> tuple[TaskId, ...]:
    return tuple(task.plan.id for task in tasks)


def _names(tasks: Sequence[TaskState]) -> str:
    return ", ".join(task.plan.id for task in tasks)
