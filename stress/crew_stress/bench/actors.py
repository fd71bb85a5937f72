# Ratios, not speeds: machines differ, and so does one machine from minute to minute.
#
# 1. Each pair is measured in turns in one process; the ratio is the median of the
#    ratios of neighbouring turns.
# 2. Time is processor time of this process: what other programs do counts less. That
#    favours peers that wait for threads, since their waiting counts for nothing.
# 3. The rival is what one writes with trio alone to get the same thing done, or another
#    actor library in this process.
"""What messages, asks and actors cost, compared with plain trio and with peers."""

import gc
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final

import attrs
import trio

from crew_stress.bench import actor_loads as loads, actor_peers as peers, durable, pages
from crew_stress.bench.actor_latency import Latency, latency
from crew_stress.bench.actor_loads import Sizes

TURNS: Final = 15
FEW_TURNS: Final = 3
"""For what takes long."""

SLOW_WORK: Final = 0.001
"""Seconds of work on each message, where messages are slow."""

WAIT_LIMIT: Final = 0.020
"""Seconds that 99 of 100 waits beside a busy actor may take: so long a loop may stall."""

IDLE_LIMIT: Final = 6 * 1024
"""Bytes that an idle actor may take."""

Load = Callable[[Sizes], float]
"""Does the work once; returns seconds for one piece of it."""


def in_trio(load: Callable[[Sizes], Awaitable[float]]) -> Load:
    """Run *load* in a trio run of its own."""

    async def main(sizes: Sizes) -> float:
        return await load(sizes)

    return lambda sizes: trio.run(main, sizes)


@attrs.frozen
class Comparison:
    """Two ways to do one thing."""

    what: str
    ours: Load
    rival: Load
    rival_name: str
    target: float | None
    """How many times faster than the rival we must be at least; None: just to know."""
    turns: int = TURNS
    needs: str | None = None
    """The library that must be there."""


_tell = in_trio(loads.tell)
_ask = in_trio(loads.ask)

COMPARISONS: Final = (
    Comparison("tell", _tell, in_trio(loads.tell_by_channel), "trio", 10.0),
    Comparison("tell", _tell, peers.tell_by_pykka, "Pykka", 3.0, needs="pykka"),
    Comparison(
        "tell, 1,000 senders",
        in_trio(partial(loads.tell_from_many, full=False)),
        in_trio(partial(loads.tell_from_many_by_channel, full=False)),
        "trio",
        2.0,
    ),
    Comparison(
        "the same, always full",
        in_trio(partial(loads.tell_from_many, full=True)),
        in_trio(partial(loads.tell_from_many_by_channel, full=True)),
        "trio",
        2.0,
    ),
    Comparison("ask", _ask, in_trio(loads.ask_by_channels), "trio", 1.3),
    Comparison("ask", _ask, peers.ask_by_pykka, "Pykka", 2.0, needs="pykka"),
    Comparison(
        "two bare passes of trio's loop",
        in_trio(loads.two_passes),
        peers.ask_by_pykka,
        "Pykka",
        None,
        needs="pykka",
    ),
    Comparison("ask", _ask, peers.ask_by_xoscar, "xoscar", 1.5, needs="xoscar"),
    Comparison(
        "spawn", in_trio(loads.spawn), in_trio(loads.spawn_by_hand), "trio", 0.4
    ),
    Comparison(
        "broadcast to 100,000",
        in_trio(loads.broadcast),
        in_trio(loads.broadcast_by_channels),
        "trio",
        round(1 / 1.2, 2),
        FEW_TURNS,
    ),
)


@attrs.frozen
class Row:
    """One line of the table."""

    what: str
    ours: str
    rival: str
    ratio: str
    target: str
    verdict: str

    def __str__(self) -> str:
        cells = f"{self.what:38} {self.ours:>12} {self.rival:>20}"
        return f"{cells} {self.ratio:>8} {self.target:>9}  {self.verdict}"


DURABLE_SENDS: Final = 10_000

HEAD: Final = Row("what", "ours", "rival", "ratio", "target", "")


def _one(load: Load, sizes: Sizes) -> float:
    gc.collect()
    return load(sizes)


def compare(comparison: Comparison, sizes: Sizes, turns: int) -> Row:
    """Measure one pair in turns."""
    what = f"{comparison.what} / {comparison.rival_name}"
    target = "" if comparison.target is None else f">= {comparison.target:g}"
    reason = comparison.needs and peers.missing(comparison.needs)
    if reason:
        return Row(what, "", "", "", target, f"skipped: {reason}")
    pairs: list[tuple[float, float]] = []
    for _ in range(turns):
        rival = _one(comparison.rival, sizes)
        pairs.append((_one(comparison.ours, sizes), rival))
    ratio = statistics.median(rival / ours for ours, rival in pairs)
    return Row(
        what,
        f"{statistics.median(ours for ours, _ in pairs) * 1e6:.2f} µs",
        f"{statistics.median(rival for _, rival in pairs) * 1e6:.2f} µs",
        f"{ratio:.2f}",
        target,
        ""
        if comparison.target is None
        else _verdict(reached=ratio >= comparison.target),
    )


