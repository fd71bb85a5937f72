# The part of JSON Schema (draft 2020-12) that describes what agents are to answer. A word
# that is not understood is an error when the schema is read: a rule that is silently not
# held would be worse than none. Patterns are not understood, for a pattern can take for
# ever.
"""Hold a value against a JSON schema."""

import json
from collections.abc import Callable, Iterator, Mapping, Sized
from types import MappingProxyType
from typing import Any, Final, TypeAlias, TypeGuard, cast

import attrs

SCHEMA_LIMIT: Final = 16_384
"""Characters of a schema. Agents are told all of it."""

_DEPTH: Final = 64  # of a schema, a value, and of references that lead to each other
_MOST: Final = 10  # problems that are told
_STEPS: Final = 100_000  # parts of a value that are held against parts of a schema

Json: TypeAlias = Any


def _is_table(value: object) -> TypeGuard[dict[str, Json]]:
    return isinstance(value, dict)


def _is_list(value: object) -> TypeGuard[list[Json]]:
    return isinstance(value, list)


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TYPES: Final[Mapping[str, Callable[[Json], bool]]] = MappingProxyType(
    {
        "object": _is_table,
        "array": _is_list,
        "string": lambda value: isinstance(value, str),
        "number": _is_number,
        "integer": lambda value: _is_number(value) and float(value).is_integer(),
        "boolean": lambda value: isinstance(value, bool),
        "null": lambda value: value is None,
    }
)
_NOTES: Final = frozenset(
    {
        *("$schema", "$id", "$comment", "title", "description", "default", "examples"),
        *("deprecated", "readOnly", "writeOnly", "format"),
    }
)
"""Words that ask for nothing."""

_NUMBERS: Final = frozenset(
    {
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
        *("minLength", "maxLength", "minItems", "maxItems"),
        *("minProperties", "maxProperties"),
    }
)
_SIZES: Final[tuple[tuple[type, str, str, str], ...]] = (
    (str, "minLength", "maxLength", "characters"),
    (list, "minItems", "maxItems", "items"),
    (dict, "minProperties", "maxProperties", "keys"),
)
_TABLES: Final = frozenset({"properties", "$defs", "definitions"})
_LISTS: Final = frozenset({"anyOf", "oneOf", "allOf"})
_SINGLE: Final = frozenset({"items", "additionalProperties", "not"})
_WORDS: Final = (
    {"type", "enum", "const", "required", "uniqueItems", "$ref"}
    | _NOTES
    | _NUMBERS
    | _TABLES
    | _LISTS
    | _SINGLE
)


class _TooMuch(Exception):
    """Looking on would take too long."""


@attrs.define
class _Look:
    """One look at a value."""

    root: Json
    """The whole schema."""

    steps: int = _STEPS
    """How many more parts may be looked at."""


class BadSchema(ValueError):
    """The text is no schema that can be held against a value."""


def read_schema(text: str) -> Json:
    """Read a schema, which is a JSON object.

    Raises:
      BadSchema: it is none, or holds what is not understood; the message says where.
    """
    if len(text) > SCHEMA_LIMIT:
        raise BadSchema(f"has more than {SCHEMA_LIMIT:,} characters")
    try:
        schema: Json = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadSchema(f"is no JSON: {error}") from None
    if not _is_table(schema):
        raise BadSchema("is no JSON object")
    _check(schema, schema, "", _DEPTH)
    return schema


def mismatches(value: Json, schema: Json) -> tuple[str, ...]:
    """Tell where *value* is not what *schema* asks for: the first few places.

    *schema* comes from `read_schema`, *value* from a reader of JSON.
    """
    found: list[str] = []
    try:
        for problem in _problems(value, schema, _Look(schema), "the value", _DEPTH):
            found.append(problem)
            if len(found) == _MOST:
                break
    except _TooMuch:
        found.append("the value is too large, or too deep, to be looked at")
    return tuple(found)


def _check(schema: Json, root: Json, where: str, depth: int) -> None:
    if isinstance(schema, bool):
        return
    if not _is_table(schema) or depth == 0:
        raise BadSchema(f"{where or 'it'} is no schema")
    for word, said in schema.items():
        place = f"{where}/{word}"
        if word not in _WORDS:
            raise BadSchema(f"{place} is not understood here")
        _check_word(word, said, root, place)
        for below, name in _below(word, said):
            _check(below, root, f"{place}{name}", depth - 1)


def _check_word(word: str, said: Json, root: Json, place: str) -> None:
    names = said if _is_list(said) else [said]
    fits = True
    if word == "type":
        fits = all(isinstance(name, str) and name in _TYPES for name in names)
    elif word == "required":
        fits = _is_list(said) and all(isinstance(name, str) for name in names)
    elif word == "enum" or word in _LISTS:
        fits = _is_list(said) and bool(names)
    elif word in _NUMBERS:
        fits = _is_number(said)
    elif word == "uniqueItems":
        fits = isinstance(said, bool)
    elif word in _TABLES:
        fits = _is_table(said)
    elif word == "$ref":
        fits = isinstance(said, str) and _referred(root, said) is not None
    if not fits:
        raise BadSchema(f"{place} has a value that it cannot have")


