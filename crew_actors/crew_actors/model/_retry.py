# Whether a failed attempt is followed by another one, and when.
#
# 1. The kind of the failure decides first: what would fail again is not tried again.
# 2. What its agent has tried again by itself, in vain, is not tried again: attempts at
#    attempts multiply.
# 3. Waits grow, up to a cap, and a part of each is random: tasks that failed together
#    do not come back together. After the exponential backoff with jitter that AWS
#    measured in "Exponential Backoff And Jitter".
"""Plan the next attempt at a task. Pure: the moment and the chance are given."""

import attrs

from crew_actors.model._plan import RetryPolicy, RunPlan
from crew_actors.model._state import TaskState
from crew_actors.model._values import Failure


@attrs.frozen
class RetryAt:
    """The task is tried again."""

    at: float
    """Seconds since 1970."""


@attrs.frozen
class GiveUp:
    """The task has failed."""

    why: str


def plan_retry(
    task: TaskState, failure: Failure, plan: RunPlan, *, now: float, random: float
) -> RetryAt | GiveUp:
    """Tell what follows the failure of the newest attempt at *task*.

    *now* is in seconds since 1970, *random* from 0 to 1.
    """
    if failure.kind in plan.retry.never:
        return GiveUp(f"after {failure.kind.value} another attempt would fail as well")
    if failure.retried:
        return GiveUp("its agent has tried it again by itself, and given up")
    if task.tries >= plan.limits.attempts:
        return GiveUp(f"it was the last of {plan.limits.attempts} attempts")
    return RetryAt(now + backoff(plan.retry, task.tries, random))


def backoff(policy: RetryPolicy, tries: int, random: float) -> float:
    """Tell the seconds to wait after *tries* attempts, 1 or more."""
    wait = policy.first
    for _ in range(tries - 1):
        if wait >= policy.cap:  # no further: it might become too much for a float
            break
        wait *= policy.factor
    return min(wait, policy.cap) * (1 + policy.jitter * (2 * random - 1))
