# Which team fits a goal: words, their weights, and nothing else. The same goal and the
# same files give the same answer.
#
# 1. Only what is in the catalog, and fits together, is recommended.
# 2. A goal that says nothing known gets the team for most changes, with little
#    confidence, and the advice to look at the plan first.
# 3. Each decision has a reason in words.
"""Recommend a team for a goal."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, final

import attrs

from crew_actors.resources._checks import fit_problems, role_problems
from crew_actors.resources._errors import ResourceError
from crew_actors.resources._goals import (
    SCANNED,
    Decomposition,
    Goal,
    leading,
    take_apart,
    words_of,
)
from crew_actors.resources._plan import READ_ONLY, adaptive_step
from crew_actors.resources._resources import Catalog, Team, Workflow
from crew_actors.resources._vocabulary import (
    ALTERNATIVES,
    CHANGING,
    RISKY,
    ROLES,
    TEAMS,
    WIDE,
)

Confidence = Literal["high", "medium", "low"]

_CAP: Final = 6  # more hits of one kind say no more
_FIRST: Final = 4  # the verb that a goal begins with
_TRIGGER: Final = 7  # what a team's own file says it is for
_NAMED: Final = 12  # "with team x"
_SURE: Final = 3  # points ahead of the next
_LONG: Final = 120  # words
_MANY: Final = 3  # parts
_ENDINGS: Final = 4  # letters that a word may have beyond its stem
_STEM: Final = 4  # letters; shorter words count only as they are

_WIDER: Final = "parallel-research"
_PREFERENCE: Final = (*TEAMS, _WIDER)
_FALLBACK: Final = "default"
_LARGE: Final = frozenset({"implementation", _WIDER})


@final
class NoTeam(ResourceError):
    """There is no team that can be used, so none can be recommended."""

    def __str__(self) -> str:
        return "no team can be used here; `crew validate` tells why"


@attrs.frozen(kw_only=True)
class Subtask:
    """A part of a goal."""

    text: str
    role: str
    """The role of the team that it suits best."""


@attrs.frozen(kw_only=True)
class Recommendation:
    """What to do about a goal."""

    goal: str
    team: str
    workflow: str
    action: Literal["run", "parallel", "plan"]
    """Run it, run its parts side by side, or look at the plan first."""

    detach: bool
    """Whether it takes so long that it should not need this terminal."""

    workspace: Literal["shared", "worktree"]
    confidence: Confidence
    decomposition: Decomposition
    subtasks: tuple[Subtask, ...]
    reasons: tuple[str, ...]


def recommend(goal: str, catalog: Catalog, *, is_repository: bool) -> Recommendation:
    """Recommend what to do about *goal* with what is in *catalog*.

    Worktrees are recommended only if the project *is_repository*.

    Raises:
      NoTeam: no team of the catalog can be used.
    """
    teams = _usable(catalog)
    if not teams:
        raise NoTeam
    apart = take_apart(goal)
    scores, reasons = _scores(goal, apart, teams)
    ranked = sorted(teams, key=lambda name: (-scores[name], _preference(name), name))
    team, workflow = teams[ranked[0]]
    lead = scores[ranked[0]] - (scores[ranked[1]] if len(ranked) > 1 else 0)
    confidence = _confidence(scores[team.name], lead)
    why = reasons.get(team.name) or (
        f"no word in it points to a team; {team.name} is the first to try",
    )
    writes = _writes(team, workflow)
    action, more = _action(apart, confidence, writes=writes)
    workspace, place = _workspace(
        words_of(goal[:SCANNED]), action, writes=writes, is_repository=is_repository
    )
    large = team.name in _LARGE or (action == "run" and len(apart.parts) > _MANY)
    detach = large and action == "run"
    length = ("it will take long, so it should not need this terminal",)
    return Recommendation(
        goal=goal,
        team=team.name,
        workflow=workflow.name,
        action=action,
        detach=detach,
        workspace=workspace,
        confidence=confidence,
        decomposition=apart.kind,
        subtasks=tuple(Subtask(text=one, role=_role(one, team)) for one in apart.parts),
        reasons=(*why, *more, *place, *(length if detach else ())),
    )


def _writes(team: Team, workflow: Workflow) -> bool:
    """Tell whether anything is changed; a planner may ask for each role of a team."""
    asked = {step.role for step in workflow.steps}
    if adaptive_step(workflow) is not None:
        asked |= {role.name for role in team.roles}
    return not asked <= READ_ONLY


def _usable(catalog: Catalog) -> dict[str, tuple[Team, Workflow]]:
    found: dict[str, tuple[Team, Workflow]] = {}
    for name, team in catalog.teams.items():
        workflow = catalog.workflows.get(team.workflow or name)
        if workflow is None or role_problems(catalog, team):
            continue
        if not fit_problems(team, workflow):
            found[name] = (team, workflow)
    return found


def _scores(
    goal: str, apart: Goal, teams: Mapping[str, tuple[Team, Workflow]]
) -> tuple[dict[str, int], dict[str, tuple[str, ...]]]:
    """Give each team its points, and tell what they are for."""
    text = goal[:SCANNED]
    words = words_of(text)
    first = leading(words)
    scores = dict.fromkeys(teams, 0)
    reasons: dict[str, tuple[str, ...]] = {}
    for name, table in TEAMS.items():
        points, hits = _points(words, first, table)
        if name == "research" and text.rstrip().endswith("?"):
            points, hits = points + 2, [*hits, "?"]
        if name == "implementation":
            points += _size(words, apart)
        if name in teams and points:
            scores[name] = points
            said = ", ".join(repr(hit) for hit in hits) or "its size"
            reasons[name] = (f"{said}: that is for team {name}",)
    wide = sorted(WIDE.intersection(words))
    if _WIDER in teams and wide and scores.get("research"):
        scores[_WIDER] = scores["research"] + 2
        said = ", ".join(repr(word) for word in wide)
        reasons[_WIDER] = (f"a question, and {said}: several should read side by side",)
    for name, (team, _) in teams.items():
        extra, why = _own_words(" ".join(words), team)
        scores[name] += extra
        reasons[name] = (*why, *reasons.get(name, ()))
    return scores, reasons


def _points(
    words: Sequence[str], first: str, table: Mapping[str, int]
) -> tuple[int, list[str]]:
    points, hits = 0, list[str]()
    for stem, weight in table.items():
        word = next((word for word in words if _is(word, stem)), None)
        if word is not None:
            points += weight
            hits.append(word)
    return min(points, _CAP) + (_FIRST if _any(first, table) else 0), hits


def _is(word: str, stem: str) -> bool:
    if len(stem) < _STEM:
        return word in (stem, f"{stem}s", f"{stem}es", f"{stem}ed", f"{stem}ing")
    return word.startswith(stem) and len(word) - len(stem) <= _ENDINGS


def _any(word: str, stems: "Mapping[str, int] | Sequence[str]") -> bool:
    return any(_is(word, stem) for stem in stems)


def _size(words: Sequence[str], apart: Goal) -> int:
    """Points of a goal that is large, whatever it says."""
    return 2 * (len(words) > _LONG) + 2 * (len(apart.parts) >= _MANY)


def _own_words(text: str, team: Team) -> tuple[int, tuple[str, ...]]:
    """Points for what the team's own file says, and for its name."""
    padded = f" {text} "
    name = " ".join(words_of(team.name.replace("_", " ")))
    if f" team {name} " in padded or f" {name} team " in padded:
        return _NAMED, (f"it names team {team.name}",)
    said = team.unused.get("triggers") or team.unused.get("trigger") or ""
    phrases = [" ".join(words_of(one)) for one in said.strip("[]").split(",")]
    hits = [one for one in phrases if one and f" {one} " in padded]
    if not hits:
        return 0, ()
    named = ", ".join(repr(hit) for hit in hits)
    return _TRIGGER * min(len(hits), 2), (f"{named}: a trigger of team {team.name}",)


