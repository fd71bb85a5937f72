"""A reader that takes message after message looks at all that comes meanwhile."""

from collections.abc import Callable

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from crew_mailbox import Answer, Mailbox, Request, open_mailbox
from crew_mailbox._notices import Notice


@attrs.frozen(eq=False)
class Ask(Request[int]):
    """A request."""


class Tick(Notice[object]):
    __slots__ = ()

    def __init__(self) -> None:
        self.message = "tick"


async def reads_on(box: Mailbox[object]) -> None:
    """Read until the next messages are ready, to be taken without a further look."""
    for _ in range(3):
        await box.receive()
    assert box._ready


def stash_and_unstash(box: Mailbox[object]) -> None:
    box.stash(9)
    box.unstash()


Act = Callable[[Mailbox[object]], object]

ACTS: list[tuple[Act, object]] = [
    (lambda box: box.send_nowait("urgent", "urgent"), "urgent"),
    (lambda box: box.send_system("system"), "system"),
    (lambda box: box.send_notice(Tick()), "tick"),
    (lambda box: box.put_back(), 2),
    (stash_and_unstash, 2),
    (lambda box: box.send_nowait("low", "low"), 3),
    (lambda box: box.withdraw(lambda message: message == 3), 4),
]


@pytest.mark.parametrize(("act", "first"), ACTS)
async def test_what_goes_before_is_read_before_what_was_ready(
    act: Act, first: object
) -> None:
    box: Mailbox[object] = open_mailbox("box", capacity=99)
    for number in range(10):
        box.send_nowait(number)
    await reads_on(box)
    act(box)
    assert await box.receive() == first
    box.ack()
    figures = box.statistics()
    parts = figures.handled + figures.returned + figures.queued
    assert figures.accepted == parts


async def test_a_request_behind_what_was_ready_is_owed_an_answer() -> None:
    box: Mailbox[object] = open_mailbox("box", capacity=99)
    for number in range(4):
        box.send_nowait(number)
    await reads_on(box)
    ask = Ask()
    Answer("asker").attach(ask)
    box.send_nowait(ask)
    assert await box.receive() == 3
    assert await box.receive() is ask
    assert not box._ready
    assert box.is_repeatable


async def test_each_message_that_was_ready_makes_room_for_a_sender() -> None:
    box: Mailbox[object] = open_mailbox("box", capacity=8)
    for number in range(8):
        box.send_nowait(number)
    async with trio.open_nursery() as nursery:
        for number in range(8, 16):
            nursery.start_soon(box.send, number)
            await wait_all_tasks_blocked()
        await reads_on(box)
        for number in range(3, 8):
            waiting = box.statistics().senders_waiting
            assert await box.receive() == number
            assert box.statistics().senders_waiting == waiting - 1
            assert box.statistics().queued == 8 + 1
