"""What is wrong with a resource file, said in a way that helps."""

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import attrs

Severity = Literal["error", "warning"]

_SURE = 0.6  # difflib's own default: below it a suggestion is noise
_MAX_PROBLEMS = 100  # of one file; more help nobody
_MAX_MESSAGE = 400  # characters; a value that is told may be as long as the file
_BAD = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


@attrs.frozen
class Problem:
    """One finding about one file. A file with an error is not used."""

    severity: Severity
    path: Path
    line: int | None
    """Counted from 1; None if the finding is about the whole file."""

    field: str
    """The key, step or role that the finding is about; may be empty."""

    message: str
    suggestion: str | None = None
    """The nearest valid name, if one is near."""

    def __str__(self) -> str:
        place = printable(str(self.path))
        if self.line is not None:
            place = f"{place}:{self.line}"
        field = f"{self.field}: " if self.field else ""
        hint = f" (did you mean {self.suggestion!r}?)" if self.suggestion else ""
        return f"{place}: {self.severity}: {field}{self.message}{hint}"


@attrs.define
class Findings:
    """Collects the problems of one file while it is read."""

    path: Path
    problems: list[Problem] = attrs.field(factory=list[Problem], init=False)

    def error(
        self, line: int | None, field: str, message: str, suggestion: str | None = None
    ) -> None:
        """Note something that makes the file unusable."""
        self._add("error", line, field, message, suggestion)

    def warning(
        self, line: int | None, field: str, message: str, suggestion: str | None = None
    ) -> None:
        """Note something that its author should know."""
        self._add("warning", line, field, message, suggestion)

    @property
    def has_errors(self) -> bool:
        """Whether an error was found so far."""
        return bool(errors_of(self.problems))

    def _add(
        self,
        severity: Severity,
        line: int | None,
        field: str,
        message: str,
        suggestion: str | None,
    ) -> None:
        if len(self.problems) < _MAX_PROBLEMS:
            field, message = _short(field), _short(message)
            problem = Problem(severity, self.path, line, field, message, suggestion)
            self.problems.append(problem)
        elif len(self.problems) == _MAX_PROBLEMS:
            message = f"has more than {_MAX_PROBLEMS} problems; these are the first"
            self.problems.append(Problem("error", self.path, None, "", message))


def errors_of(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return those *problems* that are errors."""
    return tuple(problem for problem in problems if problem.severity == "error")


def nearest(name: str, options: Iterable[str], *, cutoff: float = _SURE) -> str | None:
    """Return the one of *options* that *name* was most likely meant to be.

    Differences of case, '-' and '_' count for nothing. *cutoff* lies between 0
    (anything will do) and 1 (only the same name).
    """
    plain = {_plain(option): option for option in sorted(options)}
    found = difflib.get_close_matches(_plain(name), plain, n=1, cutoff=cutoff)
    return plain[found[0]] if found else None


def bad_character(text: str) -> tuple[int, str] | None:
    """Find the first character that no resource may hold: its index and its name.

    Control characters, and those that reverse the direction of writing, could make
    a terminal show something else than what is executed. Halves of characters
    cannot be written to a file.
    """
    found = _BAD.search(text)
    return (found.start(), f"U+{ord(found[0]):04X}") if found else None


def printable(text: str) -> str:
    r"""Return *text* with each unprintable character as an escape like `\x1b`."""
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape").decode()
        for character in text
    )


def _plain(name: str) -> str:
    return name.casefold().replace("-", "").replace("_", "")


def _short(text: str) -> str:
    return text if len(text) <= _MAX_MESSAGE else f"{text[:_MAX_MESSAGE]}..."
