"""`crew diagnose`: a report about one run, to be given away."""

from functools import partial
from pathlib import Path

import attrs
import trio

from crew_actors.commands._layout import shown_path
from crew_actors.commands._runs import NAMED, find_run
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.observe import clean
from crew_actors.store import diagnose_run, is_damaged


@attrs.frozen(kw_only=True)
class DiagnoseParameters:
    """What to report about, and where to."""

    run: str = attrs.field(metadata=told(NAMED, positional=True))
    to: str | None = attrs.field(
        default=None,
        metadata=told(
            "the file to write, or a folder for it; without it, a file in `.crew/exports`"
        ),
    )


@attrs.frozen(kw_only=True)
class Diagnosed:
    """A report that was written."""

    run: str
    path: Path
    problems: tuple[str, ...]
    """What could not be found out."""
    damaged: bool
    """Whether its journal is; `repair` saves what can be read."""


async def diagnose(parameters: DiagnoseParameters, context: Context) -> Diagnosed:
    """Write what is known of a run into a JSON file: state, events, owner, processes.

    Secrets are masked; of variables there are only the names, but for a few. Nothing of
    the run is changed. Cancelled, the file is there whole, or not at all.

    Raises:
      UserError: there is no such run, or there is a file already.
    """
    folder = find_run(parameters.run, context)
    work = partial(
        diagnose_run,
        folder,
        None if parameters.to is None else Path(parameters.to),
        places=context.places,
        environ=context.environ,
        home=Path.home(),
        now=context.now(),
    )
    path, problems = await trio.to_thread.run_sync(work)
    damaged = await trio.to_thread.run_sync(is_damaged, folder)
    return Diagnosed(run=folder.run, path=path, problems=problems, damaged=damaged)


def _text(done: Diagnosed) -> str:
    lines = [f"report: {shown_path(done.path)}"]
    lines += [f"not known: {clean(problem)}" for problem in done.problems]
    if done.damaged:
        lines.append(
            f"The journal is damaged; what can be saved: crew repair {done.run}"
        )
    return "\n".join(lines)


ACTION = Action[DiagnoseParameters, Diagnosed](
    name="diagnose", parameters=DiagnoseParameters, handler=diagnose, text=_text
)
