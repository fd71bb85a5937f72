# A script says what it wants to have done; which tool does it, each agent calls by its
# own name. `run` finds the shell among what is offered. A tool that is not offered is not
# called: the answer says so, and a model that is asked for a title has no tools at all.
"""Choose tools among those that are offered."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import attrs

from crew_actors.testing.llm._script import RUN
from crew_actors.testing.llm._values import Call, Json, Piece, Step, Tool

_SHELLS: Final[Mapping[str, Callable[[str], Json]]] = {
    "bash": lambda command: {"command": command},
    "exec_command": lambda command: {"cmd": command},
    "shell_command": lambda command: {"command": command},
    "shell": lambda command: {"command": ["bash", "-c", command]},
    "run_shell_command": lambda command: {"command": command},
}


def with_tools(step: Step, offered: Sequence[Tool]) -> tuple[Step, tuple[Tool, ...]]:
    """Return *step* with calls of tools that are *offered*, and the tool of each call."""
    calls: list[Call] = []
    tools: list[Tool] = []
    pieces = list(step.pieces)
    for call in step.calls:
        tool = _shell(offered) if call.name == RUN else _named(call.name, offered)
        if tool is None:
            pieces.append(Piece(f"There is no tool {call.name} "))
            continue
        arguments = call.arguments
        if call.name == RUN:
            arguments = _SHELLS[tool.name.lower()](str(arguments["command"]))
        calls.append(Call(tool.name, arguments))
        tools.append(tool)
    return attrs.evolve(step, calls=tuple(calls), pieces=tuple(pieces)), tuple(tools)


def _shell(offered: Sequence[Tool]) -> Tool | None:
    for name in _SHELLS:
        if tool := _named(name, offered):
            return tool
    return None


def _named(name: str, offered: Sequence[Tool]) -> Tool | None:
    for tool in offered:
        full = f"{tool.namespace}__{tool.name}".lower()
        if name.lower() in {tool.name.lower(), full}:
            return tool
    return None
