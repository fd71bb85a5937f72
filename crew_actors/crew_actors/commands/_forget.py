# Nothing goes without `confirm`: without it the result tells what would go.
"""`crew forget`: remove a run."""

from pathlib import Path

import attrs

from crew_actors.commands._layout import shown_path
from crew_actors.commands._runs import NAMED, find_run
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.journal import Registry
from crew_actors.observe import clean
from crew_actors.store import doom, finish_forgotten, forget_run, project_of

UNCONFIRMED = 2
"""What a command exits with that would remove something, and was not told to."""


@attrs.frozen(kw_only=True)
class ForgetParameters:
    """What to remove."""

    run: str = attrs.field(metadata=told(NAMED, positional=True))
    confirm: bool = attrs.field(
        default=False, metadata=told("do it; without it, only tell what would go")
    )
    force: bool = attrs.field(
        default=False,
        metadata=told(
            "even if a worktree holds changes that are in no commit, or the journal is "
            "damaged; what they hold is lost"
        ),
    )


@attrs.frozen(kw_only=True)
class ForgetReport:
    """What went with a run, or would go."""

    run: str
    done: bool
    """Whether it is gone; otherwise nothing has changed."""
    folder: Path
    worktrees: tuple[Path, ...]
    dirty: tuple[Path, ...]
    """Those of them that held changes which are in no commit."""
    branches: tuple[str, ...]
    """Those that hold nothing, and go as well."""
    kept: tuple[str, ...]
    """Branches that hold changes, and stay."""


async def forget(parameters: ForgetParameters, context: Context) -> ForgetReport:
    """Remove a run on which nobody works: its folder, worktrees and empty branches.

    Cancelled, the run is there as before, or it is gone, and what is left of it is
    removed when the next one is forgotten.

    Raises:
      UserError: there is no such run, somebody works on it, one of its worktrees
        holds changes, or git refused.
    """
    folder = find_run(parameters.run, context)
    doomed = await doom(folder, force=parameters.force)
    if parameters.confirm:
        registry = Registry.of(context.places)
        project = project_of(folder)
        await finish_forgotten(project, registry, now=context.now())
        await forget_run(doomed, registry)
    gone = {one.name for one in doomed.empty}
    return ForgetReport(
        run=folder.run,
        done=parameters.confirm,
        folder=folder.path,
        worktrees=tuple(one.path for one in doomed.traces.trees),
        dirty=tuple(one.path for one in doomed.traces.trees if one.dirty),
        branches=tuple(sorted(gone)),
        kept=tuple(one.name for one in doomed.traces.branches if one.name not in gone),
    )


def _text(report: ForgetReport) -> str:
    word = "removed" if report.done else "would remove"
    lines = [f"{word}: {shown_path(report.folder)}"]
    for path in report.worktrees:
        lost = " (its changes are lost)" if path in report.dirty else ""
        lines.append(f"{word}: {shown_path(path)}{lost}")
    lines += [
        f"{word}: branch {clean(name)}, which holds nothing" for name in report.branches
    ]
    lines += [f"kept: branch {clean(name)}" for name in report.kept]
    if not report.done:
        lines.append(
            f"Nothing was changed; crew forget {report.run} --confirm does it."
        )
    return "\n".join(lines)


def _exit_code(report: ForgetReport) -> int:
    return 0 if report.done else UNCONFIRMED


ACTION = Action[ForgetParameters, ForgetReport](
    name="forget",
    parameters=ForgetParameters,
    handler=forget,
    text=_text,
    exit_code=_exit_code,
)
