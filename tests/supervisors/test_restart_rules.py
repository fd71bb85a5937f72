"""The pure rules: budget, decision, backoff."""

import itertools
import math

import pytest
import trio
from hypothesis import given, strategies as st

from crew_supervisors import Backoff, RestartLimitReached, RestartType
from crew_supervisors._restart import (
    Decision,
    Ending,
    RestartBudget,
    backoff_delay,
    decide,
    ending_of,
    ends_the_tree,
    leaves_of,
    next_row,
)

LIMIT = RestartLimitReached("child", "supervisor", 3, 5.0)

times = st.lists(
    st.floats(0, 100, allow_nan=False).map(lambda number: round(number, 1)), max_size=30
).map(sorted)


@pytest.mark.parametrize(
    ("moments", "granted"),
    [
        ([0, 5, 5], [True, True, False]),  # exactly one period ago still counts
        ([0, 5.001, 5.001], [True, True, True]),
        ([0, 0, 0], [True, True, False]),
        ([0, 1, 6.5, 7], [True, True, True, True]),
        ([], []),
    ],
)
def test_a_restart_exactly_one_period_ago_still_counts(
    moments: list[float], granted: list[bool]
) -> None:
    budget = RestartBudget(limit=2, period=5)
    assert [budget.spend(now) for now in moments] == granted


def test_a_limit_of_zero_grants_no_restart() -> None:
    assert not RestartBudget(limit=0, period=5).spend(0)


@given(times, st.integers(0, 5), st.floats(0.1, 50))
def test_the_budget_agrees_with_counting_every_restart(
    moments: list[float], limit: int, period: float
) -> None:
    """The model looks at all restarts ever; the budget forgets the old ones."""
    budget = RestartBudget(limit, period)
    for position, now in enumerate(moments):
        recent = [then for then in moments[: position + 1] if then >= now - period]
        granted = budget.spend(now)
        assert granted == (len(recent) <= limit)
        if not granted:
            break


@pytest.mark.parametrize(
    ("restart", "ending", "decision"),
    [
        ("permanent", Ending.RETURNED, Decision.RESTART),
        ("permanent", Ending.FAILED, Decision.RESTART),
        ("permanent", Ending.GAVE_UP, Decision.RESTART),
        ("transient", Ending.RETURNED, Decision.LEAVE),
        ("transient", Ending.FAILED, Decision.RESTART),
        ("transient", Ending.GAVE_UP, Decision.LEAVE),
        ("temporary", Ending.RETURNED, Decision.LEAVE),
        ("temporary", Ending.FAILED, Decision.LEAVE),
        ("temporary", Ending.GAVE_UP, Decision.LEAVE),
    ],
)
def test_the_restart_type_and_the_ending_decide(
    restart: RestartType, ending: Ending, decision: Decision
) -> None:
    assert decide(restart, ending) is decision


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (None, Ending.RETURNED),
        (ValueError(), Ending.FAILED),
        (LIMIT, Ending.GAVE_UP),
        (ExceptionGroup("", [LIMIT, ExceptionGroup("", [LIMIT])]), Ending.GAVE_UP),
        (ExceptionGroup("", [LIMIT, ValueError()]), Ending.FAILED),
    ],
)
def test_only_restart_limits_mean_that_a_supervisor_gave_up(
    error: BaseException | None, ending: Ending
) -> None:
    assert ending_of(error) is ending


@pytest.mark.parametrize(
    ("error", "ends"),
    [
        (ValueError(), False),
        (ExceptionGroup("", [ValueError()]), False),
        (KeyboardInterrupt(), True),
        (SystemExit(), True),
        (GeneratorExit(), True),
        (trio.TrioInternalError(), True),
        (BaseExceptionGroup("", [ValueError(), KeyboardInterrupt()]), True),
    ],
)
def test_what_is_about_the_whole_program_ends_the_tree(
    error: BaseException, ends: bool
) -> None:
    assert ends_the_tree(error) is ends


def test_leaves_come_in_their_order() -> None:
    one, two, three = ValueError(1), ValueError(2), ValueError(3)
    group = ExceptionGroup("", [one, ExceptionGroup("", [two]), three])
    assert leaves_of(group) == (one, two, three)
    assert leaves_of(one) == (one,)


def test_backoff_doubles_up_to_its_cap() -> None:
    backoff = Backoff(first=1, cap=5, factor=2, jitter=0)
    delays = [backoff_delay(backoff, row, 0.9) for row in range(5)]
    assert delays == [1, 2, 4, 5, 5]


def test_jitter_reaches_from_shorter_to_longer() -> None:
    backoff = Backoff(first=10, cap=100, factor=2, jitter=0.3)
    assert [backoff_delay(backoff, 0, chance) for chance in (0, 0.5, 1)] == [7, 10, 13]


@given(
    st.builds(
        Backoff,
        first=st.floats(0, 1e9),
        cap=st.floats(0, 1e9),
        factor=st.floats(1, 1e9),
        jitter=st.floats(0, 1),
    ),
    st.integers(0, 10_000),
    st.floats(0, 1),
)
def test_a_backoff_is_never_negative_and_never_longer_than_its_cap(
    backoff: Backoff, row: int, chance: float
) -> None:
    assert 0 <= backoff_delay(backoff, row, chance) <= backoff.cap


def test_a_backoff_that_starts_at_zero_stays_there() -> None:
    backoff = Backoff(first=0, factor=1e300, cap=9)
    assert backoff_delay(backoff, 10_000, 0.5) == 0


@given(st.floats(0, 1e6), st.integers(0, 100))
def test_the_row_ends_when_a_child_was_up_long_enough(up_for: float, row: int) -> None:
    backoff = Backoff(reset_after=60)
    assert next_row(backoff, row, up_for) == (0 if up_for >= 60 else row)
    assert next_row(backoff, row, 60.0) == 0
    assert next_row(backoff, row, math.nextafter(60.0, 0)) == row


def test_every_restart_type_and_ending_has_a_decision() -> None:
    kinds: list[RestartType] = ["permanent", "transient", "temporary"]
    for restart, ending in itertools.product(kinds, Ending):
        assert decide(restart, ending) in Decision
