"""A value is held against a schema as the reference implementation does it."""

import json
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it has no types of its own
import pytest
from hypothesis import given, settings, strategies as st

from crew_actors.model import SCHEMA_LIMIT, BadSchema, mismatches, read_schema

Json = Any

_SMALL = st.integers(-2, 3)
_NAMES = st.sampled_from(["a", "b", "c"])
_PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    _SMALL,
    st.sampled_from([0.5, 1.0, 2.5]),
    st.sampled_from(["", "a", "bc"]),
)
_VALUES = st.recursive(
    _PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(_NAMES, inner, max_size=3)
    ),
    max_leaves=8,
)
_TYPE = st.sampled_from(
    ["object", "array", "string", "number", "integer", "boolean", "null"]
)


def _schemas(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    several = st.lists(inner, min_size=1, max_size=2)
    count = st.integers(0, 3)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.one_of(
                _TYPE, st.lists(_TYPE, min_size=1, max_size=2, unique=True)
            ),
            "enum": st.lists(_VALUES, min_size=1, max_size=3),
            "const": _VALUES,
            "minimum": _SMALL,
            "maximum": _SMALL,
            "exclusiveMinimum": _SMALL,
            "exclusiveMaximum": _SMALL,
            "minLength": count,
            "maxLength": count,
            "minItems": count,
            "maxItems": count,
            "minProperties": count,
            "maxProperties": count,
            "uniqueItems": st.booleans(),
            "required": st.lists(_NAMES, max_size=2, unique=True),
            "properties": st.dictionaries(_NAMES, inner, max_size=2),
            "additionalProperties": inner,
            "items": inner,
            "anyOf": several,
            "oneOf": several,
            "allOf": several,
            "not": inner,
            "title": st.just("t"),
        },
    )


_SCHEMAS = _schemas(
    st.recursive(
        st.one_of(st.booleans(), st.fixed_dictionaries({"type": _TYPE})),
        _schemas,
        max_leaves=4,
    )
)


@given(_SCHEMAS, _VALUES)
@settings(max_examples=200, deadline=None)
def test_a_value_fits_if_the_reference_implementation_says_so(
    schema: Json, value: Json
) -> None:
    ours = mismatches(value, read_schema(json.dumps(schema)))
    theirs: Any = jsonschema.Draft202012Validator(schema)
    assert (not ours) == theirs.is_valid(value)


@pytest.mark.parametrize(
    ("schema", "value", "says"),
    [
        ({"type": "object"}, [], "the value must be object, and is array"),
        ({"required": ["a"]}, {}, "the value has no 'a'"),
        (
            {"properties": {"a": {"items": {"type": "string"}}}},
            {"a": ["x", 1]},
            "the value/a/1 must be string, and is integer",
        ),
        ({"additionalProperties": False}, {"z": 1}, "the value must not have 'z'"),
        ({"minimum": 2}, 1, "the value must be at least 2"),
        ({"maximum": 2}, 3, "the value must be at most 2"),
        ({"exclusiveMinimum": 2}, 2, "the value must be more than 2"),
        ({"exclusiveMaximum": 2}, 2, "the value must be less than 2"),
        ({"minLength": 2}, "a", "the value must have at least 2 characters"),
        ({"maxItems": 1}, [1, 2], "the value must have at most 1 items"),
        ({"uniqueItems": True}, [[1.0], [1]], "the value has an item twice"),
        ({"const": {"a": 1}}, {"a": 2}, 'the value must be {"a": 1}'),
        ({"not": {"type": "null"}}, None, "the value has a form that it must not have"),
        ({"properties": {"a": False}}, {"a": 1}, "the value/a must not be there"),
        ({"type": "integer"}, 1.5, "the value must be integer, and is number"),
        ({"enum": ["pass", "fail"]}, "ok", 'the value must be one of ["pass", "fail"]'),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(
    schema: Json, value: Json, says: str
) -> None:
    assert mismatches(value, read_schema(json.dumps(schema))) == (says,)


def test_a_schema_may_refer_to_its_own_parts() -> None:
    tree = {"type": "object", "properties": {"sub": {"$ref": "#"}}, "required": ["n"]}
    assert mismatches({"n": 1, "sub": {}}, read_schema(json.dumps(tree))) == (
        "the value/sub has no 'n'",
    )
    named = {"$ref": "#/$defs/one", "$defs": {"one": {"type": "string"}}}
    assert mismatches("x", read_schema(json.dumps(named))) == ()
    assert mismatches(1, read_schema(json.dumps(named)))


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]},
        {"not": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}},
    ],
)
def test_a_schema_that_leads_nowhere_comes_to_an_end(schema: Json) -> None:
    (problem,) = mismatches(1, read_schema(json.dumps(schema)))
    assert "too large, or too deep" in problem


def test_only_the_first_problems_are_told() -> None:
    schema = read_schema('{"items": {"type": "string"}}')
    assert len(mismatches(list(range(1000)), schema)) == 10


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", "is no JSON object"),
        ("{", "is no JSON: "),
        ("[" * 10_000, "is no JSON: "),
        (" " * (SCHEMA_LIMIT + 1), "has more than 16,384 characters"),
        ('{"pattern": "(a+)+"}', "/pattern is not understood"),
        ('{"properties": {"a": {"tpye": "x"}}}', "/properties/a/tpye is not"),
        ('{"type": "text"}', "/type has a value that it cannot have"),
        ('{"required": "a"}', "/required has a value"),
        ('{"enum": []}', "/enum has a value"),
        ('{"minimum": "1"}', "/minimum has a value"),
        ('{"properties": []}', "/properties has a value"),
        ('{"uniqueItems": 1}', "/uniqueItems has a value"),
        ('{"$ref": "https://example.org/x"}', "/$ref has a value"),
        ('{"$ref": "#/$defs/x"}', "/$ref has a value"),
        ('{"items": 1}', "/items is no schema"),
        ('{"not":' * 70 + "{}" + "}" * 70, "is no schema"),
    ],
)
def test_what_is_not_understood_is_refused_before_anything_runs(
    text: str, says: str
) -> None:
    with pytest.raises(BadSchema) as caught:
        read_schema(text)
    assert says in str(caught.value)
