# Worktrees are removed only when nothing is lost with them, or when what would be lost
# is a patch in the run's folder first.
"""Remove the worktrees of a run."""

from contextlib import suppress
from pathlib import Path
from typing import final

import attrs
import trio

from crew_actors.journal import (
    LeaseHeld,
    RunFolder,
    owner_state,
    read_lease,
    read_state,
    sync_folder,
)
from crew_actors.store._traces import (
    Traces,
    Tree,
    bases_of,
    find_traces,
    project_of,
    trees_of,
)
from crew_actors.worktrees import Worktree, WorktreeDirty, Worktrees


@final
@attrs.frozen(kw_only=True)
class KeptTree:
    """A worktree that was not removed."""

    path: Path
    why: str


@final
@attrs.frozen(kw_only=True)
class CleanedUp:
    """What became of the worktrees of a run."""

    removed: tuple[Path, ...]
    kept: tuple[KeptTree, ...]
    patches: tuple[Path, ...]
    """What removed worktrees held that is in no commit."""


def refuse_owned(folder: RunFolder) -> None:
    """Raise if somebody works on the run. Blocks on the disk; changes nothing.

    Raises:
      LeaseHeld: somebody does.
      JournalError: that cannot be told.
    """
    if owner_state(folder) == "held":
        owner = read_lease(folder)
        assert owner is not None, "somebody holds it"
        raise LeaseHeld(folder.path, owner)


async def clean_up(folder: RunFolder, *, force: bool) -> CleanedUp:
    """Remove the worktrees of the run that hold nothing.

    With *force* the dirty ones as well: what they hold is stored as a patch first, in
    `patches/` in the folder of the run. Branches stay. Cancelled, it stops between two
    worktrees.

    Raises:
      LeaseHeld: somebody works on the run. Nothing was removed.
      WorktreeError: git refused. What is named by no result is still there.
      JournalError: the run cannot be read. Nothing was removed.
    """
    await trio.to_thread.run_sync(refuse_owned, folder)
    state = await trio.to_thread.run_sync(read_state, folder)
    traces = await find_traces(folder, state)
    bases: dict[str, str] = {}
    if traces.trees:
        bases = await trio.to_thread.run_sync(bases_of, folder)
    removed: list[Path] = []
    kept: list[KeptTree] = []
    patches: list[Path] = []
    worktrees = Worktrees(project_of(folder))
    for tree in traces.trees:
        if tree.dirty and not force:
            kept.append(KeptTree(path=tree.path, why=str(WorktreeDirty(tree.path))))
            continue
        await trio.to_thread.run_sync(refuse_owned, folder)  # it may be taken up now
        if tree.dirty:
            base = bases.get(f"crew/{folder.run}/{tree.attempt}", "")
            patch = await _patch(folder, worktrees, tree, base or state.plan.base or "")
            patches += [] if patch is None else [patch]
        await worktrees.remove(tree.path, force=tree.dirty)
        removed.append(tree.path)
    await sweep_empty(folder)
    return CleanedUp(removed=tuple(removed), kept=tuple(kept), patches=tuple(patches))


async def _patch(
    folder: RunFolder, worktrees: Worktrees, tree: Tree, base: str
) -> Path | None:
    """Store what *tree* holds; None if that does not differ from its base."""
    target = await trio.to_thread.run_sync(_patch_name, folder, tree.attempt)
    there = await worktrees.patch(Worktree(tree.path, tree.branch, base), target)
    return target if there else None


def _patch_name(folder: RunFolder, attempt: str) -> Path:
    """Choose a name that no patch has yet, in a folder that is there."""
    patches = folder.path / "patches"
    patches.mkdir(mode=0o700, exist_ok=True)
    sync_folder(folder.path)
    number, target = 1, patches / f"{attempt}.patch"
    while target.exists():
        number += 1
        target = patches / f"{attempt}-{number}.patch"
    return target


async def sweep_empty(folder: RunFolder) -> None:
    """Remove the run's folder of worktrees, if nothing is in it any more."""

    def remove() -> None:
        with suppress(OSError):  # it is not there, or something is in it
            trees_of(project_of(folder), folder.run).rmdir()

    await trio.to_thread.run_sync(remove)


async def remove_trees(folder: RunFolder, traces: Traces) -> None:
    """Remove all worktrees in *traces*, with what they hold.

    Raises:
      WorktreeError: git refused.
    """
    worktrees = Worktrees(project_of(folder))
    for tree in traces.trees:
        await worktrees.remove(tree.path, force=tree.dirty)
    await sweep_empty(folder)
