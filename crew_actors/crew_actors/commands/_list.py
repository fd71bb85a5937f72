"""`crew list`: what can be used from here."""

from collections.abc import Mapping
from typing import Literal, assert_never

import attrs

from crew_actors.commands._layout import columns
from crew_actors.commands._schema import told
from crew_actors.commands._table import Action, Context
from crew_actors.observe import clean, counted
from crew_actors.resources import Agent, Skill, Team, Workflow, load_catalog


@attrs.frozen(kw_only=True)
class ListParameters:
    """What to list."""

    kind: Literal["agents", "teams", "workflows", "skills"] | None = attrs.field(
        default=None, metadata=told("only this kind", positional=True)
    )


@attrs.frozen(kw_only=True)
class Entry:
    """One agent, team, workflow or skill, in short."""

    name: str
    tier: str
    """Whose it is: `builtin`, `user` or `project`."""

    detail: str
    """An agent's runtime, a team's workflow, a workflow's number of steps, a
    skill's number of characters."""

    description: str


@attrs.frozen(kw_only=True)
class Listing:
    """What can be used. None for a kind that was not asked for."""

    agents: tuple[Entry, ...] | None
    teams: tuple[Entry, ...] | None
    workflows: tuple[Entry, ...] | None
    skills: tuple[Entry, ...] | None
    errors: int
    """Findings that make a file unusable; `validate` tells them."""


def list_resources(parameters: ListParameters, context: Context) -> Listing:
    """List the resources that can be used in the project."""
    catalog = load_catalog(context.places, context.project)
    asked = parameters.kind

    def entries(
        kind: str, table: Mapping[str, Agent | Team | Workflow | Skill]
    ) -> tuple[Entry, ...] | None:
        if asked not in {None, kind}:
            return None
        return tuple(_entry(table[name]) for name in sorted(table))

    return Listing(
        agents=entries("agents", catalog.agents),
        teams=entries("teams", catalog.teams),
        workflows=entries("workflows", catalog.workflows),
        skills=entries("skills", catalog.skills),
        errors=sum(problem.severity == "error" for problem in catalog.problems),
    )


def _entry(resource: Agent | Team | Workflow | Skill) -> Entry:
    return Entry(
        name=resource.name,
        tier=resource.source.tier,
        detail=_detail(resource),
        description=resource.description,
    )


def _detail(resource: Agent | Team | Workflow | Skill) -> str:
    match resource:
        case Agent():
            return resource.runtime or "agent program"
        case Team():
            return resource.workflow or ""
        case Workflow():
            return counted(len(resource.steps), "step")
        case Skill():
            return counted(len(resource.text), "character")
        case _:
            assert_never(resource)


def _text(listing: Listing) -> str:
    lines: list[str] = []
    for kind, entries in (
        ("Teams", listing.teams),
        ("Workflows", listing.workflows),
        ("Agents", listing.agents),
        ("Skills", listing.skills),
    ):
        if entries is not None:
            lines += [kind, *columns(map(_cells, entries)), ""]
    if listing.errors:
        found = counted(listing.errors, "error")
        lines += [f"{found} in files that are not used: see crew validate", ""]
    return "\n".join(lines[:-1])


def _cells(entry: Entry) -> tuple[str, str, str, str]:
    return (
        clean(entry.name),
        entry.tier,
        clean(entry.detail),
        clean(entry.description),
    )


ACTION = Action(
    name="list", parameters=ListParameters, handler=list_resources, text=_text
)
