# What a run may use, and what it has used.
#
# 1. Agents tell of tokens and costs when they have used them. A run is stopped a little
#    before its limit, since those at work have not told of all.
# 2. Each agent at work is taken to use as much as one did on average so far. Nobody
#    begins for whom nothing would be left then, unless nobody is at work: what is
#    left is left for one.
# 3. Time needs no guess: the run is stopped at the moment of its limit.
"""The budgets of a run. Pure."""

from collections.abc import Iterator

import attrs

from crew_actors.model._state import RunState, TaskState
from crew_actors.model._statuses import TaskStatus
from crew_actors.model._values import BudgetKind, Usage

WARN_AT = 0.8
"""The part of a budget whose use is told."""

STOP_AT = 0.95
"""The part of the tokens, or of the costs, at which the run is stopped."""


@attrs.frozen
class Use:
    """How much of a budget is used."""

    budget: BudgetKind
    used: float
    limit: float
    most: bool
    """Whether that is to be told."""
    spent: bool
    """Whether the run is to be stopped."""


def uses(state: RunState, now: float) -> Iterator[Use]:
    """Go through the budgets that the run in *state* has."""
    limits = state.plan.limits
    if limits.run_seconds is not None and state.started_at is not None:
        most, spent = (moment <= now for moment in time_limits(state))
        yield Use("time", now - state.started_at, limits.run_seconds, most, spent)
    for budget, limit in _amounts(state):
        used = _amount(state.usage, budget)
        most, spent = used >= limit * WARN_AT, used >= limit * STOP_AT
        yield Use(budget, used, limit, most, spent)


def time_limits(state: RunState) -> tuple[float, ...]:
    """Tell when most of the run's time is over, and when all of it; () without limit."""
    limit = state.plan.limits.run_seconds
    if limit is None or state.started_at is None:
        return ()
    return (state.started_at + limit * WARN_AT, state.started_at + limit)


def affordable(state: RunState, wanted: int) -> int:
    """Tell how many of as many tasks as are *wanted* can begin, by the budgets."""
    active = list(state.at(state.board.active))
    for budget, limit in _amounts(state):
        usual = _usual(state, active, budget)
        if usual <= 0:
            continue
        used = _amount(state.usage, budget)
        to_come = sum(max(usual - _amount(one.usage, budget), 0.0) for one in active)
        left = int(max(limit * STOP_AT - used - to_come, 0.0) / usual)
        wanted = min(wanted, max(left, 0 if active else 1))
    return wanted


def tokens_left(state: RunState) -> int | None:
    """Tell how many tokens each task at work has left, if they share them evenly.

    None without a limit. One that is about to begin counts as at work.
    """
    limit = state.plan.limits.tokens
    if limit is None:
        return None
    left = max(int(limit * STOP_AT) - state.usage.input - state.usage.output, 0)
    return left // max(state.board.active.bit_count(), 1)


def _amounts(state: RunState) -> Iterator[tuple[BudgetKind, float]]:
    limits = state.plan.limits
    if limits.tokens is not None:
        yield "tokens", limits.tokens
    if limits.cost is not None:
        yield "cost", limits.cost


def _amount(usage: Usage, budget: BudgetKind) -> float:
    return usage.cost if budget == "cost" else usage.input + usage.output


def _usual(state: RunState, active: list[TaskState], budget: BudgetKind) -> float:
    """Tell what a task uses on average, by those that have ended; 0 if none has."""
    ended = state.board.of(
        TaskStatus.COMPLETED, TaskStatus.NEEDS_ATTENTION, TaskStatus.FAILED
    )
    if not ended:
        return 0.0
    told = sum(_amount(one.usage, budget) for one in active)
    return (_amount(state.usage, budget) - told) / ended.bit_count()
