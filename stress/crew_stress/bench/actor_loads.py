# Each load is written twice: with actors, and as one writes it with trio alone. Both
# return seconds for one piece of work.
"""Loads for actors, and the same loads for trio's channels."""

from collections.abc import Callable
from time import process_time
from typing import Final

import attrs
import trio
import trio.testing
from trio.lowlevel import (
    Abort,
    checkpoint,
    current_task,
    reschedule,
    wait_task_rescheduled,
)

from crew_actors.actors import Inbox, Request, open_actors

CAPACITY: Final = 1024


@attrs.frozen(kw_only=True)
class Sizes:
    """How much work one turn is."""

    messages: int = 20_000
    senders: int = 1_000
    each: int = 40
    """Messages of each of those senders."""
    asks: int = 3_000
    spawns: int = 1_000
    crowd: int = 100_000
    """Actors that get one message each, and idle actors whose memory is measured."""
    letters: int = 10_240
    """Sent to a durable mailbox, by 256 tasks."""
    seconds: float = 3.0
    """How long each latency is watched."""

    def room(self, *, full: bool) -> int:
        """Return a capacity that soon is full, or that is enough for all messages."""
        return CAPACITY if full else max(self.senders * self.each, 1)


@attrs.frozen
class Ping(Request[int]):
    """Answered with 1."""


async def read_all(inbox: Inbox[int]) -> None:
    async for _ in inbox:
        pass


async def answer_all(inbox: Inbox[Ping]) -> None:
    async for message in inbox:
        message.reply(1)


async def tell(sizes: Sizes) -> float:
    async with open_actors() as actors:
        ref = await actors.spawn(read_all, capacity=CAPACITY)
        begin = process_time()
        for number in range(sizes.messages):
            await ref.tell(number)
        while ref.statistics().queued > 1:  # one stays in hand
            await checkpoint()
        return (process_time() - begin) / sizes.messages


async def tell_by_channel(sizes: Sizes) -> float:
    send, receive = trio.open_memory_channel[int](CAPACITY)

    async def read() -> None:
        async for _ in receive:
            pass

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await checkpoint()
        begin = process_time()
        for number in range(sizes.messages):
            await send.send(number)
        while send.statistics().current_buffer_used:
            await checkpoint()
        taken = process_time() - begin
        send.close()
    return taken / sizes.messages


async def tell_from_many(sizes: Sizes, *, full: bool) -> float:
    go = trio.Event()
    async with open_actors() as actors:
        ref = await actors.spawn(read_all, capacity=sizes.room(full=full))

        async def send() -> None:
            await go.wait()
            for number in range(sizes.each):
                await ref.tell(number)

        async with trio.open_nursery() as nursery:
            for _ in range(sizes.senders):
                nursery.start_soon(send)
            await trio.testing.wait_all_tasks_blocked()
            begin = process_time()
            go.set()
        while ref.statistics().queued > 1:
            await checkpoint()
        return (process_time() - begin) / (sizes.each * sizes.senders)


async def tell_from_many_by_channel(sizes: Sizes, *, full: bool) -> float:
    go = trio.Event()
    send, receive = trio.open_memory_channel[int](sizes.room(full=full))

    async def read() -> None:
        async for _ in receive:
            pass

    async def send_each() -> None:
        await go.wait()
        for number in range(sizes.each):
            await send.send(number)

    async with trio.open_nursery() as readers:
        readers.start_soon(read)
        async with trio.open_nursery() as nursery:
            for _ in range(sizes.senders):
                nursery.start_soon(send_each)
            await trio.testing.wait_all_tasks_blocked()
            begin = process_time()
            go.set()
        while send.statistics().current_buffer_used:
            await checkpoint()
        taken = process_time() - begin
        send.close()
    return taken / (sizes.each * sizes.senders)


async def ask(sizes: Sizes) -> float:
    async with open_actors() as actors:
        ref = await actors.spawn(answer_all)
        begin = process_time()
        for _ in range(sizes.asks):
            await ref.ask(Ping(), timeout=5.0)
        return (process_time() - begin) / sizes.asks


async def ask_by_channels(sizes: Sizes) -> float:
    send, requests = trio.open_memory_channel[trio.MemorySendChannel[int]](64)

    async def answer() -> None:
        async for reply_to in requests:
            await reply_to.send(1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer)
        begin = process_time()
        for _ in range(sizes.asks):
            reply_to, reply = trio.open_memory_channel[int](1)
            with trio.fail_after(5.0):
                await send.send(reply_to)
                await reply.receive()
            reply_to.close()
            reply.close()
        taken = process_time() - begin
        send.close()
    return taken / sizes.asks


async def two_passes(sizes: Sizes) -> float:
    """Switch to another task and back: no ask can be cheaper than that in trio."""
    asker = current_task()

    async def answer() -> None:
        while True:
            await wait_task_rescheduled(_leave)
            reschedule(asker)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer)
        await trio.testing.wait_all_tasks_blocked()
        (answerer,) = nursery.child_tasks
        begin = process_time()
        for _ in range(sizes.asks):
            reschedule(answerer)
            await wait_task_rescheduled(_leave)
        taken = process_time() - begin
        nursery.cancel_scope.cancel()
    return taken / sizes.asks


def _leave(_raise_cancel: Callable[[], object]) -> Abort:
    return Abort.SUCCEEDED


async def spawn(sizes: Sizes) -> float:
    async with open_actors() as actors:
        begin = process_time()
        for _ in range(sizes.spawns):
            await actors.spawn(read_all)
        return (process_time() - begin) / sizes.spawns


async def spawn_by_hand(sizes: Sizes) -> float:
    async def read(
        receive: trio.MemoryReceiveChannel[int], scope: trio.CancelScope
    ) -> None:
        with scope:
            async for _ in receive:
                pass

    kept: list[object] = []
    async with trio.open_nursery() as nursery:
        begin = process_time()
        for _ in range(sizes.spawns):
            send, receive = trio.open_memory_channel[int](64)
            scope = trio.CancelScope()
            nursery.start_soon(read, receive, scope)
            kept.append((send, scope))
            await checkpoint()
        taken = process_time() - begin
        nursery.cancel_scope.cancel()
    return taken / sizes.spawns


async def broadcast(sizes: Sizes) -> float:
    count = 0

    async def read(inbox: Inbox[int]) -> None:
        nonlocal count
        async for number in inbox:
            count += number

    async with open_actors() as actors:
        refs = [await actors.spawn(read) for _ in range(sizes.crowd)]
        begin = process_time()
        for ref in refs:
            await ref.tell(1)
        while count < sizes.crowd:
            await checkpoint()
        return (process_time() - begin) / sizes.crowd


async def broadcast_by_channels(sizes: Sizes) -> float:
    count = 0

    async def read(receive: trio.MemoryReceiveChannel[int]) -> None:
        nonlocal count
        async for number in receive:
            count += number

    channels: list[trio.MemorySendChannel[int]] = []
    async with trio.open_nursery() as nursery:
        for _ in range(sizes.crowd):
            send, receive = trio.open_memory_channel[int](64)
            nursery.start_soon(read, receive)
            channels.append(send)
        await checkpoint()
        begin = process_time()
        for send in channels:
            await send.send(1)
        while count < sizes.crowd:
            await checkpoint()
        taken = process_time() - begin
        for send in channels:
            send.close()
    return taken / sizes.crowd
