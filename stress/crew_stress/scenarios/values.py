"""Loads, and what comes of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import attrs

ScenarioName: TypeAlias = Literal[
    "cancel", "flood", "storm", "orphans", "killed-runs", "visitors"
]


@attrs.frozen(kw_only=True)
class Load:
    """How much is put on, and from which seed on."""

    agents: int
    rounds: int
    seed: int
    """Of the first round; each further round has the next one."""
    command: tuple[str, ...] = ()
    """The user's own agent; empty: fake agents of many kinds."""


@attrs.frozen(kw_only=True)
class Series:
    """Many values of one thing."""

    name: str
    unit: str
    kind: Literal["distribution", "course"]
    """Values whose order says nothing, or values over time."""
    count: int
    p50: float
    p95: float
    p99: float
    largest: float
    values: tuple[float, ...]


def series_of(
    name: str,
    unit: str,
    values: Sequence[float],
    kind: Literal["distribution", "course"] = "distribution",
) -> Series:
    """Make a series of at least one value."""
    return Series(
        name=name,
        unit=unit,
        kind=kind,
        count=len(values),
        p50=percentile(values, 50),
        p95=percentile(values, 95),
        p99=percentile(values, 99),
        largest=max(values),
        values=tuple(values),
    )


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the smallest value that *percent* of the *values* do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


@attrs.frozen(kw_only=True)
class Check:
    """One part of a claim: the worst value of all rounds, and its limit."""

    what: str
    value: float
    limit: float
    """The largest value that it may have."""
    unit: str
    seed: int
    """Of the round with that value."""

    @property
    def holds(self) -> bool:
        return self.value <= self.limit


@attrs.frozen(kw_only=True)
class Outcome:
    """What a scenario came to."""

    scenario: ScenarioName
    claim: str
    load: Load
    rounds: int
    """That were played."""
    series: tuple[Series, ...]
    checks: tuple[Check, ...]
    problems: tuple[str, ...] = ()
    """Why rounds have failed."""
    survivors: int
    rss_growth: float
    """MiB of this process, from the first round to the last."""
    fds_growth: int
    took: float
    """Seconds."""
    broken_by: int | None
    """The seed of the round that broke the claim; None if it holds."""
    plot: Path | None = None
    plot_problem: str = ""
    """Why there is no picture."""
