# 1. There is no word of what goes on in mailboxes and trees, and there need not be: who
#    looks, looks. Nobody looks while nobody wants to see it.
# 2. Scopes that show the same actors share the looks.
"""Looking at actors, a few times in a second, for several feeds."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final, TypeAlias, final

import attrs
import trio

from crew_actors.console.feeds._feed import SLOW_PACE
from crew_actors.console.feeds._shared import FeedEnded, Shared
from crew_actors.console.feeds._watch import RunWatch, Watching
from crew_actors.journal import RunFolder
from crew_actors.runs import Crew, Look
from crew_supervisors import TreeNode


@final
@attrs.frozen
class Seen:
    """What was seen in one look."""

    tree: TreeNode | None
    """The whole; None while there is nothing."""
    looks: tuple[Look, ...]
    """The blocks of actors in it, the outermost first."""


NOTHING: Final = Seen(None, ())


@attrs.define(eq=False)
class Inspector(Shared):
    """The newest look at some actors."""

    count: int = attrs.field(default=0, init=False)
    """How many looks there were."""
    seen: Seen = attrs.field(default=NOTHING, init=False)

    async def newer(self, count: int) -> Seen:
        """Wait for a look after look number *count*; return the newest.

        Raises:
          FeedEnded: there will be none.
        """
        while self.count <= count:
            if self.ended is not None:
                raise FeedEnded(self.ended)
            await self.news.park()
        return self.seen

    def _show(self, seen: Seen) -> None:
        self.seen = seen
        self.count += 1
        self.ready.set()
        self.news.unpark_all()


@final
@attrs.define(eq=False)
class RunInspector(Inspector):
    """Looks at the actors of one run, wherever they are."""

    folder: RunFolder
    watching: Watching

    async def keep_up(self) -> None:
        """Look while somebody works on the run."""
        with self.watching(self.folder) as watch:
            await watch.up()
            while True:
                version = watch.version
                look = await watch.look()
                self._show(NOTHING if look is None else Seen(look.tree, (look,)))
                if watch.owner is None:
                    await self._rest(watch, version)
                else:
                    await trio.sleep(SLOW_PACE)

    async def _rest(self, watch: RunWatch, version: int) -> None:
        """Wait until somebody works on the run."""
        while watch.owner is None:
            version = await watch.newer(version)


@final
@attrs.define(eq=False)
class ServerInspector(Inspector):
    """Looks at all actors of this process: of the crew, of its runs, of the console."""

    crew: Crew
    tree: Callable[[], TreeNode] | None
    """Gives the tree of the console itself."""

    async def keep_up(self) -> None:
        """Look until cancelled."""
        while True:
            self._show(self.look())
            await trio.sleep(SLOW_PACE)

    def look(self) -> Seen:
        """Look now."""
        crew = self.crew.look()
        runs = [run.look() for run in self.crew.roster.at_work()]
        looks = (crew, *(look for look in runs if look is not None))
        trees = (crew.tree,) if self.tree is None else (crew.tree, self.tree())
        name = f"process {os.getpid()}"
        return Seen(TreeNode(name, "supervisor", "running", children=trees), looks)


Inspecting: TypeAlias = Callable[[], AbstractContextManager[Inspector]]
"""Holds looks at some actors, which may be shared."""
