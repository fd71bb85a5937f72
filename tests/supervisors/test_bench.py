"""The benchmark of supervisors runs, and finds what can be found in a small run."""

import pytest

from crew_stress.bench import __main__ as bench, supervisors
from crew_stress.bench.supervisors import Figure, Sizes

TINY = Sizes(turns=1, many=40, few=10, restarts=20, idle=0.05)


def test_it_measures_each_figure_for_each_strategy() -> None:
    figures = supervisors.measure(TINY)
    names = [figure.what for figure in figures]
    assert len(set(names)) == len(names) == 4 * 2 + 1 + 2
    assert all(figure.value >= 0 for figure in figures)


def test_an_idle_supervisor_does_not_wake_up() -> None:
    assert [figure.value for figure in supervisors.idling(TINY)] == [0, 0]


@pytest.mark.parametrize(
    ("value", "limit", "at_least", "is_reached"),
    [
        (0.4, 0.4, True, True),
        (0.39, 0.4, True, False),
        (3.0, 3.0, False, True),
        (3.1, 3.0, False, False),
    ],
)
def test_a_figure_says_whether_it_is_reached(
    *, value: float, limit: float, at_least: bool, is_reached: bool
) -> None:
    figure = Figure("stop", value, "x", limit, at_least=at_least)
    assert figure.is_reached is is_reached
    assert str(figure).startswith("ok" if is_reached else "MISS")


def test_a_missed_figure_is_the_exit_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [Figure("start", 1, "x", 2)]

    def measure(sizes: Sizes) -> list[Figure]:
        return found

    monkeypatch.setattr(supervisors, "measure", measure)
    assert bench.main(["supervisors"]) == 0
    found.append(Figure("stop", 3, "x", 2))
    assert bench.main(["supervisors"]) == 1
    assert capsys.readouterr().out.count("MISS") == 1
