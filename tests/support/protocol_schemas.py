"""What we send to agent programs, held against the official schemas of their protocols."""

import json
import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import attrs
import jsonschema  # type: ignore[import-untyped]  # it has no types of its own

FOLDER: Final = Path(os.environ.get("CREW_TEST_AGENTS", "/")).parent / "schemas"
"""Where `.ci/agents` has put them."""

_OLDER: Final = {"session/set_model"}
"""What only agents are sent that offer it, as they did before it was settled."""

Json = dict[str, Any]


def are_there() -> bool:
    """Tell whether the schemas are installed."""
    return bool(os.environ.get("CREW_TEST_AGENTS")) and (FOLDER / "acp.json").exists()


@cache
def read(name: str) -> Json:
    """Read a schema."""
    found: Json = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return found


@attrs.define
class Traffic:
    """The frames between us and one program."""

    sent: list[str] = attrs.field(factory=list[str])
    heard: list[str] = attrs.field(factory=list[str])

    def problems(self, program: str) -> list[str]:
        """Tell what we have sent that the protocol of *program* does not allow."""
        asked = {
            frame["id"]: frame["method"]
            for frame in _frames(self.heard)
            if "id" in frame and "method" in frame
        }
        check = _acp if program == "acp" else _codex
        return [
            f"{frame}: {wrong}"
            for frame in _frames(self.sent)
            for wrong in check(frame, asked)
        ]


def _frames(lines: list[str]) -> Iterator[Json]:
    for line in lines:
        try:
            frame = json.loads(line)
        except ValueError:
            continue  # scripted programs talk nonsense, too
        if isinstance(frame, dict):
            yield frame


def _acp(frame: Json, asked: Mapping[object, str]) -> Iterator[str]:
    defs: Json = read("acp.json")["$defs"]
    is_answer = "method" not in frame
    if is_answer and "error" in frame:
        return
    method = asked.get(frame["id"]) if is_answer else frame["method"]
    endings = ("Response",) if is_answer else ("Request", "Notification")
    side = "client" if is_answer else "agent"
    names = [
        name
        for name, one in defs.items()
        if one.get("x-method") == method
        and one.get("x-side") in {side, "protocol"}
        and name.endswith(endings)
    ]
    if frame.get("jsonrpc") != "2.0":
        yield "it is no frame of JSON-RPC 2.0"
    if not names and method in _OLDER:
        return
    if not names:
        yield f"the protocol has no {method}"
        return
    value = frame["result"] if is_answer else frame["params"]
    schema = {"$ref": f"#/$defs/{names[0]}", "$defs": defs}
    yield from _wrong(schema, value)
    one = defs[names[0]]
    fields = {*one.get("properties", value)}
    fields |= {name for each in one.get("anyOf", ()) for name in each["properties"]}
    unknown = set(value) - fields
    if unknown:
        yield f"{names[0]} has no {unknown}"


def _codex(frame: Json, asked: Mapping[object, str]) -> Iterator[str]:
    if "method" not in frame:
        if "error" not in frame:
            yield from _codex_answer(frame, asked)
        return
    name = "ClientRequest.json" if "id" in frame else "ClientNotification.json"
    schema = read(f"codex/{name}")
    (one,) = [
        each
        for each in schema["oneOf"]
        if frame["method"] in each["properties"]["method"]["enum"]
    ] or [None]
    if one is None:
        yield f"the protocol has no {frame['method']}"
        return
    definitions: Json = schema.get("definitions", {})
    yield from _wrong({**one, "definitions": definitions}, frame)
    params = one["properties"].get("params", {})
    target = definitions.get(str(params.get("$ref", "")).rpartition("/")[2], {})
    given: Json = frame.get("params") or {}
    unknown = set(given) - set(target.get("properties", given))
    if unknown:
        yield f"{frame['method']} has no {unknown}"


def _codex_answer(frame: Json, asked: Mapping[object, str]) -> Iterator[str]:
    for each in read("codex/ServerRequest.json")["oneOf"]:
        if asked.get(frame["id"]) in each["properties"]["method"]["enum"]:
            params = str(each["properties"]["params"]["$ref"]).rpartition("/")[2]
            name = params.removesuffix("Params") + "Response.json"
            yield from _wrong(read(f"codex/{name}"), frame["result"])
            return
    yield f"the protocol has no question {asked.get(frame['id'])!r}"


def _wrong(schema: Json, value: object) -> Iterator[str]:
    validator: Any = jsonschema.Draft202012Validator(schema)
    for error in validator.iter_errors(value):
        yield str(error.message)[:300]
