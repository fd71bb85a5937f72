# Each attempt that works in a worktree has it for itself: a folder and a branch.
#
# 1. Nothing an attempt wrote is ever thrown away unseen. What completed is committed
#    on its branch; what did not stays as it lies, or is stored as a patch, with new
#    and binary files, before it is removed.
# 2. A task begins with what the tasks that it depends on have left: their branches
#    are merged into its own. What cannot be merged fails the attempt, by name.
# 3. There is no silent way back to the main checkout. It is never written to.
# 4. Git locks a repository for some of this; one lock here keeps attempts from
#    meeting there. Two runtimes may still meet: git then says so, and is asked again.
"""Worktrees of one repository."""

import os
import shutil
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
import trio

from crew_actors.journal import sync_folder
from crew_actors.worktrees._errors import (
    GitFailed,
    NoCommit,
    NotARepository,
    WorktreeConflict,
    WorktreeDirty,
    WorktreeError,
    WorktreeInTheWay,
)
from crew_actors.worktrees._git import git

_TRIES = 5
_PAUSE = 0.2  # seconds between tries while another process holds git's lock
_IDENTITY = {  # for commits where the user has not told git who they are
    "GIT_AUTHOR_NAME": "crew",
    "GIT_AUTHOR_EMAIL": "crew@localhost",
    "GIT_COMMITTER_NAME": "crew",
    "GIT_COMMITTER_EMAIL": "crew@localhost",
}


@attrs.frozen
class Worktree:
    """The checkout of one attempt."""

    path: Path
    branch: str
    base: str
    """The commit that the attempt began with, in full."""


