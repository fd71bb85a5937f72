"""Folders of a user and of a project to fill with files, and to load."""

import hashlib
from pathlib import Path

import attrs

from crew_actors.places import Places, Project
from crew_actors.resources import (
    Agent,
    Catalog,
    Kind,
    Problem,
    Source,
    Team,
    Tier,
    Workflow,
    load_catalog,
)
from crew_actors.resources._agents import parse_agent
from crew_actors.resources._files import SUFFIXES, SourceFile
from crew_actors.resources._problems import Findings
from crew_actors.resources._teams import parse_team
from crew_actors.resources._workflows import parse_workflow


@attrs.frozen
class House:
    """A user and a project, alone on a disk."""

    root: Path

    @property
    def places(self) -> Places:
        return Places(config=self.root / "config", data=self.root / "data")

    @property
    def project(self) -> Project:
        folder = self.root / "project"
        folder.mkdir(exist_ok=True)
        return Project(folder, is_repository=False)

    def user(self, name: str, text: str) -> Path:
        """Write a file of the user, `agents/x.md` for example."""
        return _write(self.places.config / name, text)

    def in_project(self, name: str, text: str) -> Path:
        """Write a file anywhere in the project."""
        return _write(self.project.root / name, text)

    def mine(self, name: str, text: str) -> Path:
        """Write a resource of the project, `agents/x.md` for example."""
        return self.in_project(f".crew/{name}", text)

    def load(self) -> Catalog:
        return load_catalog(self.places, self.project)


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    return path


def source_file(
    kind: Kind, text: str, stem: str = "x", tier: Tier = "project"
) -> SourceFile:
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    path = Path("/files") / f"{stem}{SUFFIXES[kind]}"
    return SourceFile(kind, Source(tier, path, digest), text)


def agent_of(text: str, stem: str = "x") -> tuple[Agent, list[str]]:
    file = source_file("agent", text, stem)
    findings = Findings(file.source.path)
    agent, _ = parse_agent(file, findings)
    return agent, told(findings.problems)


def team_of(text: str, stem: str = "x") -> tuple[Team, list[str]]:
    file = source_file("team", text, stem)
    findings = Findings(file.source.path)
    return parse_team(file, findings), told(findings.problems)


def workflow_of(text: str, stem: str = "x") -> tuple[Workflow, list[str]]:
    file = source_file("workflow", text, stem)
    findings = Findings(file.source.path)
    return parse_workflow(file, findings), told(findings.problems)


UNHEEDED = "not passed on to the agent"


def told(
    problems: tuple[Problem, ...] | list[Problem], *, unheeded: bool = False
) -> list[str]:
    """Write *problems* as a user sees them, without the folder.

    The warning about keys that no runtime obeys has tests of its own, and is left out
    unless it is asked for with *unheeded*.
    """
    return [
        str(problem).replace(f"{problem.path.parent}/", "")
        for problem in problems
        if unheeded or UNHEEDED not in problem.message
    ]
