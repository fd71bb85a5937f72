"""The benchmark of processes runs, and finds what can be found in a small run."""

from crew_stress.bench import processes
from crew_stress.bench.processes import MIB, Sizes

TINY = Sizes(
    turns=1,
    bytes_read=MIB,
    flood=32 * MIB,
    spawns=1,
    stops=1,
    together=3,
    in_sequence=5,
)


def test_it_measures_each_rate() -> None:
    figures = processes.rates(TINY)
    assert len({figure.what for figure in figures}) == len(figures) == 4 * 4
    assert all(figure.value > 0 for figure in figures)


def test_a_slow_reader_keeps_all_and_does_not_grow() -> None:
    grown, lost = processes.memory(TINY)
    assert grown.is_reached
    assert lost.is_reached


def test_it_measures_starts() -> None:
    assert [figure.limit for figure in processes.starting(TINY)] == [5, 5]


def test_it_measures_stops() -> None:
    stubborn, each = processes.stopping(TINY)
    assert stubborn.value >= 200  # the time that it has to leave
    assert each.value > 0


def test_processes_in_sequence_leave_nothing() -> None:
    assert all(figure.is_reached for figure in processes.sequence(TINY))
