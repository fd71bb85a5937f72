# The state of a run holds the newest attempt of each task. What became of the earlier
# ones, and of what was said, is told by the events: here they are read again.
"""The attempts, messages and questions of the tasks of a run."""

from collections.abc import Iterable

import attrs

from crew_actors.model import (
    Artifact,
    ArtifactWritten,
    AttemptFailed,
    AttemptId,
    AttemptStarted,
    ClaimReleased,
    Event,
    Failure,
    Message,
    MessageSent,
    MessageSettled,
    ProcessEnded,
    ProcessStarted,
    Question,
    QuestionAnswered,
    QuestionAsked,
    QuestionExpired,
    Recorded,
    TaskCancelled,
    TaskClaimed,
    TaskCompleted,
    TaskFailed,
    TaskId,
    TaskNeedsAttention,
    TaskRequeued,
    Usage,
    UsageReported,
    WorkspaceMade,
    WorkspaceReleased,
)

AT_WORK = "at work"
"""What is said of an attempt whose end is not written down."""


@attrs.frozen(kw_only=True)
class SeenAttempt:
    """One attempt at a task."""

    attempt: AttemptId
    started_at: float
    """Seconds since 1970."""
    ended_at: float | None = None
    outcome: str = AT_WORK
    """`at work`, `completed`, `needs_attention`, `failed`, `cancelled`, `given back`,
    or `cut`: its owner had gone."""
    why: str = ""
    failure: Failure | None = None
    retry_at: float | None = None
    """When the next one was to begin, in seconds since 1970."""
    usage: Usage = attrs.field(factory=Usage)
    owner: str | None = None
    """Who has made it outside; None if it was made here."""
    pid: int | None = None
    exit: str = ""
    """How its process ended, for instance `exit 0`."""
    artifacts: tuple[Artifact, ...] = ()
    workspace: str | None = None
    """The folder of its worktree, if it had one."""
    base: str = ""
    """The commit that its worktree began with."""
    branch: str | None = None
    kept: bool = False
    """Whether the worktree stayed there at its end."""
    patch: Artifact | None = None
    """All that it has changed, where it worked in a worktree."""


@attrs.frozen(kw_only=True)
class SeenMessage:
    """A message to the agent of a task."""

    task: TaskId
    message: Message
    at: float
    """Seconds since 1970."""
    outcome: str = "sent"
    """`sent`, `queued`, `delivered` or `rejected`."""
    attempt: AttemptId | None = None
    """Whose agent had it."""
    why: str = ""


@attrs.frozen(kw_only=True)
class SeenQuestion:
    """A question of the agent of a task."""

    task: TaskId
    attempt: AttemptId
    question: Question
    outcome: str = "open"
    """`open`, `answered`, `expired`, or `given up` with its attempt."""
    answer: str | None = None
    by: str = ""


