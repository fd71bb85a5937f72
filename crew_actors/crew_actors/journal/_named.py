"""Find a run by what its user calls it."""

from typing import Final, final

from crew_actors.errors import UserError
from crew_actors.journal._errors import AmbiguousRun
from crew_actors.journal._folder import RunFolder
from crew_actors.journal._registry import Registry
from crew_actors.places import Places, Project

LATEST: Final = "latest"

_MOST: Final = 5
"""So many runs are named when several are meant."""


@final
class NoRuns(UserError):
    """There is no run that could be the latest."""

    def __init__(self, project: str) -> None:
        super().__init__(project)
        self.project = project

    def __str__(self) -> str:
        return (
            f"there are no runs of {self.project} yet; start one with `crew run`, or "
            "name one of another project: `crew status --all` lists them"
        )


@final
class SeveralRuns(UserError):
    """More than one run has an id that begins like that."""

    def __init__(self, text: str, candidates: tuple[str, ...]) -> None:
        super().__init__(text, candidates)
        self.text = text
        self.candidates = candidates

    def __str__(self) -> str:
        named = ", ".join(self.candidates[:_MOST])
        more = len(self.candidates) - _MOST
        return (
            f"{self.text!r} begins the ids of {len(self.candidates)} runs, write more "
            f"of it: {named}{f', and {more} more' if more > 0 else ''}"
        )


def find_run(name: str, project: Project, places: Places) -> RunFolder:
    """Find the run whose id is *name* or alone begins with it, or the `latest` here.

    Blocks on the disk.

    Raises:
      NoRuns: the latest is asked for, and *project* has none.
      UnknownRun: there is none of that name.
      SeveralRuns: there are several.
    """
    registry = Registry.of(places)
    root = project.root
    if name != LATEST:
        try:
            return registry.find(name, project=root)
        except AmbiguousRun as error:
            raise SeveralRuns(error.text, error.candidates) from error
    found = registry.list(project=root, limit=1).runs
    if not found:
        raise NoRuns(str(root))
    return found[0].folder
