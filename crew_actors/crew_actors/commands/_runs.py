"""Find a run by what its user calls it, and tell the way out of a blocked one."""

from typing import Final

from crew_actors import journal
from crew_actors.commands._table import Context
from crew_actors.journal import RunFolder

NAMED: Final = "its id, the beginning of it, or `latest`"
BLOCKED: Final = "Have what gave no result print one, then start the run again."
"""The way out for whoever finds a run blocked."""


def goes_on(folder: RunFolder) -> str:
    """Say that the run in *folder* goes on when nobody watches it any more."""
    return f"The run goes on. Stop it: crew cancel {folder.run}"


def find_run(name: str, context: Context) -> RunFolder:
    """Find the run whose id is *name* or alone begins with it, or the `latest` here.

    Raises:
      NoRuns: the latest is asked for, and this project has none.
      UnknownRun: there is none of that name.
      SeveralRuns: there are several.
    """
    return journal.find_run(name, context.project, context.places)
