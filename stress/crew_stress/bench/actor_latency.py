# One task does nothing but give way, and notes how long that took each time. Meanwhile
# an actor has a mailbox that never gets empty: each message makes it send the next one.
"""How long another task waits while an actor has an endless mailbox."""

from time import perf_counter

import attrs
import trio

from crew_actors.actors import Inbox, open_actors


@attrs.frozen
class Latency:
    """Waits of the other task, in seconds."""

    p50: float
    p99: float
    longest: float


async def latency(seconds: float, work: float) -> Latency:
    """Watch for *seconds* beside an actor that works *work* seconds on each message."""
    watching = True

    async def never_idle(inbox: Inbox[int]) -> None:
        async for number in inbox:
            if watching:
                await inbox.ref.tell(number)
            end = perf_counter() + work
            while work and watching and perf_counter() < end:
                pass

    waits: list[float] = []
    async with open_actors() as actors:
        ref = await actors.spawn(never_idle, capacity=1024)
        for number in range(512):
            await ref.tell(number)
        until = perf_counter() + seconds
        now = perf_counter()
        while now < until:
            await trio.lowlevel.checkpoint()
            before, now = now, perf_counter()
            waits.append(now - before)
        watching = False
    waits.sort()
    return Latency(waits[len(waits) // 2], waits[len(waits) * 99 // 100], waits[-1])
