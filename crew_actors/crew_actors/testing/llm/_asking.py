# Four wire formats are read into one value: who said what, and which tools there are.
# What is missing or strange is read as nothing: a fake has no reason to be strict, and
# an agent that sends something wrong shows it in what it is answered.
"""Read requests."""

from collections.abc import Iterator
from typing import Final, cast

from crew_actors.testing.llm._values import (
    Asked,
    Entry,
    Json,
    Results,
    Tool,
    Turn,
    Wire,
    Words,
)

_SAID: Final = frozenset(
    {"function_call", "custom_tool_call", "reasoning", "local_shell_call"}
)


def read_request(wire: Wire, body: Json, *, model: str = "") -> Asked:
    """Read a request; *model* is its model where the path tells it."""
    read = {
        "chat": _chat,
        "responses": _responses,
        "messages": _messages,
        "gemini": _gemini,
    }[wire]
    return Asked(
        wire=wire,
        model=model or text(body, "model"),
        entries=tuple(read(body)),
        tools=tuple(_tools(wire, body)),
        is_streaming=body.get("stream") is True,
    )


def text(value: Json, name: str) -> str:
    """Return the text *name*, or an empty one."""
    found = value.get(name)
    return found if isinstance(found, str) else ""


def table(value: object) -> Json:
    """Return a table, or an empty one."""
    if not isinstance(value, dict):
        return {}
    found = cast("dict[object, object]", value)
    return {str(name): item for name, item in found.items()}


def tables(value: object) -> list[Json]:
    """Return the tables in a list, or nothing."""
    if not isinstance(value, list):
        return []
    found = cast("list[object]", value)
    return [one for one in map(table, found) if one]


def _chat(body: Json) -> Iterator[Entry]:
    for message in tables(body.get("messages")):
        match text(message, "role"):
            case "user":
                yield Words(_joined(message.get("content")))
            case "assistant":
                yield Turn()
            case "tool":
                yield Results()
            case _:
                pass  # what the system says has no script


def _messages(body: Json) -> Iterator[Entry]:
    for message in tables(body.get("messages")):
        if text(message, "role") == "assistant":
            yield Turn()
            continue
        content = message.get("content")
        if any(text(block, "type") == "tool_result" for block in tables(content)):
            yield Results()
        if words := _joined(content):
            yield Words(words)


def _responses(body: Json) -> Iterator[Entry]:
    if isinstance(put_in := body.get("input"), str):
        yield Words(put_in)
    for item in tables(put_in):
        kind = text(item, "type") or "message"
        if kind.endswith("_output"):
            yield Results()
        elif kind in _SAID or text(item, "role") == "assistant":
            yield Turn()
        elif kind == "message" and text(item, "role") == "user":
            yield Words(_joined(item.get("content")))


def _gemini(body: Json) -> Iterator[Entry]:
    for content in tables(body.get("contents")):
        if text(content, "role") == "model":
            yield Turn()
            continue
        parts = tables(content.get("parts"))
        if any("functionResponse" in part for part in parts):
            yield Results()
        if words := "\n".join(filter(None, (text(part, "text") for part in parts))):
            yield Words(words)


def _joined(content: object) -> str:
    if isinstance(content, str):
        return content
    texts = (
        text(block, "text")
        for block in tables(content)
        if text(block, "type") in {"text", "input_text"}
    )
    return "\n".join(filter(None, texts))


def _tools(wire: Wire, body: Json) -> Iterator[Tool]:
    for tool in tables(body.get("tools")):
        if wire == "chat":
            yield Tool(text(table(tool.get("function")), "name"))
        elif wire == "messages":
            yield Tool(text(tool, "name"))
        elif wire == "gemini":
            for declared in tables(tool.get("functionDeclarations")):
                yield Tool(text(declared, "name"))
        elif text(tool, "type") == "namespace":
            for inner in tables(tool.get("tools")):
                yield Tool(text(inner, "name"), namespace=text(tool, "name"))
        else:
            yield Tool(text(tool, "name"), is_free=text(tool, "type") == "custom")
