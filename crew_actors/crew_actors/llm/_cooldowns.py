# A provider that wants fewer requests is left alone by all agents of a crew, not only by
# the one that it told so. Pure: moments come in as numbers.
"""Models that are left alone for a while."""

from typing import Final, final

import attrs

from crew_actors.llm._errors import ReplyFailed
from crew_actors.llm._providers import ModelRef

FIRST: Final = 2.0
"""Seconds that a model is left alone after its first failure."""

LONGEST: Final = 60.0
"""Seconds that it is left alone after many, where its provider does not ask for more."""


@final
@attrs.define
class Cooldowns:
    """Until when each model is to be left alone."""

    _until: dict[str, float] = attrs.field(factory=dict[str, float])
    _failures: dict[str, int] = attrs.field(factory=dict[str, int])

    def failed(self, model: ModelRef, error: ReplyFailed, now: float) -> None:
        """Take in that *model* did not answer.

        Only what may pass is waited for. What several agents hear in one moment counts
        as one failure.
        """
        if not error.passes:
            return
        name = model.name
        if self._until.get(name, 0.0) <= now:
            self._failures[name] = self._failures.get(name, 0) + 1
        wait = error.retry_after
        if wait is None:
            wait = min(LONGEST, FIRST * 2 ** (min(self._failures[name], 10) - 1))
        self._until[name] = max(self._until.get(name, 0.0), now + wait)

    def answered(self, model: ModelRef) -> None:
        """Take in that *model* has answered."""
        self._failures.pop(model.name, None)

    def until(self, model: ModelRef) -> float:
        """Return the moment until which *model* is to be left alone; it may be past."""
        return self._until.get(model.name, 0.0)
