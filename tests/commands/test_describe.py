"""What the events around a plan, a question and a workspace say to a person."""

import pytest
from tests.support.plans import artifact, task

from crew_actors.model import (
    AnswerSeen,
    ApprovalRequested,
    AttemptFailed,
    AttemptId,
    BudgetSpent,
    BudgetWarned,
    Event,
    Failure,
    FailureKind,
    GroupFinished,
    Message,
    MessageSent,
    MessageSettled,
    PlanApproved,
    PlanRefused,
    PlanRejected,
    ProcessDiscarded,
    Question,
    QuestionAnswered,
    QuestionAsked,
    QuestionExpired,
    ResultStored,
    RunId,
    RunNested,
    RunResumed,
    TaskId,
    TaskRequeued,
    TasksAdded,
    WorkspaceMade,
    WorkspaceReleased,
)
from crew_actors.observe import describe

A, ONE = TaskId("a"), AttemptId("a.1")
ASKED = Question(
    id="a.1-q1", text="Which?", choices=("x", "y"), asked_at=0.0, deadline=60.0
)

SAID: list[tuple[Event, str]] = [
    (RunResumed(why="by ann"), "resumed: by ann"),
    (TaskRequeued(task=A, why="again"), "queued again: again"),
    (AnswerSeen(task=A, attempt=ONE), "has answered"),
    (
        ResultStored(task=A, attempt=ONE, result=artifact()),
        "its result is stored as result.md",
    ),
    (
        ApprovalRequested(why="to let a change it"),
        "waits for an approval to let a change it: `crew approve` or `crew reject`",
    ),
    (PlanApproved(by="ann"), "approved by ann"),
    (PlanRejected(by="ann", why=""), "rejected by ann"),
    (PlanRejected(by="ann", why="no"), "rejected by ann: no"),
    (TasksAdded(by=A, tasks=(task("b"), task("c"))), "a planned 2 tasks"),
    (PlanRefused(by=A, why="what?"), "the plan cannot be followed: what?"),
    (
        BudgetWarned(budget="tokens", used=800, limit=1000),
        "most of the tokens is used: 800 of 1,000",
    ),
    (
        BudgetSpent(budget="cost", used=1.5, limit=1.5),
        "the cost is used up: 1.5 of 1.5",
    ),
    (
        GroupFinished(group="phase-1", completed=1, of=2),
        "group phase-1: 1 of 2 tasks completed",
    ),
    (
        ProcessDiscarded(
            task=A, attempt=ONE, pid=7, why="w", outcome="exit 0", containment="warden"
        ),
        "warm process 7 was not used: w; exit 0",
    ),
    (
        ProcessDiscarded(
            task=A,
            attempt=ONE,
            pid=7,
            why="w",
            outcome="SIGKILL",
            containment="none",
            survivors=("8 sleep",),
        ),
        "warm process 7 was not used: w; SIGKILL; still alive: 8 sleep",
    ),
    (
        RunNested(task=A, attempt=ONE, run=RunId("20260101-000000-fedcba9876")),
        "starts run 20260101-000000-fedcba9876",
    ),
    (QuestionAsked(task=A, attempt=ONE, question=ASKED), "asks: Which? (x | y)"),
    (
        QuestionAnswered(task=A, attempt=ONE, question="q", answer="x", by="ann"),
        "ann answered: x",
    ),
    (QuestionExpired(task=A, attempt=ONE, question="q"), "nobody answered in time"),
    (
        MessageSent(
            task=A, message=Message(id="m", kind="follow_up", text="go on", by="ann")
        ),
        "follow-up from ann: go on",
    ),
    (
        MessageSettled(task=A, attempt=ONE, message="m", outcome="delivered"),
        "message delivered",
    ),
    (
        MessageSettled(task=A, attempt=None, message="m", outcome="rejected", why="no"),
        "message rejected: no",
    ),
    (
        WorkspaceMade(task=A, attempt=ONE, path="/w", branch="crew/r/a.1", base="0"),
        "works on branch crew/r/a.1",
    ),
    (
        WorkspaceReleased(task=A, attempt=ONE, kept=True, why="it did not complete"),
        "its worktree was kept: it did not complete",
    ),
    (
        WorkspaceReleased(task=A, attempt=ONE, kept=False, why="", branch="crew/r/a.1"),
        "its changes are on crew/r/a.1",
    ),
    (WorkspaceReleased(task=A, attempt=ONE, kept=False, why=""), "it changed nothing"),
]


@pytest.mark.parametrize(("event", "text"), SAID)
def test_an_event_says_what_happened(event: Event, text: str) -> None:
    assert describe(event).text == text


def test_a_failed_attempt_says_when_the_next_one_is() -> None:
    failure = Failure(kind=FailureKind.EXIT, message="exit code 1")
    event = AttemptFailed(task=A, attempt=ONE, failure=failure, retry_at=0.0)
    assert describe(event).text.startswith("failed: exit code 1; again at ")
