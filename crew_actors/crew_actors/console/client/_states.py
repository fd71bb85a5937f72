# How what is newer is put into what is known, for each scope.
#
# 1. A state is never changed: what was given away stays as it was.
# 2. What grows has an end: letters, points and text are kept up to a limit, as the
#    server does.
"""The states of subscriptions."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

Json = dict[str, Any]

LETTERS: Final = 200
"""Dead letters that are kept, the newest."""

POINTS: Final = 600
"""Points of a figure that are kept, the newest."""

TEXT: Final = 1 << 20
"""Characters of output that are kept, the last."""

GAP: Final = "\n[…]\n"
"""Stands for output that was written faster than it could be sent."""


def opened(scope: str, snapshot: Json, known: Json | None = None) -> Json:
    """Make a state of a snapshot; what is *known* of output is kept above it."""
    if scope == "runs":
        return {"runs": _newest_first({row["run"]: row for row in snapshot["runs"]})}
    if scope == "mailboxes":
        return {"mailboxes": {row["name"]: row for row in snapshot["mailboxes"]}}
    if scope == "output":
        return _output(known or {}, _unknown(known or {}, snapshot))
    return snapshot


def changed(scope: str, state: Json, changes: Json) -> Json:
    """Return what becomes of *state*. Events are not for here: each is given once."""
    return _CHANGED[scope](state, changes)


def _rows(old: Mapping[str, Json], new: Mapping[str, Json | None]) -> dict[str, Json]:
    """Put fields that changed into rows; None takes a row away."""
    rows = dict(old)
    for name, fields in new.items():
        if fields is None:
            rows.pop(name, None)
        else:
            rows[name] = {**rows.get(name, {}), **fields}
    return rows


def _newest_first(rows: dict[str, Json]) -> dict[str, Json]:
    def age(item: tuple[str, Json]) -> float:
        return -float(item[1].get("created_at") or 0.0)

    return dict(sorted(rows.items(), key=age))


def _runs(state: Json, changes: Json) -> Json:
    return {"runs": _newest_first(_rows(state["runs"], changes["runs"]))}


def _run(state: Json, changes: Json) -> Json:
    known = dict(state)
    if "run" in changes:
        known["run"] = {**state["run"], **changes["run"]}
    if "order" in changes:
        known["order"] = changes["order"]
    if "tasks" in changes:
        known["tasks"] = _rows(state["tasks"], changes["tasks"])
    return known


def _unknown(known: Json, snapshot: Json) -> Json:
    """Leave out of a snapshot of output what is known already."""
    if known.get("attempt") != snapshot["attempt"]:
        return snapshot
    errors = _after(known["errors"]["end"], snapshot["errors"])
    return {**snapshot, **_after(known["end"], snapshot), "errors": errors}


def _after(end: int, piece: Json) -> Json:
    """Return what of a piece of text lies after byte *end*."""
    skip = max(0, end - piece["offset"])
    rest = piece["text"].encode("utf-8", "replace")[skip:].decode("utf-8", "ignore")
    return {"offset": piece["offset"] + skip, "text": rest}


def _output(state: Json, news: Json) -> Json:
    attempt = news["attempt"]
    old = state if state.get("attempt") == attempt else {}
    errors = _piece(old.get("errors", {}), news.get("errors", {}))
    return {"attempt": attempt, **_piece(old, news), "errors": errors}


def _piece(old: Json, news: Json) -> Json:
    """Put text below what is known. The places of both are in bytes."""
    text, end, count = old.get("text", ""), old.get("end", 0), old.get("count", 0)
    if "text" in news:
        at, more = news["offset"], news["text"]
        end = at + len(more.encode("utf-8", "replace"))
        if text and at > old["end"]:
            more = GAP + more
        text, count = text + more, count + len(more)
    return {"text": text[-TEXT:], "end": end, "count": count}


def _tree(_: Json, changes: Json) -> Json:
    return changes


def _mailboxes(state: Json, changes: Json) -> Json:
    return {"mailboxes": _rows(state["mailboxes"], changes["mailboxes"])}


def _letters(state: Json, changes: Json) -> Json:
    letters = [*state["letters"], *changes.get("letters", ())]
    total = changes.get("total", state["total"])
    return {"total": total, "letters": letters[-LETTERS:]}


def _metrics(state: Json, changes: Json) -> Json:
    series = {**state["series"]}
    for name, meaning in changes.get("series", {}).items():
        series[name] = {"points": [], **series.get(name, {}), **meaning}
    for name, points in changes.get("points", {}).items():
        known = series.get(name, {"points": []})
        series[name] = {**known, "points": [*known["points"], *points][-POINTS:]}
    return {"series": series}


_CHANGED: Final[Mapping[str, Callable[[Json, Json], Json]]] = MappingProxyType(
    {
        "runs": _runs,
        "run": _run,
        "output": _output,
        "supervisors": _tree,
        "mailboxes": _mailboxes,
        "deadletters": _letters,
        "metrics": _metrics,
    }
)
