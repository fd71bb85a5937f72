# Worktrees: a checkout of its own for each attempt.
#
#   _git         run git, as a supervised process
#   _worktrees   make, snapshot and release worktrees of one repository
#   _errors      what can be wrong
"""Git worktrees: isolation of what agents write."""

from crew_actors.worktrees._errors import (
    GitFailed as GitFailed,
    GitMissing as GitMissing,
    NoCommit as NoCommit,
    NotARepository as NotARepository,
    WorktreeConflict as WorktreeConflict,
    WorktreeDirty as WorktreeDirty,
    WorktreeError as WorktreeError,
    WorktreeInTheWay as WorktreeInTheWay,
)
from crew_actors.worktrees._worktrees import (
    Worktree as Worktree,
    Worktrees as Worktrees,
)
