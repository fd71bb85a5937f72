"""`crew worktrees`: what a run has left in the repository."""

import shlex
from pathlib import Path

import attrs
import trio

from crew_actors.commands._layout import columns, shown_path
from crew_actors.commands._runs import NAMED, find_run
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.journal import read_state
from crew_actors.model import RunState
from crew_actors.observe import clean, escaped
from crew_actors.store import Traces, Tree, find_traces, project_of


@attrs.frozen(kw_only=True)
class WorktreesParameters:
    """Whose worktrees to list."""

    run: str = attrs.field(metadata=told(NAMED, positional=True))


@attrs.frozen(kw_only=True)
class Changes:
    """A branch that holds what a completed attempt has changed."""

    task: str
    attempt: str
    branch: str
    merged: bool
    """Whether all of it is in what the project has checked out."""
    merge: str
    """The command that merges it."""


@attrs.frozen(kw_only=True)
class WorktreesFound:
    """The worktrees and branches of a run that are still there."""

    run: str
    worktrees: tuple[Tree, ...]
    branches: tuple[Changes, ...]


async def list_worktrees(
    parameters: WorktreesParameters, context: Context
) -> WorktreesFound:
    """List the worktrees of a run, and the branches with what its tasks have changed.

    Changes nothing.

    Raises:
      UserError: there is no such run, it cannot be read, or git refused.
    """
    folder = find_run(parameters.run, context)
    state = await trio.to_thread.run_sync(read_state, folder)
    traces = await find_traces(folder, state)
    project = project_of(folder)
    elsewhere = None if project == context.project.root else project
    return WorktreesFound(
        run=folder.run,
        worktrees=traces.trees,
        branches=tuple(_changes(state, traces, elsewhere)),
    )


def _changes(state: RunState, traces: Traces, elsewhere: Path | None) -> list[Changes]:
    """List the branches of *state* that are there, with what merges them from here."""
    there = {one.name: one for one in traces.branches}
    where = [] if elsewhere is None else ["-C", str(elsewhere)]
    return [
        Changes(
            task=task,
            attempt=there[one.branch].attempt,
            branch=one.branch,
            merged=there[one.branch].merged,
            merge=shlex.join(["git", *where, "merge", one.branch]),
        )
        for task, one in state.tasks.items()
        if one.branch is not None and one.branch in there
    ]


def _text(found: WorktreesFound) -> str:
    lines: list[str] = []
    if found.worktrees:
        lines += ["worktrees:"]
        lines += columns(
            (
                (
                    clean(one.attempt),
                    "dirty" if one.dirty else "clean",
                    clean(one.branch) or "(no branch)",
                    shown_path(one.path),
                )
                for one in found.worktrees
            ),
            whole=True,
        )
    if found.branches:
        lines += ["branches with changes:"]
        lines += columns(
            (
                (clean(one.attempt), "merged" if one.merged else escaped(one.merge))
                for one in found.branches
            ),
            whole=True,
        )
    return "\n".join(lines) or "The run has no worktrees, and no branches with changes."


ACTION = Action[WorktreesParameters, WorktreesFound](
    name="worktrees",
    parameters=WorktreesParameters,
    handler=list_worktrees,
    text=_text,
)
