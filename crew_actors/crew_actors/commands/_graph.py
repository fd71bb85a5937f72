"""The tasks of a plan, as they depend on each other."""

import shlex
from graphlib import TopologicalSorter
from typing import Literal

import attrs

from crew_actors.commands._layout import columns
from crew_actors.model import PlannedTask, RunPlan
from crew_actors.observe import clean, counted, cut, escaped
from crew_actors.resources import Executable, executable_lines, introduction

_GOAL = 200  # cells of the goal that are shown


@attrs.frozen(kw_only=True)
class PlannedStep:
    """One task, before anything is started."""

    task: str
    wave: int
    """From 1: tasks of one wave depend only on those of earlier ones."""

    role: str
    agent: str
    runtime: str
    after: tuple[str, ...]
    command: tuple[str, ...] | None


@attrs.frozen(kw_only=True)
class Preview:
    """What a run would do."""

    kind: Literal["plan"] = "plan"
    team: str
    workflow: str
    goal: str
    limit: int
    on_failure: str
    steps: tuple[PlannedStep, ...]
    untrusted: tuple[Executable, ...]
    """What the user would have to agree to first."""


def waves(tasks: tuple[PlannedTask, ...]) -> dict[str, int]:
    """Give each task its wave, from 1.

    Raises:
      graphlib.CycleError: some of the tasks wait for each other.
    """
    order = TopologicalSorter({task.id: task.depends_on for task in tasks})
    order.prepare()
    found: dict[str, int] = {}
    wave = 0
    while order.is_active():
        wave += 1
        ready = order.get_ready()
        found |= dict.fromkeys(ready, wave)
        order.done(*ready)
    return found


def preview(plan: RunPlan, untrusted: tuple[Executable, ...]) -> Preview:
    """Tell what *plan* would do, wave by wave."""
    wave = waves(plan.tasks)
    steps = [
        PlannedStep(
            task=task.id,
            wave=wave[task.id],
            role=task.role,
            agent=task.agent,
            runtime=task.runtime,
            after=task.depends_on,
            command=None if task.command is None else task.command.argv,
        )
        for task in plan.tasks
    ]
    return Preview(
        team=plan.team,
        workflow=plan.workflow,
        goal=plan.goal,
        limit=plan.limit,
        on_failure=plan.on_failure,
        steps=tuple(sorted(steps, key=lambda step: step.wave)),
        untrusted=untrusted,
    )


def preview_text(plan: Preview) -> str:
    """Write *plan* for a person."""
    names = f"team {clean(plan.team)}, workflow {clean(plan.workflow)}"
    pace = f"at most {plan.limit} at a time"
    on_failure = f"on failure: {plan.on_failure.replace('_', '-')}"
    lines = [
        f"goal: {cut(clean(plan.goal), _GOAL)}",
        f"{names}: {counted(len(plan.steps), 'task')}, {pace}, {on_failure}",
        "",
        *columns(
            [
                ("wave", "task", "after", "role", "agent", "command"),
                *(_cells(step) for step in plan.steps),
            ]
        ),
        "",
    ]
    if plan.untrusted:
        lines += [introduction(plan.untrusted), *executable_lines(plan.untrusted), ""]
    lines.append("Nothing was started.")
    return "\n".join(lines)


def _cells(step: PlannedStep) -> tuple[str, ...]:
    command = step.runtime if step.command is None else shlex.join(step.command)
    return (
        str(step.wave),
        step.task,
        ", ".join(step.after) or "-",
        clean(step.role),
        clean(step.agent),
        escaped(command),
    )
