import pickle
from typing import Literal

import attrs
import pytest

from crew_actors.commands import BadParameters, Parameter, build, parameters_of
from crew_actors.commands._schema import told

THERE_ARE = "(there are: colour, limit, loud, where)"


@attrs.frozen(kw_only=True)
class Sample:
    where: str = attrs.field(metadata=told("where to look", positional=True))
    colour: Literal["red", "green"] | None = attrs.field(
        default=None, metadata=told("which colour")
    )
    limit: int | None = attrs.field(default=None, metadata=told("how many", least=1))
    loud: bool = attrs.field(default=False, metadata=told("make noise"))


def test_a_class_describes_its_parameters() -> None:
    assert parameters_of(Sample) == (
        Parameter(
            name="where",
            kind="text",
            help="where to look",
            positional=True,
            required=True,
        ),
        Parameter(
            name="colour",
            kind="choice",
            help="which colour",
            choices=("red", "green"),
        ),
        Parameter(name="limit", kind="number", help="how many", least=1),
        Parameter(name="loud", kind="flag", help="make noise"),
    )


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ({"where": "x"}, Sample(where="x")),
        ({"where": "x", "colour": "", "limit": "", "loud": ""}, Sample(where="x")),
        ({"where": "x", "colour": None}, Sample(where="x")),
        ({"where": "x", "limit": "12"}, Sample(where="x", limit=12)),
        ({"where": "x", "limit": 12}, Sample(where="x", limit=12)),
        ({"where": "x", "colour": "red"}, Sample(where="x", colour="red")),
        ({"where": "x", "loud": "YES"}, Sample(where="x", loud=True)),
        ({"where": "x", "loud": True}, Sample(where="x", loud=True)),
        ({"where": "x", "loud": "off"}, Sample(where="x")),
    ],
)
def test_parameters_are_built_from_what_was_given(
    given: dict[str, object], made: Sample
) -> None:
    assert build("look", Sample, given) == made


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "where is missing: where to look"),
        ({"where": ""}, "where is missing: where to look"),
        ({"where": 3}, "where must be a text, not 3"),
        (
            {"where": "x", "limit": "-1"},
            "--limit must be a whole number, at least 1, not '-1'",
        ),
        (
            {"where": "x", "limit": "0"},
            "--limit must be a whole number, at least 1, not '0'",
        ),
        (
            {"where": "x", "limit": True},
            "--limit must be a whole number, at least 1, not True",
        ),
        (
            {"where": "x", "limit": "²"},
            "--limit must be a whole number, at least 1, not '²'",
        ),
        (
            {"where": "x", "limit": "9" * 19},
            f"--limit must be a whole number, at least 1, not {'9' * 19!r}",
        ),
        ({"where": "x", "loud": "maybe"}, "--loud must be yes or no, not 'maybe'"),
        (
            {"where": "x", "colour": "gren"},
            "--colour must be one of red, green, not 'gren'; did you mean 'green'?",
        ),
        (
            {"where": "x", "color": "red"},
            f"unknown parameter 'color'; did you mean 'colour'? {THERE_ARE}",
        ),
        (
            {"where": "x", "zzz": 1},
            f"unknown parameter 'zzz' {THERE_ARE}",
        ),
    ],
)
def test_a_wrong_parameter_is_told_with_the_way_out(
    given: dict[str, object], problem: str
) -> None:
    with pytest.raises(BadParameters) as refused:
        build("look", Sample, given)
    assert refused.value.problems == (problem,)


def test_all_wrong_parameters_are_told_at_once() -> None:
    with pytest.raises(BadParameters) as refused:
        build("look", Sample, {"colour": "x", "limit": "y", "zzz": 1})
    assert len(refused.value.problems) == 4
    assert str(refused.value).startswith("look: unknown parameter")
    again = pickle.loads(pickle.dumps(refused.value))
    assert str(again) == str(refused.value)


@attrs.frozen(kw_only=True)
class Nothing:
    pass


def test_an_action_without_parameters_says_that_there_are_none() -> None:
    with pytest.raises(BadParameters, match=r"there are: none"):
        build("look", Nothing, {"x": 1})
