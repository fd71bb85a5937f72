# The agent CLIs that are known by name, each as the command of its one-shot mode.
#
# Agents without a command of their own are run by one of these. Their output is
# plain text, so all that is known of a running one is what it prints and that it
# lives; the result is what it has printed when it ends.
"""The agent CLIs that people have installed."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from crew_actors.model import CommandSpec


def _cli(*argv: str, env: tuple[str, ...]) -> CommandSpec:
    return CommandSpec(argv=argv, input="argument", output="text", env=env)


AGENT_CLIS: Mapping[str, CommandSpec] = MappingProxyType(
    {
        "pi": _cli(
            *("pi", "-p", "--no-session", "{task}"),
            env=("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY"),
        ),
        "claude": _cli(
            *("claude", "-p", "{task}", "--permission-mode", "acceptEdits"),
            env=("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "CLAUDE_CONFIG_DIR"),
        ),
        "codex": _cli(
            *("codex", "exec", "--skip-git-repo-check"),
            *("--sandbox", "workspace-write", "{task}"),
            env=("OPENAI_API_KEY", "CODEX_HOME"),
        ),
        "gemini": _cli(
            *("gemini", "--approval-mode", "auto_edit", "-p", "{task}"),
            env=("GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GEMINI_BASE_URL"),
        ),
    }
)
"""By name, in the order in which they are looked for."""


def find_agent_cli(which: Callable[[str], str | None]) -> str | None:
    """Name the first agent CLI that *which* (as `shutil.which`) finds, if any."""
    for name, command in AGENT_CLIS.items():
        if which(command.argv[0]) is not None:
            return name
    return None
