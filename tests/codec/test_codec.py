"""Borders: named messages, nothing guessed, each bad field named."""

import json
import pickle
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any

import attrs
import hypothesis.strategies as st
import pytest
from hypothesis import given

from crew_actors.codec import (
    BadMessage,
    Codec,
    CodecError,
    MessageTooLarge,
    NotRegistered,
    UnknownKind,
)
from crew_mailbox import Request


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@attrs.frozen
class Point:
    x: int
    y: float = 0.0


@attrs.frozen
class Add:
    n: int = attrs.field(validator=attrs.validators.ge(0))


@attrs.frozen
class Get(Request[int]):
    key: str
    default: int | None = None


@attrs.frozen
class Leaf:
    value: int | str | None


@attrs.frozen
class Tree:
    branches: "tuple[Tree | Leaf, ...]" = ()
    label: "Leaf | str | None" = None


@attrs.frozen
class Everything:
    text: str
    number: float
    whole: int
    flag: bool
    data: bytes
    colour: Colour
    point: Point
    maybe: Point | None
    points: tuple[Point, ...]
    names: list[str]
    pair: tuple[int, str]
    some: frozenset[int]
    counts: Mapping[str, int]


Message = Add | Get | Tree | Leaf | Everything

CODEC = Codec[Message](
    {"add": Add, "get": Get, "tree": Tree, "leaf": Leaf, "everything": Everything}
)

whole = st.integers(-(2**53), 2**53)
points = st.builds(Point, x=whole, y=st.floats(allow_nan=False, allow_infinity=False))
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
leaves = st.builds(Leaf, value=st.none() | whole | texts)
labels = st.none() | texts | leaves
trees = st.recursive(
    st.builds(Tree, label=labels),
    lambda inner: st.builds(
        Tree,
        branches=st.lists(inner | leaves, max_size=3).map(tuple),
        label=labels,
    ),
    max_leaves=8,
)
everything = st.builds(
    Everything,
    text=texts,
    number=st.floats(allow_nan=False, allow_infinity=False),
    whole=whole,
    flag=st.booleans(),
    data=st.binary(max_size=20),
    colour=st.sampled_from(Colour),
    point=points,
    maybe=st.none() | points,
    points=st.lists(points, max_size=3).map(tuple),
    names=st.lists(texts, max_size=3),
    pair=st.tuples(whole, texts),
    some=st.frozensets(whole, max_size=3),
    counts=st.dictionaries(texts, whole, max_size=3),
)
messages = st.one_of(
    st.builds(Add, n=st.integers(0, 2**53)),
    st.builds(Get, key=texts, default=st.none() | whole),
    leaves,
    trees,
    everything,
)


@given(messages)
def test_what_is_written_is_read_again_as_it_was(message: Message) -> None:
    assert CODEC.decode(CODEC.encode(message)) == message


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_no_input_raises_anything_but_an_error_of_codecs(data: bytes | str) -> None:
    with pytest.raises(CodecError):
        CODEC.decode(data)


@given(messages, st.data())
def test_a_damaged_message_is_read_or_refused(message: Message, data: Any) -> None:
    body = bytearray(CODEC.encode(message))
    body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with suppress(CodecError):
        CODEC.decode(bytes(body))


def test_a_message_says_its_kind_by_its_registered_name() -> None:
    assert CODEC.encode(Add(3)) == b'{"kind":"add","n":3}'


def test_a_field_of_one_class_needs_no_name() -> None:
    @attrs.frozen
    class Line:
        start: Point

    codec = Codec[Line]({"line": Line})
    data = codec.encode(Line(Point(1, 2.5)))
    assert data == b'{"kind":"line","start":{"x":1,"y":2.5}}'


def test_a_field_of_several_classes_says_which_one_it_holds() -> None:
    assert CODEC.encode(Tree((Leaf(1), Tree()), "x")) == (
        b'{"kind":"tree","branches":[{"kind":"leaf","value":1},'
        b'{"kind":"tree","branches":[],"label":null}],"label":"x"}'
    )


def test_a_class_that_a_field_needs_by_name_must_have_one() -> None:
    codec = Codec[Tree]({"tree": Tree})
    with pytest.raises(NotRegistered, match="Leaf"):
        codec.encode(Tree((Leaf(1),)))
    with pytest.raises(NotRegistered):
        codec.decode('{"kind":"tree","branches":[]}')


def test_text_is_read_like_bytes() -> None:
    assert CODEC.decode('{"kind":"get","key":"ä"}') == Get("ä")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ('{"kind":"add"}', "required, and missing @ add.n"),
        ('{"kind":"add","n":"1"}', "expected int, not str @ add.n"),
        ('{"kind":"add","n":true}', "expected int, not bool @ add.n"),
        ('{"kind":"add","n":1.0}', "expected int, not float @ add.n"),
        ('{"kind":"add","n":null}', "expected int, not nothing @ add.n"),
        ('{"kind":"add","n":1,"m":2}', "unknown keys m @ add"),
        ('{"kind":"add","n":-1}', "'n' must be >= 0: -1 @ add"),
        ('{"kind":"leaf","value":[]}', "leaf.value"),
        ('{"kind":"tree","branches":"ab"}', "expected list, not str @ tree.branches"),
        ('{"kind":"tree","branches":[3]}', "@ tree.branches[0]"),
        ('{"kind":"tree","branches":[{}]}', "kind is None: it must be one of tree"),
        ('{"kind":"tree","label":{"kind":"add"}}', "one of leaf @ tree.label"),
        ('{"kind":"tree","label":3}', "an object with 'kind', not int @ tree.label"),
    ],
)
def test_each_problem_names_its_field(data: str, problem: str) -> None:
    with pytest.raises(BadMessage) as bad:
        CODEC.decode(data)
    assert problem in str(bad.value)
    assert len(bad.value.problems) == 1