@attrs.define
class History:
    """What happened around the tasks of a run. It is told all events, in order."""

    attempts: dict[TaskId, list[SeenAttempt]] = attrs.field(
        factory=dict[TaskId, list[SeenAttempt]]
    )
    messages: dict[str, SeenMessage] = attrs.field(factory=dict[str, SeenMessage])
    """By their ids, in the order in which they were sent."""
    questions: dict[str, SeenQuestion] = attrs.field(factory=dict[str, SeenQuestion])
    """By their ids, in the order in which they were asked."""

    def take(self, recorded: Recorded) -> None:
        """Take in one more event."""
        event, at = recorded.event, recorded.at
        match event:
            case AttemptStarted(task=task, attempt=attempt):
                self._began(task, SeenAttempt(attempt=attempt, started_at=at))
            case TaskClaimed(task=task, attempt=attempt, claim=claim):
                seen = SeenAttempt(attempt=attempt, started_at=at, owner=claim.owner)
                self._began(task, seen)
            case MessageSent(task=task, message=message):
                seen_message = SeenMessage(task=task, message=message, at=at)
                self.messages[message.id] = seen_message
            case MessageSettled(message=settled) if settled in self.messages:
                self.messages[settled] = attrs.evolve(
                    self.messages[settled],
                    outcome=event.outcome,
                    attempt=event.attempt,
                    why=event.why,
                )
            case QuestionAsked(task=task, attempt=attempt, question=asked):
                self.questions[asked.id] = SeenQuestion(
                    task=task, attempt=attempt, question=asked
                )
            case QuestionAnswered(question=name, answer=answer, by=by):
                self._heard(name, "answered", answer=answer, by=by)
            case QuestionExpired(question=name):
                self._heard(name, "expired")
            case _:
                self._attempt(event, at)

    def _began(self, task: TaskId, attempt: SeenAttempt) -> None:
        known = self.attempts.setdefault(task, [])
        if all(one.attempt != attempt.attempt for one in known):
            known.append(attempt)

    def _heard(
        self, name: str, outcome: str, *, answer: str | None = None, by: str = ""
    ) -> None:
        question = self.questions.get(name)
        if question is not None and question.outcome == "open":
            self.questions[name] = attrs.evolve(
                question, outcome=outcome, answer=answer, by=by
            )

    def _attempt(self, event: Event, at: float) -> None:
        """Take in what happened to the newest attempt at a task."""
        task = getattr(event, "task", None)
        known = self.attempts.get(task, []) if task is not None else []
        if not known:
            return
        newest = known[-1]
        belongs = getattr(event, "attempt", newest.attempt) == newest.attempt
        open_ = newest.ended_at is None
        changed = _changed(newest, event) if belongs else None
        if changed is None and belongs and open_:
            changed = _ended(newest, event, at)
            if changed is not None:
                self._give_up(newest.attempt)
        if changed is not None:
            known[-1] = changed

    def _give_up(self, attempt: AttemptId) -> None:
        for name, question in self.questions.items():
            if question.attempt == attempt:
                self._heard(name, "given up")


def _changed(  # noqa: PLR0911 - a table
    attempt: SeenAttempt, event: Event
) -> SeenAttempt | None:
    """Fold what an attempt leaves on its way; None if that is not what happened."""
    match event:
        case UsageReported(usage=usage):
            return attrs.evolve(attempt, usage=attempt.usage.plus(usage))
        case ProcessStarted(pid=pid):
            return attrs.evolve(attempt, pid=pid)
        case ProcessEnded(outcome=outcome):
            return attrs.evolve(attempt, exit=outcome)
        case ArtifactWritten(artifact=artifact):
            return attrs.evolve(attempt, artifacts=(*attempt.artifacts, artifact))
        case WorkspaceMade(path=path, base=base, branch=branch):
            return attrs.evolve(attempt, workspace=path, base=base, branch=branch)
        case WorkspaceReleased(kept=kept, branch=branch, patch=patch):
            return attrs.evolve(attempt, kept=kept, branch=branch, patch=patch)
        case _:
            return None


def _ended(  # noqa: PLR0911 - a table
    attempt: SeenAttempt, event: Event, at: float
) -> SeenAttempt | None:
    """Fold the end of an attempt; None if that is not what happened."""
    match event:
        case TaskCompleted():
            return attrs.evolve(attempt, ended_at=at, outcome="completed")
        case TaskNeedsAttention(why=why):
            return attrs.evolve(
                attempt, ended_at=at, outcome="needs_attention", why=why
            )
        case TaskFailed(failure=failure):
            return attrs.evolve(attempt, ended_at=at, outcome="failed", failure=failure)
        case AttemptFailed(failure=failure, retry_at=retry_at):
            return attrs.evolve(
                attempt,
                ended_at=at,
                outcome="failed",
                failure=failure,
                retry_at=retry_at,
            )
        case TaskCancelled(why=why):
            return attrs.evolve(attempt, ended_at=at, outcome="cancelled", why=why)
        case ClaimReleased(why=why):
            return attrs.evolve(attempt, ended_at=at, outcome="given back", why=why)
        case TaskRequeued(why=why):
            return attrs.evolve(attempt, ended_at=at, outcome="cut", why=why)
        case _:
            return None


def read_history(events: Iterable[Recorded]) -> History:
    """Read the *events* of a run, in their order."""
    history = History()
    for recorded in events:
        history.take(recorded)
    return history