@attrs.define(eq=False)
class Worktrees:
    """The worktrees that attempts of one project work in."""

    root: Path
    """The main checkout."""

    _lock: trio.Lock = attrs.field(factory=trio.Lock, init=False)

    async def head(self) -> str:
        """Tell the commit that the main checkout stands at.

        Raises:
          NotARepository: the project is none.
          NoCommit: it has no commit yet.
          WorktreeError: git cannot be run.
        """
        try:
            inside = await git(self.root, "rev-parse", "--is-inside-work-tree")
        except GitFailed:
            raise NotARepository(self.root) from None
        if inside != ("true",):
            raise NotARepository(self.root)
        try:
            (head,) = await git(self.root, "rev-parse", "--verify", "HEAD^{commit}")
        except GitFailed:
            raise NoCommit(self.root) from None
        return head

    async def make(
        self, path: Path, branch: str, *, base: str, merge: tuple[str, ...] = ()
    ) -> Worktree:
        """Make a worktree at *path* on the new *branch*, from the commit *base*.

        The branches *merge* are merged into it. Cancelled, or failed, it leaves
        neither the folder nor the branch.

        Raises:
          WorktreeInTheWay: the folder or the branch exists.
          WorktreeConflict: the branches cannot be merged.
          WorktreeError: git refused.
        """
        async with self._lock:
            if await self._exists(branch):
                raise WorktreeInTheWay(f"branch {branch}")
            await trio.to_thread.run_sync(_make_room, path)
            try:
                await self._patiently("worktree", "prune")
                add = ("worktree", "add", "--quiet", "-b", branch, str(path), base)
                await self._patiently(*add)
                await self._merge(path, merge)
                (begun,) = await git(path, "rev-parse", "HEAD")
            except BaseException:  # nothing half-made stays, whatever it was
                with trio.CancelScope(shield=True):
                    await self._undo(path, branch)
                raise
        return Worktree(path, branch, begun)

    async def commit(self, worktree: Worktree, message: str) -> bool:
        """Commit all that lies in *worktree* on its branch. False: nothing changed.

        What git is told to ignore is not in it. After a cancellation the commit is
        there, or it is not.

        Raises:
          WorktreeError: git refused.
        """
        await git(worktree.path, "add", "--all")
        if not await self._dirty(worktree.path):
            return False
        identity = await self._identity(worktree.path)
        await git(
            worktree.path,
            *("commit", "--quiet", "--no-verify", "--no-gpg-sign", "-m", message),
            extra=identity,
        )
        return True

    async def patch(
        self, worktree: Worktree, target: Path, *, objects: Path | None = None
    ) -> bool:
        """Write what differs from the base to the file *target*, as a git patch.

        New files and binary ones are in it. Neither the files nor the index of the
        worktree change. Git keeps the content of changed files in the repository, or
        in the existing folder *objects*: then nothing in the repository changes at
        all. False: nothing differs, and nothing was written.

        On return the patch is on disk: the worktree may go. What a killed process
        left of one that it made is in nobody's way. Cancelled, or failed, it leaves
        no patch.

        Raises:
          WorktreeError: git refused.
          OSError: the system refused, as on a full disk.
        """
        with TemporaryDirectory(dir=target.parent, prefix=".patch-") as aside:
            made = Path(aside) / target.name
            await self._write_patch(worktree, made, objects)
            return await trio.to_thread.run_sync(_keep_if_any, made, target)

    async def _write_patch(
        self, worktree: Worktree, made: Path, objects: Path | None
    ) -> None:
        """Let git write the patch to the file *made*, and an index beside it."""
        beside = {"GIT_INDEX_FILE": str(made.with_suffix(".index"))}
        if objects is not None:
            (mine,) = await git(worktree.path, "rev-parse", "--git-path", "objects")
            beside["GIT_OBJECT_DIRECTORY"] = str(objects)
            beside["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = str(worktree.path / mine)
        output = f"--output={made}"
        await git(worktree.path, "read-tree", worktree.base, extra=beside)
        await git(worktree.path, "add", "--all", extra=beside)
        difference = ("diff", "--cached", "--binary", "--no-ext-diff")
        await git(worktree.path, *difference, output, worktree.base, extra=beside)

    async def dirty(self, path: Path) -> bool:
        """Tell whether the worktree at *path* holds changes that are in no commit.

        Raises:
          WorktreeError: git refused.
        """
        return await self._dirty(path)

    async def remove(self, path: Path, *, force: bool = False) -> None:
        """Remove the worktree at *path*. Its branch stays, with all commits.

        Raises:
          WorktreeDirty: it holds changes that are in no commit, and *force* is not
            given. It was kept.
          WorktreeError: git refused.
        """
        async with self._lock:
            if not force and await self._dirty(path):
                raise WorktreeDirty(path)
            await self._patiently("worktree", "remove", "--force", str(path))

    async def drop_branch(self, worktree: Worktree) -> bool:
        """Delete the branch of a removed worktree if it holds no commit of its own.

        Raises:
          WorktreeError: git refused.
        """
        async with self._lock:
            (tip,) = await git(self.root, "rev-parse", f"refs/heads/{worktree.branch}")
            if tip != worktree.base:
                return False
            await self._patiently("branch", "--quiet", "-D", worktree.branch)
            return True

    async def _merge(self, path: Path, branches: tuple[str, ...]) -> None:
        if not branches:
            return
        identity = await self._identity(path)
        for branch in branches:
            try:
                merge = ("merge", "--quiet", "--no-edit", "--no-verify", branch)
                await git(path, *merge, extra=identity)
            except GitFailed as error:
                raise WorktreeConflict(branches, error.why) from error

    async def _identity(self, path: Path) -> dict[str, str]:
        """Tell under whose name to commit: the user's own, if git knows it."""
        try:
            await git(path, "config", "user.email")
        except GitFailed:
            return dict(_IDENTITY)
        return {}

    async def _exists(self, branch: str) -> bool:
        wanted = f"refs/heads/{branch}"
        return bool(await git(self.root, "for-each-ref", wanted))

    async def _dirty(self, path: Path) -> bool:
        return bool(await git(path, "status", "--porcelain", "--untracked-files=all"))

    async def _undo(self, path: Path, branch: str) -> None:
        """Take back a worktree that was not completed, as far as it exists."""
        remove = partial(shutil.rmtree, path, ignore_errors=True)
        await trio.to_thread.run_sync(remove)
        try:
            await self._patiently("worktree", "prune")
            if await self._exists(branch):
                await self._patiently("branch", "--quiet", "-D", branch)
        except WorktreeError:
            return  # the error that is on its way says more

    async def _patiently(self, *args: str) -> None:
        """Run git in the main checkout; again while another process holds its lock."""
        for _ in range(_TRIES - 1):
            try:
                await git(self.root, *args)
            except GitFailed as error:
                if ".lock" not in error.why and "unable to create" not in error.why:
                    raise
                await trio.sleep(_PAUSE)
            else:
                return
        await git(self.root, *args)


def _make_room(path: Path) -> None:
    """Make the folders above *path*.

    Raises:
      WorktreeInTheWay: there is something at *path*.
    """
    if os.path.lexists(path):
        raise WorktreeInTheWay(str(path))
    path.parent.mkdir(parents=True, exist_ok=True)


def _keep_if_any(made: Path, target: Path) -> bool:
    """Put the file *made* on disk, then under its name, if anything is in it."""
    with made.open("r+b") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return False
        os.fsync(file.fileno())
    made.replace(target)
    sync_folder(target.parent)
    return True
