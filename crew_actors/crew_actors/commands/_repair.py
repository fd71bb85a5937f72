# Nothing changes without `confirm`: without it the result tells what would be kept.
"""`crew repair`: save what can be read of a damaged run."""

from functools import partial
from pathlib import Path

import attrs
import trio

from crew_actors.commands._layout import shown_path
from crew_actors.commands._runs import NAMED, find_run
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.journal import examine_journal, repair_journal
from crew_actors.observe import clean, counted

UNCONFIRMED = 2
"""What the command exits with that would change something, and was not told to."""


@attrs.frozen(kw_only=True)
class RepairParameters:
    """What to repair."""

    run: str = attrs.field(metadata=told(NAMED, positional=True))
    dry_run: bool = attrs.field(
        default=False, metadata=told("only tell what would be kept, and what is lost")
    )
    confirm: bool = attrs.field(
        default=False, metadata=told("do it; without it, it is only told")
    )


@attrs.frozen(kw_only=True)
class Repaired:
    """What became of a run's journal, or would."""

    run: str
    done: bool
    """Whether it was repaired; otherwise nothing has changed."""
    dry_run: bool
    problems: tuple[str, ...]
    """What is wrong with it; empty if nothing is."""
    kept: int
    """Events that can be read."""
    lost: tuple[tuple[int, int], ...]
    """The first and the last number of events that cannot, for each hole."""
    aside: Path | None
    """The damaged database, under its other name; None if nothing was done."""


async def repair(parameters: RepairParameters, context: Context) -> Repaired:
    """Make the damaged journal of a run whole again, from what can be read of it.

    The damaged file is kept beside it. What was lost cannot be had back: tasks whose
    end is lost are done again when the run is resumed. A journal without a damage is
    left as it is. Cancelled, it is repaired, or as it was.

    Raises:
      UserError: there is no such run, somebody works on it, or nothing can be read.
    """
    folder = await trio.to_thread.run_sync(find_run, parameters.run, context)
    act = parameters.confirm and not parameters.dry_run
    if act:
        work = partial(repair_journal, folder, now=context.now())
    else:
        work = partial(examine_journal, folder)
    report = await trio.to_thread.run_sync(work)
    return Repaired(
        run=folder.run,
        done=report.aside is not None,
        dry_run=parameters.dry_run,
        problems=report.problems,
        kept=report.kept,
        lost=report.lost,
        aside=report.aside,
    )


def _text(found: Repaired) -> str:
    if not found.problems:
        return f"Nothing is wrong with the journal: {counted(found.kept, 'event')}."
    lines = [f"problem: {clean(problem)}" for problem in found.problems]
    would = "" if found.done else "would be "
    lines.append(f"{would}kept: {counted(found.kept, 'event')}")
    for first, last in found.lost:
        numbers = f"event {first}" if first == last else f"events {first} to {last}"
        lines.append(f"lost: {numbers}")
    if found.aside is not None:
        lines.append(f"the damaged file: {shown_path(found.aside)}")
        lines.append(f"Go on with what was kept: crew resume {found.run}")
    else:
        lines.append(f"Nothing was changed; crew repair {found.run} --confirm does it.")
    return "\n".join(lines)


def _exit_code(found: Repaired) -> int:
    asked = found.done or found.dry_run or not found.problems
    return 0 if asked else UNCONFIRMED


ACTION = Action[RepairParameters, Repaired](
    name="repair",
    parameters=RepairParameters,
    handler=repair,
    text=_text,
    exit_code=_exit_code,
)
