# Tables of a user's own things, each by its name: providers of models, MCP servers. They
# are not settings like the others, for each user has others.
"""What a user has named."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, cast

import attrs

from crew_actors.config._files import Content
from crew_actors.config._mcp import MCP, read_server, told_server
from crew_actors.config._problems import BadSetting
from crew_actors.config._providers import TABLE as PROVIDERS, read_provider, told
from crew_actors.model import McpServer, Provider

Thing = Provider | McpServer

_READERS: Final[Mapping[str, Callable[[str, object], Thing]]] = {
    PROVIDERS: read_provider,
    MCP: read_server,
}
TABLES: Final = tuple(_READERS)
"""The names of the tables."""


@attrs.frozen(kw_only=True)
class Named:
    """One thing that a file names."""

    table: str
    thing: Thing
    line: int | None

    def fields(self) -> Iterator[tuple[str, object]]:
        """Yield what is said of it, by the whole name of each field."""
        thing: Any = self.thing
        tell: Any = told if self.table == PROVIDERS else told_server
        for field, value in tell(thing):
            yield f"{self.table}.{thing.name}.{field}", value


@attrs.frozen(kw_only=True)
class Misnamed:
    """One thing that cannot be, and why."""

    key: str
    raw: object
    line: int | None
    why: str


def named_in(content: Content) -> Iterator[Named | Misnamed]:
    """Read what the user's own file names."""
    for key, name, raw in _entries(content):
        line = content.line_of(key)
        table = key.partition(".")[0]
        if not name:
            why = f"{key} must be a table, [{key}.NAME], not {raw!r}"
            yield Misnamed(key=key, raw=raw, line=line, why=why)
            continue
        try:
            thing = _READERS[table](name, raw)
        except BadSetting as error:
            yield Misnamed(key=key, raw=raw, line=line, why=str(error))
        else:
            yield Named(table=table, thing=thing, line=line)


def not_for_projects(content: Content) -> Iterator[Misnamed]:
    """Tell of each thing that a project's file names: it may name none."""
    for key, _, raw in _entries(content):
        why = f"{key} is ignored: only your own config.toml may name it"
        yield Misnamed(key=key, raw=raw, line=content.line_of(key), why=why)


def _entries(content: Content) -> Iterator[tuple[str, str, object]]:
    """Yield the key, the name and the value of each; one that is no table has no name."""
    for table in TABLES:
        found = content.table.get(table, {})
        if not isinstance(found, dict):
            yield table, "", found
            continue
        for name, raw in cast("dict[str, object]", found).items():
            yield f"{table}.{name}", name or "?", raw
