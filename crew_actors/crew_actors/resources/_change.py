# Changes of resources, from what a person wants to files.
#
# 1. A change is made up and checked first, against all files as they would then be.
#    Nothing is written until `Change.make`.
# 2. A file that is written has no errors afterwards, and no other file gets one.
# 3. Built-in resources, and those of other programs, are only copied.
"""Create, update, rename and delete agents, teams and workflows."""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, final

import attrs

from crew_actors.places import Places, Project
from crew_actors.resources._checks import validate_all
from crew_actors.resources._discover import (
    MAX_FILES,
    MAX_SIZE,
    find_files,
    project_folder,
)
from crew_actors.resources._edit import KEYS, set_keys, set_role_agent
from crew_actors.resources._errors import Kind, ResourceError
from crew_actors.resources._files import SUFFIXES, SourceFile
from crew_actors.resources._load import catalog_of
from crew_actors.resources._problems import Problem, errors_of, nearest, printable
from crew_actors.resources._reader import NAME_RULE, is_name
from crew_actors.resources._resources import (
    Agent,
    Catalog,
    Source,
    Team,
    Tier,
    Workflow,
)
from crew_actors.resources._shelf import (
    Placed,
    Reference,
    find_placed,
    placed,
    references_to,
)
from crew_actors.resources._skills import find_skills
from crew_actors.resources._write import AlreadyThere, FileChange, make_changes

Scope = Literal["project", "user"]
_ORDER: Final[Mapping[Tier, int]] = {"builtin": 0, "user": 1, "project": 2}


