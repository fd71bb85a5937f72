# A run told in plain lines, for logs and pipes.
#
# 1. One line for each change of a status; what came too late is not told.
# 2. Progress of one task is told at most once in five seconds, by the time of the
#    events: a chatty agent cannot flood the log.
# 3. That a task waits for a worker is told when it begins to.
"""A run, told line by line."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import attrs

from crew_actors.model import (
    ApprovalRequested,
    AttemptFailed,
    AttemptStarted,
    BudgetSpent,
    BudgetWarned,
    CancelRequested,
    ClaimReleased,
    GroupFinished,
    HeartbeatChanged,
    MessageSent,
    PlanApproved,
    PlanRefused,
    PlanRejected,
    ProcessDiscarded,
    ProcessEnded,
    Progress,
    QuestionAnswered,
    QuestionAsked,
    QuestionExpired,
    Recorded,
    RunResumed,
    RunState,
    TaskCancelled,
    TaskClaimed,
    TaskCompleted,
    TaskFailed,
    TaskId,
    TaskNeedsAttention,
    TaskRequeued,
    TasksAdded,
    TaskSkipped,
    WorkspaceReleased,
    claimable_tasks,
)
from crew_actors.observe._describe import describe
from crew_actors.observe._text import clean, duration

PROGRESS_EVERY: Final = 5.0
"""Seconds between two lines of progress from one task."""

_ENDED = (TaskCompleted, TaskFailed, TaskCancelled, TaskNeedsAttention)
_TOLD = (
    *_ENDED,
    *(TaskSkipped, TaskRequeued, AttemptStarted, AttemptFailed, HeartbeatChanged),
    *(TaskClaimed, ClaimReleased),
    *(QuestionAsked, QuestionAnswered, QuestionExpired, MessageSent),
    *(ApprovalRequested, PlanApproved, PlanRejected, TasksAdded, PlanRefused),
    *(BudgetWarned, BudgetSpent, GroupFinished, CancelRequested, RunResumed),
)


@attrs.frozen
class Narrator:
    """Tells a run in lines. A value: each telling gives the next one."""

    _told: Mapping[TaskId, float] = attrs.field(
        factory=lambda: MappingProxyType(dict[TaskId, float]())
    )
    """When each task's progress was told last, in seconds since 1970."""

    _dropped: int = 0
    """How many events of the run had come too late so far."""

    _offered: frozenset[TaskId] = frozenset()
    """The tasks that are known to wait for a worker."""

    def tell(
        self, recorded: Recorded, state: RunState
    ) -> "tuple[Narrator, str | None]":
        """Tell the event that led to *state*; None if there is nothing to tell."""
        told, line = self._tell(recorded, state)
        offered = frozenset(one.plan.id for one in claimable_tasks(state, recorded.at))
        if offered == self._offered:
            return told, line
        lines = [] if line is None else [line]
        since = _since(recorded, state)
        for name in sorted(offered - self._offered):
            way = f"waits for a worker: crew claim {state.run} {clean(name)} --owner …"
            lines.append(f"{since}  {clean(name)}: {way}")
        return attrs.evolve(told, offered=offered), "\n".join(lines) or None

    def _tell(
        self, recorded: Recorded, state: RunState
    ) -> "tuple[Narrator, str | None]":
        if state.dropped > self._dropped:
            return attrs.evolve(self, dropped=state.dropped), None
        if not self._worth_telling(recorded):
            return self, None
        event = recorded.event
        since = _since(recorded, state)
        saying = describe(event)
        line = f"{since}  {saying.subject}: {saying.text}{_addition(event, state)}"
        if isinstance(event, Progress):
            told = MappingProxyType({**self._told, event.task: recorded.at})
            return attrs.evolve(self, told=told), line
        return self, line

    def _worth_telling(self, recorded: Recorded) -> bool:
        match recorded.event:
            case Progress(task=task, text=text):
                last = self._told.get(task)
                due = last is None or recorded.at >= last + PROGRESS_EVERY
                return due and bool(clean(text))
            case (
                ProcessEnded(survivors=survivors)
                | ProcessDiscarded(survivors=survivors)
            ):
                return bool(survivors)
            case WorkspaceReleased(kept=kept):
                return kept
            case event:
                return isinstance(event, _TOLD)


def _since(recorded: Recorded, state: RunState) -> str:
    return f"{duration(recorded.at - state.created_at):>11}"


def _addition(event: object, state: RunState) -> str:
    """Add what the event itself does not hold: who works on it, how long it took."""
    if isinstance(event, AttemptStarted):
        return f" ({clean(state.tasks[event.task].plan.agent)})"
    if isinstance(event, QuestionAsked):
        return f"; answer it: crew respond {state.run} --task {clean(event.task)} …"
    if isinstance(event, _ENDED):
        task = state.tasks[event.task]
        if task.started_at is not None and task.ended_at is not None:
            return f" (after {duration(task.ended_at - task.started_at)})"
    return ""
