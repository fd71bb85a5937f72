# Where an attempt works: in the project itself, or in a worktree of its own.
#
# 1. A worktree begins with what the tasks before it have changed: the branches of the
#    dependencies, and of theirs where those changed nothing, are merged into it.
# 2. What a completed attempt changed is committed on its branch, and the folder goes.
#    What another one changed stays where it lies. Either way all of it is kept as an
#    artifact, too.
"""The workspace of an attempt."""

from pathlib import Path
from typing import TYPE_CHECKING, final

import attrs
import trio

from crew_actors.journal import ArtifactError, JournalError
from crew_actors.model import (
    Artifact,
    AttemptId,
    PlannedTask,
    RunState,
    TaskId,
    WorkspaceMade,
    WorkspaceReleased,
)
from crew_actors.runs._words import words
from crew_actors.worktrees import Worktree, WorktreeError, Worktrees

if TYPE_CHECKING:
    from crew_actors.runs._port import AttemptPort

PATCH = "changes.patch"
"""The name of the artifact that holds what an attempt changed."""


@final
@attrs.define(eq=False)
class Workspace:
    """The workspace of one attempt. Only its task actor uses it."""

    state: RunState
    """As it was when the attempt was started."""
    task: PlannedTask
    attempt: AttemptId
    worktrees: Worktrees
    _tree: Worktree | None = attrs.field(default=None, init=False)

    async def enter(self, port: "AttemptPort") -> Path:
        """Make the workspace ready; return its path.

        Raises:
          WorktreeError: there is no worktree. Nothing is left of it.
        """
        plan = self.state.plan
        if plan.workspace == "shared" or plan.base is None:
            return Path(self.state.workspace)
        root = self.worktrees.root / ".crew" / "worktrees"
        await trio.to_thread.run_sync(_hide, root)
        self._tree = await self.worktrees.make(
            root / self.state.run / self.attempt,
            f"crew/{self.state.run}/{self.attempt}",
            base=plan.base,
            merge=_branches(self.state, self.task),
        )
        await port.report(
            WorkspaceMade(
                task=self.task.id,
                attempt=self.attempt,
                path=str(self._tree.path),
                branch=self._tree.branch,
                base=self._tree.base,
            )
        )
        return self._tree.path

    async def leave(self, port: "AttemptPort", *, completed: bool) -> None:
        """Keep what the attempt has changed, and give the worktree back.

        What cannot be kept elsewhere stays in the folder of the worktree.
        """
        tree = self._tree
        if tree is None:
            return
        patch: Artifact | None = None
        branch: str | None = None
        kept, why = True, "it did not complete"
        try:
            patch = await self._patch(port, tree)
            if completed or patch is None:
                branch = await self._close(tree)
                kept, why = False, ""
        except (WorktreeError, ArtifactError, JournalError, OSError) as error:
            kept, why = True, words(str(error))
        await port.report(
            WorkspaceReleased(
                task=self.task.id,
                attempt=self.attempt,
                kept=kept,
                why=why,
                branch=branch,
                patch=patch,
            )
        )

    async def _patch(self, port: "AttemptPort", tree: Worktree) -> Artifact | None:
        folder = port.folder
        assert folder is not None, "it was made before the worktree"
        target = folder / PATCH
        if not await self.worktrees.patch(tree, target):
            return None
        return await port.keep(PATCH, target)

    async def _close(self, tree: Worktree) -> str | None:
        """Commit, remove the folder; return the branch if it holds anything."""
        title = f"{self.task.title}\n\nRun {self.state.run}, attempt {self.attempt}."
        await self.worktrees.commit(tree, title)
        await self.worktrees.remove(tree.path)
        return None if await self.worktrees.drop_branch(tree) else tree.branch


def _branches(state: RunState, task: PlannedTask) -> tuple[str, ...]:
    """List the branches with what the tasks before *task* have changed."""
    found: dict[str, None] = {}
    seen: set[TaskId] = set()
    open_ends = list(reversed(task.depends_on))
    while open_ends:
        needed = open_ends.pop()
        if needed in seen:
            continue
        seen.add(needed)
        branch = state.tasks[needed].branch
        if branch is not None:
            found[branch] = None
        else:
            open_ends.extend(reversed(state.tasks[needed].plan.depends_on))
    return tuple(found)


def _hide(root: Path) -> None:
    """Make the folder of the worktrees, of which git is told to ignore everything."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    ignore = root / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
