# What others ask of a run, and how it is granted.
#
# A wish is checked against the state, becomes an event, and is answered when that is
# on disk. One that does not fit the state is refused by name, and changes nothing.
"""Grant the wishes of people: answers, messages, consent, retries."""

import secrets
from typing import TYPE_CHECKING

from crew_actors.errors import UserError
from crew_actors.model import (
    Message,
    MessageOutcome,
    MessageSent,
    MessageSettled,
    PlanApproved,
    PlanRejected,
    Question,
    QuestionAnswered,
    RunState,
    Selection,
    TaskCancelled,
    TaskId,
    TaskState,
    requeue,
)
from crew_actors.runs._claims import grant_claim
from crew_actors.runs._errors import (
    NotAChoice,
    NotAtWork,
    NotAwaitingApproval,
    NothingToRetry,
    NotWaiting,
    SeveralWaiting,
    TaskEnded,
    TooManyMessages,
    listed,
)
from crew_actors.runs._find import find_task
from crew_actors.runs._mail import SETTLE_SECONDS
from crew_actors.runs._messages import (
    Approve,
    CancelTask,
    Nest,
    Reject,
    Respond,
    RestartTask,
    Retry,
    Send,
    Sent,
    Unsettled,
    Wish,
)
from crew_actors.runs._nested import nest
from crew_actors.runs._talk import MESSAGES
from crew_actors.runs._words import last_words, words

if TYPE_CHECKING:
    from crew_actors.runs._work import RunWork


async def grant(work: "RunWork", wish: Wish) -> bool:
    """Grant *wish*, or refuse it. True: it may change what is to be done."""
    try:
        match wish:
            case Respond():
                await _respond(work, wish)
            case Send():
                await _send(work, wish)
            case Retry():
                await _retry(work, wish)
            case CancelTask():
                await _cancel(work, wish)
            case RestartTask():
                _restart(work, wish)
            case Approve(by=by):
                check_approval(work.state)
                await work.record(PlanApproved(by=words(by)), durable=True)
                wish.reply(None)
            case Reject(by=by, why=why):
                check_approval(work.state)
                rejected = PlanRejected(by=words(by), why=words(why))
                await work.record(rejected, durable=True)
                wish.reply(None)
            case Nest():
                await nest(work, wish)
            case _:
                await grant_claim(work, wish)
    except UserError as error:
        wish.fail(error)
        return False
    return True


async def _respond(work: "RunWork", wish: Respond) -> None:
    event, _ = answer_to(work.state, wish)
    await work.record(event, durable=True)
    work.tell_answer(event.task, event.question, event.answer)
    wish.reply(event.task)


def answer_to(state: RunState, wish: Respond) -> tuple[QuestionAnswered, Question]:
    """Find the question that *wish* answers; return the event, and the question.

    Raises:
      NotWaiting: nothing waits for that answer.
      SeveralWaiting: the wish must name the task.
      NotAChoice: the question offers choices, and the answer is none of them.
      UnknownTask: there is no such task.
    """
    task = _asking(state, wish)
    question = _asked(task, wish.question)
    answer = last_words(wish.answer)
    if question.choices and answer not in question.choices:
        raise NotAChoice(answer, question.choices)
    attempt = task.attempt
    assert attempt is not None, "only an attempt can ask"
    event = QuestionAnswered(
        task=task.plan.id,
        attempt=attempt,
        question=question.id,
        answer=answer,
        by=words(wish.by),
    )
    return event, question


def _asking(state: RunState, wish: Respond) -> TaskState:
    waiting = [task for task in state.tasks.values() if task.questions]
    names = tuple(task.plan.id for task in waiting)
    if wish.task is not None:
        task = find_task(state, wish.task)
        if not task.questions:
            raise NotWaiting(f"task {task.plan.id}", task.status.value, names)
        return task
    if wish.question is not None:
        waiting = [
            task
            for task in waiting
            if any(one.id == wish.question for one in task.questions)
        ]
    if not waiting:
        what = "the run" if wish.question is None else f"question {wish.question}"
        raise NotWaiting(what, state.status.value, names)
    if len(waiting) > 1:
        raise SeveralWaiting(names)
    return waiting[0]


