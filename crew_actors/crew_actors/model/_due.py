# What the moment alone brings about: questions that nobody has answered, claims that
# nobody has extended, budgets that are used up, groups whose last task has ended. Each
# is told once: the event that tells it changes the state so that it is not due any more.
"""Events that are due in a state, at a moment. Pure."""

from collections.abc import Iterator

from crew_actors.model._budgets import uses
from crew_actors.model._events import (
    BudgetSpent,
    BudgetWarned,
    Event,
    GroupFinished,
    QuestionExpired,
    TaskFailed,
)
from crew_actors.model._schedule import claimed_tasks
from crew_actors.model._state import RunState
from crew_actors.model._statuses import TaskStatus
from crew_actors.model._values import Failure, FailureKind


def due(state: RunState, now: float) -> tuple[Event, ...]:
    """Tell what is to be recorded in *state* at *now*, in seconds since 1970."""
    if state.status.ended:
        return ()
    return (
        *_questions(state, now),
        *_claims(state, now),
        *_budgets(state, now),
        *_groups(state),
    )


def _questions(state: RunState, now: float) -> Iterator[Event]:
    for task in state.of(TaskStatus.WAITING):
        for question in task.questions:
            attempt = task.attempt
            if question.deadline <= now and attempt is not None:
                yield QuestionExpired(
                    task=task.plan.id, attempt=attempt, question=question.id
                )


def _claims(state: RunState, now: float) -> Iterator[Event]:
    for task, claim in claimed_tasks(state):
        attempt = task.attempt
        if claim.until <= now and attempt is not None:
            why = f"{claim.owner} did not extend the claim in time"
            failure = Failure(kind=FailureKind.TIMEOUT, message=why)
            yield TaskFailed(task=task.plan.id, attempt=attempt, failure=failure)


def _budgets(state: RunState, now: float) -> Iterator[Event]:
    if state.spent is not None or state.cancelling is not None:
        return
    for use in uses(state, now):
        if use.spent:
            yield BudgetSpent(budget=use.budget, used=use.used, limit=use.limit)
            return
        if use.most and use.budget not in state.warned:
            yield BudgetWarned(budget=use.budget, used=use.used, limit=use.limit)


def _groups(state: RunState) -> Iterator[Event]:
    for group, members in state.board.graph.groups.items():
        if not members & state.board.open and group not in state.finished:
            done = members & state.board.of(TaskStatus.COMPLETED)
            yield GroupFinished(
                group=group, completed=done.bit_count(), of=members.bit_count()
            )
