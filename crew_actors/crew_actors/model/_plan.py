"""What is to be done: tasks with their agents, as frozen data stored with the run."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import attrs
from attrs import validators

from crew_actors.model._ids import AttemptId, RunId, TaskId
from crew_actors.model._values import FailureKind

GOAL_LIMIT = 1 << 20
"""Bytes of a goal. It is stored with the run and given to each agent."""

TaskInput = Literal["argument", "stdin", "file", "none"]
TaskOutput = Literal["text", "jsonl"]
Control = Literal["none", "stdin"]
OnFailure = Literal["drain", "fail_fast"]
Workspace = Literal["shared", "worktree"]

EXTERNAL = "external"
"""The runtime of a task that somebody outside does."""

LIVE = "llm"
"""The runtime of a task that an agent in this process does, with a model."""

QUESTION_SECONDS = 600.0
"""Seconds that a question waits for its answer where nobody says otherwise."""


def _read_only(limits: Mapping[str, int]) -> Mapping[str, int]:
    return MappingProxyType(dict(limits))


@attrs.frozen(kw_only=True)
class CommandSpec:
    """How a command agent is started and understood."""

    argv: tuple[str, ...]
    """May hold the placeholders {python} {task} {task_file} {workspace} {goal}."""

    input: TaskInput = "none"
    """How the process receives its prompt."""

    output: TaskOutput = "text"
    """How its standard output becomes a result."""

    env: tuple[str, ...] = ()
    """Names of variables that it inherits beside the essential ones."""

    timeout: float | None = None
    """Seconds that the whole process may take."""

    silence: float | None = None
    """Seconds that may pass without any output."""

    control: Control = "none"
    """Whether it can be told something while it works, and how."""


@attrs.frozen(kw_only=True)
class Consent:
    """What a user has agreed to have executed, of what a project brings."""

    agent_file: str
    """The absolute path of the file that describes the agent."""

    sha256: str
    """Of that file, the command, and the files of the project that it names."""

    files: tuple[str, ...] = ()
    """These files, relative to the project."""


@attrs.frozen(kw_only=True)
class AgentMemory:
    """Where an agent keeps notes from one run to the next."""

    root: str
    """The absolute path of the project, or of the user's folder for data."""

    path: str
    """The file, relative to *root*, with '/' between its parts."""


@attrs.frozen(kw_only=True)
class SkillText:
    """What an agent is given of a skill."""

    name: str
    text: str
    left_out: int = 0
    """Characters of it that did not fit."""

    path: str = ""
    """The absolute path of its file."""


@attrs.frozen(kw_only=True)
class PlannedTask:
    """One task of a run. Nothing about it is looked up again once the run exists."""

    id: TaskId
    step: str
    role: str
    agent: str
    title: str
    depends_on: tuple[TaskId, ...] = ()
    prompt: str = ""
    """The step's own text, with the goal filled in."""

    instructions: str = ""
    """The agent's system prompt."""

    runtime: str = "command"
    command: CommandSpec | None = None
    consent: Consent | None = None
    """Without which the command is not run; None for what the project did not bring."""

    output: str | None = None
    """The name of the artifact that holds the result; `result.md` if None."""

    output_schema: str | None = None
    """The JSON schema, as text, that the data of its result must fit; `read_schema`
    has read it."""

    reads: tuple[str, ...] = ()
    model: str | None = None
    """None for the runtime's own choice."""

    fallback_models: tuple[str, ...] = ()
    """Those to try when *model* cannot be had just now, the best first."""

    tools: tuple[str, ...] | None = None
    """Names of the tools of its agent. None for the runtime's own choice; empty for
    none at all."""

    mcp: tuple[str, ...] = ()
    """Names of the MCP servers that its agent is to have."""

    keys: tuple[str, ...] | None = None
    """Names of the variables with keys that its agent program may see; None for all those
    of the program."""

    home: str | None = None
    """The absolute path of the home folder that its agent has instead of the user's."""

    skills: tuple[str, ...] = ()
    """Names of the skills that its agent is to have."""

    skill_texts: tuple[SkillText, ...] = ()
    """Those of them that there are."""

    memory: AgentMemory | None = None
    """None for an agent that keeps no notes."""

    constraints: tuple[str, ...] = ()
    """What its agent must heed."""

    acceptance: tuple[str, ...] = ()
    """What must be true when it is done."""

    max_turns: int | None = None
    """Answers of the model after which its agent has to come to an end."""

    verify: bool = False

    writes: bool = True
    """Whether its agent may change the workspace."""

    outputs: tuple[str, ...] = ()
    """Paths of the workspace that it will write to. Tasks whose outputs overlap are
    not at work at the same time."""

    group: str | None = None
    """Tasks of one group are told of together when the last of them has ended."""

    @property
    def external(self) -> bool:
        """Whether it is done by whoever claims it, and never started here."""
        return self.runtime == EXTERNAL


