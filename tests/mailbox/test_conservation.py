"""No message is lost, doubled or reordered, whatever happens to those who handle it.

A machine of hypothesis sends, reads, cancels, rejects, closes and drains at random, and
compares the mailbox with a model that is a plain list.
"""

from collections.abc import Callable
from random import Random
from typing import get_args

import hypothesis.strategies as st
import pytest
import trio
from hypothesis import given, settings
from trio.testing import MockClock

from crew_mailbox import (
    Mailbox,
    MailboxClosed,
    MailboxFull,
    MailboxStatistics,
    OnFull,
    Reason,
    Request,
    open_mailbox,
)


class Ask(Request[int]):
    """A message that is a request, so that those paths are taken too."""

    def __init__(self, number: int) -> None:
        self.number = number


def conserves(figures: MailboxStatistics) -> bool:
    """Return whether the law of conservation holds."""
    parts = figures.handled + figures.dead + figures.returned + figures.queued
    return figures.accepted == parts


class Model:
    """A mailbox as it should be: lists, and no speed."""

    def __init__(self, capacity: int, on_full: OnFull) -> None:
        self.box: Mailbox[int | Ask] = open_mailbox(
            "box", capacity=capacity, on_full=on_full
        )
        self.capacity = capacity
        self.on_full = on_full
        self.queue = list[int]()
        self.system = list[int]()
        self.hand: int | None = None
        self.next = 0
        self.accepted = self.handled = self.dead = self.returned = 0
        self.closed = False

    def check(self) -> None:
        figures = self.box.statistics()
        assert conserves(figures)
        assert figures.accepted == self.accepted
        assert figures.handled == self.handled
        assert figures.dead == self.dead == self.box.dead_letters.total
        assert figures.returned == self.returned
        assert figures.in_hand == (self.hand is not None)

    def _message(self, *, ask: bool) -> tuple[int, int | Ask]:
        self.next += 1
        return self.next, Ask(self.next) if ask else self.next

    async def send(self, *, ask: bool, nowait: bool) -> None:
        number, message = self._message(ask=ask)
        full = len(self.queue) >= self.capacity
        try:
            if nowait:
                self.box.send_nowait(message)
            else:
                with trio.move_on_after(1) as scope:
                    await self.box.send(message)
                if scope.cancelled_caught:
                    assert full
                    assert self.on_full == "wait"
                    assert not self.closed
                    return
        except MailboxClosed:
            assert self.closed
            return
        except MailboxFull:
            assert full
            assert self.on_full in ("wait", "fail")
            return
        assert not self.closed
        self.accepted += 1
        if full:
            self.dead += 1
        if full and self.on_full == "drop_old":
            del self.queue[0]
            self.queue.append(number)
        elif not full:
            self.queue.append(number)

    def send_system(self, *, ask: bool) -> None:
        number, message = self._message(ask=ask)
        try:
            self.box.send_system(message)
        except MailboxClosed:
            assert self.closed
        else:
            self.system.append(number)
            self.accepted += 1

    def _settle(self) -> None:
        self.handled += self.hand is not None
        self.hand = None

    async def receive(self) -> None:
        self._settle()
        queue = self.system or self.queue
        try:
            with trio.fail_after(1):
                message = await self.box.receive()
        except trio.TooSlowError:
            assert not queue
            assert not self.closed
        except MailboxClosed:
            assert not queue
            assert self.closed
        else:
            self.hand = queue.pop(0)
            assert self.hand == (
                message.number if isinstance(message, Ask) else message
            )

    async def receive_cancelled(self) -> None:
        self._settle()
        with trio.CancelScope() as scope:
            scope.cancel()
            await self.box.receive()
        assert scope.cancelled_caught

    def ack(self) -> None:
        self._settle()
        self.box.ack()

    def reject(self) -> None:
        self.dead += self.hand is not None
        self.hand = None
        self.box.reject(Reason.HANDLER_FAILED)

    def close(self) -> None:
        self.closed = True
        self.box.close()

    def _empty(self) -> list[int]:
        taken = self.system + self.queue
        self.system, self.queue, self.closed = [], [], True
        return taken

    def drain(self) -> None:
        numbers = [
            message.number if isinstance(message, Ask) else message
            for message in self.box.drain()
        ]
        assert numbers == self._empty()
        self.returned += len(numbers)

    def bury(self) -> None:
        lost = len(self._empty())
        assert self.box.bury() == lost
        self.dead += lost


STEPS = st.sampled_from(
    [
        "send", "send", "send", "ask", "nowait", "system", "receive", "receive",
        "receive", "cancelled", "ack", "reject", "close", "drain", "bury",
    ]
)  # fmt: skip


async def take(model: Model, step: str) -> None:
    if step in ("send", "ask", "nowait"):
        await model.send(ask=step == "ask", nowait=step == "nowait")
    elif step == "system":
        model.send_system(ask=model.next % 2 == 0)
    elif step == "receive":
        await model.receive()
    elif step == "cancelled":
        await model.receive_cancelled()
    else:
        act: Callable[[], None] = getattr(model, step)
        act()


@settings(max_examples=300)
@given(
    steps=st.lists(STEPS, max_size=60),
    capacity=st.integers(1, 4),
    on_full=st.sampled_from(get_args(OnFull)),
)
def test_a_mailbox_does_what_its_model_does(
    steps: list[str], capacity: int, on_full: OnFull
) -> None:
    async def run() -> None:
        model = Model(capacity, on_full)
        for step in steps:
            await take(model, step)
            model.check()

    trio.run(run, clock=MockClock(autojump_threshold=0))


@pytest.mark.parametrize("strict", [False, True], ids=["fast", "strict"])
@pytest.mark.parametrize("seed", range(12))
def test_cancelled_senders_and_readers_lose_and_double_nothing(
    seed: int, strict: bool
) -> None:
    """Many senders, one reader; each of them is cancelled at random moments."""
    random = Random(seed)
    sent, got = list[tuple[int, int]](), list[tuple[int, int]]()

    async def send(box: Mailbox[tuple[int, int]], sender: int) -> None:
        for number in range(40):
            with trio.move_on_after(random.choice([0, 0.5, 2, 9])) as scope:
                await box.send((sender, number))
            if not scope.cancelled_caught:
                sent.append((sender, number))
            assert conserves(box.statistics())

    async def read(box: Mailbox[tuple[int, int]]) -> None:
        while True:
            with trio.move_on_after(random.choice([0, 0.5, 2])):
                try:
                    got.append(await box.receive())
                except MailboxClosed:
                    return
                assert conserves(box.statistics())
                await trio.sleep(random.choice([0, 0, 0.3]))

    async def run() -> None:
        box: Mailbox[tuple[int, int]] = open_mailbox(
            "box", capacity=random.randint(1, 5), strict_checkpoints=strict
        )
        async with trio.open_nursery() as readers:
            readers.start_soon(read, box)
            async with trio.open_nursery() as senders:
                for sender in range(5):
                    senders.start_soon(send, box, sender)
            box.close()
        figures = box.statistics()
        assert figures.accepted == figures.handled == len(sent)

    trio.run(run, clock=MockClock(autojump_threshold=0))
    assert sorted(got) == sorted(sent)
    for sender in range(5):
        numbers = [number for who, number in got if who == sender]
        assert numbers == sorted(numbers)
