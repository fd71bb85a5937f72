"""Closing is final; what was queued is read, handed back or buried."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from crew_mailbox import DeadLetters, Mailbox, MailboxClosed, Reason, open_mailbox


def box_of(capacity: int = 8) -> Mailbox[int]:
    return open_mailbox("box", capacity=capacity)


async def test_sends_fail_at_once_after_closing() -> None:
    box = box_of()
    box.close()
    box.close()
    with pytest.raises(MailboxClosed):
        await box.send(1)
    with pytest.raises(MailboxClosed):
        box.send_nowait(1)
    with pytest.raises(MailboxClosed):
        box.send_system(1)
    assert box.closed
    assert box.statistics().accepted == 0


async def test_what_was_queued_is_still_read_in_order() -> None:
    box = box_of()
    for number in range(3):
        box.send_nowait(number)
    box.close()
    assert [message async for message in box] == [0, 1, 2]


async def test_closing_ends_a_waiting_reader() -> None:
    box = box_of()
    async with trio.open_nursery() as nursery:

        async def read() -> None:
            assert [message async for message in box] == []

        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        box.close()


async def test_blocked_senders_get_an_error_and_keep_their_messages() -> None:
    box, refused = box_of(1), list[str]()
    await box.send(0)

    async def send() -> None:
        with pytest.raises(MailboxClosed) as closed:
            await box.send(1)
        refused.append(closed.value.name)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        nursery.start_soon(send)
        await wait_all_tasks_blocked()
        box.close()
    assert refused == ["box", "box"]
    assert box.drain() == [0]


async def test_drain_hands_back_what_is_queued_system_messages_first() -> None:
    box = box_of()
    box.send_nowait(1)
    box.send_nowait(2)
    box.send_system(-1)
    await box.receive()
    assert box.drain() == [1, 2]
    assert box.drain() == []
    figures = box.statistics()
    assert (figures.returned, figures.in_hand, figures.queued) == (2, 1, 1)
    assert figures.closed


async def test_bury_makes_what_is_queued_dead_letters() -> None:
    letters = DeadLetters()
    box: Mailbox[int] = open_mailbox("box", capacity=8, dead_letters=letters)
    box.send_nowait(1)
    box.send_nowait(2)
    assert box.bury(OSError("gone")) == 2
    assert box.bury() == 0
    assert letters.counts() == {Reason.UNDELIVERED: 2}
    assert {letter.cause for letter in letters.newest()} == {"OSError('gone')"}
    assert box.statistics().dead == 2
