"""`crew cleanup`: remove the worktrees that a run has left."""

import attrs

from crew_actors.commands._layout import shown_path
from crew_actors.commands._runs import NAMED, find_run
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.observe import clean
from crew_actors.store import CleanedUp, clean_up


@attrs.frozen(kw_only=True)
class CleanupParameters:
    """Whose worktrees to remove, and which."""

    run: str = attrs.field(metadata=told(NAMED, positional=True))
    force: bool = attrs.field(
        default=False,
        metadata=told(
            "also those that hold changes which are in no commit; these are stored as "
            "a patch first"
        ),
    )


async def cleanup(parameters: CleanupParameters, context: Context) -> CleanedUp:
    """Remove the worktrees of a run on which nobody works. Its branches stay.

    Cancelled, it stops between two worktrees.

    Raises:
      UserError: there is no such run, somebody works on it, or git refused.
    """
    folder = find_run(parameters.run, context)
    return await clean_up(folder, force=parameters.force)


def _text(done: CleanedUp) -> str:
    lines = [f"removed: {shown_path(path)}" for path in done.removed]
    lines += [f"patch: {shown_path(path)}" for path in done.patches]
    lines += [f"kept: {clean(one.why)}" for one in done.kept]
    return "\n".join(lines) or "The run has no worktrees."


def _exit_code(done: CleanedUp) -> int:
    return 1 if done.kept else 0


ACTION = Action[CleanupParameters, CleanedUp](
    name="cleanup",
    parameters=CleanupParameters,
    handler=cleanup,
    text=_text,
    exit_code=_exit_code,
)