def _preference(name: str) -> int:
    if name == _FALLBACK:
        return -1
    return _PREFERENCE.index(name) if name in _PREFERENCE else len(_PREFERENCE)


def _confidence(points: int, lead: int) -> Confidence:
    if points < 2:  # noqa: PLR2004 - one weak word is chance
        return "low"
    return "high" if lead >= _SURE else "medium" if lead else "low"


def _action(
    apart: Goal, confidence: Confidence, *, writes: bool
) -> tuple[Literal["run", "parallel", "plan"], tuple[str, ...]]:
    listed = apart.kind in ("numbered", "bulleted")
    if listed and not (apart.ordered or apart.introduction or writes):
        return "parallel", ("its parts need nothing of each other, and change nothing",)
    if confidence == "low":
        return "plan", ("it can be read in several ways: look at the plan first",)
    if len(apart.parts) > 1:
        return "run", ("its parts belong together: one run does them all",)
    return "run", ()


def _workspace(
    words: Sequence[str], action: str, *, writes: bool, is_repository: bool
) -> tuple[Literal["shared", "worktree"], tuple[str, ...]]:
    risky = [word for word in words if _any(word, RISKY)]
    if not writes or not risky or action == "parallel":
        return "shared", ()
    said = f"{risky[0]!r}: this changes much"
    if not is_repository:
        return "shared", (f"{said}, and there is no git repository to go back to",)
    return "worktree", (f"{said}, so it should be done in worktrees",)


def _role(text: str, team: Team) -> str:
    """Find the role of *team* that the task *text* suits best.

    A security word says more than the verb; otherwise the verb counts first.
    """
    words = words_of(text)
    first = leading(words)
    wanted = next((role for role, stems in ROLES if _any(first, stems)), None)
    if wanted in (None, "reviewer") and first not in CHANGING:
        hits = (role for role, stems in ROLES if any(_any(w, stems) for w in words))
        wanted = next(hits, wanted)
    if wanted is None:
        wanted = "executor"
    roles = {role.name for role in team.roles}
    for role in (wanted, *ALTERNATIVES[wanted]):
        if role in roles:
            return role
    return team.roles[0].name
