# Which tools a live agent has. Its role decides what it may do at all, its file may name
# fewer, and the workspace is never left by any of them but bash, which its role must
# allow.
"""The tools that an agent may use."""

from typing import Final

from crew_actors.model import PlannedTask

WRITERS: Final = frozenset({"executor", "test-engineer"})
"""Roles that may change files and run commands, as agents. Any other role may if the file
of its agent names a tool that does; what is not known may least."""

CHANGING: Final = frozenset({"edit", "write", "bash"})
"""Tools that change something."""

READING: Final = frozenset({"read", "grep", "find"})
ALWAYS: Final = frozenset({"ask", "send", "submit_result"})
"""Tools that an agent has whatever its file says."""

_ALSO: Final = {"ls": "read", "glob": "find"}
"""Other names that files have for tools."""


def may_write(task: PlannedTask) -> bool:
    """Tell whether the agent of *task* may change the workspace."""
    if not task.writes:
        return False
    named = _named(task)
    return task.role in WRITERS if named is None else bool(named & CHANGING)


def tools_of(task: PlannedTask) -> frozenset[str]:
    """Return the names of the tools that the agent of *task* may use."""
    able = READING | CHANGING if may_write(task) else READING
    named = _named(task)
    return ALWAYS | (able if named is None else able & named)


def unknown_tools(task: PlannedTask) -> tuple[str, ...]:
    """Return the tools that a file names and that live agents do not have."""
    known = READING | CHANGING | ALWAYS
    return tuple(sorted((_named(task) or frozenset()) - known))


def _named(task: PlannedTask) -> frozenset[str] | None:
    if task.tools is None:
        return None
    return frozenset(_ALSO.get(name, name) for name in task.tools)