def _below(word: str, said: Json) -> Iterator[tuple[Json, str]]:
    if word in _TABLES:
        for name, schema in said.items():
            yield schema, f"/{name}"
    elif word in _LISTS:
        for number, schema in enumerate(said):
            yield schema, f"/{number}"
    elif word in _SINGLE:
        yield said, ""


def _referred(root: Json, name: str) -> Json:
    """Find what a reference like `#/$defs/name` leads to; None if to nothing."""
    if name == "#":
        return root
    for table in ("$defs", "definitions"):
        below = name.removeprefix(f"#/{table}/")
        if below != name and _is_table(root.get(table)):
            return root[table].get(below)
    return None


def _problems(
    value: Json, schema: Json, look: _Look, where: str, depth: int
) -> Iterator[str]:
    look.steps -= 1
    if depth == 0 or look.steps < 0:
        raise _TooMuch
    if isinstance(schema, bool):
        if not schema:
            yield f"{where} must not be there"
        return
    if "$ref" in schema:
        to = _referred(look.root, schema["$ref"])
        yield from _problems(value, to, look, where, depth - 1)
    wanted = schema.get("type")
    if wanted is not None:
        types: list[str] = list(wanted) if _is_list(wanted) else [wanted]
        if not any(_TYPES[name](value) for name in types):
            yield f"{where} must be {' or '.join(types)}, and is {_type_of(value)}"
            return
    yield from _of_value(value, schema, where)
    yield from _of_choices(value, schema, look, where, depth)
    if _is_table(value):
        yield from _of_object(value, schema, look, where, depth)
    elif _is_list(value):
        yield from _of_array(value, schema, look, where, depth)


def _of_value(value: Json, schema: Json, where: str) -> Iterator[str]:
    if "enum" in schema and not any(_same(value, one) for one in schema["enum"]):
        yield f"{where} must be one of {_shown(schema['enum'])}"
    if "const" in schema and not _same(value, schema["const"]):
        yield f"{where} must be {_shown(schema['const'])}"
    if _is_number(value):
        yield from _of_number(value, schema, where)
    for kind, least, most, what in _SIZES:
        if isinstance(value, kind):
            size = len(cast("Sized", value))
            if size < schema.get(least, 0):
                yield f"{where} must have at least {schema[least]} {what}"
            if size > schema.get(most, size):
                yield f"{where} must have at most {schema[most]} {what}"


def _of_number(value: Json, schema: Json, where: str) -> Iterator[str]:
    if value < schema.get("minimum", value):
        yield f"{where} must be at least {schema['minimum']}"
    if value > schema.get("maximum", value):
        yield f"{where} must be at most {schema['maximum']}"
    if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
        yield f"{where} must be more than {schema['exclusiveMinimum']}"
    if "exclusiveMaximum" in schema and value >= schema["exclusiveMaximum"]:
        yield f"{where} must be less than {schema['exclusiveMaximum']}"


def _of_choices(
    value: Json, schema: Json, look: _Look, where: str, depth: int
) -> Iterator[str]:
    def fits(one: Json) -> bool:
        return next(_problems(value, one, look, where, depth - 1), None) is None

    for one in schema.get("allOf", ()):
        yield from _problems(value, one, look, where, depth - 1)
    if "anyOf" in schema and not any(map(fits, schema["anyOf"])):
        yield f"{where} fits none of the forms that it may have"
    if "oneOf" in schema:
        fitting = sum(map(fits, schema["oneOf"]))
        if fitting != 1:
            yield f"{where} must fit one of the forms that it may have, and fits {fitting}"
    if "not" in schema and fits(schema["not"]):
        yield f"{where} has a form that it must not have"


def _of_object(
    value: Json, schema: Json, look: _Look, where: str, depth: int
) -> Iterator[str]:
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{where} has no {name!r}"
    known = schema.get("properties", {})
    rest = schema.get("additionalProperties", True)
    for name, one in value.items():
        inside = f"{where}/{name[:80]}"
        if name in known:
            yield from _problems(one, known[name], look, inside, depth - 1)
        elif rest is False:
            yield f"{where} must not have {name[:80]!r}"
        else:
            yield from _problems(one, rest, look, inside, depth - 1)


def _of_array(
    value: Json, schema: Json, look: _Look, where: str, depth: int
) -> Iterator[str]:
    for number, one in enumerate(value):
        inside = f"{where}/{number}"
        yield from _problems(one, schema.get("items", True), look, inside, depth - 1)
    if schema.get("uniqueItems"):
        seen = {_plain(one) for one in value}
        if len(seen) < len(value):
            yield f"{where} has an item twice"


def _same(one: Json, other: Json) -> bool:
    return _plain(one) == _plain(other)


def _plain(value: Json) -> str:
    """Write a value so that two of the same JSON are the same text."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if _is_table(value):
        table = value
        return f"{{{','.join(sorted(f'{json.dumps(k)}:{_plain(v)}' for k, v in table.items()))}}}"
    if _is_list(value):
        return f"[{','.join(map(_plain, value))}]"
    return json.dumps(value)


def _type_of(value: Json) -> str:
    return next(
        (name for name, fits in _TYPES.items() if name != "number" and fits(value)),
        "number",
    )


def _shown(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)[:200]
