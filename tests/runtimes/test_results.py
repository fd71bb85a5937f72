"""The data in a result is found, and held against the form that was asked for."""

import json
from typing import Any

import attrs
import pytest
from hypothesis import given, strategies as st
from tests.support.plans import task

from crew_actors.model import Failure, FailureKind
from crew_actors.runtimes import Completed, Failed, NoResult, judged
from crew_actors.runtimes._results import (
    TEXT_LIMIT,
    find_data,
    please_mend,
)

SCHEMA = json.dumps(
    {
        "type": "object",
        "required": ["verdict"],
        "properties": {"verdict": {"enum": [1]}},
    }
)
PLAIN = task("a")
ASKED = attrs.evolve(PLAIN, output_schema=SCHEMA)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ('{"a": 1}', {"a": 1}),
        ("  [1, 2]\n", [1, 2]),
        ('Well.\n\n```json\n{"a": 1}\n```\n', {"a": 1}),
        ('```json\n{"a": 1}\n```\nor\n```json\n{"a": 2}\n```', {"a": 2}),
        ('```json\n{"a": 1}\n```\nnot\n```json\n{"a": \n```', {"a": 1}),
        ('````json\n{"a": "```"}\n````', {"a": "```"}),
        ("~~~json\n[0]\n~~~", [0]),
        ('I think.\nRESULT: {"a": 1}', {"a": 1}),
        ('**RESULT:** {"a": 1}\nThat is all.', {"a": 1}),
        ('RESULT:\n{"a":\n 1}', {"a": 1}),
        ("```json\n[1]\n```\nRESULT:\n```json\n[2]\n```", [2]),
        ("plain words", None),
        ("42", None),
        ('"text"', None),
        ("````text\n```json\n[1]\n```\n````", None),
        ("```json\n[1]", None),
        ("```\n[1]\n```", None),
        ("```python\n[1]\n```", None),
        ("{not json}", None),
        ('{"a": NaN}', None),
        ("[" * 5_000, None),
        ("[" * 500 + "]" * 500, None),
        ("RESULT:", None),
        ("", None),
    ],
)
def test_data_is_found_where_agents_put_it(text: str, data: object) -> None:
    assert find_data(text) == data


def test_in_a_text_that_is_too_long_nothing_is_looked_for() -> None:
    assert find_data("[1]" + " " * TEXT_LIMIT) is None


@pytest.mark.parametrize(
    "row", ["```json\n", "RESULT:\n", " *", "{", "```json\n{\n```\n"]
)
def test_a_large_text_is_looked_through_once(row: str) -> None:
    # In quadratic time this would not come to an end.
    assert find_data(row * (TEXT_LIMIT // len(row))) is None


@given(st.text(st.sampled_from('`~{}[]":, jsonRESULT:\n1')))
def test_no_text_is_too_strange(text: str) -> None:
    found: Any = find_data(text)
    assert found is None or isinstance(found, dict | list)


def test_a_result_without_a_form_keeps_its_text_and_has_its_data() -> None:
    said = Completed(text='Well.\nRESULT: {"a": 1}')
    assert judged(PLAIN, said) == Completed(text=said.text, data={"a": 1})
    assert judged(PLAIN, Completed(text="x")) == Completed(text="x")


def test_what_the_agent_gives_beside_its_text_counts_first() -> None:
    said = Completed(text='{"verdict": 1}', data={"verdict": 2})
    assert judged(PLAIN, said) == said
    assert isinstance(judged(ASKED, said), Failed)
    assert judged(ASKED, Completed(text="x", data={"verdict": 1})) == Completed(
        text="x", data={"verdict": 1}
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("It is fine.", "it holds no JSON object or array"),
        ("{}", "the value has no 'verdict'"),
        ('{"verdict": 2}', "the value/verdict must be one of [1]"),
    ],
)
def test_a_result_of_another_form_is_a_failure_of_its_own_kind(
    text: str, says: str
) -> None:
    outcome = judged(ASKED, Completed(text=text))
    assert isinstance(outcome, Failed)
    assert outcome.failure.kind is FailureKind.INVALID
    assert outcome.failure.message == (
        f"its result has not the form that was asked for: {says}"
    )
    mend = please_mend(ASKED, text)
    assert mend is not None
    assert says in mend
    assert SCHEMA in mend


def test_there_is_nothing_to_mend_where_nothing_was_asked_for() -> None:
    assert please_mend(PLAIN, "x") is None
    assert please_mend(ASKED, '{"verdict": 1}') is None


def test_how_else_an_attempt_ends_is_left_alone() -> None:
    failed = Failed(failure=Failure(kind=FailureKind.EXIT, message="x"))
    assert judged(ASKED, failed) is failed
    nothing = NoResult(why="x")
    assert judged(ASKED, nothing) is nothing
