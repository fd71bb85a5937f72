"""The result of a scenario, in lines."""

import shlex
from collections.abc import Iterator

from crew_actors.observe import escaped
from crew_stress.scenarios.values import Check, Outcome, Series


def table(outcome: Outcome) -> str:
    """Write *outcome* for a person."""
    return "\n".join(_lines(outcome))


def _lines(outcome: Outcome) -> Iterator[str]:
    load = outcome.load
    last = load.seed + outcome.rounds - 1
    yield (
        f"{outcome.scenario}: agents {load.agents}, rounds {outcome.rounds}, "
        f"seeds {load.seed} to {last}"
    )
    yield f"claim: {outcome.claim}"
    yield ""
    yield f"{'':34} {'count':>6} {'p50':>9} {'p95':>9} {'p99':>9} {'largest':>9}"
    for series in outcome.series:
        yield _row(series)
    yield ""
    for check in outcome.checks:
        yield _verdict(check)
    for problem in outcome.problems:
        yield f"       {escaped(problem)}"
    yield ""
    yield (
        f"survivors {outcome.survivors}, RSS {outcome.rss_growth:+.1f} MiB, "
        f"open files {outcome.fds_growth:+d}, took {outcome.took:.1f} s"
    )
    if outcome.broken_by is not None:
        again = ["crew", "stress", outcome.scenario, "--agents", str(load.agents)]
        again += ["--rounds", "1", "--seed", str(outcome.broken_by)]
        if load.command:
            again += ["--command", shlex.join(load.command)]
        yield f"BROKEN by seed {outcome.broken_by}; again: {shlex.join(again)}"
    if outcome.plot is not None:
        yield f"plot: {outcome.plot}"
    if outcome.plot_problem:
        yield f"no plot: {outcome.plot_problem}"


def _row(series: Series) -> str:
    name = f"{series.name}, {series.unit}" if series.unit else series.name
    numbers = (series.p50, series.p95, series.p99, series.largest)
    cells = " ".join(f"{number:9.1f}" for number in numbers)
    return f"{name:34} {series.count:6} {cells}"


def _verdict(check: Check) -> str:
    word = "ok    " if check.holds else "BROKEN"
    unit = f" {check.unit}" if check.unit else ""
    return (
        f"{word} {check.what}: {check.value:.4g}{unit} (at most {check.limit:g}{unit})"
    )
