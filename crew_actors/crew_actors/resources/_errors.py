# ResourceError
# ├── UnknownResource     the caller named nothing that exists: name another
# ├── InvalidResource     its file has errors: mend the file
# │   └── InvalidWorkflow     team and workflow do not fit: mend one of them
# └── TrustStoreDamaged   what was agreed cannot be read: look at that file
"""Errors about resources."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, final

from crew_actors.errors import UserError
from crew_actors.resources._problems import Problem, nearest, printable

Kind = Literal["agent", "team", "workflow"]


class ResourceError(UserError):
    """Something about an agent, a team or a workflow prevents its use."""


@final
class UnknownResource(ResourceError):
    """There is no resource of this kind and name."""

    def __init__(
        self, kind: Kind | Literal["skill"], name: str, known: Iterable[str]
    ) -> None:
        known = tuple(sorted(known))
        super().__init__(kind, name, known)
        self.kind = kind
        self.name = name
        self.known = known
        self.nearest = nearest(name, known)

    def __str__(self) -> str:
        if self.nearest is not None:
            hint = f"did you mean {self.nearest!r}?"
        else:
            hint = f"there are: {', '.join(self.known) or 'none'}"
        return f"no {self.kind} is called {self.name!r}; {hint}"


class InvalidResource(ResourceError):
    """The file of this resource has errors, so the resource is not used."""

    def __init__(self, kind: Kind, name: str, problems: Iterable[Problem]) -> None:
        problems = tuple(problems)
        super().__init__(kind, name, problems)
        self.kind = kind
        self.name = name
        self.problems = problems

    def __str__(self) -> str:
        lines = [f"{self.kind} {self.name!r} cannot be used:"]
        return "\n  ".join([*lines, *map(str, self.problems)])


@final
class InvalidWorkflow(InvalidResource):
    """This workflow cannot be run by this team. Nothing was planned."""

    def __init__(self, name: str, problems: Iterable[Problem]) -> None:
        super().__init__("workflow", name, problems)
        self.args = (name, self.problems)  # what pickle calls this with


@final
class TrustStoreDamaged(ResourceError):
    """The record of what the user has agreed to cannot be understood.

    It was left as it is.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"{printable(str(self.path))}: {self.reason}; mend the file, or delete "
            "it and agree again to the commands of each project"
        )
