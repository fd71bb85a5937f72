# Rounds are independent: each has its own seed, and after each the process that
# plays them must hold what it held before. A round with two agents comes first and does
# not count: what is loaded or started only once is there then.
"""Play the rounds of a scenario."""

from collections.abc import Awaitable, Callable, Mapping
from random import Random
from types import MappingProxyType
from typing import ClassVar, Final, cast, final

import attrs
import trio

from crew_actors.errors import UserError
from crew_stress.scenarios import cancel, flood, orphans, storm
from crew_stress.scenarios.book import Book
from crew_stress.scenarios.machine import Holdings, rss
from crew_stress.scenarios.values import Load, Outcome, ScenarioName
from crew_supervisors import ProcessError

Say = Callable[[str], Awaitable[None]]
Play = Callable[[Load, Random, Book], Awaitable[None]]

PLAYS: Final[Mapping[ScenarioName, tuple[str, Play]]] = MappingProxyType(
    {
        "cancel": (cancel.CLAIM, cancel.play),
        "flood": (flood.CLAIM, flood.play),
        "storm": (storm.CLAIM, storm.play),
        "orphans": (orphans.CLAIM, orphans.play),
    }
)
DEFAULTS: Final[Mapping[ScenarioName, Load]] = MappingProxyType(
    {
        "cancel": Load(agents=100, rounds=3, seed=1),
        "flood": Load(agents=8, rounds=3, seed=1),
        "storm": Load(agents=50, rounds=3, seed=1),
        "orphans": Load(agents=20, rounds=5, seed=1),
    }
)
"""What is put on if nothing else is said."""


@final
class AgentsNotStarted(UserError):
    """The system has refused to start agents. Nothing of them is left."""

    exit_code: ClassVar[int] = 1

    def __init__(self, scenario: str, why: str) -> None:
        super().__init__(scenario, why)
        self.scenario = scenario
        self.why = why

    def __str__(self) -> str:
        return f"stress {self.scenario}: {self.why}; try it with fewer --agents"


async def run_scenario(name: ScenarioName, load: Load, say: Say) -> Outcome:
    """Play the rounds of *load* until one breaks the claim; *say* hears of each.

    Cancelled, it stops its agents first.

    Raises:
      AgentsNotStarted: the system does not start so many. None of them is left.
    """
    try:
        return await _run(name, load, say)
    except* ProcessError as group:
        first: BaseException = group
        while isinstance(first, BaseExceptionGroup):
            first = cast("BaseException", first.exceptions[0])
        refusal = AgentsNotStarted(name, str(first))
    raise refusal


async def _run(name: ScenarioName, load: Load, say: Say) -> Outcome:
    claim, play = PLAYS[name]
    book = Book()
    begin = trio.current_time()
    await play(attrs.evolve(load, agents=2), Random(load.seed), Book())
    first, memory = Holdings.now(), rss()
    rounds = 0
    while rounds < load.rounds and book.broken_by is None:
        book.seed = load.seed + rounds
        rounds += 1
        before = Holdings.now()
        await play(load, Random(book.seed), book)
        _compare(before, Holdings.now(), book)
        await say(
            f"{name}: round {rounds} of {load.rounds}, seed {book.seed}: {_word(book)}"
        )
    return Outcome(
        scenario=name,
        claim=claim,
        load=load,
        rounds=rounds,
        series=book.series,
        checks=book.checks,
        survivors=book.survivors,
        rss_growth=rss() - memory,
        fds_growth=Holdings.now().fds - first.fds,
        took=trio.current_time() - begin,
        broken_by=book.broken_by,
    )


def _word(book: Book) -> str:
    return "holds" if book.broken_by is None else "BROKEN"


def _compare(before: Holdings, after: Holdings, book: Book) -> None:
    book.require("files left open", after.fds - before.fds, 0)
    book.require("tasks left", after.tasks - before.tasks, 0)
    book.require("threads left", after.threads - before.threads, 0)
    book.require("children and zombies left", after.children - before.children, 0)