_MORE_THAN_0 = validators.optional(validators.gt(0))


@attrs.frozen(kw_only=True)
class Limits:
    """How much a run may use. None means: as much as it takes."""

    attempts: int = attrs.field(default=3, validator=validators.ge(1))
    """Attempts at one task, until a person asks for more."""

    run_seconds: float | None = attrs.field(default=None, validator=_MORE_THAN_0)
    """Seconds from its beginning, or since it was taken up again, to its end."""

    tokens: int | None = attrs.field(default=None, validator=_MORE_THAN_0)
    """Tokens in and out, over all tasks, as the agents report them."""

    cost: float | None = attrs.field(default=None, validator=_MORE_THAN_0)
    """Costs over all tasks, as the agents report them."""

    tasks: int = attrs.field(default=200, validator=validators.ge(1))
    """Tasks of the run, those included that its agents plan."""

    spawns: int = attrs.field(default=20, validator=validators.ge(0))
    """Runs that the agents of one task may start, until a person asks for more."""

    nested: int = attrs.field(default=4, validator=validators.ge(0))
    """Runs that all of its agents may have at work at the same time."""

    question_seconds: float = QUESTION_SECONDS
    """Seconds that a question waits for its answer if it says nothing about it."""


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """When a failed task is tried again, and after how many seconds."""

    first: float = attrs.field(default=1.0, validator=validators.ge(0))
    """Seconds before the second attempt."""

    factor: float = attrs.field(default=2.0, validator=validators.ge(1))
    """By which each further wait is longer than the one before."""

    cap: float = attrs.field(default=60.0, validator=validators.ge(0))
    """Seconds of the longest wait, before chance has changed it."""

    jitter: float = attrs.field(
        default=0.3, validator=[validators.ge(0), validators.le(1)]
    )
    """The part of a wait that is random, so that tasks do not come back together."""

    never: frozenset[FailureKind] = frozenset(
        {
            FailureKind.START,
            FailureKind.REPORTED,
            FailureKind.STORAGE,
            FailureKind.AUTH,
            FailureKind.BILLING,
            FailureKind.CONTEXT,
        }
    )
    """Failures after which another attempt would fail as well."""


@attrs.frozen(kw_only=True)
class Parent:
    """The attempt whose agent has started a run."""

    run: RunId
    task: TaskId
    attempt: AttemptId
    folder: str
    """The absolute path of the folder of its run."""


def _templates(found: Mapping[str, PlannedTask]) -> Mapping[str, PlannedTask]:
    return MappingProxyType(dict(found))


@attrs.frozen(kw_only=True)
class RunPlan:
    """Everything that a run is started from."""

    goal: str
    team: str
    workflow: str
    tasks: tuple[PlannedTask, ...]
    limit: int = attrs.field(default=4, validator=validators.ge(1))
    """How many tasks may run at the same time."""

    role_limits: Mapping[str, int] = attrs.field(
        factory=dict[str, int], converter=_read_only
    )
    """How many tasks of one role may run at the same time, where a team says so."""

    on_failure: OnFailure = "drain"

    limits: Limits = attrs.field(factory=Limits)
    retry: RetryPolicy = attrs.field(factory=RetryPolicy)

    workspace: Workspace = "shared"
    """Whether each attempt works in the project itself or in a git worktree."""

    base: str | None = None
    """The commit that worktrees begin with."""

    approve: bool = False
    """Whether tasks that write wait until a person has agreed to the plan."""

    adaptive: TaskId | None = None
    """The task whose result is the plan of further tasks."""

    templates: Mapping[str, PlannedTask] = attrs.field(
        factory=dict[str, PlannedTask], converter=_templates
    )
    """For each role, the task that planned ones are made from."""

    depth: int = 0
    """How many runs this one is nested in."""

    parent: Parent | None = None
    """Who has started it; None for a person, or a program that is no agent."""
