"""Timers that were called off take no room, and no timer gets lost."""

from functools import partial

import trio
from trio.testing import MockClock

from crew_supervisors._agenda import FEW_TIMERS, Agenda


async def test_timers_that_were_called_off_do_not_pile_up(
    autojump_clock: MockClock,
) -> None:
    rung: list[float] = []
    agenda = Agenda(lambda: len(rung) == FEW_TIMERS)
    for number in range(50 * FEW_TIMERS):
        deadline = 1_000 - number % 7
        timer = agenda.at(deadline, partial(rung.append, deadline))
        if number % 50:
            timer.call_off()
    assert len(agenda._timers) <= 4 * FEW_TIMERS
    await agenda.work()
    assert rung == sorted(rung)
    assert trio.current_time() == 1_000
