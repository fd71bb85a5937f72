# One run, watched: wherever it is worked on, it looks the same from here.
#
# 1. A run of this process is read from its own state. It is looked at when it says that
#    there is news, and at most once in `PACE` seconds.
# 2. A run that nobody works on is read from its journal, and again when its files
#    change: somebody may take it up.
# 3. A run of another process is read from its journal as well, when its owner says that
#    something was written.
# 4. Who works on a run may change at any time; the state never goes back.
"""Watching one run."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Final, TypeAlias, final

import attrs
import trio

from crew_actors.console.feeds._feed import PACE
from crew_actors.console.feeds._shared import FeedEnded, Shared
from crew_actors.control import (
    OwnerUnreachable,
    Refused,
    RunNotRunning,
    call_owner,
    follow_owner,
)
from crew_actors.journal import (
    JournalCorrupt,
    JournalMissing,
    RunFolder,
    advance_over,
    owner_state,
    read_events,
    read_lease,
)
from crew_actors.model import IllegalEvent, Recorded, RunState, RunStatus
from crew_actors.runs import Crew, Look, Run, look_of

REST: Final = 1.0
"""Seconds between two looks at the files of a run that nobody works on."""

UNHEARD: Final = 0.25
"""Seconds between two looks at a run whose owner tells no news."""

Signature: TypeAlias = tuple[int, int, int]


@final
@attrs.frozen
class Owner:
    """The process that works on a run."""

    pid: int
    here: bool
    """Whether it is this process."""


@final
@attrs.define(eq=False)
class RunWatch(Shared):
    """The newest state of one run, while somebody wants to know it."""

    crew: Crew
    folder: RunFolder
    version: int = attrs.field(default=0, init=False)
    """Grows with each change."""
    owner: Owner | None = attrs.field(default=None, init=False)
    """Who works on it, if somebody does."""
    own: Run | None = attrs.field(default=None, init=False)
    """The run itself, if this process was the last to work on it."""
    _state: RunState | None = attrs.field(default=None, init=False)

    @property
    def state(self) -> RunState:
        """Where the run stands, as its events tell."""
        assert self._state is not None, "it is ready"
        return self._state

    @property
    def status(self) -> RunStatus:
        """Where it stands: without an owner, it is interrupted."""
        status = self.state.status
        return (
            RunStatus.INTERRUPTED if self.owner is None and not status.ended else status
        )

    async def newer(self, version: int) -> int:
        """Wait until there is a version after *version*; return it.

        A checkpoint when it waits.

        Raises:
          FeedEnded: the run cannot be read any more.
        """
        while self.version <= version:
            if self.ended is not None:
                raise FeedEnded(self.ended)
            await self.news.park()
        return self.version

    async def look(self) -> Look | None:
        """Look at the actors of the run. Always a checkpoint.

        When this process has worked on it, at what they have left. None while nobody
        works on it, or if its owner does not answer.
        """
        await trio.lowlevel.checkpoint()
        if self.own is not None:
            return self.own.look()
        if self.owner is None:
            return None
        try:
            return look_of(await call_owner(self.folder, "inspect", {}))
        except (OwnerUnreachable, Refused, RunNotRunning):
            return None

    async def page(self, since: int, limit: int) -> list[Recorded]:
        """Give events after number *since*, *limit* at most. There is one in `state`.

        Raises:
          JournalError: they cannot be read.
        """
        if self.own is not None:
            found = await self.own.page(since, limit)
            if found:
                return found
        return await trio.to_thread.run_sync(_page, self.folder, since, limit)

    async def keep_up(self) -> None:
        """Follow the run, whoever works on it.

        Raises:
          FeedEnded: it was removed.
          JournalError: it cannot be read.
        """
        try:
            while True:
                run = self.crew.roster.find(self.folder.run)
                if run is not None:
                    await self._watch(run)
                else:
                    await self._look()
        except JournalMissing:
            if not self.ready.is_set():
                raise
            msg = "the run was removed"
            raise FeedEnded(msg) from None

    def _show(self, state: RunState, owner: Owner | None) -> None:
        if state is not self._state or owner != self.owner:
            self._state, self.owner = state, owner
            self.version += 1
            self.ready.set()
            self.news.unpark_all()

    async def _watch(self, run: Run) -> None:
        """Watch a run of this process until it has ended."""
        here = Owner(os.getpid(), here=True)
        self.own = run
        while not run.ended:
            self._show(run.state, here)
            await trio.sleep(PACE)
            await run.newer(self.state.seq)
        self._show(run.state, None)

    async def _look(self) -> None:
        """Read the run from its files, and wait until somebody works on it, or has."""
        before = await trio.to_thread.run_sync(signature_of, self.folder)
        state, owner = await trio.to_thread.run_sync(read_run, self.folder, self._state)
        self._show(state, owner)
        if owner is not None and not state.status.ended:
            self.own = None
            await self._follow()
        else:
            await self._rest(before)

    async def _rest(self, before: Signature) -> None:
        """Wait until this process works on the run, or its files are others."""
        roster = self.crew.roster
        while roster.find(self.folder.run) is None:
            with trio.move_on_after(REST):
                await roster.newer(roster.begun)
                continue
            if await trio.to_thread.run_sync(signature_of, self.folder) != before:
                return

    async def _follow(self) -> None:
        """Watch a run of another process until that does not work on it any more."""
        try:
            async with follow_owner(self.folder, {"since": self.state.seq}) as news:
                while await news.next() is not None:
                    await self._catch_up()
        except RunNotRunning:
            return
        except (OwnerUnreachable, Refused):  # it ends just now, or is not of our kind
            await trio.sleep(UNHEARD)

    async def _catch_up(self) -> None:
        """Read what another process has written."""
        state, owner = await trio.to_thread.run_sync(read_run, self.folder, self._state)
        self._show(state, owner)


def _page(folder: RunFolder, since: int, limit: int) -> list[Recorded]:
    return list(read_events(folder, since, limit))


def signature_of(folder: RunFolder) -> Signature:
    """Tell apart what the files of a run are now from what they were. Blocks."""
    try:
        found = folder.database.stat()
    except FileNotFoundError:
        return (0, 0, 0)  # reading it tells what that means
    log = 0
    with suppress(FileNotFoundError):
        log = folder.database.with_name(f"{folder.database.name}-wal").stat().st_size
    return (found.st_mtime_ns, found.st_size, log)


def read_run(
    folder: RunFolder, state: RunState | None = None
) -> tuple[RunState, Owner | None]:
    """Bring *state* up to date, and tell who works on the run. Blocks on the disk.

    Raises:
      JournalError: by its class.
    """
    lease = read_lease(folder)
    held = lease is not None and owner_state(folder) == "held"
    try:
        for recorded in read_events(folder, 0 if state is None else state.seq):
            state = advance_over(state, recorded)
    except IllegalEvent as error:
        raise JournalCorrupt(folder.database, str(error)) from error
    if state is None:
        raise JournalMissing(folder.database, "the run never began")
    if lease is None or not held:
        return state, None
    return state, Owner(lease.pid, here=lease.pid == os.getpid())


Watching: TypeAlias = Callable[[RunFolder], AbstractContextManager[RunWatch]]
"""Holds a watch on a run, which may be shared."""
