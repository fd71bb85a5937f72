"""Reading: one reader, cancellation, the message in hand."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from crew_mailbox import Mailbox, MailboxClosed, ReaderBusy, Reason, open_mailbox


def box_of(capacity: int = 8) -> Mailbox[int]:
    return open_mailbox("box", capacity=capacity)


async def test_a_cancelled_receive_loses_nothing() -> None:
    box = box_of()
    with trio.move_on_after(0):
        await box.receive()
    await box.send(1)
    with trio.CancelScope() as scope:
        scope.cancel()
        await box.receive()
    assert scope.cancelled_caught
    assert await box.receive() == 1


async def test_a_reader_cancelled_after_it_was_woken_still_gets_its_message() -> None:
    box, scope, got = box_of(), trio.CancelScope(), list[int]()

    async def read() -> None:
        with scope:
            got.append(await box.receive())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        box.send_nowait(1)
        scope.cancel()
    assert got == [1]


async def test_iteration_in_a_cancelled_scope_stops_before_the_next_message() -> None:
    box, got = box_of(), list[int]()
    for number in range(5):
        box.send_nowait(number)
    with trio.CancelScope() as scope:
        async for message in box:
            got.append(message)
            if message == 2:
                scope.cancel()
    assert scope.cancelled_caught
    assert got == [0, 1, 2]
    assert box.drain() == [3, 4]


async def test_a_second_reader_is_an_error_at_once() -> None:
    box = box_of()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(box.receive)
        await wait_all_tasks_blocked()
        with pytest.raises(ReaderBusy):
            await box.receive()
        box.send_nowait(1)
    assert box.statistics().in_hand == 1


async def test_a_second_reader_is_refused_also_while_the_first_gives_way() -> None:
    box: Mailbox[int] = open_mailbox("box", capacity=8, strict_checkpoints=True)
    box.send_nowait(1)
    box.send_nowait(2)
    failures = list[Exception]()
    got = list[int]()

    async def read() -> None:
        try:
            got.append(await box.receive())
        except ReaderBusy as error:
            failures.append(error)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        nursery.start_soon(read)
    assert got == [1]
    assert len(failures) == 1


async def test_readers_may_follow_one_another() -> None:
    box, got = box_of(), list[int]()

    async def read_one() -> None:
        got.append(await box.receive())

    for number in range(3):
        box.send_nowait(number)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read_one)
    assert got == [0, 1, 2]


async def test_a_message_is_handled_when_the_reader_asks_for_the_next() -> None:
    box = box_of()
    box.send_nowait(1)
    await box.receive()
    assert (box.statistics().handled, box.statistics().in_hand) == (0, 1)
    with trio.move_on_after(0):
        await box.receive()
    assert (box.statistics().handled, box.statistics().in_hand) == (1, 0)


async def test_a_message_is_handled_when_it_is_acknowledged() -> None:
    box = box_of()
    box.send_nowait(1)
    await box.receive()
    box.ack()
    box.ack()
    assert (box.statistics().handled, box.statistics().in_hand) == (1, 0)


async def test_a_rejected_message_is_a_dead_letter_with_its_cause() -> None:
    box = box_of()
    box.send_nowait(1)
    await box.receive()
    box.reject(Reason.HANDLER_FAILED, ValueError("bad"))
    box.reject(Reason.HANDLER_FAILED)  # nothing is in hand any more
    (letter,) = box.dead_letters.newest()
    assert letter.reason is Reason.HANDLER_FAILED
    assert letter.cause == "ValueError('bad')"
    assert (box.statistics().handled, box.statistics().dead) == (0, 1)


async def test_receive_waits_for_a_message(autojump_clock: MockClock) -> None:
    box = box_of()

    async def send_later() -> None:
        await trio.sleep(2)
        await box.send(5)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send_later)
        assert await box.receive() == 5
    assert trio.current_time() == 2


async def test_receive_of_a_closed_and_empty_mailbox_raises() -> None:
    box = box_of()
    box.send_nowait(1)
    box.close()
    assert await box.receive() == 1
    with pytest.raises(MailboxClosed):
        await box.receive()
