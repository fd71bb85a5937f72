# The plan that a task writes for the tasks after it.
#
# It is JSON between the lines ADAPTIVE_PLAN_JSON_START and ADAPTIVE_PLAN_JSON_END, or in
# a fence of code: an object with `phases`, each with `tasks`, each with a `role` and a
# `task`, which is its text. Phases come one after the other; the tasks of one
# phase go on together.
#
# 1. A text that a model has written is taken as far as it can be understood without
#    guessing what was meant: brackets that are missing at the end are closed, whole
#    phases before a broken one are kept, other names of roles are translated. What was
#    mended is told. A task whose text breaks off is never taken.
# 2. Everything else is refused, with the reason. Nothing is half-accepted.
"""Understand the plan that an agent has written. Pure."""

import json
import re
from collections import deque
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Final, cast

import attrs

from crew_actors.model._ids import TaskId
from crew_actors.model._plan import PlannedTask

MOST_TASKS: Final = 12
"""Tasks that one plan may hold."""

PLAN_LIMIT: Final = 400_000
"""Characters of a result in which a plan is looked for."""

TEXT_LIMIT: Final = 20_000
"""Characters of the text of one planned task."""

ALIASES: Final[Mapping[str, str]] = {
    "developer": "executor",
    "engineer": "executor",
    "implementer": "executor",
    "coder": "executor",
    "qa": "test-engineer",
    "tester": "test-engineer",
    "test": "test-engineer",
    "code-reviewer": "reviewer",
    "review": "reviewer",
    "scout": "explorer",
    "researcher": "explorer",
    "architect": "planner",
    "security": "security-reviewer",
    "docs": "writer",
    "documentation": "writer",
}
"""Other names that models use for roles."""

_MARKED = re.compile(
    r"ADAPTIVE_PLAN_JSON_START(.*?)(?:ADAPTIVE_PLAN_JSON_END|\Z)", re.DOTALL
)
_FENCED = re.compile(r"```(?:json)?\s*\n(.*?)(?:```|\Z)", re.DOTALL)
_PIECES = re.compile(r'"(?:[^"\\]|\\.)*+"?|[{}\[\]]', re.DOTALL)  # of JSON that matter
_PAIRS: Final = {"{": "}", "[": "]"}
_DEEPEST = 32  # brackets in brackets: a plan needs 6
_CUTS = 2 * MOST_TASKS  # texts that are tried of a plan that breaks off


@attrs.frozen(kw_only=True)
class AdaptiveTask:
    """One task of a plan, by its role."""

    role: str
    text: str
    title: str = ""


@attrs.frozen(kw_only=True)
class AdaptivePlan:
    """What was understood."""

    phases: tuple[tuple[AdaptiveTask, ...], ...]
    repairs: tuple[str, ...] = ()
    """What was mended, in words."""


class PlanUnreadable(ValueError):
    """A plan that cannot be followed. It says why."""


def parse_adaptive_plan(text: str, roles: Collection[str]) -> AdaptivePlan:
    """Understand the plan in *text*, whose tasks are for some of *roles*.

    Raises:
      PlanUnreadable: there is none, or it cannot be followed.
    """
    repairs: list[str] = []
    if len(text) > PLAN_LIMIT:
        msg = f"the result that holds it has more than {PLAN_LIMIT:,} characters"
        raise PlanUnreadable(msg)
    found = _decoded(_body(text), repairs)
    phases: list[tuple[AdaptiveTask, ...]] = []
    for number, raw in enumerate(_phases(found), 1):
        try:
            phases.append(_phase(raw, number, roles, repairs))
        except _Broken as error:
            if not phases:
                raise PlanUnreadable(str(error)) from None
            repairs.append(f"left out phase {number} and those after it: {error}")
            break
    count = sum(map(len, phases))
    if count == 0:
        msg = "the plan has no tasks"
        raise PlanUnreadable(msg)
    if count > MOST_TASKS:
        msg = f"the plan has {count} tasks; at most {MOST_TASKS} are allowed"
        raise PlanUnreadable(msg)
    return AdaptivePlan(phases=tuple(phases), repairs=tuple(repairs))


def adaptive_tasks(
    plan: AdaptivePlan, after: TaskId, templates: Mapping[str, PlannedTask]
) -> tuple[PlannedTask, ...]:
    """Make the tasks of *plan*, from the template of each one's role.

    Those of the first phase depend on *after*, those of each other one on all of the
    phase before it.
    """
    made: list[PlannedTask] = []
    before: tuple[TaskId, ...] = (after,)
    for number, phase in enumerate(plan.phases, 1):
        names: list[TaskId] = []
        for task in phase:
            template = templates[task.role]
            name = TaskId(f"adaptive-{len(made) + 1:02}-{task.role}"[:64])
            names.append(name)
            made.append(
                attrs.evolve(
                    template,
                    id=name,
                    step=name,
                    title=task.title or f"{task.role}, phase {number}",
                    depends_on=before,
                    prompt=task.text,
                    group=f"phase-{number}",
                )
            )
        before = tuple(names)
    return tuple(made)


