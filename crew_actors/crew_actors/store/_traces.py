# What a run has left in its repository is asked of git, not of the journal: people and
# agents remove, switch and merge with git itself.
#
# 1. A worktree is the run's if it lies in the run's folder of worktrees, whatever
#    branch its agent has switched to.
# 2. It is dirty if removing it would lose something: changes in no commit, or commits
#    that no branch and no tag holds.
# 3. A branch holds nothing if it has no commit of its own, or if all that it has is in
#    what the project has checked out.
"""The worktrees and branches of a run that are still there."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, final

import attrs
import trio

from crew_actors.journal import RunFolder, read_events
from crew_actors.model import RunState, WorkspaceMade
from crew_actors.worktrees import Worktrees
from crew_actors.worktrees._git import git

_PREFIX: Final = "refs/heads/"


@final
@attrs.frozen(kw_only=True)
class Tree:
    """A worktree of a run that is still there."""

    attempt: str
    path: Path
    branch: str
    """Empty if it has none checked out."""
    dirty: bool
    """Whether removing it would lose something."""


@final
@attrs.frozen(kw_only=True)
class Branch:
    """A branch of a run that is still there."""

    attempt: str
    name: str
    tip: str
    """Its newest commit."""
    merged: bool
    """Whether all of it is in what the project has checked out."""
    holds: bool
    """Whether it holds something that would be lost with it."""


@final
@attrs.frozen(kw_only=True)
class Traces:
    """What a run has left in its repository."""

    trees: tuple[Tree, ...] = ()
    branches: tuple[Branch, ...] = ()


def project_of(folder: RunFolder) -> Path:
    """Tell the root of the project in which the run lies."""
    return folder.path.parents[2]


def trees_of(project: Path, run: str) -> Path:
    """Tell where the worktrees of *run* lie."""
    return project / ".crew" / "worktrees" / run


async def find_traces(folder: RunFolder, state: RunState | None) -> Traces:
    """Find what the run has left. *state* is None if its journal cannot be read.

    Changes nothing. A run that worked in the project itself has left nothing, and git
    is not asked.

    Raises:
      WorktreeError: git refused.
      JournalError: the journal cannot be read any more.
    """
    project = project_of(folder)
    if state is None:
        return await traces_in(project, folder.run)
    if state.plan.workspace == "shared":
        return Traces()
    bases = await trio.to_thread.run_sync(bases_of, folder)
    return await traces_in(project, folder.run, bases)


def bases_of(folder: RunFolder) -> dict[str, str]:
    """Tell for each branch of the run the commit that it began with."""
    made = (one.event for one in read_events(folder))
    return {one.branch: one.base for one in made if isinstance(one, WorkspaceMade)}


async def traces_in(
    project: Path, run: str, bases: Mapping[str, str] | None = None
) -> Traces:
    """Find what *run* has left in the repository of *project*.

    Raises:
      WorktreeError: git refused.
    """
    if bases is None and not (project / ".git").exists():
        return Traces()
    home = trees_of(project, run)
    worktrees = Worktrees(project)
    trees = [
        Tree(
            attempt=path.name,
            path=path,
            branch=branch,
            dirty=await worktrees.dirty(path) or await _stray(path),
        )
        for path, branch in await _checked_out(project)
        if path.parent == home.resolve() and path.is_dir()
    ]
    return Traces(
        trees=tuple(trees), branches=await _branches(project, run, bases or {})
    )


async def _checked_out(project: Path) -> list[tuple[Path, str]]:
    """List the worktrees of the repository, each with its branch."""
    found: list[tuple[Path, str]] = []
    for line in await git(project, "worktree", "list", "--porcelain"):
        kind, _, value = line.partition(" ")
        if kind == "worktree":
            found.append((Path(value), ""))
        elif kind == "branch":
            found[-1] = (found[-1][0], value.removeprefix(_PREFIX))
    return found


async def _stray(path: Path) -> bool:
    """Tell whether the commit at *path* is on no branch and has no tag."""
    contains = ("for-each-ref", "--contains", "HEAD", "--count=1")
    return not await git(path, *contains, "refs/heads", "refs/tags", "refs/remotes")


async def _branches(
    project: Path, run: str, bases: Mapping[str, str]
) -> tuple[Branch, ...]:
    mine = f"{_PREFIX}crew/{run}/"
    names = ("for-each-ref", "--format=%(objectname) %(refname)")
    lines = await git(project, *names, mine)
    if not lines:
        return ()
    merged = set(await git(project, *names, "--merged", "HEAD", mine))
    found: list[Branch] = []
    for line in lines:
        tip, _, ref = line.partition(" ")
        name = ref.removeprefix(_PREFIX)
        found.append(
            Branch(
                attempt=ref.removeprefix(mine),
                name=name,
                tip=tip,
                merged=line in merged,
                holds=line not in merged and bases.get(name) != tip,
            )
        )
    return tuple(found)
