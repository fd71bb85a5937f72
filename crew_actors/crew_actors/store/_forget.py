# A run is forgotten in an order in which each moment is a good one to be killed in:
#
# 1. Everything that could stand against it is looked at first.
# 2. Its folder gets a name that no run has. From then on there is no such run, for
#    anybody. If somebody took it up in that very moment, it gets its name back.
# 3. Worktrees, empty branches, its place in the registry and its files go. If this is
#    cut short, the next one who forgets a run finishes it.
"""Remove runs."""

import os
import shutil
import stat
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, final

import attrs
import trio

from crew_actors.journal import (
    JournalCorrupt,
    JournalError,
    LeaseHeld,
    Registry,
    RunFolder,
    find_leftovers,
    never_began,
    owner_state,
    read_lease,
    read_state,
    runs_folder,
    sync_folder,
)
from crew_actors.model import BadId, RunId, RunState, parse_run_id
from crew_actors.store._cleanup import refuse_owned, remove_trees
from crew_actors.store._errors import NotARunFolder
from crew_actors.store._traces import (
    Branch,
    Traces,
    find_traces,
    project_of,
    traces_in,
)
from crew_actors.worktrees import Worktree, WorktreeDirty, Worktrees

_ASIDE: Final = ".forgotten-"
"""With which the name of a folder begins whose run is being forgotten."""

_CUT_SHORT: Final = 600.0
"""Seconds after which somebody who forgets a run is no longer waited for. A git command
may take 120."""


@final
@attrs.frozen(kw_only=True)
class Doomed:
    """What would go with a run."""

    folder: RunFolder
    traces: Traces

    @property
    def empty(self) -> tuple[Branch, ...]:
        """The branches that would go: those that hold nothing."""
        return tuple(one for one in self.traces.branches if not one.holds)


@final
@attrs.frozen(kw_only=True)
class Forgotten:
    """What went with a run, and what is left of it."""

    run: str
    folder: Path
    worktrees: tuple[Path, ...]
    branches: tuple[str, ...]
    """Those that held nothing, and were removed."""
    kept: tuple[str, ...]
    """Branches that hold changes, and are still there."""


async def doom(folder: RunFolder, *, force: bool) -> Doomed:
    """Look at what would go with the run. Changes nothing.

    With *force* a run whose journal is damaged, or that has dirty worktrees, may go.

    Raises:
      LeaseHeld: somebody works on the run.
      WorktreeDirty: a worktree holds something, and *force* is not given.
      NotARunFolder: the folder is not where runs lie.
      WorktreeError: git refused.
      JournalError: the journal cannot be read, and *force* does not help.
    """
    await trio.to_thread.run_sync(_check_place, folder)
    state = await trio.to_thread.run_sync(_looked_at, folder, force)
    traces = await find_traces(folder, state)
    for tree in traces.trees:
        if tree.dirty and not force:
            raise WorktreeDirty(tree.path)
    return Doomed(folder=folder, traces=traces)


async def forget_run(doomed: Doomed, registry: Registry) -> Forgotten:
    """Remove the run: its worktrees, empty branches, registry entry and folder.

    Cancelled, the run is there as before, or it is gone and the rest is removed when
    the next run is forgotten.

    Raises:
      LeaseHeld: somebody has taken up the run meanwhile. Nothing was removed.
      WorktreeError: git refused. The run is gone, the rest as with a cancellation.
      OSError: the system refused; likewise, if the run is gone.
    """
    folder = doomed.folder
    aside = await trio.to_thread.run_sync(_put_aside, folder)
    await _remove(aside, folder, doomed.traces, doomed.empty, registry)
    gone = {one.name for one in doomed.empty}
    return Forgotten(
        run=folder.run,
        folder=folder.path,
        worktrees=tuple(tree.path for tree in doomed.traces.trees),
        branches=tuple(sorted(gone)),
        kept=tuple(one.name for one in doomed.traces.branches if one.name not in gone),
    )


async def finish_forgotten(
    project: Path, registry: Registry, *, now: float
) -> tuple[str, ...]:
    """Remove what is left of runs whose removal was cut short, or that never began.

    Tells which. *now* is in seconds since 1970. Worktrees that hold something stay.

    Raises:
      WorktreeError: git refused.
      OSError: the system refused.
    """
    found = await trio.to_thread.run_sync(_cut_short, project, now)
    for aside, folder in found:
        traces = Traces()
        if (project / ".git").exists():
            traces = _without_dirty(await traces_in(project, folder.run))
        doomed = Doomed(folder=folder, traces=traces)
        await _remove(aside, folder, traces, doomed.empty, registry)
    leftovers = await trio.to_thread.run_sync(_remove_leftovers, project, now)
    return (*(folder.run for _, folder in found), *leftovers)


