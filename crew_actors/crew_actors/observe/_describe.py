"""What an event says, in a few words."""

from datetime import datetime
from typing import TypeAlias, assert_never

import attrs

from crew_actors.model import (
    AnswerSeen,
    ApprovalRequested,
    ArtifactWritten,
    AttemptFailed,
    AttemptStarted,
    BudgetSpent,
    BudgetWarned,
    CancelRequested,
    ClaimExtended,
    ClaimReleased,
    Event,
    GroupFinished,
    HeartbeatChanged,
    MessageSent,
    MessageSettled,
    PlanApproved,
    PlanRefused,
    PlanRejected,
    ProcessDiscarded,
    ProcessEnded,
    ProcessStarted,
    Progress,
    QuestionAnswered,
    QuestionAsked,
    QuestionExpired,
    Recorded,
    ResultStored,
    RunBlocked,
    RunCancelled,
    RunCompleted,
    RunCreated,
    RunFailed,
    RunNested,
    RunResumed,
    RunStarted,
    TaskCancelled,
    TaskClaimed,
    TaskCompleted,
    TaskFailed,
    TaskNeedsAttention,
    TaskRequeued,
    TasksAdded,
    TaskSkipped,
    UsageReported,
    WorkspaceMade,
    WorkspaceReleased,
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
        case RunResumed(why=why):
            return f"resumed: {why}"
        case TaskRequeued(why=why):
            return f"queued again: {why}"
        case AttemptFailed(failure=failure, retry_at=moment):
            return f"failed: {failure.message}; {_again(moment)}"
        case (
            ProcessStarted()
            | ProcessEnded()
            | ProcessDiscarded()
            | RunNested()
            | Progress()
            | UsageReported()
            | HeartbeatChanged()
            | ArtifactWritten()
            | AnswerSeen()
            | ResultStored()
        ):
            return _agent_text(event)
        case (
            ApprovalRequested()
            | PlanApproved()
            | PlanRejected()
            | TasksAdded()
            | PlanRefused()
            | BudgetWarned()
            | BudgetSpent()
            | GroupFinished()
        ):
            return _plan_text(event)
        case TaskClaimed() | ClaimExtended() | ClaimReleased():
            return _claim_text(event)
        case _:
            return _talk_text(event)


def _again(moment: float) -> str:
    """Say when a task is tried again, at *moment*, seconds since 1970."""
    return f"again at {_time(moment)}"


def _time(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment).astimezone():%H:%M:%S}"


def _claim_text(event: TaskClaimed | ClaimExtended | ClaimReleased) -> str:
    match event:
        case TaskClaimed(claim=claim):
            return f"claimed by {claim.owner}, until {_time(claim.until)}"
        case ClaimExtended(until=until):
            return f"its claim holds until {_time(until)}"
        case ClaimReleased(why=why):
            return f"given back: {why}" if why else "given back"
        case _:
            assert_never(event)


PlanEvent: TypeAlias = (
    ApprovalRequested
    | PlanApproved
    | PlanRejected
    | TasksAdded
    | PlanRefused
    | BudgetWarned
    | BudgetSpent
    | GroupFinished
)
TalkEvent: TypeAlias = (
    QuestionAsked
    | QuestionAnswered
    | QuestionExpired
    | MessageSent
    | MessageSettled
    | WorkspaceMade
    | WorkspaceReleased
)


AgentEvent: TypeAlias = (
    ProcessStarted
    | ProcessEnded
    | ProcessDiscarded
    | RunNested
    | Progress
    | UsageReported
    | HeartbeatChanged
    | ArtifactWritten
    | AnswerSeen
    | ResultStored
)


def _agent_text(event: AgentEvent) -> str:  # noqa: C901, PLR0911 - a table
    match event:
        case ProcessStarted(pid=pid, containment=containment):
            return f"process {pid} started, contained by {containment}"
        case ProcessEnded(pid=pid, outcome=outcome, survivors=survivors):
            left = f"; still alive: {', '.join(survivors)}" if survivors else ""
            return f"process {pid} ended: {outcome}{left}"
        case ProcessDiscarded(pid=pid, why=why, outcome=outcome, survivors=survivors):
            left = f"; still alive: {', '.join(survivors)}" if survivors else ""
            return f"warm process {pid} was not used: {why}; {outcome}{left}"
        case RunNested(run=run):
            return f"starts run {run}"
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
        case AnswerSeen():
            return "has answered"
        case ResultStored(result=result):
            return f"its result is stored as {result.name}"
        case _:
            assert_never(event)


def _plan_text(event: PlanEvent) -> str:  # noqa: PLR0911 - a table
    match event:
        case ApprovalRequested(why=why):
            return f"waits for an approval {why}: `crew approve` or `crew reject`"
        case PlanApproved(by=by):
            return f"approved by {by}"
        case PlanRejected(by=by, why=why):
            return f"rejected by {by}" + (f": {why}" if why else "")
        case TasksAdded(by=task, tasks=tasks):
            return f"{task} planned {counted(len(tasks), 'task')}"
        case PlanRefused(why=why):
            return f"the plan cannot be followed: {why}"
        case BudgetWarned(budget=budget, used=used, limit=limit):
            return f"most of the {budget} is used: {used:,.6g} of {limit:,.6g}"
        case BudgetSpent(budget=budget, used=used, limit=limit):
            return f"the {budget} is used up: {used:,.6g} of {limit:,.6g}"
        case GroupFinished(group=group, completed=done, of=number):
            return f"group {group}: {done} of {counted(number, 'task')} completed"
        case _:
            assert_never(event)


def _talk_text(event: TalkEvent) -> str:  # noqa: PLR0911 - a table
    match event:
        case QuestionAsked(question=question):
            choices = f" ({' | '.join(question.choices)})" if question.choices else ""
            return f"asks: {question.text}{choices}"
        case QuestionAnswered(answer=answer, by=by):
            return f"{by} answered: {answer}"
        case QuestionExpired():
            return "nobody answered in time"
        case MessageSent(message=message):
            return f"{message.kind.replace('_', '-')} from {message.by}: {message.text}"
        case MessageSettled(outcome=outcome, why=why):
            return f"message {outcome}" + (f": {why}" if why else "")
        case WorkspaceMade(branch=branch):
            return f"works on branch {branch}"
        case WorkspaceReleased(kept=True, why=why):
            return f"its worktree was kept: {why}"
        case WorkspaceReleased(branch=branch):
            return f"its changes are on {branch}" if branch else "it changed nothing"
        case _:
            assert_never(event)
