# The agent programs that are known by name: how each is started, which variables it may
# see, and who talks to it.
#
# Agents without a command of their own are run by one of these. The modules that talk
# to them are imported when the first of them is needed.
"""The agent programs that people have installed."""

import importlib
import shlex
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import attrs

from crew_actors.model import LIVE, CommandSpec, PlannedTask
from crew_actors.runtimes._command import run_command
from crew_actors.runtimes._job import Runtime

if TYPE_CHECKING:
    from crew_actors.runtimes.programs import Program

_PROXIES: Final = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "NODE_EXTRA_CA_CERTS")


def _program(*argv: str, env: tuple[str, ...]) -> CommandSpec:
    return CommandSpec(argv=argv, env=(*env, *_PROXIES))


AGENT_PROGRAMS: Mapping[str, CommandSpec] = MappingProxyType(
    {
        "pi": _program(
            "pi",
            env=(
                *("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY"),
                "PI_CODING_AGENT_DIR",
            ),
        ),
        "claude": _program(
            "claude",
            env=(
                *("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL"),
                *("CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CONFIG_DIR"),
            ),
        ),
        "codex": _program("codex", env=("OPENAI_API_KEY", "CODEX_HOME")),
        "gemini": _program(
            *("gemini", "--acp"),
            env=(
                *("GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GEMINI_BASE_URL"),
                "GEMINI_CLI_TRUST_WORKSPACE",
            ),
        ),
        "opencode": _program(
            *("opencode", "acp"),
            env=("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENCODE_CONFIG"),
        ),
    }
)
"""By name, in the order in which they are looked for."""

_ACP: Final = "acp"

_PROGRAMS: Final = {
    "pi": "Pi",
    "claude": "Claude",
    "codex": "Codex",
    "gemini": "Acp",
    "opencode": "Acp",
    _ACP: "Acp",
}
"""The classes that talk to them, by runtime."""


def find_agent_program(which: Callable[[str], str | None]) -> str | None:
    """Name the first agent program that *which* (as `shutil.which`) finds, if any."""
    for name, command in AGENT_PROGRAMS.items():
        if which(command.argv[0]) is not None:
            return name
    return None


@attrs.frozen(kw_only=True)
class AgentRuntime:
    """What runs agents that have no command of their own."""

    name: str
    """As people write it."""
    runtime: str
    """The runtime of its tasks."""
    command: CommandSpec | None = None
    """How it is started; None for what lives in this process."""
    model: str | None = None
    """The model that it is, where its name says so."""


def parse_agent_runtime(text: str) -> AgentRuntime:
    """Understand what `--agent-runtime` and the setting of that name say.

    Raises:
      ValueError: it cannot be; the message says why.
    """
    if text in AGENT_PROGRAMS:
        return AgentRuntime(name=text, runtime=text, command=AGENT_PROGRAMS[text])
    kind, _, line = text.partition(":")
    if kind == _ACP:
        return AgentRuntime(name=text, runtime=_ACP, command=_acp_command(line))
    if kind == LIVE:
        return AgentRuntime(name=text, runtime=LIVE, model=line.strip() or None)
    known = ", ".join([*AGENT_PROGRAMS, f"{_ACP}:PROGRAM", f"{LIVE}:PROVIDER/MODEL"])
    raise ValueError(f"{text!r} is not known; use one of {known}")


def _acp_command(line: str) -> CommandSpec:
    try:
        argv = tuple(shlex.split(line))
    except ValueError as error:
        raise ValueError(f"{line!r} is no command line: {error}") from None
    if not argv:
        raise ValueError("it names no program: write acp:PROGRAM, with its arguments")
    return _program(*argv, env=())


def program_of(runtime: str) -> "Program":
    """Make what talks to the agent program that runs tasks of *runtime*."""
    programs = importlib.import_module("crew_actors.runtimes.programs")
    made: Program = getattr(programs, _PROGRAMS[runtime])()
    return made


def runner_of(task: PlannedTask) -> Runtime | None:
    """Return what runs the program of *task*; None if nothing here does."""
    if task.command is None:
        return None
    if task.runtime == "command":
        return run_command
    if task.runtime not in _PROGRAMS:
        return None
    programs = importlib.import_module("crew_actors.runtimes.programs")
    made: Runtime = programs.ProgramRuntime(program_of(task.runtime))
    return made
