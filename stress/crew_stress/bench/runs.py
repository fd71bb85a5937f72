# What a run adds to the work of its agents: each figure is over the same work done by
# hand in the same process, a moment before or after.
#
# 1. Of several rounds the fastest counts, on each side: the one in which nobody else
#    was busy. The clock is the one on the wall; the processor time of this process is
#    told beside it.
# 2. A run of many tasks pays once for its folder, its journal and its lease. That is
#    part of the figures, so those of few tasks are worse.
# 3. The journal is measured by its own benchmark, which is part of this one.
"""What runs cost: their tasks, their limits, what they leave behind, their journal."""

import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, cast

import attrs
import trio

from crew_actors.runtimes import Job, Port
from crew_stress.bench import journal, pages, run_loads as loads
from crew_stress.bench.run_loads import Cost, best
from crew_stress.bench.supervisors import Figure

MIB: Final = 1 << 20

FUNCTION_LIMIT: Final = 2.0
"""Milliseconds that a task of a function may take beyond the call of the function."""
COMMAND_LIMIT: Final = 15.0
"""Milliseconds that a task of a command may take beyond the command by hand."""
RSS_LIMIT: Final = 4.0
"""MiB by which short runs may make the process grow: what an allocator keeps."""

PI_CREW: Final = {4: "75 ms", 20: "158 ms", 100: "630 to 810 ms"}
"""What pi-crew 0.2.5 adds to a task, by the number of tasks."""


@attrs.frozen(kw_only=True)
class Sizes:
    """How much is measured."""

    rounds: int = 3
    functions: int = 1_000
    at_once: int = 16
    """Function agents that work at the same time."""
    in_a_row: int = 4
    in_parallel: tuple[int, ...] = (20, 100, 1_000)
    ready: int = 500
    limit: int = 4
    short: int = 1_000
    warm_up: int = 50
    patience: float = 15.0
    """Seconds in which threads end that have nothing to do; trio keeps them for 10."""
    events: journal.Sizes = attrs.field(factory=journal.Sizes)


def functions(sizes: Sizes, home: Path) -> list[Figure]:
    """Measure a run of functions against the bare calls."""
    nothing = cast("tuple[Job, Port]", (None, None))  # the function looks at neither
    count = sizes.functions
    bare, ours = _in_turns(
        sizes.rounds,
        lambda: loads.call_functions(count, *nothing),
        lambda: loads.run_functions(home, count, sizes.at_once),
    )
    each = ours.over(bare).each(count)
    return [
        Figure(
            f"a task of a function, {count:,} in a run",
            each.wall * 1e3,
            "ms",
            FUNCTION_LIMIT,
            detail=f"{each.cpu * 1e3:.2f} ms of processor time",
        )
    ]


def commands(sizes: Sizes, home: Path) -> list[Figure]:
    """Measure runs of commands against the same commands by hand."""
    ways = [(sizes.in_a_row, 1), *((count, count) for count in sizes.in_parallel)]
    return [_commands(sizes, home, count, limit) for count, limit in ways]


def _commands(sizes: Sizes, home: Path, count: int, limit: int) -> Figure:
    few = max(1, sizes.rounds * 100 // max(count, 10))  # short ones are disturbed most
    bare, ours = _in_turns(
        few,
        lambda: loads.spawn_by_hand(count, limit),
        lambda: loads.run_commands(home, count, limit),
    )
    each, by_hand = ours.over(bare).each(count), bare.each(count)
    detail = f"by hand {by_hand.wall * 1e3:.2f} ms; {each.cpu * 1e3:.1f} ms of processor time"
    if count in PI_CREW:
        detail += f"; pi-crew {PI_CREW[count]}"
    return Figure(
        f"a task of a command, {count:,} {'in a row' if limit == 1 else 'in parallel'}",
        each.wall * 1e3,
        "ms",
        COMMAND_LIMIT,
        detail=detail,
    )


def _in_turns(
    rounds: int,
    bare: Callable[[], Awaitable[Cost]],
    ours: Callable[[], Awaitable[Cost]],
) -> tuple[Cost, Cost]:
    """Measure both in turns; tell the best of each."""
    pairs = [(trio.run(bare), trio.run(ours)) for _ in range(rounds)]
    return best([one for one, _ in pairs]), best([one for _, one in pairs])


def limits(sizes: Sizes, home: Path) -> list[Figure]:
    """Count how many agents work at the same time under a limit."""
    most = trio.run(loads.most_at_once, home, sizes.ready, sizes.limit)
    return [
        Figure(
            f"{sizes.ready} ready under a limit of {sizes.limit}: most at once",
            most,
            "",
            sizes.limit,
        )
    ]


def short_runs(sizes: Sizes, home: Path) -> list[Figure]:
    """Make many runs in this process, and look what is left of them."""
    before, after = trio.run(
        loads.short_runs, home, sizes.short, sizes.warm_up, sizes.patience
    )
    grown = (after.bytes - before.bytes) / MIB
    return [
        *(
            Figure(
                f"{sizes.short:,} short runs: {name} more",
                getattr(after, name) - getattr(before, name),
                "",
                0,
            )
            for name in ("tasks", "files", "threads")
        ),
        Figure(f"{sizes.short:,} short runs: memory more", grown, "MiB", RSS_LIMIT),
    ]


def measure(sizes: Sizes) -> list[Figure]:
    """Measure everything, printing each figure when it is there."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="crew-bench-") as home:
        for part in (short_runs, functions, commands, limits):
            for figure in part(sizes, Path(home)):
                print(figure, flush=True)
                figures.append(figure)
    for figure in journal.measure(sizes.events):
        print(figure)
        figures.append(figure)
    return figures


_INTRODUCTION: Final = """\
## Runs

Written by `python -m crew_stress.bench runs --write` from one run of it:
{where}.

Times are those of the clock on the wall, for one task, beyond what the same work takes by
hand in the same process; of several rounds the fastest counts, on each side. Whatever a
run is made of is part of it: the folder, the journal, the lease, the events and the
artifact of each task, synced to the disk. A *task of a function* completes at once; by
hand it is a bare call. A *task of a command* runs `echo`; by hand it is
`trio.run_process`, with as many at the same time. What pi-crew 0.2.5 adds to a task was
measured the same way. *Short runs* are runs of one task, one after the other.

| what | figure | target | | |
|------|-------:|-------:|-|-|
"""


def page(figures: list[Figure]) -> str:
    """Write the part of the page about *figures*."""
    lines = [
        f"| {one.what.strip()} | {one.value:,.2f} {one.unit} "
        f"| {'>=' if one.at_least else '<='} {one.limit:,g} "
        f"| {'ok' if one.is_reached else 'MISSED'} | {one.detail} |\n"
        for one in figures
    ]
    return _INTRODUCTION.format(where=pages.where()) + "".join(lines)


def main(*, write: bool = False, sizes: Sizes | None = None) -> int:
    """Print the figures; 1 if one is missed. *write* puts them into the docs."""
    figures = measure(sizes or Sizes())
    if write:
        pages.write_part("runs", page(figures))
    return 0 if all(one.is_reached for one in figures) else 1


if __name__ == "__main__":
    sys.exit(main(write="--write" in sys.argv[1:]))
