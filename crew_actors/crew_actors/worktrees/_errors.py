"""What can be wrong with a worktree, each with its way out."""

from pathlib import Path

from crew_actors.errors import UserError


class WorktreeError(UserError):
    """A worktree could not be made, looked at or removed. Nothing was lost."""

    exit_code = 1


class GitMissing(WorktreeError):
    """There is no git to be run."""

    exit_code = 2

    def __str__(self) -> str:
        return (
            "worktrees need git, and there is none on your PATH: install it, or run "
            "without `--workspace worktree`"
        )


class NotARepository(WorktreeError):
    """The project is not a git repository."""

    exit_code = 2

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.root = root

    def __str__(self) -> str:
        return (
            f"{self.root} is not a git repository, so its tasks cannot have worktrees: "
            "run `git init` and commit, or run without `--workspace worktree`"
        )


class NoCommit(WorktreeError):
    """The repository has no commit that a worktree could begin with."""

    exit_code = 2

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.root = root

    def __str__(self) -> str:
        return f"{self.root} has no commit yet: commit something first"


class WorktreeInTheWay(WorktreeError):
    """The folder or the branch of a worktree is there already. It was not touched."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return f"{self.what} exists already; remove it, or rename it"


class WorktreeConflict(WorktreeError):
    """The changes of two tasks do not fit together. The worktree is gone again."""

    def __init__(self, branches: tuple[str, ...], detail: str) -> None:
        super().__init__(branches, detail)
        self.branches = branches
        self.detail = detail

    def __str__(self) -> str:
        named = " and ".join(self.branches)
        return (
            f"the changes on {named} cannot be merged ({self.detail}): merge them by "
            "hand into one of the branches, then retry the task"
        )


class WorktreeDirty(WorktreeError):
    """A worktree holds changes that are in no commit. It was kept."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return (
            f"{self.path} holds changes that are in no commit, so it was kept; "
            "commit them, or use --force, which stores them as a patch first"
        )


class GitFailed(WorktreeError):
    """Git refused. What it was to do was not done."""

    def __init__(self, command: str, why: str) -> None:
        super().__init__(command, why)
        self.command = command
        self.why = why

    def __str__(self) -> str:
        return f"git {self.command} failed: {self.why}"
