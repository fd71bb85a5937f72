# The user's settings. Only the user's own file is read: a repository cannot set what
# its visitors run.
"""Settings of the user, from `config.toml` in the user's folder."""

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast

import attrs

from crew_actors.errors import UserError
from crew_actors.places import Places


@attrs.frozen(kw_only=True)
class Settings:
    """What the user has set. None means: decide by what is there."""

    team: str | None = None
    """The team of a run that names none."""

    agent_runtime: str | None = None
    """The agent CLI that runs agents without a command of their own."""

    limit: int | None = None
    """How many tasks of a run may run at the same time."""

    sweep: bool = True
    """Whether a run begins by ending the processes of runtimes that died."""


_KINDS: Final = {"team": str, "agent_runtime": str, "limit": int, "sweep": bool}
_WANTED: Final = {str: "a text", int: "a whole number", bool: "true or false"}


class BadSettings(UserError):
    """The settings file holds something that is not a setting. Nothing was started."""

    def __init__(self, path: Path, problems: tuple[str, ...]) -> None:
        super().__init__(path, problems)
        self.path = path
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(f"{self.path}: {problem}" for problem in self.problems)


def load_settings(places: Places) -> Settings:
    """Read the user's settings; without a file, the defaults.

    Raises:
      BadSettings: the file is not TOML or holds fields that are none. All problems
        are named at once.
    """
    path = places.config / "config.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSettings(path, (str(error),)) from error
    problems = tuple(_problems(table))
    if problems:
        raise BadSettings(path, problems)
    return Settings(
        team=cast("str | None", table.get("team")),
        agent_runtime=cast("str | None", table.get("agent_runtime")),
        limit=cast("int | None", table.get("limit")),
        sweep=bool(table.get("sweep", True)),
    )


def _problems(table: Mapping[str, object]) -> list[str]:
    problems: list[str] = []
    for key, value in table.items():
        if key not in _KINDS:
            near = difflib.get_close_matches(key, _KINDS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            known = ", ".join(sorted(_KINDS))
            problems.append(f"unknown setting {key!r}{hint} (there are: {known})")
        elif type(value) is not _KINDS[key]:  # a bool is an int, and no number here
            problems.append(f"{key} must be {_WANTED[_KINDS[key]]}, not {value!r}")
        elif _KINDS[key] is int and cast("int", value) < 1:
            problems.append(f"{key} must be at least 1, not {value}")
    return problems
