# Codex when it is run once, `codex exec --json`: other events than those of its
# app-server, with other names of the same things.
#
# 1. A turn ends with `turn.completed`, which has the usage of it, or `turn.failed`.
# 2. An `error` is told whenever it connects again, and once more before a `turn.failed`.
"""Understand the events of `codex exec`."""

from collections.abc import Iterator
from typing import Final, final

import attrs

from crew_actors.model import Usage
from crew_actors.peers import Notification, Params
from crew_actors.runtimes import _fields as field
from crew_actors.runtimes._screen import tool_detail
from crew_actors.runtimes._seen import (
    Did,
    Does,
    Notes,
    Says,
    Seen,
    Tries,
    TurnEnds,
    Uses,
)
from crew_actors.runtimes.programs._failures import failure_of

_TOOLS: Final = {
    "command_execution": "shell",
    "file_change": "edit",
    "web_search": "search",
    "mcp_tool_call": "",
}
"""Kinds of items that are uses of a tool; without a name, the item has one."""

_AGAIN: Final = "Reconnecting"


@final
@attrs.define
class CodexExecReader:
    """What was seen of one run. Pure: it takes events and tells what they say."""

    _text: str = ""
    _using: set[str] = attrs.field(factory=set[str])
    """The ids of uses that have begun: not all tell their beginning."""

    def take(self, told: Notification) -> Iterator[Seen]:
        """Yield what an event shows."""
        found = told.params
        item = field.mapping(found.get("item"))
        match told.method:
            case "item.started":
                yield from self._begun(item)
            case "item.completed":
                yield from self._ended(item)
            case "error":
                said = field.text(found, "message")
                yield Tries(said) if said.startswith(_AGAIN) else Notes(said)
            case "turn.completed":
                used = Usage(
                    input=field.count(found, "usage", "input_tokens"),
                    output=field.count(found, "usage", "output_tokens"),
                )
                if used != Usage():
                    yield Uses(used)
                yield TurnEnds(text=self._text)
            case "turn.failed":
                said = field.text(found, "error", "message")
                yield TurnEnds(failure=failure_of(said))
            case _:
                pass  # there are more, and new ones with each version

    def _begun(self, item: Params) -> Iterator[Seen]:
        kind, name = field.text(item, "type"), field.text(item, "id")
        if kind in _TOOLS and name not in self._using:
            self._using.add(name)
            yield Does(name, _TOOLS[kind] or _name(item), _detail(item))

    def _ended(self, item: Params) -> Iterator[Seen]:
        kind = field.text(item, "type")
        if kind == "agent_message":
            self._text = field.text(item, "text")
            yield Says(f"{self._text}\n")
        elif kind == "error":
            yield Notes(field.text(item, "message"))
        elif kind in _TOOLS:
            yield from self._begun(item)
            code = item.get("exit_code")
            why = f"exit {code}" if isinstance(code, int) and code else ""
            failed = field.text(item, "status") == "failed"
            yield Did(field.text(item, "id"), not (failed or why), why)


def _name(item: Params) -> str:
    return ".".join(
        filter(None, (field.text(item, "server"), field.text(item, "tool")))
    )


def _detail(item: Params) -> str:
    paths = [field.text(change, "path") for change in field.items(item, "changes")]
    given = field.mapping(item.get("arguments")) or item
    return ", ".join(paths) or tool_detail(given)
