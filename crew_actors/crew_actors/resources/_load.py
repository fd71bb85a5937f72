# Files become a catalog.
#
# 1. A user's file takes the place of a built-in one of the same name, and says so.
# 2. A project's file may not have the name of a built-in or a user's one, whatever
#    the case of its letters: what comes with a repository cannot pretend.
# 3. A file with an error takes its name and is not used: nothing else answers to a
#    name that somebody meant to define.
"""Load agents, teams, workflows and skills."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TypeVar

import attrs

from crew_actors.places import Places, Project
from crew_actors.resources._agents import parse_agent
from crew_actors.resources._checks import team_problems, workflow_problems
from crew_actors.resources._discover import find_files
from crew_actors.resources._errors import Kind
from crew_actors.resources._files import SourceFile
from crew_actors.resources._problems import (
    Findings,
    Problem,
    Severity,
    errors_of,
    printable,
)
from crew_actors.resources._reader import is_name
from crew_actors.resources._resources import (
    Agent,
    Catalog,
    Resource,
    Skill,
    Team,
    Workflow,
)
from crew_actors.resources._skills import find_skills
from crew_actors.resources._teams import parse_team
from crew_actors.resources._workflows import parse_workflow

_R = TypeVar("_R", bound=Resource)
_NO_SKILLS: Mapping[str, Skill] = MappingProxyType({})


@attrs.frozen
class _Loaded:
    resource: Resource
    problems: tuple[Problem, ...]
    """Why it cannot be used; empty if it can."""


@attrs.define
class _Shelves:
    """The winner of each name so far."""

    found: dict[tuple[Kind, str], _Loaded] = attrs.field(
        factory=dict[tuple[Kind, str], _Loaded], init=False
    )
    problems: list[Problem] = attrs.field(factory=list[Problem], init=False)

    def add(self, file: SourceFile) -> None:
        findings = Findings(file.source.path)
        resource, reasons = parse_file(file, findings)
        self.problems += findings.problems
        if not is_name(resource.name):
            return
        refusal = self._refusal(file, resource)
        if refusal is not None:
            self.problems.append(refusal)
            return
        key = (file.kind, resource.name)
        if key in self.found:
            replaced = self.found[key].resource.source.tier
            source = attrs.evolve(resource.source, replaces=replaced)
            resource = attrs.evolve(resource, source=source)
        self.found[key] = _Loaded(resource, reasons)

    def _refusal(self, file: SourceFile, resource: Resource) -> Problem | None:
        """Say why a readable file may not have its name, if it may not."""
        for (kind, name), other in self.found.items():
            theirs = other.resource.source
            if kind != file.kind or name.casefold() != resource.name.casefold():
                continue
            if theirs.tier == file.source.tier:
                if name != resource.name:
                    continue
                message = (
                    f"{name!r} is already defined in {printable(str(theirs.path))}"
                )
            elif file.source.tier == "project":
                message = f"{name!r} is the name of a {theirs.tier} {kind}"
            else:
                continue
            severity: Severity = "warning" if file.foreign else "error"
            way_out = f"{message}; this file is ignored, give it another name"
            return Problem(severity, file.source.path, None, "name", way_out)
        return None

    def table(self, kind: Kind, wanted: type[_R]) -> dict[str, _R]:
        return {
            name: loaded.resource
            for (their_kind, name), loaded in sorted(self.found.items())
            if their_kind == kind
            and not loaded.problems
            and isinstance(loaded.resource, wanted)
        }


def load_catalog(places: Places, project: Project | None) -> Catalog:
    """Load all agents, teams, workflows and skills that can be used from *project*.

    Reads files, and waits for the disk. Never raises because of a file: what is
    wrong is in `Catalog.problems`.
    """
    skills, problems = find_skills(places, project)
    catalog = catalog_of((*find_files(places, project), *problems), project, skills)
    return attrs.evolve(catalog, places=places)


def catalog_of(
    files: Iterable[SourceFile | Problem],
    project: Project | None,
    skills: Mapping[str, Skill] = _NO_SKILLS,
) -> Catalog:
    """Make a catalog of *files*, which come lower tiers first, and of *skills*."""
    shelves = _Shelves()
    for found in files:
        if isinstance(found, Problem):
            shelves.problems.append(found)
        else:
            shelves.add(found)
    return Catalog(
        agents=shelves.table("agent", Agent),
        teams=shelves.table("team", Team),
        workflows=shelves.table("workflow", Workflow),
        skills=skills,
        problems=tuple(shelves.problems),
        unusable={
            key: loaded.problems
            for key, loaded in shelves.found.items()
            if loaded.problems
        },
        project=project,
    )


def parse_file(
    file: SourceFile, findings: Findings
) -> tuple[Resource, tuple[Problem, ...]]:
    """Read *file*; also return why the resource cannot be used, if so."""
    switched_on = True
    resource: Resource
    if file.kind == "agent":
        resource, switched_on = parse_agent(file, findings)
    elif file.kind == "team":
        resource = parse_team(file, findings)
        findings.problems += team_problems(resource)
    else:
        resource = parse_workflow(file, findings)
        findings.problems += workflow_problems(resource)
    reasons = errors_of(findings.problems)
    if not switched_on:
        message = "the agent is switched off by this file"
        reasons += (Problem("error", file.source.path, None, "disabled", message),)
    return resource, reasons
