"""Agents, teams and workflows as frozen values, and the catalog of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeVar

import attrs

from crew_actors.model import CommandSpec
from crew_actors.places import Places, Project
from crew_actors.resources._errors import InvalidResource, Kind, UnknownResource
from crew_actors.resources._problems import Problem

Tier = Literal["builtin", "user", "project"]
MemoryScope = Literal["user", "project", "local"]
"""Notes of the user; of the project, for all who work on it; of the user in it."""


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
    runtime: str | None = None
    """`command`; `acp` for a program that speaks the Agent Client Protocol; the name of
    an agent program; `external` if its tasks are done by whoever claims them; or None
    for the agent program that the user has configured."""

    command: CommandSpec | None = None
    """How the program is started. Set exactly if *runtime* is `command` or `acp`."""

    prompt: str = ""
    """The system prompt."""

    model: str | None = None
    """None for the runtime's own choice."""

    fallback_models: tuple[str, ...] = ()
    tools: tuple[str, ...] | None = None
    """None for the runtime's own choice; empty for none at all."""

    mcp: tuple[str, ...] = ()
    """Names of the MCP servers that it is to have."""

    keys: tuple[str, ...] | None = None
    """Names of the variables with keys that its program may see; None for all of them."""

    own_home: bool = False
    """Whether it has a home folder of its own instead of the user's."""

    read_only: bool = False
    """Whether it is to change nothing, whatever its role may."""

    skills: tuple[str, ...] | None = None
    """None if nothing is said; empty for none at all."""

    max_turns: int | None = None
    memory: MemoryScope | None = None
    """Whose its notes are; None if it keeps none."""

    output_schema: str | None = None
    """The JSON schema that its results must fit, unless a step has one of its own."""

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

    output_schema: str | None = None
    """The JSON schema that its result must fit."""

    reads: tuple[str, ...] = ()
    """Names of outputs of other steps."""

    writes: tuple[str, ...] = ()
    """Paths of the workspace that it will write to."""

    model: str | None = None
    skills: tuple[str, ...] | None = None
    constraints: tuple[str, ...] = ()
    """What its agent must heed."""

    acceptance: tuple[str, ...] = ()
    """What must be true when it is done."""

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


@attrs.frozen(kw_only=True)
class Skill:
    """How something is done well."""

    name: str
    description: str = ""
    text: str
    source: Source


Resource = Agent | Team | Workflow
_R = TypeVar("_R")


@attrs.frozen(kw_only=True)
class Catalog:
    """All resources that can be used from one project."""

    agents: Mapping[str, Agent] = attrs.field(factory=dict[str, Agent])
    teams: Mapping[str, Team] = attrs.field(factory=dict[str, Team])
    workflows: Mapping[str, Workflow] = attrs.field(factory=dict[str, Workflow])
    skills: Mapping[str, Skill] = attrs.field(factory=dict[str, Skill])
    problems: tuple[Problem, ...] = ()
    """What each file says about itself; see `validate_all` for the whole."""

    unusable: Mapping[tuple[Kind, str], tuple[Problem, ...]] = attrs.field(
        factory=dict[tuple[Kind, str], tuple[Problem, ...]]
    )
    """Names whose file has errors or is switched off, and the reasons."""

    project: Project | None = None
    places: Places | None = None
    """The user's folders, where it was loaded from them."""

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

    def skill(self, name: str) -> Skill:
        """Return the skill called *name*.

        Raises:
          UnknownResource: there is none that can be used.
        """
        found = self.skills.get(name)
        if found is None:
            raise UnknownResource("skill", name, self.skills)
        return found

    def _get(self, kind: Kind, name: str, table: Mapping[str, _R]) -> _R:
        found = table.get(name)
        if found is not None:
            return found
        problems = self.unusable.get((kind, name))
        if problems is not None:
            raise InvalidResource(kind, name, problems)
        raise UnknownResource(kind, name, table)
