# What people see of an agent: its words as they come, and a line for each tool. Never
# its protocol. Pure: it takes what was seen and gives lines.
"""Turn what is seen of an agent into lines for people."""

from collections.abc import Iterator
from typing import Final, assert_never, final

import attrs

from crew_actors.peers import Params
from crew_actors.runtimes import _fields as field
from crew_actors.runtimes._seen import (
    Did,
    Does,
    Notes,
    Says,
    Seen,
    Takes,
    Tries,
    TurnEnds,
    Uses,
)

LINE: Final = 240
"""Characters of a line that is shown before its end has come."""

DETAIL: Final = 200
"""Characters of what a tool is used with."""

_DETAILS: Final = (
    *("command", "file_path", "path", "pattern", "query", "url", "description"),
    *("prompt", "skill"),
)
"""Fields of a tool's input, of which the first that is there says most."""

_TOOLS: Final = 256  # of tools in use, the names of the last are known


@final
@attrs.define
class Screen:
    """The lines of one agent."""

    open: str = attrs.field(default="", init=False)
    """What it has said and not come to the end of."""
    _tools: dict[str, str] = attrs.field(factory=dict[str, str])

    def take(self, seen: Seen) -> Iterator[str]:
        """Yield the lines that are complete with *seen*."""
        if isinstance(seen, Says):
            yield from self._say(seen.text)
            return
        if isinstance(seen, Uses):
            return
        yield from self.rest()
        yield from self._told(seen)

    def rest(self) -> Iterator[str]:
        """Yield what has no end yet."""
        if self.open:
            yield self.open
            self.open = ""

    def _say(self, text: str) -> Iterator[str]:
        *lines, self.open = (self.open + text).split("\n")
        yield from lines
        while len(self.open) > LINE:
            place = self.open.rfind(" ", 1, LINE)
            place = place if place > 0 else LINE
            yield self.open[:place]
            self.open = self.open[place:].removeprefix(" ")

    def _told(
        self, seen: Does | Did | Takes | Tries | Notes | TurnEnds
    ) -> Iterator[str]:
        match seen:
            case Does(name, tool, _):
                self._tools[name] = tool
                while len(self._tools) > _TOOLS:
                    del self._tools[next(iter(self._tools))]
                yield f"> {action(seen)}"
            case Did(name, ok, why):
                tool = self._tools.pop(name, "tool")
                yield f"< {tool}: {'done' if ok else 'failed'}{short(why, ': ')}"
            case Takes():
                yield "(it has read the message)"
            case Tries(why):
                yield f"(it tries again: {why})"
            case Notes(text):
                yield f"({text})"
            case TurnEnds(failure=failure):
                if failure is not None:
                    yield f"(it failed: {failure.message})"
            case _:  # pragma: no cover - the match is complete
                assert_never(seen)


def action(does: Does) -> str:
    """Tell in one line what a tool is used for."""
    return f"{does.tool}{short(does.detail, ': ')}"


def short(text: str, before: str = "") -> str:
    """Make one line of *text*, not too long, with *before* unless it is empty."""
    words = " ".join(text.split())
    if not words:
        return ""
    cut = words if len(words) <= DETAIL else f"{words[: DETAIL - 1]}…"
    return before + cut


def tool_detail(given: Params) -> str:
    """Tell in a few words what a tool is used with."""
    for name in _DETAILS:
        if value := field.text(given, name):
            return value
    return " ".join(str(value) for value in given.values() if isinstance(value, str))
