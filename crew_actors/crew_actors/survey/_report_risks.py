# The parts of a report that come from the auditor's data. Pure.
"""Sections about risks, dependencies and licences."""

import attrs

from crew_actors.survey._data import View
from crew_actors.survey._markdown import bullets, code, joined, plain, table
from crew_actors.survey._text import amount, grouped, size_of

_ORDER = ("high", "medium", "low")


@attrs.define
class _Kind:
    severity: str
    kind: str
    why: str
    do: str
    rank: int
    places: list[str] = attrs.field(factory=list[str])
    count: int = 0


def _kinds(view: View) -> list[_Kind]:
    """Return the risks by severity and kind, the worst first, counted as found."""
    totals = {
        (one.text("severity"), one.text("kind")): (place, one.whole("count"))
        for place, one in enumerate(view.views("risk_kinds"))
    }
    found: dict[tuple[str, str], _Kind] = {}
    for risk in view.views("risks"):
        key = risk.text("severity"), risk.text("kind")
        rank, count = totals.get(key, (len(totals), 0))
        kind = _Kind(*key, risk.text("why"), risk.text("do"), rank, count=count)
        kind = found.setdefault(key, kind)
        place, note = risk.text("place"), risk.text("note")
        if place:
            kind.places.append(code(place) + (f" ({plain(note)})" if note else ""))
    return sorted(found.values(), key=lambda one: one.rank)


def _urgent(view: View) -> list[_Kind]:
    return [one for one in _kinds(view) if one.severity in {"high", "medium"}]


def spoken_urgent(view: View) -> str:
    """Return how much is to be done first, as one sentence part."""
    kinds = _urgent(view)
    if not kinds:
        return "nothing urgent among the risks"
    places = sum(max(one.count, len(one.places), 1) for one in kinds)
    what = amount(len(kinds), "kind of risk", "kinds of risk")
    return f"{what} at {amount(places, 'place')} to look at soon"


def do_first(view: View) -> list[str]:
    """Return the few things to do before all others."""
    items = [
        f"**{plain(one.kind)}** ({plain(one.severity)})"
        + (f" at {_places(one, 2)}" if one.places else "")
        + f": {plain(one.why)}. {_capital(plain(one.do))}."
        for one in _urgent(view)
    ]
    return bullets(items, 5) or ["Nothing urgent was found.", ""]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _places(one: _Kind, most: int) -> str:
    return joined(one.places, most, one.count if one.places else 0)


def risks(view: View) -> list[str]:
    """Return the risks as a table, a row for each kind, and what else was counted."""
    counts = view.at("risk_counts")
    total = ", ".join(f"{grouped(counts.number(name))} {name}" for name in _ORDER)
    rows = [
        [
            plain(one.severity),
            plain(one.kind),
            _places(one, 3) or "the repository",
            plain(one.why),
            plain(one.do),
        ]
        for one in _kinds(view)
    ]
    lines = [
        f"Found: {total}. What is in tests, examples and documents counts one step less.",
        "",
    ]
    lines += table(["severity", "what", "where", "why", "what to do"], rows[:20])
    lines += _long_functions(view) + marks(view) + _binary(view)
    return lines


def _long_functions(view: View) -> list[str]:
    named = [
        f"{code(one.text('name'))} at {code(one.text('place'))} ({one.whole('lines')} lines)"
        for one in view.views("long_functions")
    ]
    if not named:
        return []
    count = view.whole("long_function_count")
    return [f"Functions of 150 lines and more: {joined(named, 5, count)}.", ""]


def marks(view: View) -> list[str]:
    """Return the counts of TODO and its kin, and a few of them."""
    counted = [
        f"{plain(name)} {grouped(view.at('marks').number(name))}"
        for name, _ in view.pairs("marks")
    ]
    if not counted:
        return []
    places = view.views("mark_places")
    urgent = [
        one for one in places if one.text("mark") in {"FIXME", "HACK", "XXX"}
    ] or places
    items = [
        f"{code(one.text('place'))} {_mark(one)}".rstrip(": ") for one in urgent[:4]
    ]
    return [
        f"Marks left in comments: {', '.join(counted)}. For example:",
        "",
        *bullets(items, 4),
    ]


def _mark(one: View) -> str:
    author = f"({plain(one.text('author'))})" if one.text("author") else ""
    return f"{plain(one.text('mark'))}{author}: {plain(one.text('text'))}"


def _binary(view: View) -> list[str]:
    binary = view.at("binary")
    if not binary.whole("count"):
        return []
    named = [
        f"{code(one.text('path'))} ({size_of(one.number('bytes'))})"
        for one in binary.views("largest")[:3]
    ]
    return [
        f"{amount(binary.number('count'), 'binary file')} with {size_of(binary.number('bytes'))}; largest: {', '.join(named)}.",
        "",
    ]


def dependencies(view: View) -> list[str]:
    """Return the manifests: how many names, how many pinned, which lock file."""
    found = view.views("manifests")
    rows = [
        [
            code(one.text("path")),
            plain(one.text("ecosystem")),
            grouped(one.number("count")),
            f"{one.whole('pinned')} of {one.whole('count')}",
            code(one.text("lock")) if one.text("lock") else "none",
            joined([code(name) for name in one.texts("names")], 8)
            if one.texts("names")
            else "-",
        ]
        for one in found[:12]
    ]
    lines = table(
        ["manifest", "ecosystem", "names", "pinned", "lock file", "which"],
        rows,
        right=(2,),
    )
    more = max(view.whole("manifest_count"), len(found)) - len(rows)
    if more > 0:
        lines.insert(-1, f"| and {more} more | | | | | |")
    return lines or ["No manifest of dependencies was found.", ""]


def licences(view: View) -> list[str]:
    """Return the licence files, what manifests declare and the SPDX headers."""
    named = [
        f"{code(one.text('path'))}: {plain(one.text('licence'))}"
        for one in view.views("licences")
    ]
    items = [joined(named, 5)] if named else []
    declared = view.texts("declared_licences")
    if declared:
        items.append(f"declared in manifests: {plain(', '.join(declared))}")
    headers = [
        f"{plain(name)} in {amount(view.at('spdx').number(name), 'file')}"
        for name, _ in view.pairs("spdx")
    ]
    if headers:
        items.append(f"SPDX headers: {joined(headers, 5)}")
    return bullets(items, 5) or [
        "No licence was found: neither a file, nor a declaration, nor a header.",
        "",
    ]
