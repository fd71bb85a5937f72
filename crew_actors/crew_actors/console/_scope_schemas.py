# What subscriptions show, in JSON schema. The rows are made by `feeds`; this is what
# clients may rely on. Tests hold real frames against it.
#
# A letter for each kind of value: `s` text, `i` whole number, `n` number, `b` yes or no;
# with `?`, it may be null.
"""JSON schemas of scopes."""

from collections.abc import Mapping
from typing import Final

from crew_actors.console._hints import Definitions, Schema
from crew_actors.model import Artifact, Limits, Message, Question, Usage

_KINDS: Final = {"s": "string", "i": "integer", "n": "number", "b": "boolean"}

MODEL: Final = Definitions()
"""Values of the model that are in rows."""


def _kind(letter: str) -> Schema:
    kind = _KINDS[letter[0]]
    return {"type": [kind, "null"] if letter.endswith("?") else kind}


def _fields(text: str, **others: Schema) -> dict[str, Schema]:
    """Describe fields, written as `name:kind` with blanks between them."""
    pairs = (word.split(":") for word in text.split())
    return {name: _kind(kind) for name, kind in pairs} | others


def whole(fields: Mapping[str, Schema]) -> Schema:
    """Describe an object that has all of *fields*, and nothing else."""
    return {**part(fields), "required": list(fields)}


def part(fields: Mapping[str, Schema]) -> Schema:
    """Describe an object that has some of *fields*."""
    return {
        "type": "object",
        "properties": dict(fields),
        "additionalProperties": False,
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _table(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


_USAGE = MODEL.schema(Usage)
_OWNER = whole(_fields("pid:i here:b"))

RUN_ROW: Final = _fields(
    "run:s goal:s team:s workflow:s status:s? created_at:n started_at:n? ended_at:n? "
    "tasks:i questions:i approval:s partial:b problem:s",
    counts=_table(_kind("i")),
    usage=_USAGE,
    owner=_or_null(_OWNER),
)
RUN_HEAD: Final = RUN_ROW | _fields(
    "why:s cancelling:s? workspace:s approve:b summary:s? seq:i depth:i",
    limits=MODEL.schema(Limits),
    parent=_or_null(whole(_fields("run:s task:s attempt:s"))),
)
TASK_ROW: Final = _fields(
    "task:s agent:s role:s title:s model:s? group:s? verify:b writes:b status:s "
    "attempt:s? attempts:i started_at:n? ended_at:n? not_before:n progress:s "
    "heartbeat:s pid:i? why:s workspace:s? branch:s?",
    depends=_list(_kind("s")),
    usage=_USAGE,
    artifacts=MODEL.schema(tuple[Artifact, ...]),
    failure=_or_null(whole(_fields("kind:s message:s"))),
    questions=MODEL.schema(tuple[Question, ...]),
    mail=MODEL.schema(tuple[Message, ...]),
    nested=_list(_kind("s")),
    claim=_or_null(whole(_fields("owner:s until:n"))),
)
EVENT: Final[Schema] = {
    "type": "object",
    "properties": _fields("seq:i at:n kind:s"),
    "required": ["seq", "at", "kind"],
}
_MAILBOX = _fields(
    "name:s queued:i capacity:i accepted:i taken:i dead:i returned:i urgent:i low:i "
    "stashed:i in_hand:i waiting:i closed:b"
)
_LETTER = whole(
    _fields("id:s at:n to:s from:s? what:s kind:s why:s cause:s?"),
)
_ABOUT = _fields("kind:s unit:s help:s")
_POINTS = _list(
    {"type": "array", "prefixItems": [_kind("n"), _kind("n")], "items": False}
)
_PIECE = _fields("offset:i text:s")

NODE: Final[Schema] = whole(
    _fields(
        "name:s status:s restarts:i incarnation:i? strategy:s? pid:i?",
        kind={"enum": ["supervisor", "actor", "process", "worker"]},
        mailbox=_or_null(whole(_fields("queued:i capacity:i"))),
        children=_list(_ref("Node")),
    )
)

SNAPSHOTS: Final[Mapping[str, Schema]] = {
    "runs": whole({"runs": _list(_ref("RunRow"))}),
    "run": whole(
        {
            "run": _ref("RunHead"),
            "order": _list(_kind("s")),
            "tasks": _table(_ref("TaskRow")),
        }
    ),
    "events": whole({"events": _list(_ref("Event"))}),
    "output": whole(_PIECE | _fields("attempt:s?", errors=whole(_PIECE))),
    "supervisors": whole({"tree": _or_null(_ref("Node"))}),
    "mailboxes": whole({"mailboxes": _list(whole(_MAILBOX))}),
    "deadletters": whole(_fields("total:i", letters=_list(_LETTER))),
    "metrics": whole({"series": _table(whole(_ABOUT | {"points": _POINTS}))}),
}
"""What a subscription begins with, by the kind of its scope."""

CHANGES: Final[Mapping[str, Schema]] = {
    "runs": whole({"runs": _table(_or_null(part(RUN_ROW)))}),
    "run": part(
        {
            "run": part(RUN_HEAD),
            "order": _list(_kind("s")),
            "tasks": _table(_or_null(part(TASK_ROW))),
        }
    ),
    "events": whole({"events": _list(_ref("Event"))}),
    "output": part(_PIECE | _fields("attempt:s?", errors=whole(_PIECE))),
    "supervisors": whole({"tree": _or_null(_ref("Node"))}),
    "mailboxes": whole({"mailboxes": _table(_or_null(part(_MAILBOX)))}),
    "deadletters": whole(_fields("total:i", letters=_list(_LETTER))),
    "metrics": part({"points": _table(_POINTS), "series": _table(whole(_ABOUT))}),
}
"""What its updates hold. In a row, only the fields that changed; null: it is gone."""

DEFINITIONS: Final[Mapping[str, Schema]] = {
    **MODEL.found,
    "RunRow": whole(RUN_ROW),
    "RunHead": whole(RUN_HEAD),
    "TaskRow": whole(TASK_ROW),
    "Event": EVENT,
    "Node": NODE,
}
"""What the schemas of scopes refer to."""
