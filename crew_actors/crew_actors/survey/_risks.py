# A risk is a place, a reason and an advice.
"""Risks, and the order in which they matter."""

from collections import Counter
from collections.abc import Iterable

import attrs

from crew_actors.survey._data import Json
from crew_actors.survey._shown import shown_path

_FIRST = (
    ("key", "token", "secret", "password", "webhook", "environment file"),
    ("merge conflict", "workflow", "TLS", "download", "YAML", "unpickling"),
    ("shell", "eval", "exec"),
)
SEVERITIES = ("high", "medium", "low")


@attrs.frozen
class Advice:
    """What one kind of risk is about, wherever it is found."""

    severity: str
    kind: str
    why: str
    do: str

    def at(self, path: str, line: int, severity: str = "") -> "Risk":
        """Return the risk at a place; *severity*, if given, overrides."""
        return Risk(severity or self.severity, self.kind, path, line, self.why, self.do)


@attrs.frozen
class Risk:
    """Something that somebody should look at."""

    severity: str
    """`high`, `medium` or `low`."""

    kind: str
    path: str
    line: int
    """From 1; 0 when the whole file is meant."""

    why: str
    do: str
    note: str = ""
    """What is particular here, as it may be shown."""

    count: int = 1
    """How often it is in this file."""

    def data(self) -> Json:
        """Return it for the report."""
        return {
            "severity": self.severity,
            "kind": self.kind,
            "place": shown_path(self.path) + (f":{self.line}" if self.line else ""),
            "note": self.note,
            "why": self.why,
            "do": self.do,
            "count": self.count,
        }


def merged(risks: Iterable[Risk]) -> list[Risk]:
    """Return one risk for each kind, severity and file, worst first.

    The place is the first one; `count` says how many there were.
    """
    found: dict[tuple[str, str, str], Risk] = {}
    for risk in risks:
        key = (risk.severity, risk.kind, risk.path)
        known = found.get(key)
        found[key] = (
            risk
            if known is None
            else attrs.evolve(known, count=known.count + risk.count)
        )
    return sorted(
        found.values(),
        key=lambda risk: (
            SEVERITIES.index(risk.severity),
            risk.kind,
            risk.path,
            risk.line,
        ),
    )


def lowered(severity: str) -> str:
    """Return the severity below: what is in tests, examples and documents matters less."""
    return SEVERITIES[min(SEVERITIES.index(severity) + 1, len(SEVERITIES) - 1)]


def by_kind(risks: Iterable[Risk]) -> list[Json]:
    """Return how often each kind was found, what matters most first."""
    counts: Counter[tuple[str, str]] = Counter()
    for risk in risks:
        counts[risk.severity, risk.kind] += risk.count
    order = sorted(
        counts,
        key=lambda key: (SEVERITIES.index(key[0]), _weight(key[1]), -counts[key], key),
    )
    return [
        {"severity": severity, "kind": kind, "count": counts[severity, kind]}
        for severity, kind in order
    ]


def _weight(kind: str) -> int:
    """Rank kinds of one severity: what strangers can use first comes first."""
    for place, words in enumerate(_FIRST):
        if any(word in kind for word in words):
            return place
    return len(_FIRST)
