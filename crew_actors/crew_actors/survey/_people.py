# Who made the commits, and in which months. Pure.
#
# "Recent" counts back from the last commit, not from today. E-mail addresses are
# never kept: a name that is one is cut before its @.
"""Authors and activity."""

from collections import Counter, defaultdict

import attrs

from crew_actors.survey._data import Json
from crew_actors.survey._history_log import Commit
from crew_actors.survey._shown import one_line

_YEAR = 12


@attrs.define
class People:
    """Who made commits, and when."""

    days: Counter[str] = attrs.field(factory=Counter[str])
    authors: Counter[str] = attrs.field(factory=Counter[str])
    latest: dict[str, str] = attrs.field(factory=dict[str, str])
    first_seen: dict[str, str] = attrs.field(factory=dict[str, str])
    months: dict[str, set[str]] = attrs.field(
        factory=lambda: defaultdict[str, set[str]](set)
    )

    def add(self, commit: Commit) -> None:
        """Count *commit* in."""
        name = author_name(commit.author)
        self.days[commit.date] += 1
        self.authors[name] += 1
        self.latest[name] = max(self.latest.get(name, ""), commit.date)
        self.first_seen[name] = min(self.first_seen.get(name, "9999"), commit.date)
        self.months[commit.date[:7]].add(name)


def author_name(name: str) -> str:
    """Return the name of an author as it may be shown: never an e-mail address."""
    shown = one_line(name, 60)
    return (
        shown.partition("@")[0].strip(" <(") or "(no name)"
        if "@" in shown
        else shown or "(no name)"
    )


def authors_data(people: People, total: int, last: str) -> dict[str, Json]:
    """Return the figures and the list of the authors."""
    counts = people.authors
    order = sorted(counts, key=lambda name: (-counts[name], name))
    recent = [
        name for name, day in people.latest.items() if months_between(day, last) < _YEAR
    ]
    return {
        "author_count": len(order),
        "recent_author_count": len(recent),
        "bus_factor": bus_factor(counts),
        "authors": [
            {
                "name": name,
                "commits": counts[name],
                "share": round(counts[name] / total, 4),
                "first": people.first_seen[name],
                "last": people.latest[name],
            }
            for name in order[:20]
        ],
    }


def bus_factor(authors: Counter[str]) -> int:
    """Return how many people, the busiest first, made more than half of the commits.

    Authors whose name ends with `[bot]` are no people: their commits do not count.
    """
    counts = [count for name, count in authors.items() if not name.endswith("[bot]")]
    total, made = sum(counts), 0
    for number, count in enumerate(sorted(counts, reverse=True), 1):
        made += count
        if 2 * made > total:
            return number
    return 0


def months_data(people: People) -> list[Json]:
    """Return the last 36 months up to the last commit, also those without commits."""
    per_month: Counter[str] = Counter()
    for day, count in people.days.items():
        per_month[day[:7]] += count
    known = sorted(month for month in per_month if _serial(month) is not None)
    if not known:
        return []
    last, first = _serial(known[-1]) or 0, _serial(known[0]) or 0
    names = [
        f"{at // 12:04}-{at % 12 + 1:02}"
        for at in range(max(first, last - 35), last + 1)
    ]
    return [
        {
            "month": name,
            "commits": per_month[name],
            "authors": len(people.months.get(name, ())),
        }
        for name in names
    ]


def _serial(month: str) -> int | None:
    year, _, number = month.partition("-")
    if not (len(month) == 7 and year.isdecimal() and number.isdecimal()):  # noqa: PLR2004 (YYYY-MM)
        return None
    return 12 * int(year) + int(number) - 1


def months_between(earlier: str, later: str) -> int:
    """Return the months from one day to another; a large number if one is no day."""
    one, two = _serial(earlier[:7]), _serial(later[:7])
    return two - one if one is not None and two is not None else 1_000_000
