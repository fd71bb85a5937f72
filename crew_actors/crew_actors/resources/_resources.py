"""Agents, teams and workflows as frozen values, and the catalog of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeVar

import attrs

from crew_actors.model import CommandSpec
from crew_actors.places import Project
from crew_actors.resources._errors import InvalidResource, Kind, UnknownResource
from crew_actors.resources._problems import Problem

Tier = Literal["builtin", "user", "project"]


@attrs.frozen
class Source:
    """Where a resource comes from."""

    tier: Tier
    path: Path
    sha256: str
    """Of the file's bytes, in hexadecimal digits."""

    replaces: Tier | None = None
    """The tier whose resource of the same name this one stands in for."""


@attrs.frozen(kw_only=True)
class Agent:
    """Who does a task."""

    name: str
    description: str = ""
    runtime: Literal["command"] | None = None
    """`command`, or None for the agent program that the user has configured."""

    command: CommandSpec | None = None
    """How the program is started. Set exactly if *runtime* is `command`."""

    prompt: str = ""
    """The system prompt."""

    model: str | None = None
    """None for the runtime's own choice."""

    fallback_models: tuple[str, ...] = ()
    tools: tuple[str, ...] | None = None
    """None for the runtime's own choice; empty for none at all."""

    skills: tuple[str, ...] | None = None
    """None if nothing is said; empty for none at all."""

    max_turns: int | None = None
    unused: Mapping[str, str] = attrs.field(factory=dict[str, str], hash=False)
    """What the file says and nothing here heeds."""

    source: Source


@attrs.frozen(kw_only=True)
class Role:
    """A place in a team and the agent that fills it."""

    name: str
    agent: str
    description: str = ""
    model: str | None = None
    skills: tuple[str, ...] | None = None
    max_concurrency: int | None = None
    """How many tasks of this role may run at the same time."""

    line: int = 0
    """Where the file says so, counted from 1."""


@attrs.frozen(kw_only=True)
class Team:
    """Roles that work together."""

    name: str
    description: str = ""
    workflow: str | None = None
    """The workflow it follows unless the caller names one."""

    roles: tuple[Role, ...] = ()
    max_concurrency: int | None = None
    unused: Mapping[str, str] = attrs.field(factory=dict[str, str], hash=False)
    source: Source


@attrs.frozen(kw_only=True)
class Step:
    """One section of a workflow; it becomes one task."""

    id: str
    role: str
    depends_on: tuple[str, ...] = ()
    """Ids of the steps that must be complete first."""

    output: str | None = None
    """The name under which its result is kept."""

    reads: tuple[str, ...] = ()
    """Names of outputs of other steps."""

    writes: tuple[str, ...] = ()
    """Paths of the workspace that it will write to."""

    model: str | None = None
    skills: tuple[str, ...] | None = None
    verify: bool = False
    """Whether the step judges the work of others."""

    prompt: str = "{goal}"
    unused: Mapping[str, str] = attrs.field(factory=dict[str, str], hash=False)
    line: int = 0
    """Where its heading is, counted from 1."""


@attrs.frozen(kw_only=True)
class Workflow:
    """Steps and what they wait for."""

    name: str
    description: str = ""
    steps: tuple[Step, ...] = ()
    max_concurrency: int | None = None
    unused: Mapping[str, str] = attrs.field(factory=dict[str, str], hash=False)
    source: Source


Resource = Agent | Team | Workflow
_R = TypeVar("_R")


@attrs.frozen(kw_only=True)
class Catalog:
    """All resources that can be used from one project."""

    agents: Mapping[str, Agent] = attrs.field(factory=dict[str, Agent])
    teams: Mapping[str, Team] = attrs.field(factory=dict[str, Team])
    workflows: Mapping[str, Workflow] = attrs.field(factory=dict[str, Workflow])
    problems: tuple[Problem, ...] = ()
    """What each file says about itself; see `validate_all` for the whole."""

    unusable: Mapping[tuple[Kind, str], tuple[Problem, ...]] = attrs.field(
        factory=dict[tuple[Kind, str], tuple[Problem, ...]]
    )
    """Names whose file has errors or is switched off, and the reasons."""

    project: Project | None = None

    def agent(self, name: str) -> Agent:
        """Return the agent called *name*.

        Raises:
          UnknownResource: there is none.
          InvalidResource: its file has errors, or switches it off.
        """
        return self._get("agent", name, self.agents)

    def team(self, name: str) -> Team:
        """Return the team called *name*. Raises like `agent`."""
        return self._get("team", name, self.teams)

    def workflow(self, name: str) -> Workflow:
        """Return the workflow called *name*. Raises like `agent`."""
        return self._get("workflow", name, self.workflows)

    def _get(self, kind: Kind, name: str, table: Mapping[str, _R]) -> _R:
        found = table.get(name)
        if found is not None:
            return found
        problems = self.unusable.get((kind, name))
        if problems is not None:
            raise InvalidResource(kind, name, problems)
        raise UnknownResource(kind, name, table)