def _without_dirty(traces: Traces) -> Traces:
    """Leave out the worktrees that hold something, and their branches."""
    dirty = {tree.branch for tree in traces.trees if tree.dirty}
    return Traces(
        trees=tuple(tree for tree in traces.trees if not tree.dirty),
        branches=tuple(one for one in traces.branches if one.name not in dirty),
    )


async def _remove(
    aside: Path,
    folder: RunFolder,
    traces: Traces,
    branches: tuple[Branch, ...],
    registry: Registry,
) -> None:
    """Remove the run that lies in *aside* now, and has lain in *folder*."""
    await remove_trees(folder, traces)
    worktrees = Worktrees(project_of(folder))
    for branch in branches:
        unchanged = Worktree(folder.path, branch.name, branch.tip)
        await worktrees.drop_branch(unchanged)
    with suppress(JournalError):  # a run without a folder is not listed anyhow
        await trio.to_thread.run_sync(registry.forget, folder.run)
    await trio.to_thread.run_sync(partial(shutil.rmtree, aside))


def _check_place(folder: RunFolder) -> None:
    """Raise if *folder* is not where the runs of a project lie.

    The registry, which says where it is, is a file that anybody may have written.
    """
    path = folder.path
    try:
        parse_run_id(path.name)
    except BadId as error:
        raise NotARunFolder(path, str(error)) from None
    if path.parts[-3:-1] != (".crew", "runs"):
        raise NotARunFolder(path, "it is not in `.crew/runs` of a project")
    for part in (path, path.parent, path.parent.parent):
        if not stat.S_ISDIR(part.lstat().st_mode):
            raise NotARunFolder(path, f"{part} is a link")


def _looked_at(folder: RunFolder, force: bool) -> RunState | None:  # noqa: FBT001 - a thread's argument
    """Refuse a run that somebody works on; give its state, if that can be read."""
    try:
        refuse_owned(folder)
        return read_state(folder)
    except JournalCorrupt:
        if not force:
            raise
        return None


def _put_aside(folder: RunFolder) -> Path:
    """Take the run's name from its folder, unless somebody works on it."""
    refuse = partial(_refuse_owned_if_readable, folder)
    refuse()
    aside = folder.path.with_name(f"{_ASIDE}{folder.run}")
    if os.path.lexists(aside):
        shutil.rmtree(aside)
    folder.path.rename(aside)
    moved = RunFolder(aside)
    try:
        held = owner_state(moved) == "held"
        owner = read_lease(moved)
    except JournalCorrupt:
        held, owner = False, None
    if held and owner is not None:
        aside.rename(folder.path)
        raise LeaseHeld(folder.path, owner)
    sync_folder(folder.path.parent)
    os.utime(aside)
    return aside


def _refuse_owned_if_readable(folder: RunFolder) -> None:
    with suppress(JournalCorrupt):  # its user has said that it may go
        refuse_owned(folder)


def _remove_leftovers(project: Path, now: float) -> list[RunId]:
    """Remove the folders of runs that never began, so nothing else of them is there."""
    gone: list[RunId] = []
    for folder in find_leftovers(project, now=now):
        try:
            _check_place(folder)
        except NotARunFolder:
            continue  # somebody has put it there
        run, aside = folder.run, folder.path.with_name(f"{_ASIDE}{folder.run}")
        folder.path.rename(aside)
        if never_began(RunFolder(aside)):
            shutil.rmtree(aside)
            gone.append(run)
        else:
            aside.rename(folder.path)  # it has begun in this moment
    return gone


def _cut_short(project: Path, now: float) -> list[tuple[Path, RunFolder]]:
    """Find the folders of runs whose removal nobody goes on with."""
    runs = runs_folder(project)
    found: list[tuple[Path, RunFolder]] = []
    with suppress(OSError):
        for aside in sorted(runs.glob(f"{_ASIDE}*")):
            run = aside.name.removeprefix(_ASIDE)
            old = now - aside.lstat().st_mtime > _CUT_SHORT
            if old and aside.is_dir() and not aside.is_symlink():
                found.append((aside, RunFolder(runs / run)))
    return found
