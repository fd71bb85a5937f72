"""What the events tell beside the state: attempts, messages, questions."""

import attrs
from tests.support.plans import artifact, completed, failed, started, unproven

from crew_actors.model import (
    ArtifactWritten,
    AttemptFailed,
    ClaimReleased,
    Event,
    Failure,
    FailureKind,
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
    RunStarted,
    TaskCancelled,
    TaskClaimed,
    TaskId,
    TaskRequeued,
    Usage,
    UsageReported,
    WorkspaceMade,
    WorkspaceReleased,
    attempt_id,
    new_claim,
)
from crew_actors.observe import History, read_history

A = TaskId("a")
ONE, TWO = attempt_id(A, 1), attempt_id(A, 2)
FAILURE = Failure(kind=FailureKind.EXIT, message="exit code 1")
AGAIN = AttemptFailed(task=A, attempt=ONE, failure=FAILURE, retry_at=9.0)


def of(*events: Event) -> History:
    return read_history(Recorded(seq, float(seq), e) for seq, e in enumerate(events, 1))


def asked(name: str) -> QuestionAsked:
    question = Question(id=name, text=f"{name}?", asked_at=1.0, deadline=9.0)
    return QuestionAsked(task=A, attempt=ONE, question=question)


def test_each_attempt_has_its_end() -> None:
    cancelled = TaskCancelled(task=A, attempt=ONE, why="enough")
    requeued = TaskRequeued(task=A, why="its owner had gone")
    for event, outcome, why in (
        (completed("a"), "completed", ""),
        (unproven("a"), "needs_attention", "no result"),
        (failed("a"), "failed", ""),
        (AGAIN, "failed", ""),
        (cancelled, "cancelled", "enough"),
        (requeued, "cut", "its owner had gone"),
    ):
        (attempt,) = of(RunStarted(), started("a"), event).attempts[A]
        assert (attempt.outcome, attempt.why) == (outcome, why)
        assert (attempt.started_at, attempt.ended_at) == (2.0, 3.0)


def test_an_attempt_without_an_end_is_at_work() -> None:
    (attempt,) = of(started("a")).attempts[A]
    assert (attempt.outcome, attempt.ended_at) == ("at work", None)


def test_what_an_attempt_used_and_left_is_its_own() -> None:
    wrote = ArtifactWritten(task=A, attempt=ONE, artifact=artifact())
    used = UsageReported(task=A, attempt=ONE, usage=Usage(input=3))
    process = ProcessStarted(
        task=A, attempt=ONE, pid=7, create_time=1.0, containment="group"
    )
    gone = ProcessEnded(
        task=A, attempt=ONE, pid=7, outcome="exit 1", containment="group"
    )
    late = attrs.evolve(used, usage=Usage(output=2))
    history = of(
        started("a"), process, used, used, wrote, gone, AGAIN, started("a", 2), late
    )
    first, second = history.attempts[A]
    assert (first.usage, first.pid, first.exit) == (Usage(input=6), 7, "exit 1")
    assert first.artifacts == (artifact(),)
    assert (first.failure, first.retry_at) == (FAILURE, 9.0)
    assert (second.usage, second.artifacts) == (Usage(), ())


def test_the_worktree_of_an_attempt_is_told() -> None:
    made = WorkspaceMade(task=A, attempt=ONE, path="/w", branch="crew/a", base="abc")
    released = WorkspaceReleased(
        task=A, attempt=ONE, kept=True, why="dirty", patch=artifact("changes.patch")
    )
    (live,) = of(started("a"), made).attempts[A]
    assert (live.workspace, live.base, live.branch) == ("/w", "abc", "crew/a")
    (over,) = of(started("a"), made, released, failed("a")).attempts[A]
    assert (over.kept, over.branch, over.patch) == (
        True,
        None,
        artifact("changes.patch"),
    )


def test_a_claim_is_an_attempt_with_an_owner() -> None:
    claimed = TaskClaimed(task=A, attempt=ONE, claim=new_claim("ann", "t", 9.0))
    back = ClaimReleased(task=A, attempt=ONE, why="no time")
    (attempt,) = of(claimed, back).attempts[A]
    assert (attempt.owner, attempt.outcome) == ("ann", "given back")


def test_messages_are_told_with_what_became_of_them() -> None:
    one, two = (Message(id=n, kind="steer", text=n, by="ann") for n in ("m1", "m2"))
    queued = MessageSettled(task=A, attempt=None, message="m1", outcome="queued")
    delivered = MessageSettled(
        task=A, attempt=ONE, message="m1", outcome="delivered", why="heard"
    )
    unknown = attrs.evolve(delivered, message="m9")
    sent = [MessageSent(task=A, message=each) for each in (one, two)]
    found = of(*sent, queued, delivered, unknown).messages
    assert [(m.outcome, m.attempt, m.why) for m in found.values()] == [
        ("delivered", ONE, "heard"),
        ("sent", None, ""),
    ]


def test_questions_are_told_with_their_answers() -> None:
    answered = QuestionAnswered(
        task=A, attempt=ONE, question="q1", answer="yes", by="ann"
    )
    expired = QuestionExpired(task=A, attempt=ONE, question="q2")
    late = attrs.evolve(answered, question="q2")
    unknown = attrs.evolve(answered, question="q9")
    events: list[Event] = [started("a"), *map(asked, ("q1", "q2", "q3"))]
    history = of(*events, answered, expired, late, unknown)
    assert [(q.outcome, q.answer, q.by) for q in history.questions.values()] == [
        ("answered", "yes", "ann"),
        ("expired", None, ""),
        ("open", None, ""),
    ]
    history = of(*events, failed("a"))
    assert {q.outcome for q in history.questions.values()} == {"given up"}


def test_what_comes_too_late_changes_nothing() -> None:
    history = of(started("a"), completed("a"), failed("a"), started("a"))
    (attempt,) = history.attempts[A]
    assert attempt.outcome == "completed"
    assert of(completed("a")).attempts == {}
    history = of(started("a"), AGAIN, started("a", 2), completed("a"))
    assert [one.outcome for one in history.attempts[A]] == ["failed", "at work"]
