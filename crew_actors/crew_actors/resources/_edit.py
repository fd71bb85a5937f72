# Edits of the text of a resource file. What is not named stays as it is, to the byte:
# comments, empty lines, the body, and how lines end.
"""Change keys and roles in the text of a resource file."""

import re
from collections.abc import Mapping
from typing import Final

from crew_actors.resources._agents import COMMAND_KEYS, IDLE_KEYS, UNHEEDED_KEYS
from crew_actors.resources._errors import Kind
from crew_actors.resources._frontmatter import MARKER, continues, key_of
from crew_actors.resources._teams import IDLE_KEYS as TEAM_KEYS

_OWN: Final = ("name", "description")
KEYS: Final[Mapping[Kind, tuple[str, ...]]] = {
    "agent": (
        *(*_OWN, "runtime", "disabled", "enabled"),
        *(
            "skills",
            "skill",
            "outputSchema",
            "memory",
            "home",
            "keys",
            *COMMAND_KEYS,
            *UNHEEDED_KEYS,
            *IDLE_KEYS,
        ),
    ),
    "team": (*_OWN, "defaultWorkflow", "workflow", "maxConcurrency", *TEAM_KEYS),
    "workflow": (*_OWN, "maxConcurrency"),
}
"""The keys that the head of a file of each kind may have."""

_ALIASES: Final = {
    "defaultWorkflow": "workflow",
    "workflow": "defaultWorkflow",
    "skills": "skill",
    "skill": "skills",
}
_ROW = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_END = re.compile(r"[\r\n]+\Z")
_AGENT = re.compile(r"(\bagent[ \t]*=[ \t]*)\S+")


def set_keys(text: str, values: Mapping[str, str]) -> str:
    """Set keys in the head of a file; an empty value takes its key away.

    Values are on one line, and written as they stand. A key that the file has under
    its other name keeps that one.
    """
    rows = _ROW.findall(text)
    if not rows or rows[0].removeprefix("\ufeff").rstrip() != MARKER:
        rows = [f"{MARKER}\n", f"{MARKER}\n", *(["\n"] if rows else []), *rows]
    for key, value in values.items():
        _set_key(rows, key, value)
    return "".join(rows)


def _set_key(rows: list[str], key: str, value: str) -> None:
    marks = (i for i in range(1, len(rows)) if rows[i].rstrip() == MARKER)
    end = next(marks, len(rows))
    written = [key_of(_END.sub("", row)) for row in rows[1:end]]
    alias = _ALIASES.get(key, key)
    if key not in written and alias in written:
        key = alias
    start, stop = end, end
    if key in written:
        start = written.index(key) + 1
        stop = _stop(rows, start, end)
    found = _END.search(rows[0])
    row = f"{key}: {value}{found[0] if found else ''}"
    rows[start:stop] = [row] if value else []
    if not value:
        _comment_out(rows, start, end - (stop - start))


def _comment_out(rows: list[str], start: int, end: int) -> None:
    """Keep lines without a meaning from becoming part of the key above them."""
    for index in range(start, end):
        row = rows[index]
        if key_of(_END.sub("", row)) is not None:
            break
        if row.strip() and not row.startswith("#"):
            rows[index] = f"# {row}"


def _stop(rows: list[str], start: int, end: int) -> int:
    """Tell where the lines of the key at *start* end, without what follows them."""
    first = rows[start].partition(":")[2].strip()
    stop = start + 1
    for index in range(start + 1, end):
        row = _END.sub("", rows[index])
        if key_of(row) is not None:
            break
        if row.strip() and not row.startswith("#") and continues(first, row):
            stop = index + 1
    return stop


def set_role_agent(text: str, line: int, agent: str) -> str:
    """Have the role in *line*, counted from 1, be filled by *agent*."""
    rows = _ROW.findall(text)
    row, found = _AGENT.subn(rf"\g<1>{agent}", rows[line - 1], count=1)
    if not found:
        role, _, rest = row.partition(":")
        row = f"{role}: agent={agent}{rest}"
    rows[line - 1] = row
    return "".join(rows)
