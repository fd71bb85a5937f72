"""What a tool of a live agent is."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias, final

import attrs

from crew_actors.llm import Call, Json, ToolSpec
from crew_actors.model import mismatches

Arguments: TypeAlias = Mapping[str, Any]
"""They fit the schema of their tool."""


class ToolFailed(Exception):
    """A tool was used in vain. The agent is told why, and goes on."""


@final
@attrs.frozen
class Tool:
    """Something that a live agent can do."""

    spec: ToolSpec
    use: Callable[[Arguments], Awaitable[str]]
    """Does it, and tells what has come of it; raises `ToolFailed`."""


def tool(
    name: str,
    description: str,
    use: Callable[[Arguments], Awaitable[str]],
    *,
    required: Mapping[str, Json],
    optional: Mapping[str, Json] | None = None,
) -> Tool:
    """Make a tool with these arguments, each with its JSON schema."""
    schema = {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }
    return Tool(ToolSpec(name=name, description=description, schema=schema), use)


async def use(tools: Mapping[str, Tool], call: Call) -> str:
    """Use the tool that *call* asks for.

    Raises:
      ToolFailed: it was in vain.
    """
    found = tools.get(call.name)
    if found is None:
        raise ToolFailed(f"there is no tool {call.name!r}; use {', '.join(tools)}")
    given = call.given()
    if given is None:
        raise ToolFailed("the arguments are no JSON object")
    wrong = mismatches(given, found.spec.schema)
    if wrong:
        raise ToolFailed(f"the arguments do not fit: {'; '.join(wrong)}")
    return await found.use(given)


def text(about: str) -> Json:
    """Describe an argument that is a text."""
    return {"type": "string", "description": about}


def whole(about: str, least: int, most: int) -> Json:
    """Describe an argument that is a whole number."""
    bounds = {"minimum": least, "maximum": most}
    return {"type": "integer", "description": about, **bounds}
