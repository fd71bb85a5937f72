"""What is to be done: tasks with their agents, as frozen data stored with the run."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import attrs

from crew_actors.model._ids import TaskId

GOAL_LIMIT = 1 << 20
"""Bytes of a goal. It is stored with the run and given to each agent."""

TaskInput = Literal["argument", "stdin", "file", "none"]
TaskOutput = Literal["text", "jsonl"]
OnFailure = Literal["drain", "fail_fast"]


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


@attrs.frozen(kw_only=True)
class Consent:
    """What a user has agreed to have executed, of what a project brings."""

    agent_file: str
    """The absolute path of the file that describes the agent."""

    sha256: str
    """Of that file, the command, and the files of the project that it names."""


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

    reads: tuple[str, ...] = ()
    model: str | None = None
    verify: bool = False


@attrs.frozen(kw_only=True)
class RunPlan:
    """Everything that a run is started from."""

    goal: str
    team: str
    workflow: str
    tasks: tuple[PlannedTask, ...]
    limit: int = attrs.field(default=4, validator=attrs.validators.ge(1))
    """How many tasks may run at the same time."""

    role_limits: Mapping[str, int] = attrs.field(
        factory=dict[str, int], converter=_read_only
    )
    """How many tasks of one role may run at the same time, where a team says so."""

    on_failure: OnFailure = "drain"
