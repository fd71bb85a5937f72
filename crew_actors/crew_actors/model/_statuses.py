# Statuses, and the one table of their changes.
#
# 1. Terminal statuses absorb: nothing leads out of them. A retry is a new attempt
#    at a task that is queued again by an event of its own.
# 2. `interrupted` is never written. It is what a reader calls a run that is not
#    terminal and whose owner is gone.
"""The statuses of runs and tasks."""

from enum import Enum


class RunStatus(Enum):
    """Where a run stands."""

    QUEUED = "queued"
    PLANNING = "planning"
    RUNNING = "running"
    WAITING = "waiting"
    BLOCKED = "blocked"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @property
    def terminal(self) -> bool:
        """Whether the run has ended for good."""
        return self in _TERMINAL_RUN

    @property
    def ended(self) -> bool:
        """Whether nothing more happens unless somebody acts."""
        return self.terminal or self is RunStatus.BLOCKED


class TaskStatus(Enum):
    """Where a task stands."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    NEEDS_ATTENTION = "needs_attention"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"

    @property
    def active(self) -> bool:
        """Whether an attempt is on its way."""
        return self is TaskStatus.RUNNING or self is TaskStatus.WAITING

    @property
    def terminal(self) -> bool:
        """Whether the task has ended."""
        return self in _TERMINAL_TASK


_TERMINAL_RUN = frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED})
_TERMINAL_TASK = frozenset(
    {
        TaskStatus.COMPLETED,
        TaskStatus.NEEDS_ATTENTION,
        TaskStatus.FAILED,
        TaskStatus.CANCELLED,
        TaskStatus.SKIPPED,
    }
)