@final
class BadChange(ResourceError):
    """What is asked for cannot be. Nothing was written."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(field, message)
        self.field = field
        self.message = message

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


@final
class InvalidChange(ResourceError):
    """A file would have errors, the changed one or another. Nothing was written."""

    def __init__(self, kind: Kind, name: str, problems: tuple[Problem, ...]) -> None:
        super().__init__(kind, name, problems)
        self.kind = kind
        self.name = name
        self.problems = problems

    def __str__(self) -> str:
        lines = [f"{self.kind} {self.name!r} was not written; there would be errors:"]
        return "\n  ".join([*lines, *map(str, self.problems)])


@final
class StillReferenced(ResourceError):
    """Others name the resource and would name nothing. Nothing was written."""

    def __init__(
        self, kind: Kind, name: str, references: tuple[Reference, ...], way_out: str
    ) -> None:
        super().__init__(kind, name, references, way_out)
        self.kind = kind
        self.name = name
        self.references = references
        self.way_out = way_out

    def __str__(self) -> str:
        named = ", ".join(map(str, self.references))
        return f"{self.kind} {self.name!r} is used by {named}; {self.way_out}"


@attrs.frozen(kw_only=True)
class Change:
    """A change that was checked and is not made yet."""

    kind: Kind
    name: str
    """The name that it has afterwards, or had, if it is deleted."""

    tier: Tier
    path: Path
    files: tuple[FileChange, ...]
    references: tuple[Reference, ...] = ()
    """Those that a new name is written to; of what is deleted, those left behind."""

    stands_in: Tier | None = None
    """The tier whose resource answers to the name that is given up."""

    warnings: tuple[Problem, ...] = ()
    """About the files that are written."""

    def make(self, *, now: float) -> tuple[Path | None, ...]:
        """Write all files. Raises and returns like `make_changes`."""
        return make_changes(self.files, now=now)


@attrs.frozen
class ResourceEditor:
    """Makes up changes of the files that can be used from *project*."""

    places: Places
    project: Project

    def create(
        self,
        kind: Kind,
        name: str,
        *,
        scope: Scope = "project",
        content: str | None = None,
        source: str | None = None,
        description: str | None = None,
    ) -> Change:
        """Make up a resource: of *content*, as a copy of *source*, or a plain one.

        Raises:
          BadChange, InvalidChange, AlreadyThere: it cannot be.
          UnknownResource, InvalidResource: there is no usable *source*.
        """
        _check_name(name)
        files = self._files()
        shelf = placed(files)
        home = self._home(kind, scope)
        path = home / f"{name}{SUFFIXES[kind]}"
        for one in shelf:
            if one.key == (kind, name) and one.tier == scope and not one.file.foreign:
                raise AlreadyThere(one.path)
        _check_free(path)
        if sum(one.path.parent == home for one in shelf) >= MAX_FILES:
            raise BadChange("name", f"{home} has {MAX_FILES} files, which is the most")
        if source is not None:
            content = _text_of(catalog_of(files, self.project), shelf, kind, source)
        head = {} if source is None else {"name": name}
        if content is None:
            content, head = _PLAIN[kind], {"name": name}
        if description is not None:
            head["description"] = description
        _check_values(kind, {**head, "name": ""})
        text = set_keys(content, head) if head else content
        made = SourceFile(kind, Source(scope, path, ""), text)
        return self._checked(
            files, Change(kind=kind, name=name, tier=scope, path=path, files=()), [made]
        )

    def update(
        self,
        kind: Kind,
        name: str,
        *,
        scope: Scope | None = None,
        content: str | None = None,
        values: Mapping[str, str] | None = None,
        rename: str | None = None,
        update_references: bool = False,
    ) -> Change:
        """Make up another content, other *values* of keys, or another name.

        Raises:
          BadChange, InvalidChange, AlreadyThere: it cannot be.
          StillReferenced: references would be left behind.
          UnknownResource, BuiltIn, Foreign, SeveralFiles: as `find_placed`.
        """
        files = self._files()
        shelf = placed(files)
        old = find_placed(shelf, kind, name, scope)
        _check_values(kind, values or {})
        text = old.file.text if content is None else content
        if values:
            text = set_keys(text, values)
        change = Change(kind=kind, name=name, tier=old.tier, path=old.path, files=())
        if rename is None or rename == name:
            return self._checked(files, change, [attrs.evolve(old.file, text=text)])
        return self._renamed(
            files, change, text, rename, update_references=update_references
        )

    def delete(
        self, kind: Kind, name: str, *, scope: Scope | None = None, force: bool = False
    ) -> Change:
        """Make up that a resource goes.

        Raises:
          StillReferenced: it is in use, and *force* is not given.
          UnknownResource, BuiltIn, Foreign, SeveralFiles: as `find_placed`.
        """
        files = self._files()
        shelf = placed(files)
        old = find_placed(shelf, kind, name, scope)
        change = Change(
            kind=kind,
            name=name,
            tier=old.tier,
            path=old.path,
            files=(FileChange(old.path, old.file.text.encode(), None),),
            stands_in=_stands_in(shelf, old),
        )
        references = _left_behind(shelf, old)
        if references and not force:
            way_out = "change that first, or delete it all the same with --force"
            raise StillReferenced(kind, name, references, way_out)
        return attrs.evolve(change, references=references)

    def _renamed(
        self,
        files: Sequence[SourceFile | Problem],
        change: Change,
        text: str,
        name: str,
        *,
        update_references: bool,
    ) -> Change:
        """Move a file to *name*, and what refers to it in the same tier along."""
        _check_name(name)
        shelf = placed(files)
        (old,) = (one for one in shelf if one.path == change.path)
        path = old.path.with_name(f"{name}{SUFFIXES[change.kind]}")
        if path != old.path:
            _check_free(path)
        references = references_to(shelf, *old.key)
        same = tuple(one for one in references if one.tier == old.tier)
        behind = _left_behind(shelf, old)
        if behind and not update_references:
            way_out = "have the new name written there with --update-references"
            raise StillReferenced(*old.key, behind, way_out)
        others = tuple(one for one in behind if one.tier != old.tier)
        if others:
            way_out = "which is not in the same tier: change that by hand first"
            raise StillReferenced(*old.key, others, way_out)
        head = {"name": name}
        if _follows_namesake(shelf, old):
            head["defaultWorkflow"] = old.resource.name
        moved = attrs.evolve(
            old.file,
            text=set_keys(text, head),
            source=attrs.evolve(old.file.source, path=path),
        )
        wanted = [moved]
        if update_references:
            wanted += _pointed(shelf, change.kind, same, name)
        change = attrs.evolve(
            change,
            name=name,
            path=path,
            references=same if update_references else (),
            stands_in=_stands_in(shelf, old),
        )
        gone = () if path == old.path else (old.file,)
        return self._checked(files, change, wanted, gone=gone)

    def _files(self) -> list[SourceFile | Problem]:
        return list(find_files(self.places, self.project))

    def _home(self, kind: Kind, scope: Scope) -> Path:
        if scope == "user":
            return self.places.config / f"{kind}s"
        home = project_folder(self.project) / f"{kind}s"
        if not home.resolve().is_relative_to(self.project.root.resolve()):
            message = f"{printable(str(home))} is a link that leads out of the project"
            raise BadChange("scope", message)
        return home

    def _checked(
        self,
        files: Sequence[SourceFile | Problem],
        change: Change,
        wanted: Sequence[SourceFile],
        *,
        gone: Sequence[SourceFile] = (),
    ) -> Change:
        """Add to *change* the files that are *wanted*, if all goes well with them."""
        written = {file.source.path: _hashed(file) for file in wanted}
        (made,) = placed([written[change.path]])
        if made.resource.name != change.name:
            message = f"the content has the name {made.resource.name!r}"
            raise BadChange("name", f"{message} instead of {change.name!r}")
        without = {*written, *(file.source.path for file in gone)}
        after = [one for one in files if _path(one) not in without]
        after += written.values()
        after.sort(key=_rank)
        skills, _ = find_skills(self.places, self.project)
        catalog = catalog_of(after, self.project, skills)
        known = set(validate_all(catalog_of(files, self.project, skills)))
        problems = validate_all(catalog)
        errors = tuple(
            one
            for one in errors_of(problems)
            if one.path in written or one not in known
        )
        if errors:
            raise InvalidChange(change.kind, change.name, errors)
        before = {one.source.path: one for one in files if isinstance(one, SourceFile)}
        changes = [_changed(before.get(path), file) for path, file in written.items()]
        changes += [FileChange(_path(one), one.text.encode(), None) for one in gone]
        return attrs.evolve(
            change,
            files=tuple(one for one in changes if one.before != one.after),
            warnings=tuple(one for one in problems if one.path in written),
        )


def _path(found: SourceFile | Problem) -> Path:
    return found.path if isinstance(found, Problem) else found.source.path


def _rank(found: SourceFile | Problem) -> tuple[int, bool]:
    """Order files as the loader meets them."""
    if isinstance(found, Problem):
        return (0, False)
    return (_ORDER[found.source.tier], found.foreign)


def _hashed(file: SourceFile) -> SourceFile:
    data = file.text.encode("utf-8", "surrogatepass")
    if len(data) > MAX_SIZE:
        message = f"it would be larger than {MAX_SIZE} bytes"
        raise BadChange("content", message)
    source = attrs.evolve(file.source, sha256=hashlib.sha256(data).hexdigest())
    return attrs.evolve(file, source=source)


def _changed(before: SourceFile | None, after: SourceFile) -> FileChange:
    old = None if before is None else before.text.encode()
    return FileChange(after.source.path, old, after.text.encode())


def _check_name(name: str) -> None:
    if not is_name(name):
        raise BadChange("name", f"{name!r} is no name; {NAME_RULE}")


def _check_free(path: Path) -> None:
    if os.path.lexists(path):  # it may define another name, or be unreadable
        raise AlreadyThere(path)


def _check_values(kind: Kind, values: Mapping[str, str]) -> None:
    for key, value in values.items():
        if key == "name" and value:
            raise BadChange("name", "another name needs --rename")
        if key not in KEYS[kind]:
            near = nearest(key, KEYS[kind])
            hint = f"; did you mean {near!r}?" if near else ""
            raise BadChange("set", f"{kind}s have no key {key!r}{hint}")
        if len(value.splitlines()) > 1:
            message = "its value must be on one line; write the whole file instead"
            raise BadChange(key, message)


def _text_of(catalog: Catalog, shelf: Sequence[Placed], kind: Kind, name: str) -> str:
    """Return the text of the file that answers to *name*."""
    find: Mapping[Kind, Callable[[str], Agent | Team | Workflow]] = {
        "agent": catalog.agent,
        "team": catalog.team,
        "workflow": catalog.workflow,
    }
    path = find[kind](name).source.path
    return next(one.file.text for one in shelf if one.path == path)


def _stands_in(shelf: Sequence[Placed], gone: Placed) -> Tier | None:
    """Tell whose resource answers to the name of *gone* afterwards, if any."""
    rest = [one for one in shelf if one.key == gone.key and one.path != gone.path]
    return rest[0].tier if rest else None


def _left_behind(shelf: Sequence[Placed], gone: Placed) -> tuple[Reference, ...]:
    """Tell what would name nothing without *gone*."""
    if _stands_in(shelf, gone) is not None:
        return ()
    return references_to(shelf, *gone.key)


def _follows_namesake(shelf: Sequence[Placed], team: Placed) -> bool:
    """Tell whether a team follows the workflow of its own name, without saying so."""
    resource = team.resource
    return (
        isinstance(resource, Team)
        and resource.workflow is None
        and any(one.key == ("workflow", resource.name) for one in shelf)
    )


def _pointed(
    shelf: Sequence[Placed], kind: Kind, references: Sequence[Reference], name: str
) -> list[SourceFile]:
    """Write *name* to each of *references*."""
    found: dict[Path, SourceFile] = {}
    files = {one.path: one.file for one in shelf}
    for one in references:
        file = found.get(one.path, files[one.path])
        if kind == "agent" and one.line is not None:
            text = set_role_agent(file.text, one.line, name)
        else:
            text = set_keys(file.text, {"defaultWorkflow": name})
        found[one.path] = attrs.evolve(file, text=text)
    return list(found.values())


_PLAIN: Final[Mapping[Kind, str]] = {
    "agent": """\
---
name: x
description: Does one thing, and says what it did.
---

Do the task that you are given. Keep to what is asked for, and end with what you have
done, what you have left, and why.
""",
    "team": """\
---
name: x
description: Explores, plans, carries out, verifies.
defaultWorkflow: default
---

- explorer: agent=explorer finds what the goal touches
- planner: agent=planner orders the work
- executor: agent=executor makes the change
- verifier: agent=verifier judges the result
""",
    "workflow": """\
---
name: x
description: explore, then execute, then verify
---

## explore
role: explorer

Find what matters for this goal:

{goal}

## execute
role: executor
dependsOn: explore

Reach this goal:

{goal}

## verify
role: verifier
dependsOn: execute
verify: true

Judge whether this goal was reached, and say how you know:

{goal}
""",
}
"""What a resource begins with that is made of nothing."""
