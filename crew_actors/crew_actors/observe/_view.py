# What a person sees of a run, as values.
#
# 1. Nothing here reads a clock or writes anywhere: a state and a moment come in,
#    rows come out.
# 2. A row's text is clean: it can be written to any terminal as it is.
# 3. A table that is too long for its screen keeps what runs and what went wrong; of
#    the rest it says how many there are.
"""The live view of a run: rows from a state."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import attrs

from crew_actors.model import RunState, TaskState, TaskStatus, claimable_tasks
from crew_actors.observe._text import clean, counted, duration, size

ICONS: Final[Mapping[TaskStatus, str]] = {
    TaskStatus.QUEUED: "○",
    TaskStatus.RUNNING: "●",
    TaskStatus.WAITING: "◐",
    TaskStatus.COMPLETED: "✔",
    TaskStatus.NEEDS_ATTENTION: "!",
    TaskStatus.FAILED: "✘",
    TaskStatus.CANCELLED: "■",
    TaskStatus.SKIPPED: "▷",
}
OFFERED: Final = "waits for a worker: `crew claim`"
"""What is said of a task that somebody outside can take."""

# What is dropped last from a screen that is too small comes first.
_IMPORTANCE: Final = (
    TaskStatus.FAILED,
    TaskStatus.NEEDS_ATTENTION,
    TaskStatus.RUNNING,
    TaskStatus.WAITING,
    TaskStatus.CANCELLED,
    TaskStatus.QUEUED,
    TaskStatus.SKIPPED,
    TaskStatus.COMPLETED,
)


@attrs.frozen(kw_only=True)
class Row:
    """One task, as it is shown."""

    status: TaskStatus
    task: str
    agent: str
    elapsed: str
    """Empty until the task has been started."""
    last: str
    """The last that was said by it or about it."""

    @property
    def icon(self) -> str:
        """One cell that stands for the status."""
        return ICONS[self.status]

    @property
    def word(self) -> str:
        """The status as a person says it."""
        return word(self.status)


def word(status: TaskStatus) -> str:
    """Say *status* as a person does."""
    return status.value.replace("_", " ")


def rows(state: RunState, now: float) -> tuple[Row, ...]:
    """Show each task of *state*, in plan order, at *now* (seconds since 1970)."""
    offered = {task.plan.id for task in claimable_tasks(state, now)}
    return tuple(
        _row(task, now, offered=name in offered) for name, task in state.tasks.items()
    )


def _row(task: TaskState, now: float, *, offered: bool) -> Row:
    return Row(
        status=task.status,
        task=clean(task.plan.id),
        agent=clean(task.plan.agent),
        elapsed=_elapsed(task, now),
        last=clean(OFFERED if offered else _last(task)),
    )


def _elapsed(task: TaskState, now: float) -> str:
    if task.started_at is None:
        return ""
    end = now if task.ended_at is None else task.ended_at
    return duration(end - task.started_at)


def _last(task: TaskState) -> str:
    if task.questions:
        return f"asks: {task.questions[0].text}"
    if task.failure is not None:
        return task.failure.message
    if task.result is not None:
        return f"{task.result.name}, {size(task.result.size)}"
    if not task.status.terminal and task.heartbeat != "healthy":
        return f"no sign of life ({task.heartbeat}); last: {task.progress}"
    if task.claim is not None:
        return task.progress or f"claimed by {task.claim.owner}"
    return task.why or task.progress


def fit(table: Sequence[Row], height: int) -> tuple[tuple[Row, ...], str]:
    """Choose at most *height* rows, in their order, and say what was left out.

    The second value is a line such as `and 12 more: 10 completed, 2 queued`; it is
    empty if nothing was left out, and counts as one of the rows otherwise.
    """
    if len(table) <= height:
        return tuple(table), ""
    by_importance = sorted(
        range(len(table)), key=lambda index: _IMPORTANCE.index(table[index].status)
    )
    kept = set(by_importance[: max(0, height - 1)])
    left = [row.status for index, row in enumerate(table) if index not in kept]
    rest = f"and {len(left)} more: {tally(left)}"
    return tuple(row for index, row in enumerate(table) if index in kept), rest


def tally(statuses: Iterable[TaskStatus]) -> str:
    """Count *statuses*: `2 running, 1 completed`."""
    found = Counter(statuses)
    return ", ".join(
        f"{found[status]} {word(status)}" for status in TaskStatus if found[status]
    )


def headline(state: RunState, now: float) -> str:
    """Say in one line where the run stands at *now* (seconds since 1970)."""
    done = sum(task.status.terminal for task in state.tasks.values())
    parts = [
        f"run {state.run}",
        f"team {clean(state.plan.team)}",
        f"{done} of {counted(len(state.tasks), 'task')} ended",
        duration(
            (now if state.ended_at is None else state.ended_at) - state.created_at
        ),
    ]
    if state.approval == "requested":
        parts.append("waits for `crew approve` or `crew reject`")
    if state.cancelling is not None and not state.status.terminal:
        parts.append(f"stopping: {clean(state.cancelling)}")
    return " · ".join(parts)
