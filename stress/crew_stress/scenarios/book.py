"""What the rounds of a scenario find out."""

from collections.abc import Iterable
from typing import Literal, final

import attrs

from crew_stress.scenarios.values import Check, Series, series_of

Kind = Literal["distribution", "course"]


@final
@attrs.define
class Book:
    """Takes in what rounds measure and what must hold in each."""

    seed: int = 0
    """Of the round that goes on."""
    survivors: int = 0
    problems: list[str] = attrs.field(factory=list[str], init=False)
    """Why rounds have failed."""
    _values: dict[tuple[str, str, Kind], list[float]] = attrs.field(
        factory=dict[tuple[str, str, Kind], list[float]], init=False
    )
    _checks: dict[str, Check] = attrs.field(factory=dict[str, Check], init=False)

    def note(
        self,
        name: str,
        values: Iterable[float],
        *,
        unit: str = "ms",
        kind: Kind = "distribution",
    ) -> None:
        """Take in *values* of the thing called *name*."""
        self._values.setdefault((name, unit, kind), []).extend(values)

    def require(self, what: str, value: float, limit: float, unit: str = "") -> None:
        """Take in that *value* must be at most *limit*; the worst of all rounds counts."""
        check = Check(what=what, value=value, limit=limit, unit=unit, seed=self.seed)
        worst = self._checks.get(what)
        if worst is None or value - limit > worst.value - worst.limit:
            self._checks[what] = check

    def fail(self, problem: str) -> None:
        """Take in that the round has failed."""
        self.problems.append(problem)
        self.require("failures", 1, 0)

    def count_survivors(self, number: int) -> None:
        """Take in how many processes a round has left: there must be none."""
        self.survivors += number
        self.require("survivors", number, 0)

    @property
    def checks(self) -> tuple[Check, ...]:
        return tuple(self._checks.values())

    @property
    def broken_by(self) -> int | None:
        """The seed of the first round that broke something."""
        return next((each.seed for each in self.checks if not each.holds), None)

    @property
    def series(self) -> tuple[Series, ...]:
        return tuple(
            series_of(name, unit, values, kind)
            for (name, unit, kind), values in self._values.items()
            if values
        )
