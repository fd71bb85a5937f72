"""A block of actors whose run can be repeated."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from random import Random

from crew_actors.actors import Actors, open_actors
from crew_supervisors.testing import EventProbe


@asynccontextmanager
async def open_test_actors(
    *,
    seed: int = 0,
    name: str = "actors",
    max_restarts: int = 3,
    within: float = 5.0,
) -> AsyncGenerator[tuple[Actors, EventProbe]]:
    """Open a block of actors as `open_actors` does, and a probe that gets its events.

    The jitter of backoffs comes from *seed*. Works on any clock; for the order of tasks
    to be seeded too, use `run_virtual`.

    Raises:
      Everything that `open_actors` raises.
    """
    random = Random(seed)  # noqa: S311  # to be repeated
    events = EventProbe()
    async with open_actors(
        name=name,
        max_restarts=max_restarts,
        within=within,
        on_event=events,
        random=random,
    ) as actors:
        yield actors, events
