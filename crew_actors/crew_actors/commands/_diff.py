# Asking changes nothing: git keeps what it needs for the answer in a folder that is
# removed afterwards.
"""`crew diff`: what the attempts of a run have changed."""

from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
import trio

from crew_actors.commands._layout import shown_path
from crew_actors.commands._runs import NAMED, find_run
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.journal import (
    ArtifactError,
    ArtifactStore,
    RunFolder,
    read_events,
    read_state,
)
from crew_actors.model import Artifact, RunState
from crew_actors.observe import SeenAttempt, clean, escaped, read_history
from crew_actors.runs import check_tasks
from crew_actors.store import project_of
from crew_actors.worktrees import Worktree, WorktreeError, Worktrees

SHOWN = 4 * 1024 * 1024
"""Bytes of one patch that are told; all of it lies in its file."""


@attrs.frozen(kw_only=True)
class DiffParameters:
    """Whose changes to tell."""

    run: str = attrs.field(metadata=told(NAMED, positional=True))
    task: str | None = attrs.field(
        default=None,
        metadata=told("only those of the task with this id", positional=True),
    )


@attrs.frozen(kw_only=True)
class Difference:
    """What the newest attempt at a task has changed."""

    task: str
    attempt: str
    live: bool
    """Whether it is what the worktree holds now; otherwise it changes no more."""
    patch: str
    """As git writes it; what is no UTF-8 in it is replaced. Empty if nothing changed."""
    left_out: int
    """Bytes of it that are not told."""
    path: Path | None
    """The file with all of it, if it is kept."""
    worktree: Path | None
    """Where the changes lie, while that is there."""
    problem: str
    """Why it cannot be told; empty if it can."""


@attrs.frozen(kw_only=True)
class DiffFound:
    """What the tasks of a run have changed, in the order of the plan."""

    run: str
    isolated: bool
    """Whether the tasks work in worktrees; otherwise nobody knows who changed what."""
    changes: tuple[Difference, ...]


async def tell_diff(parameters: DiffParameters, context: Context) -> DiffFound:
    """Tell what tasks have changed in their worktrees, also while they are at work.

    Raises:
      UserError: there is no such run or task, or its journal cannot be read.
    """
    folder = find_run(parameters.run, context)
    state = await trio.to_thread.run_sync(read_state, folder)
    if parameters.task is not None:
        check_tasks(state, [parameters.task])
    history = await trio.to_thread.run_sync(lambda: read_history(read_events(folder)))
    changes: list[Difference] = []
    for name in state.tasks:
        seen = [one for one in history.attempts.get(name, ()) if one.base]
        if seen and parameters.task in {None, name}:
            changes.append(await _difference(folder, name, seen[-1]))
    return DiffFound(run=state.run, isolated=_isolated(state), changes=tuple(changes))


def _isolated(state: RunState) -> bool:
    return state.plan.workspace == "worktree"


async def _difference(folder: RunFolder, task: str, seen: SeenAttempt) -> Difference:
    there = Path(seen.workspace or "")
    is_there = await trio.to_thread.run_sync(there.is_dir)
    raw, problem, live = b"", "", False
    try:
        if seen.patch is not None:
            raw = await ArtifactStore(folder).read(seen.patch)
        elif is_there:
            live = True
            raw = await _live(folder, there, seen)
        elif seen.ended_at is None or seen.kept:
            problem = "its worktree is gone"
    except (ArtifactError, WorktreeError, OSError) as error:
        problem = str(error)
    return Difference(
        task=task,
        attempt=seen.attempt,
        live=live,
        patch=raw[:SHOWN].decode("utf-8", "replace"),
        left_out=max(len(raw) - SHOWN, 0),
        path=_path(folder, seen.patch),
        worktree=there if is_there else None,
        problem=problem,
    )


def _path(folder: RunFolder, patch: Artifact | None) -> Path | None:
    return None if patch is None else folder.path / patch.path


async def _live(folder: RunFolder, worktree: Path, seen: SeenAttempt) -> bytes:
    """Ask git what the worktree holds now.

    Raises:
      WorktreeError: git refused.
      OSError: there is no room for its answer.
    """
    trees = Worktrees(project_of(folder))
    tree = Worktree(worktree, seen.branch or "", seen.base)
    with TemporaryDirectory(prefix="crew-diff-") as aside:
        target, objects = Path(aside) / "changes.patch", Path(aside) / "objects"
        objects.mkdir()
        if not await trees.patch(tree, target, objects=objects):
            return b""
        return await trio.Path(target).read_bytes()


def _text(found: DiffFound) -> str:
    lines: list[str] = []
    for one in found.changes:
        state = "so far" if one.live else "in the end"
        lines.append(f"{clean(one.attempt)} has changed {state}:")
        if one.path is not None:
            lines.append(f"(apply it with: git apply {shown_path(one.path)})")
        lines += [escaped(line) for line in one.patch.split("\n")[:-1]]
        if one.problem:
            lines.append(f"It cannot be told: {clean(one.problem)}")
        elif not one.patch:
            lines.append("nothing")
        if one.left_out:
            lines.append(f"({one.left_out:,} more bytes are left out.)")
        lines.append("")
    if lines:
        return "\n".join(lines[:-1])
    if found.isolated:
        return "No task has a worktree yet."
    return "The tasks work in the project itself; `git diff` tells what has changed."


ACTION = Action[DiffParameters, DiffFound](
    name="diff", parameters=DiffParameters, handler=tell_diff, text=_text
)
