"""Identities are safe as parts of paths, sortable and unique enough."""

import pytest
from hypothesis import given, strategies as st

from crew_actors.model import (
    AttemptId,
    BadId,
    attempt_id,
    attempt_number,
    new_run_id,
    parse_run_id,
    parse_task_id,
)


def test_run_ids_sort_by_the_time_of_their_creation() -> None:
    early = new_run_id(1_000_000.0, b"\xff" * 5)
    late = new_run_id(1_000_001.0, b"\x00" * 5)
    assert early < late


def test_a_run_id_tells_its_moment_and_its_random_bytes() -> None:
    assert new_run_id(0.0, b"\x01\x02\x03\x04\x05") == "19700101-000000-0102030405"


def test_a_run_id_needs_enough_random_bytes() -> None:
    with pytest.raises(ValueError, match="5 random bytes, not 2"):
        new_run_id(0.0, b"ab")


@given(st.floats(0, 4e9), st.binary(min_size=5, max_size=5))
def test_each_run_id_can_be_parsed_again(now: float, random: bytes) -> None:
    run = new_run_id(now, random)
    assert parse_run_id(run) == run


@pytest.mark.parametrize(
    "text", ["", "..", ".", "a/b", "a\\b", "-a", "a b", "a\n", "ä", "a" * 65, "a.b"]
)
def test_what_is_not_safe_in_a_path_is_no_id(text: str) -> None:
    with pytest.raises(BadId) as run:
        parse_run_id(text)
    with pytest.raises(BadId) as task:
        parse_task_id(text)
    assert run.value.value == text
    assert "is not a task id" in str(task.value)


def test_attempts_are_counted_from_one() -> None:
    task = parse_task_id("explore")
    assert attempt_id(task, 1) == "explore.1"
    assert attempt_number(attempt_id(task, 12)) == 12
    with pytest.raises(ValueError, match="from 1, not 0"):
        attempt_id(task, 0)


@pytest.mark.parametrize("text", ["explore", "explore.0", "explore.01", "a/b.1", ".1"])
def test_what_is_no_attempt_has_no_number(text: str) -> None:
    with pytest.raises(BadId):
        attempt_number(AttemptId(text))
