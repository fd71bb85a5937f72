# What can be subscribed to, and what has to be said for it.
#
# 1. No scope is implied: what is missing is a problem, and so is what is too much.
# 2. All that is wrong is told at once.
"""Scopes: what a subscription shows."""

import difflib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, final

import attrs

TAIL: Final = 65_536
"""Bytes of output that a subscription begins with, unless it says otherwise."""

TAIL_LIMIT: Final = 1 << 20
"""Bytes of output that it can begin with at most."""

NAME_LIMIT: Final = 256
"""Characters of the name of a run or a task."""


@final
@attrs.frozen
class Scope:
    """What a subscription shows."""

    kind: str
    run: str | None = None
    task: str | None = None
    tail: int = TAIL


@final
@attrs.frozen(kw_only=True)
class ScopeRule:
    """What a kind of scope takes."""

    about: str
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    """What may be said besides."""


SCOPES: Final[Mapping[str, ScopeRule]] = MappingProxyType(
    {
        "runs": ScopeRule(about="The runs of the project, newest first."),
        "run": ScopeRule(about="One run and its tasks.", needs=("run",)),
        "events": ScopeRule(about="What happens in a run.", needs=("run",)),
        "output": ScopeRule(
            about="What the agent of a task writes.",
            needs=("run", "task"),
            takes=("tail",),
        ),
        "supervisors": ScopeRule(
            about="The tree of supervisors: of the owner of a run, or of the server.",
            takes=("run",),
        ),
        "mailboxes": ScopeRule(about="The mailboxes of actors.", takes=("run",)),
        "deadletters": ScopeRule(
            about="Messages that nobody has handled.", takes=("run",)
        ),
        "metrics": ScopeRule(about="Figures over time."),
    }
)
"""What can be subscribed to, by its name."""


@final
@attrs.frozen
class Wish:
    """What a client wants to subscribe to."""

    scope: Scope
    since: int | None
    """The revision that it has already."""


def read_wish(params: Mapping[str, object]) -> Wish | tuple[str, ...]:
    """Take *params* for those of `subscribe`, or return all that is wrong."""
    kind = params.get("scope")
    rule = SCOPES.get(kind) if isinstance(kind, str) else None
    if not isinstance(kind, str) or rule is None:
        return (_no_scope(kind),)
    allowed = {"scope", "since", *rule.needs, *rule.takes}
    problems = [
        f"{name[:NAME_LIMIT]!r} is no parameter of scope {kind!r}"
        for name in params
        if name not in allowed
    ]
    problems += [
        f"{name} is missing: scope {kind!r} needs it"
        for name in rule.needs
        if params.get(name) is None
    ]
    names: dict[str, str | None] = {}
    for name in ("run", "task"):
        value = params.get(name)
        if value is not None and not _is_name(value):
            problems.append(f"{name} must be a text of 1 to {NAME_LIMIT} characters")
        names[name] = value if isinstance(value, str) else None
    tail = _whole(params, "tail", TAIL_LIMIT, problems)
    since = _whole(params, "since", 1 << 53, problems)
    if problems:
        return tuple(problems)
    scope = Scope(kind, names["run"], names["task"], TAIL if tail is None else tail)
    return Wish(scope, since)


def _no_scope(kind: object) -> str:
    there_are = f"there are: {', '.join(SCOPES)}"
    if not isinstance(kind, str):
        return f"scope is missing: say what to subscribe to ({there_are})"
    near = difflib.get_close_matches(kind[:NAME_LIMIT], SCOPES, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"there is no scope {kind[:NAME_LIMIT]!r}{hint} ({there_are})"


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= NAME_LIMIT


def _whole(
    params: Mapping[str, object], name: str, most: int, problems: list[str]
) -> int | None:
    """Return a whole number among *params*; note it if it is none."""
    value = params.get(name)
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most:
        return value
    problems.append(f"{name} must be a whole number from 0 to {most}")
    return None
