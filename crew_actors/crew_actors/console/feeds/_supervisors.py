"""The feed of the tree of supervisors."""

from typing import final

import attrs

from crew_actors.console.feeds._feed import Feed
from crew_actors.console.feeds._inspector import Inspecting
from crew_actors.console.feeds._nodes import boxes_of, node_of
from crew_actors.console.feeds._rows import Fields


@final
@attrs.define(eq=False)
class SupervisorsFeed(Feed):
    """Supervisors, their children, processes, and how full the mailboxes are."""

    inspecting: Inspecting
    _tree: Fields | None = attrs.field(default=None, init=False)

    async def keep_up(self) -> None:
        """Take note of each look that shows something else."""
        with self.inspecting() as inspector:
            await inspector.up()
            while True:
                count = inspector.count
                seen = inspector.seen
                tree = seen.tree and node_of(seen.tree, boxes_of(seen.looks))
                if tree != self._tree:
                    self._tree = tree
                    self.changed(self.rev + 1)
                self.ready.set()
                await inspector.newer(count)

    def whole(self) -> object:
        """Give the tree."""
        return {"tree": self._tree}

    def newer(self, base: int) -> object:  # noqa: ARG002  the tree comes whole
        """Give the tree."""
        return {"tree": self._tree}
