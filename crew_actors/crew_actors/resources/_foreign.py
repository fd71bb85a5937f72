# What agent files of Claude Code and of pi-crew say in words of their own, in ours.
#
# Limits that cannot be kept are never widened: a tool that is allowed for some uses only
# is left out, and what is forbidden is taken out of what is allowed.
"""The words of other programs' agent files."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from crew_actors.resources._reader import Reader
from crew_actors.resources._values import BadValue, items_of

TOOLS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Read": "read",
        "NotebookRead": "read",
        "Grep": "grep",
        "Glob": "find",
        "LS": "ls",
        "Bash": "bash",
        "Edit": "edit",
        "MultiEdit": "edit",
        "NotebookEdit": "edit",
        "Write": "write",
    }
)
"""Claude Code's names of tools, and ours."""

ALL_TOOLS: Final = ("read", "grep", "find", "ls", "edit", "write", "bash")
"""Where a file only says which tools are forbidden, the others of these are allowed."""

_LIMITED: Final = re.compile(r"([A-Za-z_]+)\((.*)\)", re.DOTALL)
_PLAN: Final = "plan"
_SERVER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


def read_tools(reader: Reader) -> tuple[str, ...] | None:
    """Return the tools that an agent may use; None for the runtime's own choice."""
    allowed = _ours(reader, "tools")
    forbidden = _ours(reader, "disallowedTools", forbidden=True)
    if not forbidden:
        return allowed
    return tuple(
        tool
        for tool in (ALL_TOOLS if allowed is None else allowed)
        if tool not in forbidden
    )


def read_servers(reader: Reader) -> tuple[str, ...]:
    """Return the names of the MCP servers that an agent is to have.

    Servers that are described in the file itself are left out: it may have come with a
    repository, and they would be started.
    """
    if not reader.is_set("mcpServers"):
        return ()
    try:
        found = items_of(reader.fields["mcpServers"])
    except BadValue:
        found = ("",)
    names = tuple(one for one in found if _SERVER.fullmatch(one))
    if found not in {names, ("false",)}:
        message = "only names count; [mcp.NAME] in your config.toml says what they are"
        reader.warning("mcpServers", message)
    return tuple(one for one in dict.fromkeys(names) if one != "false")


def is_planner(reader: Reader) -> bool:
    """Tell whether a file asks for an agent that changes nothing."""
    return reader.word("permissionMode") == _PLAN


def _ours(
    reader: Reader, key: str, *, forbidden: bool = False
) -> tuple[str, ...] | None:
    named = reader.names(key)
    if named is None:
        return None
    tools: list[str] = []
    for name in _joined(named):
        limited = _LIMITED.fullmatch(name)
        if limited is None or forbidden:
            plain = limited[1] if limited else name
            tools.append(TOOLS.get(plain, plain))
        else:
            message = f"{name!r} allows {limited[1]} for some uses only; it is left out"
            reader.warning(key, message)
    return tuple(dict.fromkeys(tools))


def _joined(names: tuple[str, ...]) -> list[str]:
    """Put together what a comma inside of brackets has parted."""
    found: list[str] = []
    for name in names:
        if found and found[-1].count("(") > found[-1].count(")"):
            found[-1] += f", {name}"
        else:
            found.append(name)
    return found
