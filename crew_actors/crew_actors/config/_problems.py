"""What is wrong with settings."""

from pathlib import Path
from typing import Literal, final

import attrs

from crew_actors.errors import UserError


@attrs.frozen(kw_only=True)
class ConfigProblem:
    """One thing that was set and is not used."""

    severity: Literal["error", "warning"]
    """A warning is about what may be left out without harm."""

    where: str
    """The file, the variable or the option that sets it."""

    line: int | None = None
    key: str = ""
    value: object = None
    """What it was to be, with secrets masked."""

    message: str
    """What is wrong, and the way out."""

    nearest: str | None = None
    """The key that may be meant."""

    def __str__(self) -> str:
        place = self.where if self.line is None else f"{self.where}:{self.line}"
        return f"{place}: {self.message}"


@final
class BadSettings(UserError):
    """Something that is set cannot be. Nothing was started."""

    def __init__(self, problems: tuple[ConfigProblem, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


@final
class BadSetting(UserError):
    """What is asked for is no setting, or cannot have this value. Nothing was done."""


@final
class BadFile(Exception):
    """A file of settings cannot be read. For this package alone."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message, line)
        self.message = message
        self.line = line


def one_problem(path: Path, error: BadFile) -> ConfigProblem:
    """Tell of a file that cannot be read at all."""
    return ConfigProblem(
        severity="error", where=str(path), line=error.line, message=error.message
    )
