"""What is said around a task: questions, answers, messages, and where it works."""

import pytest
from tests.support.plans import (
    after,
    artifact,
    completed,
    created,
    failed,
    plan,
    started,
    task,
)

from crew_actors.model import (
    AnswerSeen,
    AttemptFailed,
    Event,
    Failure,
    FailureKind,
    Message,
    MessageOutcome,
    MessageSent,
    MessageSettled,
    ProcessStarted,
    Question,
    QuestionAnswered,
    QuestionAsked,
    QuestionExpired,
    ResultStored,
    RunCompleted,
    RunStarted,
    RunState,
    RunStatus,
    TaskId,
    TaskRequeued,
    TaskStatus,
    WorkspaceMade,
    WorkspaceReleased,
    attempt_id,
)

A = TaskId("a")
A1, A2 = attempt_id(A, 1), attempt_id(A, 2)
SENT = MessageSent(task=A, message=Message(id="m", kind="steer", text="t", by="me"))


def at_work() -> RunState:
    the_plan = plan(task("a"), task("b"))
    return after(created(the_plan), RunStarted(), started("a"))


def asked(number: int = 1) -> QuestionAsked:
    question = Question(id=f"q{number}", text=f"{number}?", asked_at=0.0, deadline=9.0)
    return QuestionAsked(task=A, attempt=A1, question=question)


def answered(number: int = 1) -> QuestionAnswered:
    return QuestionAnswered(
        task=A, attempt=A1, question=f"q{number}", answer="yes", by="me"
    )


def expired(number: int = 1) -> QuestionExpired:
    return QuestionExpired(task=A, attempt=A1, question=f"q{number}")


def settled(
    outcome: MessageOutcome = "delivered", message: str = "m", number: int = 1
) -> MessageSettled:
    attempt = attempt_id(A, number)
    return MessageSettled(task=A, attempt=attempt, message=message, outcome=outcome)


def test_an_agent_that_asks_waits_until_each_question_is_settled() -> None:
    state = after(at_work(), asked(), asked(2))
    assert state.tasks[A].status is TaskStatus.WAITING
    assert state.status is RunStatus.WAITING
    state = after(state, answered(2))
    assert state.tasks[A].status is TaskStatus.WAITING
    state = after(state, expired())
    assert state.tasks[A].status is TaskStatus.RUNNING
    assert state.status is RunStatus.RUNNING
    assert [(one.question, one.answer) for one in state.tasks[A].answers] == [
        ("2?", "yes")
    ]


def test_a_run_waits_only_while_nobody_works() -> None:
    state = after(at_work(), started("b"), asked())
    assert state.status is RunStatus.RUNNING
    assert after(state, completed("b")).status is RunStatus.WAITING


@pytest.mark.parametrize("late", [answered(2), expired(2), answered(), expired()])
def test_a_question_is_settled_once_and_only_if_it_was_asked(late: Event) -> None:
    state = after(at_work(), asked(3), asked(), answered())
    changed = after(state, late)
    assert changed.tasks == state.tasks
    assert changed.dropped == state.dropped + 1


def test_a_task_that_has_ended_waits_for_no_answer() -> None:
    state = after(at_work(), asked(), failed("a"))
    assert state.tasks[A].questions == ()
    assert after(state, answered()).dropped == state.dropped + 1


def test_answers_outlive_the_attempt_that_asked_and_questions_do_not() -> None:
    state = after(at_work(), asked(), answered(), asked(2))
    state = after(state, TaskRequeued(task=A, why="x"), started("a", 2))
    assert len(state.tasks[A].answers) == 1
    assert state.tasks[A].questions == ()


def test_a_message_waits_until_it_is_delivered_or_rejected() -> None:
    state = after(at_work(), SENT)
    assert [one.id for one in state.tasks[A].mail] == ["m"]
    assert after(state, settled("queued")).tasks[A].mail == state.tasks[A].mail
    assert after(state, settled("delivered", "other")).tasks[A].mail
    for outcome in ("delivered", "rejected"):
        assert after(state, settled(outcome)).tasks[A].mail == ()


def test_a_message_outlives_the_attempt_and_what_that_says_of_it_later() -> None:
    state = after(at_work(), SENT, TaskRequeued(task=A, why="x"), started("a", 2))
    assert after(state, settled()).tasks[A].mail
    assert after(state, settled(number=2)).tasks[A].mail == ()


def test_how_far_an_attempt_has_come_is_told() -> None:
    state = at_work()
    process = ProcessStarted(
        task=A, attempt=A1, pid=7, create_time=1.0, containment="x"
    )
    phases = [state.tasks[A].phase]
    for event in (
        process,
        AnswerSeen(task=A, attempt=A1),
        ResultStored(task=A, attempt=A1, result=artifact()),
    ):
        state = after(state, event)
        phases.append(state.tasks[A].phase)
    assert phases == ["started", "spawned", "answer_seen", "artifacts_written"]
    again = after(state, TaskRequeued(task=A, why="x"), started("a", 2))
    assert again.tasks[A].phase == "started"


def made(number: int) -> WorkspaceMade:
    return WorkspaceMade(
        task=A,
        attempt=attempt_id(A, number),
        path=f"/w{number}",
        branch=f"b{number}",
        base="0" * 40,
    )


def released(number: int, *, kept: bool) -> WorkspaceReleased:
    return WorkspaceReleased(
        task=A,
        attempt=attempt_id(A, number),
        kept=kept,
        why="",
        branch=None if kept else f"b{number}",
    )


def test_a_task_works_where_its_newest_attempt_does() -> None:
    state = after(at_work(), made(1))
    assert state.tasks[A].workspace == "/w1"
    failure = Failure(kind=FailureKind.EXIT, message="x")
    again = AttemptFailed(task=A, attempt=A1, failure=failure, retry_at=0.0)
    kept = after(state, released(1, kept=True), again)
    assert (kept.tasks[A].workspace, kept.tasks[A].branch) == ("/w1", None)
    gone = after(state, again, released(1, kept=False))
    assert (gone.tasks[A].workspace, gone.tasks[A].branch) == (None, "b1")
    for before in (kept, gone):
        fresh = after(before, started("a", 2))
        assert (fresh.tasks[A].workspace, fresh.tasks[A].branch) == (None, None)


def test_a_task_of_a_run_that_has_ended_changes_its_status_no_more() -> None:
    state = after(at_work(), RunCompleted(summary=None))
    for event in (completed("a"), started("b"), TaskRequeued(task=A, why="x")):
        changed = after(state, event)
        assert changed.tasks == state.tasks
        assert changed.dropped == state.dropped + 1
    assert after(state, SENT).tasks[A].mail
