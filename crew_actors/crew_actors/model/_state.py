# A run is a fold over its events; this is what they are folded into.
"""The state of a run and of its tasks."""

from collections.abc import Iterator
from typing import Literal, TypeAlias

import attrs

from crew_actors.model._board import Board, places
from crew_actors.model._events import BudgetSpent
from crew_actors.model._ids import AttemptId, RunId, TaskId
from crew_actors.model._plan import PlannedTask, RunPlan
from crew_actors.model._statuses import RunStatus, TaskStatus
from crew_actors.model._table import Table
from crew_actors.model._values import (
    Answer,
    Artifact,
    BudgetKind,
    Claim,
    Failure,
    Message,
    Question,
    Usage,
)

Approval: TypeAlias = Literal["none", "requested", "granted", "rejected"]
"""Nobody was asked; a person is asked; they agreed; they refused."""

Phase: TypeAlias = Literal["started", "spawned", "answer_seen", "artifacts_written"]
"""The checkpoints of an attempt. What is beyond the last need not be done again."""


@attrs.frozen(kw_only=True)
class TaskState:
    """Where one task stands."""

    plan: PlannedTask
    status: TaskStatus = TaskStatus.QUEUED
    attempt: AttemptId | None = None
    attempts: int = 0
    tries: int = 0
    """Attempts since it was queued by a person, or planned."""
    not_before: float = 0.0
    """Seconds since 1970: its next attempt begins no earlier."""
    started_at: float | None = None
    """Seconds since 1970, of the newest attempt."""
    ended_at: float | None = None
    progress: str = ""
    """The last that the agent said."""
    heartbeat: str = "healthy"
    pid: int | None = None
    """Of the agent's process, while it lives."""
    nested: tuple[RunId, ...] = ()
    """The runs that its agents have started since a person queued it."""
    usage: Usage = attrs.field(factory=Usage)
    artifacts: tuple[Artifact, ...] = ()
    result: Artifact | None = None
    data: Artifact | None = None
    failure: Failure | None = None
    why: str = ""
    """Why it was cancelled or skipped, or needs attention."""
    questions: tuple[Question, ...] = ()
    """What its agent waits to hear, the oldest first."""
    answers: tuple[Answer, ...] = ()
    """What its agents were answered, over all attempts."""
    mail: tuple[Message, ...] = ()
    """What it was told that no agent of it has taken yet."""
    claim: Claim | None = None
    """Who outside makes its newest attempt, while they do."""
    answer_seen: bool = False
    stored: bool = False
    """Whether the result of its newest attempt is on disk."""
    workspace: str | None = None
    """The worktree of its newest attempt, while that is there."""
    released: bool = False
    """Whether its newest attempt has given its worktree back."""
    branch: str | None = None
    """The git branch that holds its changes."""

    @property
    def phase(self) -> Phase:
        """How far its newest attempt has come."""
        if self.stored:
            return "artifacts_written"
        if self.answer_seen:
            return "answer_seen"
        return "started" if self.pid is None else "spawned"


@attrs.frozen(kw_only=True)
class RunState:
    """Where a run stands."""

    run: RunId
    workspace: str
    plan: RunPlan
    status: RunStatus
    tasks: Table[TaskId, TaskState]
    board: Board = attrs.field(eq=False, repr=False)
    """Where the tasks stand, for who must not go through all of them."""
    created_at: float
    started_at: float | None = None
    ended_at: float | None = None
    seq: int = 1
    """The number of the last event folded in."""
    cancelling: str | None = None
    """Why the run is to be stopped, once somebody has asked."""
    why: str = ""
    summary: str | None = None
    dropped: int = 0
    """Events that came too late to change anything."""

    usage: Usage = attrs.field(factory=Usage)
    """What all tasks used up together."""
    approval: Approval = "none"
    expanded: bool = False
    """Whether what the adaptive task has planned was taken in, or refused."""
    refused: str = ""
    """Why what a task has planned cannot be understood."""
    warned: frozenset[BudgetKind] = frozenset()
    spent: BudgetSpent | None = None
    finished: frozenset[str] = frozenset()
    """The groups each of whose tasks has ended."""

    def at(self, tasks: int) -> Iterator[TaskState]:
        """Go through the *tasks* of a set of the board, in the order of the plan."""
        return map(self.tasks.at, places(tasks))

    def of(self, *statuses: TaskStatus) -> Iterator[TaskState]:
        """Go through the tasks that have one of *statuses*, in the order of the plan."""
        return self.at(self.board.of(*statuses))
