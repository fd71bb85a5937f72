"""What can be wrong with a run as a whole, each with its way out."""

from pathlib import Path
from typing import final

from crew_actors.errors import UserError

_SHOWN = 20
"""So many problems of a bundle are told."""


@final
class NotARunFolder(UserError):
    """The folder is not where folders of runs lie. Nothing was touched."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(path, why)
        self.path = path
        self.why = why

    def __str__(self) -> str:
        return (
            f"{self.path} is not the folder of a run ({self.why}), so it was not "
            "touched: remove by hand what you do not want"
        )


@final
class TargetInTheWay(UserError):
    """There is a file where one was to be written. It was not touched."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path} exists already: remove it, or name another file with --to"


@final
class NoFolderFor(UserError):
    """A file was to be written into a folder that is not there. Nothing was written."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return (
            f"there is no folder {self.path.parent}: make it, or name another with --to"
        )


@final
class BundleTooLarge(UserError):
    """The run has more than a bundle may hold. Nothing was written."""

    exit_code = 1

    def __init__(self, what: str, limit: int) -> None:
        super().__init__(what, limit)
        self.what = what
        self.limit = limit

    def __str__(self) -> str:
        return (
            f"a bundle holds at most {self.limit:,} {self.what}, and this run has "
            "more: copy the folder of the run instead"
        )


@final
class BadBundle(UserError):
    """The file is no bundle that could be taken in. Nothing of it was kept."""

    exit_code = 1

    def __init__(self, path: Path, problems: tuple[str, ...]) -> None:
        super().__init__(path, problems)
        self.path = path
        self.problems = problems

    def __str__(self) -> str:
        more = len(self.problems) - _SHOWN
        lines = [f"{self.path} was not imported:", *self.problems[:_SHOWN]]
        if more > 0:
            lines.append(f"and {more} more")
        return "\n".join(lines)


@final
class ImportExists(UserError):
    """That run has been imported before. It was not touched."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"the run was imported before: remove {self.path} to import it again"