def watch(sizes: Sizes) -> list[Row]:
    """Measure how long another task waits beside an actor with an endless mailbox."""
    rows: list[Row] = []
    for name, work in (("quick", 0.0), ("1 ms", SLOW_WORK)):
        seen: Latency = trio.run(latency, sizes.seconds, work)
        rows.append(
            Row(
                f"wait beside {name} messages",
                f"{seen.p99 * 1e3:.2f} ms p99",
                f"{seen.longest * 1e3:.2f} ms longest",
                "",
                f"<= {WAIT_LIMIT * 1e3:g} ms",
                _verdict(reached=seen.p99 <= WAIT_LIMIT),
            )
        )
    return rows


def weigh(sizes: Sizes) -> Row:
    """Measure the memory of idle actors, in a process of its own."""
    command = [sys.executable, "-m", "crew_stress.bench.idle_actors", str(sizes.crowd)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    size = float(done.stdout)
    return Row(
        f"memory, {sizes.crowd:,} idle actors",
        f"{size / 1024:.2f} KB",
        "",
        "",
        f"<= {IDLE_LIMIT / 1024:g} KB",
        _verdict(reached=size <= IDLE_LIMIT),
    )


def keep(sizes: Sizes) -> Row:
    """Measure sends to a durable mailbox, each on disk before it returns."""
    with tempfile.TemporaryDirectory(prefix="crew-bench-") as temporary:
        sends, rows = durable.send_rates(Path(temporary), sizes.letters)
    return Row(
        f"durable send, {durable.SENDERS} tasks / SQLite",
        f"{sends:,.0f}/s",
        f"{rows:,.0f} commits/s",
        f"{sends / rows:.2f}",
        f">= {DURABLE_SENDS:,}/s",
        _verdict(reached=sends >= DURABLE_SENDS),
    )


def _verdict(*, reached: bool) -> str:
    return "ok" if reached else "MISSED"


def measure(sizes: Sizes, turns: int | None = None) -> list[Row]:
    """Measure everything, printing each line when it is there."""
    rows: list[Row] = []

    def add(row: Row) -> None:
        rows.append(row)
        print(row, flush=True)

    print(HEAD)
    for comparison in COMPARISONS:
        add(compare(comparison, sizes, turns or comparison.turns))
    for row in watch(sizes):
        add(row)
    add(weigh(sizes))
    add(keep(sizes))
    return rows


_INTRODUCTION: Final = """\
## Messages and actors

Written by `python -m crew_stress.bench actors --write` from one run of it:
{where}.

Figures are medians of turns that alternate between the two sides, in processor time for
one piece of work; the time in which a thread of a rival waits for another one counts for
nothing. An ask takes two passes of trio's loop, one to the actor and one back: nothing under
trio can be faster than those two. Speeds depend on the machine; ratios hardly do. The rivals are what one writes
with trio alone for the same result, and other actor libraries in the same process. The
mailboxes and channels of `tell` hold 1,024 messages. Those of 1,000 senders have room for
all that is sent; in *always full* they hold 1,024, so that nearly each message waits. A
sender that waits is woken once for each message, because nobody overtakes another one:
that switch between tasks is half of the price. An ask has a deadline of 5 seconds
on each side that knows one. Waits are times on the wall: other programs lengthen them. So are the
sends to a durable mailbox: each is on disk when it returns, many share one commit, and the
rival is SQLite with a commit for each row.

| what / rival | ours | rival | ratio | target | |
|--------------|-----:|------:|------:|-------:|-|
"""

_ABOUT_WAITS: Final = """
A *wait* is how long a task that does nothing but give way waits for its next step while
an actor never runs out of messages. A busy actor gives way after 128 messages or 5 ms,
whichever comes first, and goes over the 5 ms by the messages up to its next look at the
clock: by at most 31 quick ones, or one slow one. trio runs the tasks that are ready in
rounds, in random order, so two such turns may follow one another. The bound is therefore
twice (5 ms and one slow message) for each actor that is busy at that time.
[Mailboxes](../explanation/mailboxes.md) tells why.
"""


def page(rows: list[Row]) -> str:
    """Write the part of the page about *rows*."""
    lines = [
        f"| {r.what} | {r.ours} | {r.rival} | {r.ratio} | {r.target} | {r.verdict} |\n"
        for r in rows
    ]
    return _INTRODUCTION.format(where=pages.where()) + "".join(lines) + _ABOUT_WAITS


def main(*, write: bool = False, sizes: Sizes | None = None) -> int:
    """Print a table; return 1 if a figure was missed. *write* puts it into the docs."""
    rows = measure(sizes or Sizes())
    if write:
        pages.write_part("actors", page(rows))
    return int(any(row.verdict == "MISSED" for row in rows))


if __name__ == "__main__":
    sys.exit(main(write="--write" in sys.argv[1:]))