def _asked(task: TaskState, wanted: str | None) -> Question:
    if wanted is None:
        return task.questions[0]
    for question in task.questions:
        if question.id == wanted:
            return question
    known = tuple(question.id for question in task.questions)
    raise NotWaiting(f"question {wanted}", "not asked, or answered", known)


async def _send(work: "RunWork", wish: Send) -> None:
    task = find_task(work.state, wish.task)
    if task.status.terminal:
        raise TaskEnded(task.plan.id, task.status.value)
    if len(task.mail) >= MESSAGES:
        raise TooManyMessages(task.plan.id, len(task.mail))
    message = Message(
        id=f"m-{secrets.token_hex(6)}",
        kind=wish.kind,
        text=last_words(wish.text),
        by=words(wish.by),
    )
    await work.record(MessageSent(task=task.plan.id, message=message), durable=True)
    actor = work.attempt_of(task.plan.id)
    if actor is None and task.claim is None and wish.kind in {"steer", "interrupt"}:
        why = f"the task is {task.status.value}: there is nothing to {wish.kind} yet"
        await _settle(work, task, message, "rejected", why)
        wish.reply(Sent(message=message.id, outcome="rejected", why=why))
    elif actor is None:
        outside = "whoever has claimed the task hears it when they extend the claim"
        why = "the next attempt finds it" if task.claim is None else outside
        await _settle(work, task, message, "queued", why)
        wish.reply(Sent(message=message.id, outcome="queued", why=why))
    else:
        work.mail.waits(message.id, task.plan.id, wish)
        work.deliver(task.plan.id, message)
        work.inbox.once(SETTLE_SECONDS, Unsettled(message.id))


async def _settle(
    work: "RunWork",
    task: TaskState,
    message: Message,
    outcome: MessageOutcome,
    why: str,
) -> None:
    settled = MessageSettled(
        task=task.plan.id, attempt=None, message=message.id, outcome=outcome, why=why
    )
    await work.record(settled, durable=True)


async def _retry(work: "RunWork", wish: Retry) -> None:
    named = tuple(find_task(work.state, name).plan.id for name in wish.tasks)
    if work.state.cancelling is not None:
        msg = "the run is being stopped; it can be taken up when it has ended"
        raise NothingToRetry(msg)
    events = requeue(work.state, Selection(tasks=named), words(wish.why))
    if not events:
        raise NothingToRetry(_why_nothing(work, named))
    for event in events:
        await work.record(event)
    await work.journal.flush()
    wish.reply(tuple(event.task for event in events))


def _why_nothing(work: "RunWork", named: tuple[TaskId, ...]) -> str:
    if not named:
        return "each task has completed, or is queued or at work"
    return listed(f"{one} is {work.state.tasks[one].status.value}" for one in named)


async def _cancel(work: "RunWork", wish: CancelTask) -> None:
    task = find_task(work.state, wish.task)
    if task.status.terminal:
        raise TaskEnded(task.plan.id, task.status.value)
    why = words(wish.why)
    if work.attempt_of(task.plan.id) is not None:
        work.stop_for_good(task.plan.id, why)
    else:
        cancelled = TaskCancelled(task=task.plan.id, attempt=task.attempt, why=why)
        await work.record(cancelled, durable=True)
    wish.reply(task.plan.id)


def _restart(work: "RunWork", wish: RestartTask) -> None:
    task = find_task(work.state, wish.task)
    name = task.plan.id
    if task.status.terminal:
        status = task.status.value
        raise NotAtWork(name, f"has ended as {status}; `crew retry` begins anew")
    if task.claim is not None:
        raise NotAtWork(name, f"is claimed by {task.claim.owner}")
    if work.attempt_of(name) is None:
        raise NotAtWork(name, f"is {task.status.value}")
    if work.state.cancelling is not None or not work.begin_anew(name, words(wish.why)):
        raise NotAtWork(name, "is being stopped")
    wish.reply(name)


def check_approval(state: RunState) -> None:
    """See to it that somebody was asked to approve the plan.

    Raises:
      NotAwaitingApproval: nobody was.
    """
    if state.approval != "requested":
        raise NotAwaitingApproval
