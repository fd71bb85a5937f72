"""Why something was told to stop."""

import enum
from typing import final

import attrs


@final
class CancelCode(enum.Enum):
    """The closed set of reasons for a stop."""

    REQUESTED = "requested"
    """Somebody called ``stop`` or ``cancel`` without saying why."""
    USER = "user"
    """A person asked for it."""
    SHUTDOWN = "shutdown"
    """The supervisor's block was left, or the supervisor above it stops."""
    HOST_FAILED = "host_failed"
    """The block that holds the supervisor raised."""
    HOST_CANCELLED = "host_cancelled"
    """trio cancelled the task that holds the supervisor."""
    RESTART_LIMIT = "restart_limit"
    """A sibling was restarted too often."""
    FAILURE_ESCALATED = "failure_escalated"
    """A sibling failed in a way that its spec escalates."""
    AUTO_SHUTDOWN = "auto_shutdown"
    """Significant siblings have ended."""
    FAILED = "failed"
    """Its own body, or somebody with its `Child` handle, said that it has failed."""
    START_ABANDONED = "start_abandoned"
    """The call that started it was cancelled before the child was up."""
    SIBLING_FAILED = "sibling_failed"
    """Another part of the same work failed; a strategy restarts this one with it."""
    TIMEOUT = "timeout"
    """A limit of time was reached."""
    BUDGET = "budget"
    """A limit of cost was reached."""
    HEARTBEAT = "heartbeat"
    """It gave no sign of life."""


@final
@attrs.frozen
class CancelReason:
    """Why something is stopped, and who said so.

    The first reason wins: it is what each event and report carries. Later ones are
    acknowledged and change nothing.
    """

    code: CancelCode
    message: str = ""
    source: str = ""

    def __str__(self) -> str:
        text = self.code.value
        if self.message:
            text += f": {self.message}"
        if self.source:
            text += f" (by {self.source})"
        return text
