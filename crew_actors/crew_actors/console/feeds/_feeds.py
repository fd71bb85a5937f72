# 1. What several clients want to see is watched once: there is one feed for each scope,
#    begun with its first reader.
# 2. A defect in one feed ends that one, and is told to its readers and to the log.
# 3. Nothing is watched that nobody reads.
"""All feeds of a server."""

import logging
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Final, TypeVar, final

import attrs
import trio

from crew_actors.console._counts import Sample
from crew_actors.console._scopes import Scope
from crew_actors.console.feeds._events import EventsFeed
from crew_actors.console.feeds._feed import Cursor, Feed
from crew_actors.console.feeds._inspector import (
    Inspector,
    RunInspector,
    ServerInspector,
)
from crew_actors.console.feeds._letters import LettersFeed
from crew_actors.console.feeds._mailboxes import MailboxesFeed
from crew_actors.console.feeds._metrics import MetricsFeed, samples_of
from crew_actors.console.feeds._output import OutputFeed
from crew_actors.console.feeds._run import RunFeed
from crew_actors.console.feeds._runs import RunsFeed
from crew_actors.console.feeds._shared import Shared
from crew_actors.console.feeds._supervisors import SupervisorsFeed
from crew_actors.console.feeds._watch import RunWatch
from crew_actors.errors import UserError
from crew_actors.journal import RunFolder
from crew_actors.model import RunId
from crew_actors.runs import Crew
from crew_supervisors import TreeNode

K = TypeVar("K")
S = TypeVar("S", bound=Shared)

_log: Final = logging.getLogger("crew_actors.console")


@final
class NoFeed(UserError):
    """What is asked for cannot be subscribed to."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return self.why


@final
@attrs.define(eq=False)
class Feeds:
    """What the clients of one server can subscribe to."""

    crew: Crew
    tree: Callable[[], TreeNode] | None = attrs.field(default=None, kw_only=True)
    """Gives the tree of the console's own actors."""
    own: Callable[[], Iterable[Sample]] | None = attrs.field(default=None, kw_only=True)
    """Gives the figures of the console itself."""
    _nursery: trio.Nursery | None = attrs.field(default=None, init=False)
    _watches: dict[RunId, RunWatch] = attrs.field(
        factory=dict[RunId, RunWatch], init=False
    )
    _inspectors: dict[RunId | None, Inspector] = attrs.field(
        factory=dict[RunId | None, Inspector], init=False
    )
    _feeds: dict[Scope, Feed] = attrs.field(factory=dict[Scope, Feed], init=False)

    async def serve(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Keep the feeds that somebody reads up to date, until cancelled.

        Then each cursor raises `FeedEnded`, and `subscribe` raises `NoFeed`.
        """
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            try:
                task_status.started()
                await trio.sleep_forever()
            finally:
                self._nursery = None

    async def subscribe(self, scope: Scope, since: int | None = None) -> Cursor:
        """Begin to read *scope*; *since* is the revision that the client has.

        Waits until there is something to be seen. Always a checkpoint. If cancelled,
        nothing is left. The cursor must be closed.

        Raises:
          NoFeed: there is no such scope or task, or the server stops.
          UnknownRun, NoRuns, SeveralRuns: there is no such run, or several.
          UnknownTask: the run has no such task.
          JournalError: the run cannot be read.
          FeedEnded: what was begun has ended already; it tells why.
        """
        await trio.lowlevel.checkpoint()
        make = _MAKERS.get(scope.kind)
        if make is None:
            msg = f"there is no scope {scope.kind!r} (there are: {', '.join(_MAKERS)})"
            raise NoFeed(msg)
        folder = None if scope.run is None else await self._folder(scope.run)
        key = Scope(scope.kind, None if folder is None else folder.run, scope.task)
        made = partial(make, self, key, folder)
        with self._sharing(self._feeds, key, made) as feed:
            await feed.up()
            return await feed.open(since, scope.tail)

    async def _folder(self, run: str) -> RunFolder:
        found = self.crew.roster.find(run)
        return await self.crew.find(run) if found is None else found.folder

    def samples(self) -> tuple[Sample, ...]:
        """Give the figures of the crew and of the server. Not a checkpoint."""
        own = () if self.own is None else self.own()
        return (*samples_of(self.crew), *own)

    @contextmanager
    def watching(self, folder: RunFolder) -> Generator[RunWatch]:
        """Hold a watch on the run in *folder*. Not a checkpoint.

        Raises:
          NoFeed: the server stops.
        """
        make = partial(RunWatch, self.crew, folder)
        with self._sharing(self._watches, folder.run, make) as watch:
            yield watch

    @contextmanager
    def inspecting(self, folder: RunFolder | None) -> Generator[Inspector]:
        """Hold looks at the run in *folder*, or at this process. Not a checkpoint.

        Raises:
          NoFeed: the server stops.
        """

        def make() -> Inspector:
            if folder is None:
                return ServerInspector(self.crew, self.tree)
            return RunInspector(folder, self.watching)

        run = None if folder is None else folder.run
        with self._sharing(self._inspectors, run, make) as inspector:
            yield inspector

    @contextmanager
    def _sharing(
        self, table: dict[K, S], key: K, make: Callable[[], S]
    ) -> Generator[S]:
        """Use what *table* has for *key*, which is made if there is nothing."""
        if self._nursery is None:
            msg = "the feeds of the console were stopped; try again"
            raise NoFeed(msg)
        shared = table.get(key)
        if shared is None or shared.ended is not None:
            shared = table[key] = make()
            self._nursery.start_soon(self._live, table, key, shared)
        shared.enter()
        try:
            yield shared
        finally:
            shared.leave()

    async def _live(self, table: dict[K, S], key: K, shared: S) -> None:
        try:
            await shared.live()
        except Exception:  # noqa: BLE001  a defect in one feed is none of the others
            _log.exception("the console cannot show %s any more", key)
        finally:
            if table.get(key) is shared:
                del table[key]


Make = Callable[[Feeds, Scope, RunFolder | None], Feed]


def _of_server(make: Callable[[Feeds], Feed]) -> Make:
    return lambda feeds, _scope, _folder: make(feeds)


def _of_run(make: Callable[[Feeds, Scope, RunFolder], Feed]) -> Make:
    def made(feeds: Feeds, scope: Scope, folder: RunFolder | None) -> Feed:
        if folder is None:
            msg = f"scope {scope.kind!r} needs a run"
            raise NoFeed(msg)
        return make(feeds, scope, folder)

    return made


def _of_actors(
    make: Callable[[Callable[[], AbstractContextManager[Inspector]]], Feed],
) -> Make:
    return lambda feeds, _scope, folder: make(partial(feeds.inspecting, folder))


def _output(feeds: Feeds, scope: Scope, folder: RunFolder) -> Feed:
    if scope.task is None:
        msg = "scope 'output' needs a task"
        raise NoFeed(msg)
    return OutputFeed(folder, scope.task, feeds.watching)


_MAKERS: Final[Mapping[str, Make]] = {
    "runs": _of_server(lambda feeds: RunsFeed(feeds.crew, feeds.watching)),
    "run": _of_run(lambda feeds, _, folder: RunFeed(folder, feeds.watching)),
    "events": _of_run(lambda feeds, _, folder: EventsFeed(folder, feeds.watching)),
    "output": _of_run(_output),
    "supervisors": _of_actors(SupervisorsFeed),
    "mailboxes": _of_actors(MailboxesFeed),
    "deadletters": _of_actors(LettersFeed),
    "metrics": _of_server(lambda feeds: MetricsFeed(feeds.samples, time.time)),
}
"""How the feed of each scope is made."""
