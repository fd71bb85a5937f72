# 1. The newest letters are kept here, so that a client that comes later sees them. The
#    total counts all that there were while somebody watched, and before.
"""The feed of dead letters."""

from collections import deque
from typing import Final, final

import attrs

from crew_actors.console.feeds._feed import Feed
from crew_actors.console.feeds._inspector import Inspecting
from crew_actors.console.feeds._nodes import letter_of
from crew_actors.console.feeds._rows import Fields
from crew_actors.runs import Look

KEPT: Final = 200
"""The most letters that are shown, the newest."""


@final
@attrs.define(eq=False)
class LettersFeed(Feed):
    """Messages that nobody has handled."""

    inspecting: Inspecting
    _letters: deque[tuple[int, Fields]] = attrs.field(init=False)
    """Each with the revision that brought it."""
    _counted: dict[str, int] = attrs.field(factory=dict[str, int], init=False)
    """How many were counted of each block of actors that is there."""
    _total: int = attrs.field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        Feed.__attrs_post_init__(self)
        self._letters = deque(maxlen=KEPT)

    async def keep_up(self) -> None:
        """Take note of the letters that come."""
        with self.inspecting() as inspector:
            await inspector.up()
            while True:
                count = inspector.count
                rev = self.rev + 1
                before = self._total
                for look in inspector.seen.looks:
                    self._take_note(look, rev)
                if self._total > before:
                    self.changed(rev)
                self.ready.set()
                await inspector.newer(count)

    def _take_note(self, look: Look, rev: int) -> None:
        block = look.tree.name
        counted = self._counted.get(block, 0)
        if look.dead < counted:
            counted = 0  # a run that was taken up again begins to count anew
        self._counted[block] = look.dead
        self._total += look.dead - counted
        for letter in look.letters:
            if letter.number > counted:
                name = f"{block}:{letter.number}:{letter.at:.3f}"
                self._letters.append((rev, letter_of(look, letter, name)))

    def whole(self) -> object:
        """Give the newest letters, the oldest of them first."""
        return {"total": self._total, "letters": [one for _, one in self._letters]}

    def newer(self, base: int) -> object:
        """Give the letters that came after *base*, as far as they are kept."""
        letters = [one for rev, one in self._letters if rev > base]
        return {"total": self._total, "letters": letters}
