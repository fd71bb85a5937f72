"""What a project wants to have executed, and what its user is told of it."""

import shlex
from collections.abc import Iterable
from typing import final

import attrs

from crew_actors.errors import UserError
from crew_actors.model import PlannedTask
from crew_actors.observe import counted, escaped
from crew_actors.places import Places, Project
from crew_actors.resources._resources import Catalog
from crew_actors.resources._trust import Executable, TrustStore, executables


@final
class NotTrusted(UserError):
    """The project brings commands that its user has not agreed to. Nothing ran."""

    def __init__(self, team: str, missing: tuple[Executable, ...]) -> None:
        super().__init__(team, missing)
        self.team = team
        self.missing = missing

    def __str__(self) -> str:
        way_out = f"`crew trust {escaped(self.team)}`, or with --trust in a script."
        lines = (
            f"{introduction(self.missing)} Nothing was started:",
            *executable_lines(self.missing),
            f"Look at them, then allow them with {way_out}",
        )
        return "\n".join(lines)


@attrs.frozen(kw_only=True)
class Consent:
    """Where the user stands with the commands of the project."""

    allowed: tuple[Executable, ...]
    missing: tuple[Executable, ...]


def find_consent(
    catalog: Catalog, planned: Iterable[PlannedTask], project: Project, places: Places
) -> Consent:
    """Tell which of the project's commands that *planned* needs are allowed.

    Raises:
      TrustStoreDamaged: the user's record cannot be understood.
      OSError: it cannot be read.
    """
    wanted = executables(catalog, planned)
    missing = TrustStore(places).missing(project, wanted)
    allowed = tuple(one for one in wanted if one not in missing)
    return Consent(allowed=allowed, missing=missing)


def introduction(missing: tuple[Executable, ...]) -> str:
    """Say how many commands are to be allowed."""
    those = "that you have not allowed as it is now."
    if len(missing) != 1:
        those = "that you have not allowed as they are now."
    return f"This project brings {counted(len(missing), 'command')} {those}"


def executable_lines(executables: tuple[Executable, ...]) -> list[str]:
    """Tell exactly what would be executed, with everything in it made visible."""
    lines: list[str] = []
    for one in executables:
        lines.append(f"  {escaped(one.agent)}: {escaped(shlex.join(one.argv))}")
        facts = [
            ("files", ", ".join(one.files)),
            ("variables", ", ".join(one.env)),
            ("note", one.note),
            ("sha256", one.sha256),
        ]
        told = [(name, escaped(text)) for name, text in facts if text]
        width = max(len(name) for name, _ in told)
        lines += [f"      {name:<{width}}  {text}" for name, text in told]
    return lines
