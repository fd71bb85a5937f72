# The page that a run ends with. It is made for people, from the state alone: what was
# asked, what became of it, what each task left, and where.
#
# What agents wrote is linked, not quoted: it stays what it is, in its own file.
"""Write the summary of a run. A pure function over its state."""

import re

from crew_actors.model import RunState, TaskState, TaskStatus
from crew_actors.runs._words import printable

NAME = "summary.md"
_GOAL_LIMIT = 2_000
"""Characters of the goal that the summary quotes."""


def written_summary(state: RunState) -> str | None:
    """Find the summary that the team itself has written, if it has.

    The path is relative to the folder of the run.
    """
    for task in reversed(list(state.tasks.values())):
        if task.result is not None and task.result.name == NAME:
            return task.result.path
    return None


def summarise(state: RunState, *, status: str, why: str) -> str:
    """Write a summary of the run as markdown, as it ends with *status*."""
    lines = [
        f"# Run {state.run}",
        "",
        f"**{status}**" + (f": {_line(why)}" if why else ""),
        "",
        "## Goal",
        "",
        *(f"> {line}" for line in _goal(state.plan.goal)),
        "",
        f"## Tasks of team {state.plan.team}",
        "",
        "| task | agent | status | seconds | result |",
        "|---|---|---|--:|---|",
        *(_row(task) for task in state.tasks.values()),
    ]
    notes = [_note(task) for task in state.tasks.values()]
    if any(notes):
        lines += ["", "## What went wrong", "", *(note for note in notes if note)]
    used = state.usage
    if used.input or used.output:
        cost = f", {used.cost:.4f} in costs" if used.cost else ""
        lines += ["", f"Tokens: {used.input:,} in, {used.output:,} out{cost}."]
    return "\n".join(lines) + "\n"


def _goal(goal: str) -> list[str]:
    text = printable(goal.strip())
    if len(text) > _GOAL_LIMIT:
        text = f"{text[:_GOAL_LIMIT]} … ({len(text):,} characters in all)"
    return text.splitlines()


def _row(task: TaskState) -> str:
    cells = (
        task.plan.id,
        task.plan.agent,
        task.status.value.replace("_", " "),
        _seconds(task),
        f"[{task.result.name}]({task.result.path})" if task.result else "",
    )
    return f"| {' | '.join(cells)} |"


def _seconds(task: TaskState) -> str:
    if task.started_at is None or task.ended_at is None:
        return ""
    return f"{max(0.0, task.ended_at - task.started_at):.1f}"


def _note(task: TaskState) -> str:
    if task.failure is not None:
        return f"- {task.plan.id} failed: {_line(task.failure.message)}"
    if task.status is not TaskStatus.COMPLETED and task.why:
        status = task.status.value.replace("_", " ")
        return f"- {task.plan.id}, {status}: {_line(task.why)}"
    return ""


def _line(text: str) -> str:
    """Make one line of *text* that cannot end a cell, a quote or a code span."""
    return re.sub(r"[\s`|]+", " ", printable(text)).strip()
