# What to do next, as a function of the state and the moment alone.
#
# 1. Data flow, no batches: a task is ready the moment each task that it depends on
#    has completed, unless it waits for the moment of its next attempt.
# 2. A task that depends on one which failed, was cancelled or was skipped, cannot
#    run: it is skipped, and so are those behind it.
# 3. A task that depends on one which needs attention stays queued: a person may
#    still help. If nothing else can run, the run is blocked.
# 4. A task that writes waits for the approval of the plan, if one is wanted. Tasks
#    that will write to the same place are not at work together.
# 5. A task that somebody outside does is never begun here, and takes no room: it waits
#    until it is claimed, and the run with it.
# 6. The run ends only when nothing runs. Precedence: cancelled, out of budget, not
#    understood, blocked, failed, completed.
#
# What follows the end of one of many tasks must not cost as much as all of them:
# the board of the state tells whom to look at.
"""The scheduler: pure decisions about the next step of a run."""

from collections.abc import Iterable, Iterator, Sequence

import attrs

from crew_actors.model._board import BROKEN, places
from crew_actors.model._budgets import affordable, time_limits
from crew_actors.model._ids import TaskId
from crew_actors.model._plan import PlannedTask
from crew_actors.model._state import RunState, TaskState
from crew_actors.model._statuses import RunStatus, TaskStatus
from crew_actors.model._values import Claim


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
    ask: str | None = None
    """What a person is to be asked to approve."""
    wake_at: float | None = None
    """Seconds since 1970: the next moment that changes what is to be done."""
    end: End | None = None


def decide(state: RunState, now: float) -> Decision:
    """Tell what is to be done in *state* at *now*, in seconds since 1970.

    An empty decision means: wait.
    """
    if state.status.terminal:
        return Decision()
    stop = reason_to_stop(state)
    if stop is not None:
        return _stopping(state, stop)
    if state.board.doomed:
        return Decision(skip=_skips(state))
    start, gated = _startable(state, now)
    if gated and state.approval == "none":
        names = ", ".join(gated)
        return Decision(start=start, ask=f"to let {names} change the workspace")
    board = state.board
    offered = board.ready & board.graph.external
    if start or gated or board.active or offered or _delayed(state, now):
        return Decision(start=start, wake_at=_wake(state, now))
    return Decision(end=_end(state))


def _ready(state: RunState, now: float) -> int:
    return state.board.ready & ~_delayed(state, now)


def _delayed(state: RunState, now: float) -> int:
    """Return the tasks that are ready but for their moment, which is to come."""
    delayed = state.board.delayed & state.board.ready
    for place in places(delayed):
        if state.tasks.at(place).not_before <= now:
            delayed &= ~(1 << place)
    return delayed


def reason_to_stop(state: RunState) -> str | None:
    """Tell why nothing more is to begin in *state*; None if it goes on."""
    if state.cancelling is not None:
        return state.cancelling
    if state.spent is not None:
        return spent_words(state)
    if state.refused:
        return state.refused
    if state.plan.on_failure == "fail_fast":
        for task in state.of(TaskStatus.FAILED, TaskStatus.NEEDS_ATTENTION):
            return f"task {task.plan.id} failed, and the run is to fail fast"
    return None


def spent_words(state: RunState) -> str:
    """Tell which budget is spent, how much was used, and what was allowed."""
    spent = state.spent
    assert spent is not None
    unit = {"time": " seconds", "tokens": " tokens", "cost": ""}[spent.budget]
    return (
        f"its budget of {spent.budget} is spent: {spent.used:,.6g}{unit} "
        f"of {spent.limit:,.6g}"
    )


def upcoming(state: RunState) -> Iterator[TaskId]:
    """Go through the queued tasks that will probably begin next.

    First those that are ready, for which there is no room, or whose moment is to come;
    then those that wait only for such ones and for tasks at work. None that waits for
    a person is among them, nor one that is done outside.
    """
    if state.status.terminal or reason_to_stop(state) is not None:
        return
    board = state.board
    held = board.graph.external
    if state.plan.approve and state.approval != "granted":
        held |= board.graph.writing
    for task in state.at(board.ready & ~held):
        yield task.plan.id
    begun = board.active | board.ready
    done = board.of(TaskStatus.COMPLETED)
    behind = board.of(TaskStatus.QUEUED) & ~board.ready & ~board.doomed & ~held
    for place in places(behind):
        open_needs = board.graph.needs[place] & ~done
        if not open_needs & ~begun:
            yield state.tasks.at(place).plan.id


def _stopping(state: RunState, why: str) -> Decision:
    active = list(state.at(state.board.active))
    queued = list(state.of(TaskStatus.QUEUED))
    if state.cancelling is not None:
        if active or queued:
            return Decision(cancel=_ids([*active, *queued]), why=why)
    elif state.refused and not state.spent:
        if active:  # what is queued can go on once a person has helped
            return Decision(cancel=_ids(active), why=why)
    elif active or queued:  # what never began is skipped
        skips = tuple(Skip(task.plan.id, why) for task in queued)
        return Decision(cancel=_ids(active), skip=skips, why=why)
    return Decision(end=_end(state))


