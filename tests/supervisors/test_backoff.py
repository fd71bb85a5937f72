"""When a child that failed is started again."""

import trio
from trio.testing import MockClock

from crew_supervisors import Backoff, ChildRestarting, ChildSpec, Event, open_supervisor


async def test_a_restart_by_hand_begins_a_row_of_its_own(
    autojump_clock: MockClock,
) -> None:
    events: list[Event] = []
    backoff = Backoff(first=1, factor=10, cap=1_000, jitter=0)

    async def crash() -> None:
        raise ValueError

    async with open_supervisor(max_restarts=99, on_event=events.append) as sup:
        await sup.start(ChildSpec("a", crash, backoff=backoff))
        await trio.sleep(20)
        await sup.stop("a")
        await sup.restart("a")
        await trio.sleep(20)
    delays = [e.delay for e in events if isinstance(e, ChildRestarting)]
    assert delays == [1, 10, 100, 1, 10, 100]
