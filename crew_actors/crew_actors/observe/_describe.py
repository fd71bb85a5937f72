"""What an event says, in a few words."""

from datetime import datetime
from typing import assert_never

import attrs

from crew_actors.model import (
    ArtifactWritten,
    AttemptStarted,
    CancelRequested,
    Event,
    HeartbeatChanged,
    ProcessEnded,
    ProcessStarted,
    Progress,
    Recorded,
    RunBlocked,
    RunCancelled,
    RunCompleted,
    RunCreated,
    RunFailed,
    RunStarted,
    TaskCancelled,
    TaskCompleted,
    TaskFailed,
    TaskNeedsAttention,
    TaskSkipped,
    UsageReported,
    attempt_number,
)
from crew_actors.observe._text import clean, counted, duration, size


@attrs.frozen
class Saying:
    """What happened, and to whom. Both are clean."""

    subject: str
    """A task's id, or `run`."""

    text: str


def describe(event: Event) -> Saying:
    """Say what *event* tells."""
    return Saying(clean(getattr(event, "task", "run")), clean(_text(event)))


def event_line(recorded: Recorded) -> str:
    """Make one line of an event: its number, its local time, whose it is, the text."""
    saying = describe(recorded.event)
    moment = datetime.fromtimestamp(recorded.at).astimezone()
    return f"{recorded.seq:>6}  {moment:%H:%M:%S}  {saying.subject}: {saying.text}"


def _text(event: Event) -> str:  # noqa: C901, PLR0911, PLR0912 - one table over the closed union
    match event:
        case RunCreated(plan=plan):
            return f"created: team {plan.team}, {counted(len(plan.tasks), 'task')}"
        case RunStarted():
            return "started"
        case RunCompleted() | TaskCompleted():
            return "completed"
        case RunFailed(why=why):
            return f"failed: {why}"
        case TaskFailed(failure=failure):
            return f"failed: {failure.message}"
        case RunBlocked(why=why):
            return f"blocked: {why}"
        case RunCancelled(why=why) | TaskCancelled(why=why):
            return f"cancelled: {why}"
        case CancelRequested(why=why):
            return f"asked to stop: {why}"
        case TaskNeedsAttention(why=why):
            return f"needs attention: {why}"
        case TaskSkipped(why=why):
            return f"skipped: {why}"
        case AttemptStarted(attempt=attempt):
            number = attempt_number(attempt)
            return "running" if number == 1 else f"running, attempt {number}"
        case ProcessStarted(pid=pid, containment=containment):
            return f"process {pid} started, contained by {containment}"
        case ProcessEnded(pid=pid, outcome=outcome, survivors=survivors):
            left = f"; still alive: {', '.join(survivors)}" if survivors else ""
            return f"process {pid} ended: {outcome}{left}"
        case Progress(text=text):
            return text
        case UsageReported(usage=usage):
            cost = f", cost {usage.cost:.4f}" if usage.cost else ""
            return f"used {usage.input} in, {usage.output} out{cost}"
        case HeartbeatChanged(level="healthy"):
            return "shows signs of life again"
        case HeartbeatChanged(level=level, silent_for=seconds):
            return f"no sign of life for {duration(seconds)} ({level})"
        case ArtifactWritten(artifact=artifact):
            return f"wrote {artifact.name}, {size(artifact.size)}"
        case _:
            assert_never(event)