def _skips(state: RunState) -> tuple[Skip, ...]:
    """List the queued tasks that can never run, each with the task to blame."""
    skips: list[Skip] = []
    for task in state.at(state.board.doomed):
        for needed in task.plan.depends_on:
            status = state.tasks[needed].status
            if status in BROKEN:
                skips.append(Skip(task.plan.id, f"{needed} {_past(status)}"))
                break
    return tuple(skips)


def _past(status: TaskStatus) -> str:
    return {
        TaskStatus.FAILED: "failed",
        TaskStatus.CANCELLED: "was cancelled",
        TaskStatus.SKIPPED: "was skipped",
    }[status]


def _startable(
    state: RunState, now: float
) -> tuple[tuple[TaskId, ...], tuple[TaskId, ...]]:
    """Choose the tasks to begin, and name those that wait for the approval."""
    plan, board = state.plan, state.board
    gated = 0
    ready = _ready(state, now)
    if plan.approve and state.approval != "granted":
        gated = ready & board.graph.writing
        ready &= ~gated
    outside = board.graph.external
    ready &= ~outside
    room = plan.limit - (board.active & ~outside).bit_count()
    if room > 0 and ready:
        room = affordable(state, room)
        for role in plan.role_limits:
            ready = _within(state, role, ready, board.active)
    at_work = board.active
    chosen: list[TaskId] = []
    while ready and room > 0:
        place = (ready & -ready).bit_length() - 1
        bit = 1 << place
        ready &= ~bit
        planned = state.tasks.at(place).plan
        if bit & board.graph.careful and collides(state, planned, at_work):
            continue
        at_work |= bit
        room -= 1
        chosen.append(planned.id)
        ready = _within(state, planned.role, ready, at_work)
    return tuple(chosen), _ids(state.at(gated))


def _within(state: RunState, role: str, ready: int, at_work: int) -> int:
    """Leave out of *ready* the tasks of *role*, if as many are *at_work* as may be."""
    limit = state.plan.role_limits.get(role)
    members = state.board.graph.roles.get(role, 0)
    if limit is None or (members & at_work).bit_count() < limit:
        return ready
    return ready & ~members


def collides(state: RunState, planned: PlannedTask, at_work: int) -> bool:
    """Tell whether one *at_work* writes to where *planned* will write to."""
    return any(
        overlap(one, other)
        for task in state.at(at_work & state.board.graph.careful)
        for other in task.plan.outputs
        for one in planned.outputs
    )


def overlap(one: str, other: str) -> bool:
    """Tell whether two paths name the same thing, or one holds the other."""
    first, second = _parts(one), _parts(other)
    shorter = min(len(first), len(second))
    return first[:shorter] == second[:shorter]


def _parts(path: str) -> list[str]:
    """Split *path*; what leads out of the workspace may be anywhere: it has none."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if not parts:
                return []
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return parts


def _wake(state: RunState, now: float) -> float | None:
    """Tell the next moment at which something is due by time alone."""
    moments = [task.not_before for task in state.at(_delayed(state, now))]
    for task in state.of(TaskStatus.WAITING):
        moments += [question.deadline for question in task.questions]
    moments += [claim.until for _, claim in claimed_tasks(state)]
    moments += [moment for moment in time_limits(state) if moment > now]
    return min(moments, default=None)


def claimed_tasks(state: RunState) -> Iterator[tuple[TaskState, Claim]]:
    """Go through the tasks that somebody outside is at, with their claims."""
    for task in state.at(state.board.active & state.board.graph.external):
        if task.claim is not None:
            yield task, task.claim


def _end(state: RunState) -> End:
    if state.cancelling is not None:
        return End(RunStatus.CANCELLED, state.cancelling)
    undone = [t for t in state.tasks.values() if t.status is not TaskStatus.COMPLETED]
    if state.spent is not None and undone:
        return End(RunStatus.FAILED, spent_words(state))
    if state.refused:
        return End(RunStatus.BLOCKED, state.refused)
    failed = list(state.of(TaskStatus.FAILED))
    attention = list(state.of(TaskStatus.NEEDS_ATTENTION))
    queued = list(state.of(TaskStatus.QUEUED))
    if queued and not attention:
        return End(RunStatus.BLOCKED, f"nothing lets these begin: {_names(queued)}")
    if queued:
        why = f"no result from {_names(attention)}; waiting for it: {_names(queued)}"
        return End(RunStatus.BLOCKED, why)
    if failed:
        return End(RunStatus.FAILED, f"failed: {_names(failed)}")
    if attention:
        return End(RunStatus.FAILED, f"no result from {_names(attention)}")
    if undone:
        return End(RunStatus.FAILED, f"did not complete: {_names(undone)}")
    return End(RunStatus.COMPLETED)


def _ids(tasks: Iterable[TaskState]) -> tuple[TaskId, ...]:
    return tuple(task.plan.id for task in tasks)


def _names(tasks: Sequence[TaskState]) -> str:
    return ", ".join(task.plan.id for task in tasks)
