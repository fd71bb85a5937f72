"""`crew import`: take in a run that was exported."""

from functools import partial
from pathlib import Path

import attrs
import trio

from crew_actors.commands._imports import ImportedRun, imported_run, imported_text
from crew_actors.commands._schema import BadParameters, told
from crew_actors.commands._table import Action, Context
from crew_actors.store import import_bundle


@attrs.frozen(kw_only=True)
class ImportParameters:
    """What to take in."""

    path: str = attrs.field(
        metadata=told("the file that `crew export` has written", positional=True)
    )


async def import_run(parameters: ImportParameters, context: Context) -> ImportedRun:
    """Unpack an exported run into `.crew/imports`, once all of it has been checked.

    Nothing in it is executed, and it is none of the runs of this project. Cancelled,
    it is there whole, or not at all.

    Raises:
      UserError: the file is none, is damaged or too large, or was imported before.
    """
    work = partial(import_bundle, Path(parameters.path), context.project.root)
    try:
        return imported_run(await trio.to_thread.run_sync(work))
    except OSError as error:
        if error.filename != parameters.path:
            raise
        why = f"path {parameters.path}: {error.strerror}; name a file that can be read"
        raise BadParameters("import", (why,)) from error


ACTION = Action[ImportParameters, ImportedRun](
    name="import", parameters=ImportParameters, handler=import_run, text=imported_text
)
