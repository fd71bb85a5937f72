# The protocol in JSON schema: made from the table of actions and that of scopes, so that
# it cannot say anything else than the server does.
#
#   #/$defs/Request …   what a frame may be
#   methods             of each method: its parameters and its result
#   scopes              of each scope: its parameters, its snapshot, its changes
"""The schema that the server publishes."""

from collections.abc import Mapping
from typing import Any, Final, cast

from crew_actors.commands import ROLES, Action, Parameter, load_action, parameters_of
from crew_actors.console._actions import NOT_HERE, STARTING, Started
from crew_actors.console._frames import ID_LIMIT, Code, write
from crew_actors.console._hints import Definitions, Schema, result_hint
from crew_actors.console._http import PROTOCOL
from crew_actors.console._scope_schemas import (
    CHANGES,
    DEFINITIONS,
    MODEL,
    SNAPSHOTS,
    part,
    whole,
)
from crew_actors.console._scopes import NAME_LIMIT, SCOPES, TAIL_LIMIT, ScopeRule

_TEXT: Schema = {"type": "string"}
_WHOLE: Schema = {"type": "integer"}
_ID: Schema = {"anyOf": [{"type": "string", "maxLength": ID_LIMIT}, _WHOLE]}
_MOST = 1 << 53
_OWN: Final = ("hello", "subscribe", "unsubscribe")  # all of them need parameters


def schema() -> Schema:
    """Describe all frames of the protocol."""
    definitions = MODEL.copy()
    methods: dict[str, Schema] = {
        name: _method(load_action(name), definitions) for name in ROLES
    }
    methods |= _own_methods()
    scopes = {name: _scope(name, rule) for name, rule in SCOPES.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": PROTOCOL,
        "description": "Frames of the console: JSON-RPC 2.0 over a websocket.",
        "anyOf": [
            {"$ref": f"#/$defs/{name}"}
            for name in ("Request", "Result", "Error", "Update", "Ended", "Note")
        ],
        "$defs": {
            **definitions.found,
            **DEFINITIONS,
            **_frames(methods, scopes),
        },
        "methods": methods,
        "scopes": scopes,
    }


def schema_text() -> str:
    """Write the schema as JSON."""
    return write(schema())


def _method(action: Action[Any, Any], definitions: Definitions) -> Schema:
    result = definitions.schema(result_hint(action.handler))
    if action.name in STARTING:
        result = {"anyOf": [definitions.schema(Started), result]}
    hidden = NOT_HERE.get(action.name, frozenset())
    parameters = [
        one for one in parameters_of(action.parameters) if one.name not in hidden
    ]
    return {
        "summary": action.summary,
        "role": ROLES[action.name],
        "params": {
            "type": "object",
            "properties": {one.name: _parameter(one) for one in parameters},
            "required": [one.name for one in parameters if one.required],
            "additionalProperties": False,
        },
        "result": result,
    }


def _parameter(one: Parameter) -> Schema:
    """Describe a parameter; an empty text and null mean that it is not given."""
    kinds: dict[str, Schema] = {
        "text": {"type": ["string", "null"]},
        "texts": {"type": ["array", "null"], "items": {"type": "string"}},
        "number": {"type": ["integer", "string", "null"], "minimum": one.least},
        "decimal": {"type": ["number", "string", "null"], "minimum": one.least},
        "flag": {"type": ["boolean", "string", "null"]},
        "choice": {"enum": [*one.choices, "", None]},
    }
    return {"description": one.help, **kinds[one.kind]}