def test_problems_call_a_message_by_the_noun_of_the_codec() -> None:
    codec = Codec[Add]({"add": Add}, noun="order")
    with pytest.raises(BadMessage) as bad:
        codec.decode('{"kind":"add","n":"1"}')
    assert bad.value.kind == "add"
    assert bad.value.problems == ("expected int, not str @ order.n",)
    with pytest.raises(BadMessage) as bad:
        codec.decode("{}")
    assert bad.value.kind == "order"


def _plain() -> dict[str, object]:
    return {
        "kind": "everything",
        "text": "t",
        "number": 1,
        "whole": 1,
        "flag": True,
        "data": "",
        "colour": "red",
        "point": {"x": 1},
        "maybe": None,
        "points": [],
        "names": [],
        "pair": [1, "a"],
        "some": [],
        "counts": {},
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", 1),
        ("number", "1"),
        ("flag", 0),
        ("data", "%"),
        ("colour", "green"),
        ("point", {"x": 1, "z": 1}),
        ("point", []),
        ("maybe", {}),
        ("points", [{"x": 1}, {"x": "1"}]),
        ("points", {"x": 1}),
        ("names", "abc"),
        ("names", ["a", 1]),
        ("pair", [1]),
        ("pair", "ab"),
        ("pair", [1, 2]),
        ("some", "12"),
        ("some", ["1"]),
        ("counts", []),
        ("counts", {"a": "b"}),
    ],
)
def test_a_value_of_a_wrong_type_is_refused_with_its_path(
    field: str, value: object
) -> None:
    with pytest.raises(BadMessage) as bad:
        CODEC.decode(json.dumps({**_plain(), field: value}))
    assert f"@ everything.{field}" in str(bad.value)


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(BadMessage) as bad:
        CODEC.decode('{"kind":"get","key":1,"default":"x","more":0}')
    assert len(bad.value.problems) == 3


@pytest.mark.parametrize(
    "data",
    ["", "{", "[]", "1", "null", "{}", '{"kind":1}', b"\xff", "[" * 100_000],
)
def test_what_is_no_object_with_a_kind_is_refused(data: str | bytes) -> None:
    with pytest.raises(BadMessage):
        CODEC.decode(data)


def test_an_unknown_kind_is_told_apart_from_a_bad_message() -> None:
    with pytest.raises(UnknownKind) as unknown:
        CODEC.decode('{"kind":"remove"}')
    assert unknown.value.kind == "remove"
    assert "add, get" in str(unknown.value)


def test_a_message_without_a_registered_name_is_not_written() -> None:
    with pytest.raises(UnknownKind, match="Point"):
        CODEC.encode(Point(1))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  the point of the test


@pytest.mark.parametrize(
    "message",
    [
        lambda: Get("\ud800"),
        lambda: Get(1),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  the point
        lambda: Tree(branches=3),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  the point
    ],
    ids=["half a pair", "wrong type", "no tuple"],
)
def test_what_could_not_be_read_is_not_written(message: Callable[[], Message]) -> None:
    with pytest.raises(BadMessage):
        CODEC.encode(message())


def test_what_json_cannot_hold_is_not_written() -> None:
    @attrs.frozen
    class Weight:
        kilos: float

    with pytest.raises(BadMessage, match="kilos"):
        Codec[Weight]({"weight": Weight}).encode(Weight(float("nan")))


def test_more_bytes_than_allowed_are_not_parsed() -> None:
    codec = Codec[Get]({"get": Get}, max_size=30)
    assert codec.decode('{"kind":"get","key":"0123456"}') == Get("0123456")
    with pytest.raises(MessageTooLarge) as large:
        codec.decode(b"{" * 31)
    assert (large.value.size, large.value.limit) == (31, 30)
    with pytest.raises(MessageTooLarge):
        codec.decode('{"kind":"get","key":"012345ä"}')  # 30 letters, 31 bytes
    with pytest.raises(MessageTooLarge, match="at most 30"):
        codec.encode(Get("x" * 30))


@pytest.mark.parametrize(
    ("kinds", "problem"),
    [
        ({}, "empty"),
        ({"n": int}, "no class made with attrs"),
        ({"a": Add, "b": Add}, "twice"),
    ],
)
def test_a_codec_with_bad_kinds_is_refused(kinds: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Codec[Any](kinds)


def test_a_field_with_the_name_of_the_tag_is_refused() -> None:
    @attrs.frozen
    class Bad:
        kind: str

    with pytest.raises(ValueError, match="rename the field"):
        Codec[Bad]({"bad": Bad})


def test_a_size_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="max_size"):
        Codec[Add]({"add": Add}, max_size=0)


@pytest.mark.parametrize(
    "error",
    [
        MessageTooLarge(3, 2),
        UnknownKind("a", ("b",)),
        NotRegistered(("a", "b")),
        BadMessage("a", ("no b @ a.b",)),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_survive_pickle(error: CodecError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (str(copy), vars(copy)) == (str(error), vars(error))


def test_the_example_of_the_reference_works(capsys: pytest.CaptureFixture[str]) -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "codec.md"
    text = page.read_text(encoding="utf-8")
    exec(text.partition("```python\n")[2].partition("```")[0], {})
    lines = capsys.readouterr().out.splitlines()
    assert sorted(lines) == ["expected int, not str @ add.n", "unknown keys m @ add"]