class _Broken(ValueError):
    """A phase that cannot be understood."""


def _body(text: str) -> str:
    for pattern in (_MARKED, _FENCED):
        found: list[str] = pattern.findall(text)
        if found:
            body = found[-1].strip()
            inner: list[str] = _FENCED.findall(body)
            return inner[-1].strip() if inner else body
    if "{" in text:
        return text[text.index("{") :].strip()
    msg = "there is no plan in the result: it has neither markers nor a fence nor JSON"
    raise PlanUnreadable(msg)


def _decoded(body: str, repairs: list[str]) -> object:
    """Decode *body*; if it breaks off, with brackets closed, or its whole phases."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        why = str(error)
    for number, text in enumerate(_closed(body)):
        with suppress(ValueError):
            found: object = json.loads(text)
            if number == 0:
                repairs.append("closed what the plan leaves open at its end")
                return found
            if isinstance(found, list) or (
                isinstance(found, dict) and "phases" in found
            ):
                repairs.append("left out what is not complete at the end of the plan")
                return cast("object", found)
    msg = f"the plan is no JSON: {why}"
    raise PlanUnreadable(msg)


def _closed(body: str) -> list[str]:
    """Make complete texts of one that breaks off.

    In the first, the brackets that are open at the end are closed, and no text: its
    other half might say the opposite. The others end after objects that may be
    phases, the longest first.
    """
    cuts = deque[str](maxlen=_CUTS)
    opened: list[str] = []
    for found in _PIECES.finditer(body):
        piece, end = found[0], found.end()
        if piece in _PAIRS:
            opened.append(_PAIRS[piece])
            if len(opened) > _DEEPEST:
                return []  # no plan, however it is closed
        elif opened and piece == opened[-1]:
            opened.pop()
            if "".join(opened) in {"]", "}]"}:
                cuts.append(body[:end] + "".join(reversed(opened)))
    return [body + "".join(reversed(opened)), *reversed(cuts)]


def _phases(found: object) -> list[object]:
    if isinstance(found, dict):
        table = cast("dict[str, object]", found)
        phases = table.get("phases")
        if phases is None and "tasks" in table:
            return [table]
        if isinstance(phases, list):
            return cast("list[object]", phases)
    if isinstance(found, list):
        return cast("list[object]", found)
    msg = 'the plan is not of the form {"phases": [{"tasks": [...]}]}'
    raise PlanUnreadable(msg)


def _phase(
    raw: object, number: int, roles: Collection[str], repairs: list[str]
) -> tuple[AdaptiveTask, ...]:
    tasks: object = None
    if isinstance(raw, dict):
        tasks = cast("dict[str, object]", raw).get("tasks")
    if not isinstance(tasks, list) or not tasks:
        msg = f"phase {number} has no tasks"
        raise _Broken(msg)
    return tuple(
        _task(one, f"phase {number}, task {place}", roles, repairs)
        for place, one in enumerate(cast("list[object]", tasks), 1)
    )


def _task(
    raw: object, where: str, roles: Collection[str], repairs: list[str]
) -> AdaptiveTask:
    if not isinstance(raw, dict):
        msg = f"{where} is no object"
        raise _Broken(msg)
    table = cast("dict[str, object]", raw)
    text = _text(table, "task", "prompt", "description", "goal")
    if text is None:
        msg = f"{where} does not say what is to be done"
        raise _Broken(msg)
    named = _text(table, "role", "agent")
    if named is None:
        msg = f"{where} names no role"
        raise _Broken(msg)
    return AdaptiveTask(
        role=_role(named, where, roles, repairs),
        text=text[:TEXT_LIMIT],
        title=(_text(table, "title", "name") or "")[:80],
    )


def _role(named: str, where: str, roles: Collection[str], repairs: list[str]) -> str:
    if named in roles:
        return named
    plain = re.sub(r"[\s_]+", "-", named.strip().lower())
    role = plain if plain in roles else ALIASES.get(plain)
    if role is None or role not in roles:
        known = ", ".join(sorted(roles))
        msg = f"{where}: there is no role {named!r} (there are: {known})"
        raise _Broken(msg)
    repairs.append(f"{where}: took role {named!r} for {role!r}")
    return role


def _text(table: dict[str, object], *keys: str) -> str | None:
    for key in keys:
        value = table.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return None