def _own_methods() -> dict[str, Schema]:
    hello = whole(
        {
            "token": _TEXT,
            "versions": {
                "type": "array",
                "items": _TEXT,
                "contains": {"const": PROTOCOL},
            },
            "client": _TEXT,
        }
    )
    hello = {**hello, "required": ["token", "versions"]}
    welcome = whole(
        {
            "version": {"const": PROTOCOL},
            "role": {"enum": ["viewer", "operator"]},
            "server": {"type": "object"},
            "actions": {"type": "object"},
            "limits": {"type": "object", "additionalProperties": _WHOLE},
            "now": {"type": "number"},
        }
    )
    opened = whole({"subscription": _TEXT, "rev": _WHOLE})
    opened["properties"] = {
        "subscription": _TEXT,
        "rev": _WHOLE,
        "snapshot": {"type": "object"},
        "unchanged": {"const": True},
    }
    return {
        "hello": {
            "summary": "Show the token. The first frame, within a second.",
            "role": "viewer",
            "params": hello,
            "result": welcome,
        },
        "subscribe": {
            "summary": "Be told of a scope: what there is, then what changes.",
            "role": "viewer",
            "params": {
                "anyOf": [{"$ref": f"#/scopes/{name}/params"} for name in SCOPES]
            },
            "result": opened,
        },
        "unsubscribe": {
            "summary": "Be told of it no more.",
            "role": "viewer",
            "params": whole({"subscription": _TEXT}),
            "result": whole({}),
        },
    }


def _scope(name: str, rule: ScopeRule) -> Schema:
    kinds: dict[str, Schema] = {
        "run": {"type": "string", "minLength": 1, "maxLength": NAME_LIMIT},
        "task": {"type": "string", "minLength": 1, "maxLength": NAME_LIMIT},
        "tail": {"type": "integer", "minimum": 0, "maximum": TAIL_LIMIT},
    }
    since: Schema = {"type": "integer", "minimum": 0, "maximum": _MOST}
    own = {one: kinds[one] for one in (*rule.needs, *rule.takes)}
    params = part({"scope": {"const": name}, "since": since, **own})
    return {
        "about": rule.about,
        "params": {**params, "required": ["scope", *rule.needs]},
        "snapshot": SNAPSHOTS[name],
        "changes": CHANGES[name],
    }


def _frames(methods: Mapping[str, Schema], scopes: Mapping[str, Schema]) -> Schema:
    version: Schema = {"const": "2.0"}
    requests = [
        _request(name, needs=name in _OWN or bool(_needed(method)))
        for name, method in methods.items()
    ]
    changes = [{"$ref": f"#/scopes/{name}/changes"} for name in scopes]
    error = whole({"code": {"enum": [int(one) for one in Code]}, "message": _TEXT})
    error["properties"] = {
        "code": {"enum": [int(one) for one in Code]},
        "message": _TEXT,
        "data": {"type": "object"},
    }
    update = whole(
        {
            "subscription": _TEXT,
            "base": _WHOLE,
            "rev": _WHOLE,
            "changes": {"anyOf": changes},
        }
    )
    nobody: Schema = {"anyOf": [_ID, {"type": "null"}]}
    return {
        "Request": {"anyOf": requests},
        "Result": whole({"jsonrpc": version, "id": _ID, "result": {"type": "object"}}),
        "Error": whole({"jsonrpc": version, "id": nobody, "error": error}),
        "Update": _notice("update", update),
        "Ended": _notice("ended", whole({"subscription": _TEXT, "why": _TEXT})),
        "Note": _notice("note", whole({"request": _ID, "text": _TEXT})),
    }


def _needed(method: Schema) -> object:
    return cast("Schema", method["params"]).get("required")


def _request(method: str, *, needs: bool) -> Schema:
    """Describe a request; one whose method *needs* no parameter may have no params."""
    fields: dict[str, Schema] = {
        "jsonrpc": {"const": "2.0"},
        "id": _ID,
        "method": {"const": method},
        "params": {"$ref": f"#/methods/{method}/params"},
    }
    required = ["jsonrpc", "id", "method", *(["params"] if needs else [])]
    return {**whole(fields), "required": required}


def _notice(method: str, params: Schema) -> Schema:
    return whole(
        {"jsonrpc": {"const": "2.0"}, "method": {"const": method}, "params": params}
    )
