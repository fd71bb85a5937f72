# 1. Runs that are worked on are watched. The others are read once, the newest first,
#    and again when their files change: a list is there at once, and fills up.
# 2. Nobody tells of runs that other processes begin or take up: the folder of the runs
#    and the files of those that rest are looked at once in `LOOK` seconds.
"""The feed of the runs of a project."""

import itertools
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, final

import attrs
import trio

from crew_actors.console.feeds._feed import PACE, Feed
from crew_actors.console.feeds._rows import Fields, Rows
from crew_actors.console.feeds._shapes import listed_row, run_row
from crew_actors.console.feeds._shared import FeedEnded
from crew_actors.console.feeds._watch import (
    Owner,
    Signature,
    Watching,
    read_run,
    signature_of,
)
from crew_actors.journal import (
    JournalError,
    Registry,
    RunEntry,
    RunFolder,
    runs_folder,
)
from crew_actors.model import RunId, RunState, RunStatus
from crew_actors.runs import Crew, Run

SHOWN: Final = 200
"""The most runs that are shown, the newest ones."""

LOOK: Final = 1.0
"""Seconds between two looks for runs that other processes begin."""

SETTLING: Final = 5.0
"""Seconds after a change of the folder in which it is listed again: a run gets its
first event, and its entry in the registry, some time after its folder."""

FIRST: Final = 0.1
"""Seconds that a first reader waits for runs to be read."""


