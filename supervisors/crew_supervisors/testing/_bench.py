"""A supervisor whose run can be repeated."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from random import Random
from typing import Unpack

from crew_supervisors import (
    OptionFields,
    Supervisor,
    SupervisorOptions,
    open_supervisor,
)

from ._probe import EventProbe
from ._virtual import SEED


@asynccontextmanager
async def open_test_supervisor(
    options: SupervisorOptions | None = None,
    *,
    seed: int | None = None,
    **fields: Unpack[OptionFields],
) -> AsyncGenerator[tuple[Supervisor, EventProbe]]:
    """Open a supervisor as `open_supervisor` does, and a probe that gets its events.

    The jitter of its backoffs comes from *seed*; None takes that of `run_virtual`, and 0
    outside of it. Works on any clock.

    Raises:
      Everything that `open_supervisor` raises.
    """
    random = Random(SEED.get() if seed is None else seed)  # noqa: S311  # to be repeated
    probe = EventProbe()
    async with open_supervisor(
        options, on_event=probe, random=random, **fields
    ) as supervisor:
        yield supervisor, probe
