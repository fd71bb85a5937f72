# Ratios, not speeds: machines differ, and so does one machine from minute to minute.
#
# 1. Each pair is measured in turns in one process; the ratio is the median of the
#    ratios of neighbouring turns.
# 2. Time is processor time of this process: what other programs do counts less.
# 3. The rival is what one writes with trio alone to get the same thing done.
"""What messages, asks and spawns cost, compared with plain trio."""

import gc
import statistics
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from time import process_time
from typing import Final

import attrs
import trio

from crew_actors.actors import Inbox, Request, open_actors

TURNS: Final = 15
MESSAGES: Final = 20_000
ASKS: Final = 3_000
SPAWNS: Final = 1_000
CAPACITY: Final = 1024

Turn = Callable[[], Awaitable[float]]
"""Does the work once; returns seconds per piece."""


@attrs.frozen
class Comparison:
    """Two ways to do one thing."""

    what: str
    ours: Turn
    rival: Turn
    target: float
    """How many times faster than the rival we must be at least."""


@attrs.frozen
class Ping(Request[int]):
    """Answered with 1."""


async def _read_all(inbox: Inbox[int]) -> None:
    async for _ in inbox:
        pass


async def _answer_all(inbox: Inbox[Ping]) -> None:
    async for message in inbox:
        message.reply(1)


async def tell() -> float:
    async with open_actors() as actors:
        ref = await actors.spawn(_read_all, capacity=CAPACITY)
        begin = process_time()
        for number in range(MESSAGES):
            await ref.tell(number)
        while ref.statistics().queued:
            await trio.lowlevel.checkpoint()
        return (process_time() - begin) / MESSAGES


async def tell_by_channel() -> float:
    send, receive = trio.open_memory_channel[int](CAPACITY)

    async def read_all() -> None:
        async for _ in receive:
            pass

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read_all)
        await trio.lowlevel.checkpoint()
        begin = process_time()
        for number in range(MESSAGES):
            await send.send(number)
        while send.statistics().current_buffer_used:
            await trio.lowlevel.checkpoint()
        taken = process_time() - begin
        send.close()
    return taken / MESSAGES


async def ask() -> float:
    async with open_actors() as actors:
        ref = await actors.spawn(_answer_all)
        begin = process_time()
        for _ in range(ASKS):
            await ref.ask(Ping(), timeout=5.0)
        return (process_time() - begin) / ASKS


async def ask_by_channels() -> float:
    send, requests = trio.open_memory_channel[trio.MemorySendChannel[int]](64)

    async def answer_all() -> None:
        async for reply_to in requests:
            await reply_to.send(1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer_all)
        begin = process_time()
        for _ in range(ASKS):
            reply_to, reply = trio.open_memory_channel[int](1)
            with trio.fail_after(5.0):
                await send.send(reply_to)
                await reply.receive()
            reply_to.close()
            reply.close()
        taken = process_time() - begin
        send.close()
    return taken / ASKS


async def spawn() -> float:
    async with open_actors() as actors:
        begin = process_time()
        for _ in range(SPAWNS):
            await actors.spawn(_read_all)
        return (process_time() - begin) / SPAWNS


async def spawn_by_hand() -> float:
    async def read_all(
        receive: trio.MemoryReceiveChannel[int], scope: trio.CancelScope
    ) -> None:
        with scope:
            async for _ in receive:
                pass

    kept: list[object] = []
    async with trio.open_nursery() as nursery:
        begin = process_time()
        for _ in range(SPAWNS):
            send, receive = trio.open_memory_channel[int](64)
            scope = trio.CancelScope()
            nursery.start_soon(read_all, receive, scope)
            kept.append((send, scope))
            await trio.lowlevel.checkpoint()
        taken = process_time() - begin
        nursery.cancel_scope.cancel()
    return taken / SPAWNS


COMPARISONS: Final = (
    Comparison("tell: one sender, capacity 1024", tell, tell_by_channel, 10.0),
    Comparison("ask: round trip with a deadline", ask, ask_by_channels, 1.3),
    Comparison("spawn: under a supervisor", spawn, spawn_by_hand, 0.4),
)


async def measure(comparison: Comparison, turns: int) -> tuple[float, float, float]:
    """Return (ratio, our seconds, the rival's seconds) per piece, as medians."""
    ratios: list[float] = []
    ours: list[float] = []
    rivals: list[float] = []
    for _ in range(turns):
        gc.collect()
        rivals.append(await comparison.rival())
        gc.collect()
        ours.append(await comparison.ours())
        ratios.append(rivals[-1] / ours[-1])
    median = statistics.median
    return median(ratios), median(ours), median(rivals)


def main() -> int:
    """Print a table; return 1 if a figure was missed."""
    missed = 0
    print(f"{'what':34} {'ours':>9} {'trio':>9} {'ratio':>7} {'target':>7}")
    for comparison in COMPARISONS:
        ratio, ours, rival = trio.run(partial(measure, comparison, TURNS))
        missed += ratio < comparison.target
        print(
            f"{comparison.what:34} {ours * 1e6:6.2f} µs {rival * 1e6:6.2f} µs "
            f"{ratio:6.2f}x {comparison.target:6.1f}x"
        )
    return min(missed, 1)


if __name__ == "__main__":
    sys.exit(main())