@final
@attrs.define(eq=False)
class RunsFeed(Feed):
    """The newest runs of the project of a crew."""

    crew: Crew
    watching: Watching
    _rows: Rows = attrs.field(factory=Rows, init=False)
    _found: dict[RunId, Fields] = attrs.field(factory=dict[RunId, Fields], init=False)
    """What was found out about runs since the last revision."""
    _listed: Mapping[RunId, RunEntry] = attrs.field(
        factory=dict[RunId, RunEntry], init=False
    )
    _read: dict[RunId, Signature] = attrs.field(
        factory=dict[RunId, Signature], init=False
    )
    """What the files of the runs that rest were when they were read."""
    _watched: set[RunId] = attrs.field(factory=set[RunId], init=False)
    _dirty: trio.Event = attrs.field(factory=trio.Event, init=False)
    _nursery: trio.Nursery = attrs.field(init=False)

    async def keep_up(self) -> None:
        """Look for runs, and take note of what becomes of them."""
        async with trio.open_nursery() as self._nursery:
            begun = await self._nursery.start(self._look_for_runs)
            self._nursery.start_soon(self._hear_of_runs)
            with trio.move_on_after(FIRST):
                await begun.wait()
            while True:
                self._take_note(self.rev + 1)
                self.ready.set()
                await trio.sleep(PACE)
                await self._dirty.wait()

    def _note(self, run: RunId, row: Fields) -> None:
        self._found[run] = row
        self._dirty.set()

    def _take_note(self, rev: int) -> None:
        """Make a revision of what was found, if it changes anything."""
        self._dirty = trio.Event()
        changed = self._rows.keep(self._listed, rev)
        for run, row in self._found.items():
            if run in self._listed:
                changed |= self._rows.put(run, row, rev)
        self._found.clear()
        if changed:
            self.changed(rev)
            self.floor = max(self.floor, self._rows.forget(self.oldest()))

    def whole(self) -> object:
        """Give all runs, the newest first."""
        whole = self._rows.whole()
        return {"runs": [whole[run] for run in self._listed if run in whole]}

    def newer(self, base: int) -> object:
        """Give the fields that changed after *base*, by run."""
        return {"runs": self._rows.newer(base)}

    # Where runs are found

    async def _hear_of_runs(self) -> None:
        """List again when this process begins a run."""
        roster = self.crew.roster
        while True:
            begun = roster.begun
            self._show_listed(self._listed)
            for run in roster.at_work():
                self._watch(run.folder)
            await roster.newer(begun)

    def _show_listed(self, found: Mapping[RunId, RunEntry]) -> None:
        """Show the runs that were *found*, and those of this process in any case.

        They are on disk when they are at work; but what was found may be older.
        """
        root = self.crew.project.root
        own = {
            run.id: _entry(run, root)
            for run in reversed(self.crew.roster.at_work())
            if run.id not in found
        }
        newest = itertools.islice((own | dict(found)).items(), SHOWN)
        listed = dict(newest)
        if tuple(listed) == tuple(self._listed):
            return
        self._listed = listed
        for run, entry in listed.items():
            if run not in self._rows and run not in self._found:
                self._found[run] = listed_row(entry)
        self._dirty.set()

    async def _look_for_runs(
        self, *, task_status: trio.TaskStatus[trio.Event] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """List the runs, and read those that rest, once in `LOOK` seconds."""
        first = trio.Event()
        task_status.started(first)
        folder = runs_folder(self.crew.project.root)
        moment: float | None = None
        while True:
            changed = await trio.to_thread.run_sync(_changed_at, folder)
            if changed != moment or time.time() - changed < SETTLING:
                moment = changed
                await self._list()
            await self._read_resting()
            first.set()
            await trio.sleep(LOOK)

    async def _list(self) -> None:
        registry = Registry.of(self.crew.places)
        root = self.crew.project.root
        found = await trio.to_thread.run_sync(
            lambda: registry.list(project=root, limit=SHOWN).runs
        )
        self._show_listed({entry.run: entry for entry in found})

    # What becomes of them

    async def _read_resting(self) -> None:
        """Read the runs that nobody works on and that have changed."""
        resting = [run for run in self._listed if run not in self._watched]
        folders = [self._listed[run].folder for run in resting]
        now = await trio.to_thread.run_sync(lambda: [*map(_seen, folders)])
        for run, seen in zip(resting, now, strict=True):
            if seen != self._read.get(run) and run not in self._watched:
                self._read[run] = seen
                await self._read_one(self._listed[run])
        for run in self._read.keys() - self._listed.keys():
            del self._read[run]

    async def _read_one(self, entry: RunEntry) -> None:
        try:
            state, owner = await trio.to_thread.run_sync(read_run, entry.folder)
        except JournalError as error:
            self._note(entry.run, listed_row(entry, str(error)))
            return
        if owner is not None and not state.status.ended:
            self._watch(entry.folder)
        else:
            self._note(entry.run, _resting_row(state, owner))

    def _watch(self, folder: RunFolder) -> None:
        if folder.run not in self._watched:
            self._watched.add(folder.run)
            self._nursery.start_soon(self._follow, folder)

    async def _follow(self, folder: RunFolder) -> None:
        """Take note of what becomes of a run while somebody works on it."""
        run = folder.run
        try:
            with self.watching(folder) as watch, suppress(FeedEnded):
                await watch.ready.wait()
                self._read.pop(run, None)  # unless it comes to rest, it is read again
                version = 0
                while True:
                    version = await watch.newer(version)
                    row = run_row(watch.state, watch.status, watch.owner)
                    self._note(run, row)
                    if watch.owner is None and self.crew.roster.find(run) is None:
                        break
                self._read[run] = await trio.to_thread.run_sync(_seen, folder)
        finally:
            self._watched.discard(run)


def _resting_row(state: RunState, owner: Owner | None) -> Fields:
    status = state.status if state.status.ended else RunStatus.INTERRUPTED
    return run_row(state, status, owner)


def _entry(run: Run, project: Path) -> RunEntry:
    plan = run.state.plan
    return RunEntry(
        run=run.id,
        folder=run.folder,
        project=project,
        goal=plan.goal,
        team=plan.team,
        workflow=plan.workflow,
        created_at=run.state.created_at,
    )


def _changed_at(folder: Path) -> float:
    """Tell when something came into *folder* or went; 0 without it. Blocks."""
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0


def _seen(folder: RunFolder) -> Signature:
    """Tell what the files of a run are. Blocks on the disk."""
    try:
        return signature_of(folder)
    except OSError:
        return (0, 0, 0)  # reading it tells why
