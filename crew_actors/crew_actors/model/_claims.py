# Tasks that somebody outside does: a person, or a program of theirs.
#
# 1. Only a task of an agent with `runtime: external` can be claimed, so that a claim
#    never races with an attempt of this runtime.
# 2. It can be claimed when this runtime would begin it, were it not external; the
#    limit of the run is for attempts here, and does not count.
# 3. Whoever shows the token holds the claim. Only its hash is kept, and the two are
#    compared in constant time.
"""Which tasks can be claimed, and who holds a claim. Pure."""

import hashlib
import hmac
from collections.abc import Iterator

from crew_actors.model._schedule import collides, reason_to_stop
from crew_actors.model._state import RunState, TaskState
from crew_actors.model._values import Claim


def new_claim(owner: str, token: str, until: float) -> Claim:
    """Make the claim of *owner*, which *token* proves, and which ends at *until*."""
    return Claim(owner=owner, token_sha256=_hash(token), until=until)


def holds_claim(claim: Claim, token: str) -> bool:
    """Tell whether *token* is the one that *claim* was made with."""
    return hmac.compare_digest(_hash(token), claim.token_sha256)


def claimable_tasks(state: RunState, now: float) -> Iterator[TaskState]:
    """Go through the tasks that can be claimed at *now*, in the order of the plan."""
    for task in state.at(state.board.ready & state.board.graph.external):
        if why_unclaimable(state, task, now) is None:
            yield task


def why_unclaimable(state: RunState, task: TaskState, now: float) -> str | None:
    """Tell why *task* cannot be claimed at *now*; None if it can."""
    if task.status.terminal:
        return f"it has ended: it is {task.status.value}"
    if not task.plan.external:
        return (
            f"its agent {task.plan.agent} works in the run itself; agents with "
            "`runtime: external` leave their tasks to others"
        )
    if task.claim is not None:
        left = max(task.claim.until - now, 0.0)
        return f"{task.claim.owner} has claimed it, for {left:.0f} more seconds"
    stop = reason_to_stop(state)
    if stop is not None:
        return f"the run is being stopped: {stop}"
    if not state.board.ready >> state.tasks.place(task.plan.id) & 1:
        return f"it waits for what it depends on: {', '.join(task.plan.depends_on)}"
    return _why_later(state, task, now)


def _why_later(state: RunState, task: TaskState, now: float) -> str | None:
    """Tell why a task that is ready must wait all the same."""
    plan, board = task.plan, state.board
    if task.not_before > now:
        return f"its next attempt begins in {task.not_before - now:.0f} seconds"
    if state.plan.approve and plan.writes and state.approval != "granted":
        return "nobody has agreed to the plan yet; `crew approve` does"
    limit = state.plan.role_limits.get(plan.role)
    at_work = board.graph.roles[plan.role] & board.active
    if limit is not None and at_work.bit_count() >= limit:
        return f"role {plan.role} may be at {limit} tasks at the same time, and is"
    if plan.outputs and collides(state, plan, board.active):
        return "a task at work writes to where this one would"
    return None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
