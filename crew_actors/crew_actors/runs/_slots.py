# How many attempts one crew makes at the same time, over all of its runs.
#
# 1. A slot belongs to an attempt from before its first event until nothing of it
#    lives. Taking one never waits: a run that gets none is told when one is free.
# 2. Runs that wait are told in the order in which they began to wait, one for each
#    slot that becomes free, so that none can take all.
"""The places for attempts that the runs of a crew share."""

from collections.abc import Callable
from typing import final

import attrs

from crew_actors.model import RunId


@final
@attrs.define(eq=False)
class Slots:
    """A number of places, shared by runs."""

    total: int = attrs.field(validator=attrs.validators.ge(1))
    taken: int = attrs.field(default=0, init=False)
    _waiting: dict[RunId, Callable[[], None]] = attrs.field(
        factory=dict[RunId, Callable[[], None]], init=False
    )

    def take(self, run: RunId, tell: Callable[[], None]) -> bool:
        """Take a place for an attempt of *run*; False if there is none.

        *tell* is then called once when there may be one.
        """
        if self.taken < self.total:
            self.taken += 1
            self._waiting.pop(run, None)
            return True
        self._waiting.setdefault(run, tell)
        return False

    def give_back(self) -> None:
        """Give back a place."""
        self.taken -= 1
        self.tell_next()

    def tell_next(self) -> None:
        """Tell the run that has waited longest, if there is a place now.

        Whoever was told calls this once it has taken what it needs.
        """
        if self._waiting and self.taken < self.total:
            first = next(iter(self._waiting))
            self._waiting.pop(first)()

    def forget(self, run: RunId) -> None:
        """Forget that *run* waits: it has ended. Another has its turn."""
        self._waiting.pop(run, None)
        self.tell_next()
