# What clients see of runs and tasks. The words are those of the model.
#
# Values are given as they are in the state, and become JSON when somebody reads them:
# a field that did not change is the same object, and is not looked at twice.
"""Rows of runs and tasks."""

from typing import Final

from crew_actors.console.feeds._rows import Fields
from crew_actors.console.feeds._watch import Owner
from crew_actors.journal import RunEntry
from crew_actors.model import (
    Parent,
    RunState,
    RunStatus,
    TaskState,
    TaskStatus,
    Usage,
)

GOAL_LENGTH: Final = 200
"""Characters of a goal in a list. The run itself tells all of it."""


def run_row(state: RunState, status: RunStatus, owner: Owner | None) -> Fields:
    """Show a run as one line of a list."""
    plan = state.plan
    return {
        "run": state.run,
        "goal": plan.goal[:GOAL_LENGTH],
        "team": plan.team,
        "workflow": plan.workflow,
        "status": status.value,
        "created_at": state.created_at,
        "started_at": state.started_at,
        "ended_at": state.ended_at,
        "counts": _counts(state),
        "tasks": len(state.tasks),
        "usage": state.usage,
        "questions": sum(len(one.questions) for one in state.of(TaskStatus.WAITING)),
        "approval": state.approval,
        "owner": owner,
        "partial": False,
        "problem": "",
    }


def listed_row(entry: RunEntry, problem: str = "") -> Fields:
    """Show a run of which nothing is known yet but that it is there.

    With a *problem*, that is why nothing more can be known.
    """
    return {
        "run": entry.run,
        "goal": entry.goal[:GOAL_LENGTH],
        "team": entry.team,
        "workflow": entry.workflow,
        "status": None,
        "created_at": entry.created_at,
        "started_at": None,
        "ended_at": None,
        "counts": {},
        "tasks": 0,
        "usage": Usage(),
        "questions": 0,
        "approval": "none",
        "owner": None,
        "partial": not problem,
        "problem": problem,
    }


def run_head(state: RunState, status: RunStatus, owner: Owner | None) -> Fields:
    """Show what there is to a run beside its tasks."""
    plan = state.plan
    return {
        **run_row(state, status, owner),
        "goal": plan.goal,
        "why": state.why,
        "cancelling": state.cancelling,
        "workspace": state.workspace,
        "limits": plan.limits,
        "approve": plan.approve,
        "summary": state.summary,
        "seq": state.seq,
        "depth": plan.depth,
        "parent": _parent(plan.parent),
    }


def task_row(task: TaskState) -> Fields:
    """Show a task."""
    plan, failure, claim = task.plan, task.failure, task.claim
    return {
        "task": plan.id,
        "agent": plan.agent,
        "role": plan.role,
        "title": plan.title,
        "model": plan.model,
        "depends": plan.depends_on,
        "group": plan.group,
        "verify": plan.verify,
        "writes": plan.writes,
        "status": task.status.value,
        "attempt": task.attempt,
        "attempts": task.attempts,
        "started_at": task.started_at,
        "ended_at": task.ended_at,
        "not_before": task.not_before,
        "progress": task.progress,
        "heartbeat": task.heartbeat,
        "pid": task.pid,
        "usage": task.usage,
        "artifacts": task.artifacts,
        "failure": failure and {"kind": failure.kind.value, "message": failure.message},
        "why": task.why,
        "questions": task.questions,
        "mail": task.mail,
        "workspace": task.workspace,
        "branch": task.branch,
        "nested": task.nested,
        "claim": claim and {"owner": claim.owner, "until": claim.until},
    }


def _counts(state: RunState) -> dict[str, int]:
    found = {status.value: state.board.of(status).bit_count() for status in TaskStatus}
    return {status: count for status, count in found.items() if count}


def _parent(parent: Parent | None) -> dict[str, str] | None:
    if parent is None:
        return None
    return {"run": parent.run, "task": parent.task, "attempt": parent.attempt}
