"""What the rounds of a scenario find out is added up rightly."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, strategies as st

from crew_stress.scenarios import Check, Load, Outcome, Series, picture, table
from crew_stress.scenarios.book import Book
from crew_stress.scenarios.cancel import soon
from crew_stress.scenarios.values import percentile, series_of

LOAD = Load(agents=4, rounds=3, seed=5, command=("my agent", "-x"))


@given(
    st.lists(st.floats(0, 1e6), min_size=1, max_size=300),
    st.sampled_from([1, 50, 95, 99, 100]),
)
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(
    values: list[float], percent: int
) -> None:
    found = percentile(values, percent)
    enough = sum(value <= found for value in values) * 100 >= percent * len(values)
    assert enough
    below = sum(value < found for value in values) * 100 < percent * len(values)
    assert below


def test_the_worst_round_of_each_check_counts() -> None:
    book = Book()
    for seed, value in ((5, 1.0), (6, 3.0), (7, 2.0)):
        book.seed = seed
        book.require("p95", value, 3.0, "ms")
        book.count_survivors(0)
    assert [(each.value, each.seed) for each in book.checks] == [(3.0, 6), (0, 5)]
    assert all(each.holds for each in book.checks)
    book.seed = 8
    book.count_survivors(2)
    assert book.broken_by == 8
    assert book.survivors == 2


def test_what_was_never_measured_is_no_series() -> None:
    book = Book()
    book.note("none", [])
    book.note("some", [1.0])
    book.note("some", [3.0])
    (series,) = book.series
    assert (series.count, series.p50, series.largest) == (2, 1.0, 3.0)


@pytest.mark.parametrize(("agents", "seconds"), [(1, 0.2), (100, 0.2), (500, 1.5)])
def test_more_agents_may_take_longer(agents: int, seconds: float) -> None:
    assert soon(agents) == pytest.approx(seconds)


def outcome(*series: Series, broken_by: int | None = None) -> Outcome:
    value = 0 if broken_by is None else 2
    checks = (
        Check(what="survivors", value=value, limit=0, unit="", seed=broken_by or 5),
        Check(what="p95 <soon>", value=3, limit=200, unit="ms", seed=5),
    )
    return Outcome(
        scenario="cancel",
        claim="nothing is left & soon",
        load=LOAD,
        rounds=3,
        series=series,
        checks=checks,
        survivors=value,
        rss_growth=1.5,
        fds_growth=0,
        took=2.0,
        broken_by=broken_by,
    )


def test_the_table_tells_how_to_break_it_again() -> None:
    lines = table(outcome(series_of("x", "ms", [1, 2]), broken_by=6)).splitlines()
    assert lines[0] == "cancel: agents 4, rounds 3, seeds 5 to 7"
    assert "BROKEN survivors: 2 (at most 0)" in lines
    assert "ok     p95 <soon>: 3 ms (at most 200 ms)" in lines
    assert lines[-1] == (
        "BROKEN by seed 6; again: crew stress cancel --agents 4 --rounds 1 --seed 6 "
        "--command ''\"'\"'my agent'\"'\"' -x'"
    )
    assert "BROKEN" not in table(outcome())


@given(
    st.lists(st.floats(0, 1e6), min_size=1, max_size=900),
    st.lists(st.floats(-5, 1e6), min_size=1, max_size=900),
)
def test_the_picture_is_well_formed_whatever_was_measured(
    times: list[float], grown: list[float]
) -> None:
    distribution = series_of("a <b>", "ms", times)
    course = series_of("memory", "MiB", grown, "course")
    for one in (outcome(distribution, course), outcome(broken_by=7)):
        drawn = ET.fromstring(picture(one))
        assert drawn.tag.endswith("svg")
