"""Each line of a command agent means something, and none can break its reader."""

import json

import pytest
from hypothesis import given, strategies as st

from crew_actors.model import Usage
from crew_actors.runtimes._messages import (
    COUNT_LIMIT,
    PROGRESS_LIMIT,
    Fails,
    Leaves,
    Message,
    Results,
    Says,
    Uses,
    understand,
)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"type": "progress", "text": "half"}, Says("half")),
        ({"type": "artifact", "name": "a", "path": "b"}, Leaves("a", "b")),
        ({"type": "result", "text": "done"}, Results("done")),
        ({"type": "result", "text": "done", "data": [1]}, Results("done", [1])),
        ({"type": "failure", "message": "no"}, Fails("no")),
        (
            {"type": "usage", "input": 3, "output": 4, "cost": 0.25},
            Uses(Usage(input=3, output=4, cost=0.25)),
        ),
        ({"type": "usage"}, Uses(Usage())),
        ({"type": "usage", "input": -3, "cost": -1}, Uses(Usage())),
        ({"type": "usage", "input": "3", "output": None}, Uses(Usage())),
        ({"type": "usage", "input": True}, Uses(Usage())),
        ({"type": "usage", "input": 10**30}, Uses(Usage(input=COUNT_LIMIT))),
    ],
)
def test_a_message_is_understood(line: dict[str, object], message: Message) -> None:
    assert understand(json.dumps(line)) == message
    assert understand(f"  {json.dumps(line)}\r") == message


@pytest.mark.parametrize(
    "line",
    ["hello", "{", "{}", '{"type": "result"}', '{"type": 3}', "[1]", '{"a": 1e999}'],
)
def test_what_is_no_message_is_progress(line: str) -> None:
    assert understand(line) == Says(line)


def test_deep_nesting_is_progress_and_not_a_crash() -> None:
    deep = '{"type": "result", "text": "x", "data": ' + "[" * 100_000
    assert isinstance(understand(deep), Says)


def test_a_usage_that_is_not_finite_costs_nothing() -> None:
    assert understand('{"type": "usage", "cost": 1e308}') == Uses(Usage())
    many = "1" + "0" * 400
    assert understand(f'{{"type": "usage", "cost": {many}}}') == Uses(Usage())
    assert understand('{"type": "usage", "cost": true}') == Uses(Usage())
    assert understand('{"type": "usage", "cost": 0.5}') == Uses(Usage(cost=0.5))
    assert understand('{"type": "usage", "cost": 1e400}') in {
        Uses(Usage()),
        Says('{"type": "usage", "cost": 1e400}'),
    }


@given(st.text())
def test_no_line_can_raise(line: str) -> None:
    understand(line)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_no_json_can_raise(value: object) -> None:
    message = understand(json.dumps({"type": "result", "text": "t", "data": value}))
    assert isinstance(message, Results | Says)


def test_progress_is_kept_short() -> None:
    assert understand("x" * 10_000) == Says("x" * PROGRESS_LIMIT)
