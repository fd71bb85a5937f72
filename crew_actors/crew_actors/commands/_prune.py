# What has ended goes; what goes on, waits, was interrupted, is blocked or holds
# something stays, and is named: somebody may still want it.
"""`crew prune`: remove the oldest runs of the project."""

from functools import partial

import attrs
import trio

from crew_actors.commands._forget import UNCONFIRMED
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.errors import UserError
from crew_actors.journal import Registry, RunEntry, effective_status
from crew_actors.observe import clean, counted
from crew_actors.store import Doomed, doom, finish_forgotten, forget_run

KEEP = 20
"""So many of the newest runs stay, if nothing else is said."""


@attrs.frozen(kw_only=True)
class PruneParameters:
    """What to remove."""

    keep: int = attrs.field(
        default=KEEP,
        metadata=told(f"how many of the newest runs stay; {KEEP} if not given"),
    )
    confirm: bool = attrs.field(
        default=False, metadata=told("do it; without it, only tell what would go")
    )


@attrs.frozen(kw_only=True)
class Spared:
    """An old run that stays."""

    run: str
    why: str


@attrs.frozen(kw_only=True)
class Pruned:
    """Which runs went, or would go."""

    done: bool
    """Whether they are gone; otherwise nothing has changed."""
    keep: int
    runs: tuple[str, ...]
    """The oldest first."""
    spared: tuple[Spared, ...]


async def prune(parameters: PruneParameters, context: Context) -> Pruned:
    """Forget the runs of this project that have ended, but for the newest.

    Cancelled, each run is there as before, or gone.

    Raises:
      UserError: git or the disk refused. Runs that were forgotten by then are gone.
    """
    registry = Registry.of(context.places)
    root = context.project.root
    listed = partial(registry.list, project=root)
    found = await trio.to_thread.run_sync(listed)
    spared: list[Spared] = []
    gone: list[str] = []
    if parameters.confirm:
        await finish_forgotten(root, registry, now=context.now())
    for entry in reversed(found.runs[parameters.keep :]):
        try:
            doomed = await _doomed(entry)
            if isinstance(doomed, Spared):
                spared.append(doomed)
                continue
            if parameters.confirm:
                await forget_run(doomed, registry)
        except UserError as error:
            spared.append(Spared(run=entry.run, why=str(error)))
        else:
            gone.append(entry.run)
    return Pruned(
        done=parameters.confirm,
        keep=parameters.keep,
        runs=tuple(gone),
        spared=tuple(spared),
    )


async def _doomed(entry: RunEntry) -> Doomed | Spared:
    status = await trio.to_thread.run_sync(effective_status, entry.folder)
    if not status.terminal:
        return Spared(run=entry.run, why=f"it is {status.value}")
    return await doom(entry.folder, force=False)


def _text(pruned: Pruned) -> str:
    word = "removed" if pruned.done else "would remove"
    lines = [f"{word}: run {run}" for run in pruned.runs]
    lines += [f"kept: run {one.run}: {clean(one.why)}" for one in pruned.spared]
    if not pruned.runs:
        newest = counted(pruned.keep, "run")
        lines.append(f"There is nothing to remove beside the newest {newest}.")
    elif not pruned.done:
        lines.append("Nothing was changed; with --confirm they go.")
    return "\n".join(lines)


def _exit_code(pruned: Pruned) -> int:
    return UNCONFIRMED if pruned.runs and not pruned.done else 0


ACTION = Action[PruneParameters, Pruned](
    name="prune",
    parameters=PruneParameters,
    handler=prune,
    text=_text,
    exit_code=_exit_code,
)
