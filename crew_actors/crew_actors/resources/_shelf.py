# Every file there is, also those that are not used: what can be changed is a file, and
# one with errors, or one that another takes the name of, can be mended or removed.
"""Find the file of a resource, and what refers to it."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import final

import attrs

from crew_actors.resources._errors import Kind, ResourceError, UnknownResource
from crew_actors.resources._files import SourceFile
from crew_actors.resources._load import parse_file
from crew_actors.resources._problems import Findings, Problem, printable
from crew_actors.resources._resources import Resource, Team, Tier


@final
class BuiltIn(ResourceError):
    """What is built in cannot be changed. Nothing was written."""

    def __init__(self, kind: Kind, name: str) -> None:
        super().__init__(kind, name)
        self.kind = kind
        self.name = name

    def __str__(self) -> str:
        make = f"crew create {self.kind}"
        return (
            f"{self.kind} {self.name!r} is built in and cannot be changed; "
            f"`{make} NEW --from {self.name}` makes another one of it, and "
            f"`{make} {self.name} --from {self.name} --scope user` one of yours that "
            "takes its place"
        )


@final
class Foreign(ResourceError):
    """The file was written for another program. Nothing was written."""

    def __init__(self, kind: Kind, name: str, path: Path) -> None:
        super().__init__(kind, name, path)
        self.kind = kind
        self.name = name
        self.path = path

    def __str__(self) -> str:
        place = printable(str(self.path))
        return (
            f"{self.kind} {self.name!r} belongs to another program ({place}); change "
            f"it there, or use `crew create {self.kind} NEW --from {self.name}`"
        )


@final
class SeveralFiles(ResourceError):
    """Several files define that name. Nothing was written."""

    def __init__(self, kind: Kind, name: str, paths: tuple[Path, ...]) -> None:
        super().__init__(kind, name, paths)
        self.kind = kind
        self.name = name
        self.paths = paths

    def __str__(self) -> str:
        named = " and ".join(printable(str(path)) for path in self.paths)
        return (
            f"{self.kind} {self.name!r} is defined in {named}; say which one is meant "
            "with --scope user or --scope project, or remove one of the files"
        )


@attrs.frozen
class Placed:
    """A file and what it defines."""

    file: SourceFile
    resource: Resource

    @property
    def key(self) -> tuple[Kind, str]:
        """The kind and the name."""
        return self.file.kind, self.resource.name

    @property
    def tier(self) -> Tier:
        """Whose file it is."""
        return self.file.source.tier

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self.file.source.path


@attrs.frozen(kw_only=True)
class Reference:
    """A place where a resource is named."""

    kind: Kind
    """Of the resource that names it; so with the next three."""

    name: str
    tier: Tier
    path: Path
    line: int | None
    """Counted from 1; None for what goes without saying: a team without a workflow
    follows the one of its own name."""

    def __str__(self) -> str:
        line = "" if self.line is None else f":{self.line}"
        return f"{self.kind} {self.name!r} ({printable(str(self.path))}{line})"


def placed(files: Iterable[SourceFile | Problem]) -> tuple[Placed, ...]:
    """Read each of *files* that can be read."""
    return tuple(
        Placed(file, parse_file(file, Findings(file.source.path))[0])
        for file in files
        if isinstance(file, SourceFile)
    )


def find_placed(
    shelf: Sequence[Placed], kind: Kind, name: str, scope: Tier | None
) -> Placed:
    """Find the file of *kind* and *name* that can be changed, in one tier if named.

    Raises:
      UnknownResource: there is none.
      BuiltIn, Foreign: there is one, but it cannot be changed from here.
      SeveralFiles: there are several.
    """
    named = [one for one in shelf if one.key == (kind, name)]
    mine = [
        one
        for one in named
        if one.tier != "builtin" and not one.file.foreign and scope in (None, one.tier)
    ]
    if len(mine) > 1:
        raise SeveralFiles(kind, name, tuple(one.path for one in mine))
    if mine:
        return mine[0]
    for one in named:
        if one.file.foreign and scope in (None, one.tier):
            raise Foreign(kind, name, one.path)
        if one.tier == "builtin" and scope is None:
            raise BuiltIn(kind, name)
    known = {
        one.resource.name
        for one in shelf
        if one.file.kind == kind and one.tier != "builtin" and scope in (None, one.tier)
    }
    raise UnknownResource(kind, name, known)


def references_to(
    shelf: Sequence[Placed], kind: Kind, name: str
) -> tuple[Reference, ...]:
    """Tell where the resource of *kind* and *name* is named."""
    found: list[Reference] = []
    for one in shelf:
        if isinstance(one.resource, Team):
            lines = _lines(one.resource, kind, name)
            found += [
                Reference(
                    kind="team",
                    name=one.resource.name,
                    tier=one.tier,
                    path=one.path,
                    line=line,
                )
                for line in lines
            ]
    return tuple(found)


def _lines(team: Team, kind: Kind, name: str) -> list[int | None]:
    if kind == "agent":
        return [role.line for role in team.roles if role.agent == name]
    if kind == "workflow" and (team.workflow or team.name) == name:
        return [None]
    return []
