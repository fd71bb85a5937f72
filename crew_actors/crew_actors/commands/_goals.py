"""Several goals, from lines of text."""

import json
from typing import Final, cast, final

import attrs

from crew_actors.commands._reading import check_text
from crew_actors.commands._schema import BadParameters, build, told

MOST_GOALS: Final = 200
"""More are several calls, or a workflow."""

_SHOWN: Final = 20  # problems that are told


@final
@attrs.frozen(kw_only=True)
class GoalLine:
    """One goal, and how it is to be run."""

    goal: str = attrs.field(metadata=told("what the team is to do", positional=True))
    team: str | None = attrs.field(
        default=None, metadata=told("the team", positional=True)
    )
    workflow: str | None = attrs.field(
        default=None, metadata=told("the workflow", positional=True)
    )
    limit: int | None = attrs.field(
        default=None, metadata=told("tasks at the same time", positional=True, least=1)
    )


def read_goals(text: str) -> tuple[GoalLine, ...]:
    """Read one goal from each line: JSON if it begins with `{`, else as it stands.

    Empty lines count for nothing.

    Raises:
      BadParameters: there is none, there are too many, or some cannot be understood;
        all of these are told.
    """
    goals: list[GoalLine] = []
    problems: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            goals.append(_goal(line.strip()))
        except BadParameters as error:
            problems += (f"line {number}: {one}" for one in error.problems)
    if not goals and not problems:
        problems = ["goals: there are none; write one in each line"]
    if len(goals) > MOST_GOALS:
        problems = [f"goals: there are {len(goals)}; at most {MOST_GOALS} are allowed"]
    if problems:
        raise BadParameters("parallel", shortened(problems))
    return tuple(goals)


def shortened(problems: list[str]) -> tuple[str, ...]:
    """Return the first of *problems*, and how many more there are."""
    more = len(problems) - _SHOWN
    rest = (f"and {more} more",) if more > 0 else ()
    return (*problems[:_SHOWN], *rest)


def _goal(line: str) -> GoalLine:
    given: object = {"goal": line}
    if line.startswith("{"):
        try:
            given = json.loads(line)
        except (ValueError, RecursionError):
            message = 'it begins with "{" and is no JSON object'
            raise BadParameters("parallel", (message,)) from None
    found = build("parallel", GoalLine, cast("dict[str, object]", given))
    check_text("parallel", "goal", found.goal)
    return found
