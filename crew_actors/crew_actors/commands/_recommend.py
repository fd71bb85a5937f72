"""`crew recommend`: which team and which command fit a goal."""

import json
import shlex
from typing import Final

import attrs

from crew_actors.commands._layout import columns
from crew_actors.commands._reading import check_text
from crew_actors.commands._schema import BadParameters, told
from crew_actors.commands._table import Action, Context
from crew_actors.model import GOAL_LIMIT
from crew_actors.observe import clean, counted, cut, escaped
from crew_actors.resources import Recommendation, load_catalog, recommend

_TEXT: Final = 70  # cells of a part that are shown


@attrs.frozen(kw_only=True)
class RecommendParameters:
    """What to find a team for."""

    goal: str = attrs.field(metadata=told("what is to be done", positional=True))


@attrs.frozen(kw_only=True)
class Recommended:
    """What to do about a goal, and how."""

    recommendation: Recommendation
    argv: tuple[str, ...]
    """The suggested command."""

    command: str
    """The same for a shell: bash, zsh, or another one that knows `$'…'`."""


def recommend_team(parameters: RecommendParameters, context: Context) -> Recommended:
    """Recommend a team for a goal, by its words. Starts and writes nothing.

    Raises:
      BadParameters: the goal is empty, too long, or no text.
      NoTeam: no team can be used here.
    """
    goal = parameters.goal
    check_text("recommend", "goal", goal)
    if not goal.strip():
        message = "goal: it is empty; say what is to be done"
        raise BadParameters("recommend", (message,))
    if len(goal.encode()) > GOAL_LIMIT:
        message = f"goal: it has more than {GOAL_LIMIT:,} bytes"
        raise BadParameters("recommend", (message,))
    catalog = load_catalog(context.places, context.project)
    found = recommend(goal, catalog, is_repository=context.project.is_repository)
    argv = _argv(found)
    return Recommended(
        recommendation=found, argv=argv, command=" ".join(map(quoted, argv))
    )


def _argv(found: Recommendation) -> tuple[str, ...]:
    if found.action == "parallel":
        goals = "\n".join(_line(one.text) for one in found.subtasks)
        return ("crew", "parallel", f"--goals={goals}", "--team", found.team)
    options = ["--team", found.team]
    if found.action == "run":
        if found.workspace != "shared":
            options += ["--workspace", found.workspace]
        if found.detach:
            options.append("--detach")
    return ("crew", found.action, *options, "--", found.goal)


def _line(goal: str) -> str:
    """Write *goal* as a line of `--goals`."""
    return json.dumps({"goal": goal}) if goal.startswith("{") else goal


def quoted(text: str) -> str:
    """Quote *text* for a shell so that every character of it can be seen."""
    if escaped(text) == text:
        return shlex.quote(text)
    return f"$'{''.join(map(_visible, text))}'"


def _visible(char: str) -> str:
    if char in "'\\":
        return f"\\{char}"
    if escaped(char) == char:
        return char
    if char == "\n":
        return "\\n"
    return f"\\U{ord(char):08x}" if ord(char) > 0x7F else f"\\x{ord(char):02x}"  # noqa: PLR2004 - the end of ASCII


def _text(result: Recommended) -> str:
    found = result.recommendation
    rows = [
        ("team", clean(found.team)),
        ("workflow", clean(found.workflow)),
        ("confidence", found.confidence),
        ("parts", f"{counted(len(found.subtasks), 'part')}, {found.decomposition}"),
        ("workspace", found.workspace),
        *(("because", clean(reason)) for reason in found.reasons),
    ]
    lines = columns(rows, indent="", whole=True)
    if len(found.subtasks) > 1:
        parts = [
            (clean(one.role), cut(clean(one.text), _TEXT)) for one in found.subtasks
        ]
        lines += ["", *columns([("role", "part"), *parts])]
    return "\n".join([*lines, "", "Try:", f"  {result.command}"])


ACTION = Action[RecommendParameters, Recommended](
    name="recommend",
    parameters=RecommendParameters,
    handler=recommend_team,
    text=_text,
)
