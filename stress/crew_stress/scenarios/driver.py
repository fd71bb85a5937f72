# 1. Rounds are independent: each has its own seed, and after each the process that
#    plays them must hold what it held before. A round with two agents comes first and
#    its measures do not count: what is loaded or started only once is there then.
# 2. A round that fails, or does not end, has broken the claim, and its seed is told.
# 3. However a round ends, nobody is left of it; who had to be killed is a survivor.
# 4. What is started is recorded for `crew census`, in case the player is killed.
"""Play the rounds of a scenario."""

import shutil
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import attrs
import trio

from crew_actors.census import recording
from crew_stress.scenarios import (
    cancel,
    flood,
    killed_runs,
    orphans,
    storm,
    visitors,
)
from crew_stress.scenarios.book import Book
from crew_stress.scenarios.machine import Holdings, end_survivors, rss
from crew_stress.scenarios.refusal import AgentsNotStarted, first_of, refusal_in
from crew_stress.scenarios.round import Round
from crew_stress.scenarios.values import Load, Outcome, ScenarioName

Say = Callable[[str], Awaitable[None]]
Play = Callable[[Round], Awaitable[None]]

PLAYS: Final[Mapping[ScenarioName, tuple[str, Play]]] = MappingProxyType(
    {
        "cancel": (cancel.CLAIM, cancel.play),
        "flood": (flood.CLAIM, flood.play),
        "storm": (storm.CLAIM, storm.play),
        "orphans": (orphans.CLAIM, orphans.play),
        "killed-runs": (killed_runs.CLAIM, killed_runs.play),
        "visitors": (visitors.CLAIM, visitors.play),
    }
)
DEFAULTS: Final[Mapping[ScenarioName, Load]] = MappingProxyType(
    {
        "cancel": Load(agents=100, rounds=3, seed=1),
        "flood": Load(agents=8, rounds=3, seed=1),
        "storm": Load(agents=50, rounds=3, seed=1),
        "orphans": Load(agents=20, rounds=5, seed=1),
        "killed-runs": Load(agents=6, rounds=20, seed=1),
        "visitors": Load(agents=34, rounds=3, seed=1),
    }
)
"""What is put on if nothing else is said."""

ROUND_LIMIT: Final = 120.0
"""Seconds after which a round has not ended, and"""
EACH_LIMIT: Final = 1.0
"""seconds more for each agent. Rounds of the usual loads take 3 to 20 s."""
CLEAN_LIMIT: Final = 10.0
"""Seconds to find and kill who is left."""


async def run_scenario(
    name: ScenarioName, load: Load, say: Say, *, records: Path
) -> Outcome:
    """Play the rounds of *load* until one breaks the claim; *say* hears of each.

    What is started is written down in *records* while it lives. Cancelled, it stops its
    agents first.

    Raises:
      AgentsNotStarted: the system does not start so many. None of them is left.
    """
    claim, play = PLAYS[name]
    book = Book(seed=load.seed)
    begin = trio.current_time()
    await _warm_up(name, play, load, book, records)
    first, memory = Holdings.now(), rss()
    rounds = 0
    if book.broken_by is not None:
        rounds = 1  # the warm-up is a part of it
        await say(_line(name, load, rounds, book))
    while rounds < load.rounds and book.broken_by is None:
        book.seed = load.seed + rounds
        rounds += 1
        before = Holdings.now()
        await _play(name, play, _round(load, book, records))
        _compare(before, Holdings.now(), book)
        await say(_line(name, load, rounds, book))
    return Outcome(
        scenario=name,
        claim=claim,
        load=load,
        rounds=rounds,
        series=book.series,
        checks=book.checks,
        problems=tuple(book.problems),
        survivors=book.survivors,
        rss_growth=rss() - memory,
        fds_growth=Holdings.now().fds - first.fds,
        took=trio.current_time() - begin,
        broken_by=book.broken_by,
    )


def _round(load: Load, book: Book, records: Path) -> Round:
    return Round(load=load, seed=book.seed, book=book, records=records)


async def _warm_up(
    name: str, play: Play, load: Load, book: Book, records: Path
) -> None:
    """Play a round of which only failures count."""
    own = Book(seed=book.seed)
    await _play(name, play, _round(attrs.evolve(load, agents=2), own, records))
    for problem in own.problems:
        book.fail(f"already with 2 agents: {problem}")


async def _play(name: str, play: Play, one: Round) -> None:
    """Play a round to its end, whatever that is, and end who is left of it."""
    limit = ROUND_LIMIT + EACH_LIMIT * one.load.agents
    refusal: Exception | None = None
    try:
        with trio.move_on_after(limit) as scope, recording(one.records):
            await play(one)
        if scope.cancelled_caught:
            one.book.fail(f"it did not end within {limit:g} s")
    except* Exception as error:  # noqa: BLE001 - any has broken the claim, and is told
        refusal = refusal_in(error)
        one.book.fail(first_of(error))
    finally:
        with trio.CancelScope(
            shield=True, deadline=trio.current_time() + CLEAN_LIMIT
        ) as clean:
            left = await trio.to_thread.run_sync(
                end_survivors, one.token, one.told, abandon_on_cancel=True
            )
            one.book.count_survivors(left)
            if not left:
                shutil.rmtree(one.own_records, ignore_errors=True)
        if clean.cancelled_caught:
            one.book.fail("its processes could not be looked at")
    if refusal is not None:
        raise AgentsNotStarted(name, str(refusal)) from refusal


def _line(name: str, load: Load, number: int, book: Book) -> str:
    word = "holds" if book.broken_by is None else "BROKEN"
    return f"{name}: round {number} of {load.rounds}, seed {book.seed}: {word}"


def _compare(before: Holdings, after: Holdings, book: Book) -> None:
    book.require("files left open", after.fds - before.fds, 0)
    book.require("tasks left", after.tasks - before.tasks, 0)
    book.require("threads left", after.threads - before.threads, 0)
    book.require("children and zombies left", after.children - before.children, 0)
