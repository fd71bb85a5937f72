"""A file on its way to become a resource."""

from typing import Final

import attrs

from crew_actors.resources._errors import Kind
from crew_actors.resources._reader import NAME_RULE, Reader, is_name
from crew_actors.resources._resources import Source

SUFFIXES: Final[dict[Kind, str]] = {
    "agent": ".md",
    "team": ".team.md",
    "workflow": ".workflow.md",
}


@attrs.frozen
class SourceFile:
    """What was read from the disk."""

    kind: Kind
    source: Source
    text: str
    foreign: bool = False
    """Whether it was written for another program, whose names it may repeat."""

    @property
    def stem(self) -> str:
        """The file's name without what tells its kind."""
        return self.source.path.name.removesuffix(SUFFIXES[self.kind])


def name_and_description(file: SourceFile, reader: Reader) -> tuple[str, str]:
    """Read the two keys that each kind of file has."""
    name = reader.text("name")
    if name is None:
        name = file.stem
    elif name != file.stem:
        suffix = SUFFIXES[file.kind]
        reader.warning(
            "name", f"{name!r} is not what the file is called", name + suffix
        )
    if not is_name(name):
        reader.error("name", f"{name!r} is no name; {NAME_RULE}")
    return name, reader.text("description") or ""
