"""Sending: order, room, blocked senders, policies, cancellation."""

from typing import get_args

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from crew_mailbox import (
    Mailbox,
    MailboxClosed,
    MailboxFull,
    OnFull,
    Reason,
    open_mailbox,
)


def box_of(capacity: int, on_full: OnFull = "wait") -> Mailbox[int]:
    return open_mailbox("box", capacity=capacity, on_full=on_full)


async def read_all(box: Mailbox[int], into: list[int]) -> None:
    async for message in box:
        into.append(message)  # noqa: PERF401  each one is seen when it arrives


async def test_messages_arrive_in_the_order_in_which_they_were_sent() -> None:
    box, got = box_of(4), list[int]()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(read_all, box, got)
        for number in range(1000):
            await box.send(number)
        box.close()
    assert got == list(range(1000))


async def test_a_send_waits_for_room(autojump_clock: MockClock) -> None:
    box = box_of(1)
    await box.send(1)

    async def read_later() -> None:
        await trio.sleep(3)
        assert await box.receive() == 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read_later)
        await box.send(2)
        assert trio.current_time() == 3
    assert await box.receive() == 2


async def test_blocked_senders_are_admitted_in_the_order_in_which_they_came() -> None:
    box = box_of(1)
    await box.send(0)
    async with trio.open_nursery() as nursery:
        for number in range(1, 6):
            nursery.start_soon(box.send, number)
            await wait_all_tasks_blocked()
        got = [await box.receive() for _ in range(6)]
    assert got == [0, 1, 2, 3, 4, 5]


async def test_nobody_slips_in_before_a_blocked_sender() -> None:
    box = box_of(1)
    await box.send(0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(box.send, 1)
        await wait_all_tasks_blocked()
        assert await box.receive() == 0
        with pytest.raises(MailboxFull):
            box.send_nowait(2)  # the room belongs to the blocked sender already
        assert await box.receive() == 1


async def test_a_cancelled_send_queues_nothing() -> None:
    box = box_of(1)
    await box.send(0)
    with trio.move_on_after(0):
        await box.send(1)
    box.close()
    assert box.drain() == [0]
    assert box.statistics().accepted == 1


async def test_a_cancelled_blocked_send_leaves_the_queue_of_senders() -> None:
    box, scope = box_of(1), trio.CancelScope()
    await box.send(0)

    async def send_in_scope() -> None:
        with scope:
            await box.send(1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send_in_scope)
        await wait_all_tasks_blocked()
        assert box.statistics().senders_waiting == 1
        scope.cancel()
    assert scope.cancelled_caught
    assert box.statistics().senders_waiting == 0
    assert box.drain() == [0]


async def test_a_send_that_was_accepted_is_not_taken_back_by_a_cancellation() -> None:
    box, scope = box_of(1), trio.CancelScope()
    await box.send(0)

    async def send_in_scope() -> None:
        with scope:
            await box.send(1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send_in_scope)
        await wait_all_tasks_blocked()
        assert await box.receive() == 0  # admits the sender
        scope.cancel()
    assert not scope.cancelled_caught
    assert await box.receive() == 1


async def test_a_send_in_a_cancelled_scope_notices_it_though_there_is_room() -> None:
    box = box_of(8)
    await box.send(0)
    with trio.CancelScope() as scope:
        scope.cancel()
        await box.send(1)
    assert scope.cancelled_caught
    assert box.drain() == [0]


async def test_send_nowait_raises_when_it_would_have_to_wait() -> None:
    box = box_of(1)
    box.send_nowait(0)
    with pytest.raises(MailboxFull) as full:
        box.send_nowait(1)
    assert (full.value.name, full.value.capacity) == ("box", 1)
    assert box.drain() == [0]


async def test_policy_fail_raises_and_queues_nothing() -> None:
    box = box_of(1, "fail")
    await box.send(0)
    with pytest.raises(MailboxFull):
        await box.send(1)
    with pytest.raises(MailboxFull):
        box.send_nowait(1)
    assert box.statistics().accepted == 1
    assert box.dead_letters.total == 0


async def test_policy_drop_new_makes_the_newest_a_dead_letter() -> None:
    box = box_of(2, "drop_new")
    for number in range(4):
        await box.send(number)
    assert box.drain() == [0, 1]
    letters = box.dead_letters.newest()
    assert [letter.summary for letter in letters] == ["2", "3"]
    assert {letter.reason for letter in letters} == {Reason.DROPPED_NEW}
    assert letters[0].receiver == "box"
    assert letters[0].sender == trio.lowlevel.current_task().name


async def test_policy_drop_old_makes_the_oldest_a_dead_letter() -> None:
    box = box_of(2, "drop_old")
    for number in range(4):
        box.send_nowait(number)
    assert box.drain() == [2, 3]
    assert [letter.summary for letter in box.dead_letters.newest()] == ["0", "1"]
    assert box.dead_letters.counts() == {Reason.DROPPED_OLD: 2}


@pytest.mark.parametrize("on_full", get_args(OnFull))
async def test_the_queue_never_exceeds_its_capacity(on_full: OnFull) -> None:
    box = box_of(3, on_full)
    for number in range(10):
        with trio.move_on_after(0.001):
            try:
                await box.send(number)
            except MailboxFull:
                continue
    assert box.statistics().queued == 3


async def test_system_messages_are_read_before_all_others_and_in_order() -> None:
    box = box_of(2)
    await box.send(1)
    await box.send(2)
    box.send_system(-1)
    box.send_system(-2)
    assert [await box.receive() for _ in range(4)] == [-1, -2, 1, 2]


async def test_a_system_message_wakes_the_reader() -> None:
    box = box_of(1)
    got = list[int]()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(read_all, box, got)
        await wait_all_tasks_blocked()
        box.send_system(7)
        await wait_all_tasks_blocked()
        assert got == [7]
        box.close()


async def test_the_system_lane_has_a_bound() -> None:
    box = box_of(1)
    for number in range(64):
        box.send_system(number)
    with pytest.raises(MailboxFull, match="64"):
        box.send_system(64)
    assert box.statistics().queued == 64


async def test_an_address_sends_and_knows_its_name() -> None:
    box = box_of(2)
    address = box.address
    await address.send(1)
    address.send_nowait(2)
    assert (address.name, address.closed) == ("box", False)
    assert box.drain() == [1, 2]
    assert address.closed
    with pytest.raises(MailboxClosed):
        address.send_nowait(3)


@pytest.mark.parametrize("capacity", [0, -1])
async def test_a_capacity_below_one_is_refused(capacity: int) -> None:
    with pytest.raises(ValueError, match="capacity"):
        box_of(capacity)


async def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(ValueError, match="on_full"):
        open_mailbox("box", capacity=1, on_full="block")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  the point of the test


async def test_a_budget_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="budget"):
        open_mailbox("box", capacity=1, budget=0)


def test_a_mailbox_must_be_made_inside_of_a_trio_run() -> None:
    with pytest.raises(RuntimeError):
        box_of(1)


async def test_a_send_from_a_foreign_thread_fails_and_leaves_a_parked_reader_able() -> (
    None
):
    box: Mailbox[int] = open_mailbox("box", capacity=2)
    got = list[int]()

    async def read() -> None:
        got.append(await box.receive())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        with pytest.raises(RuntimeError, match="async context"):
            await trio.to_thread.run_sync(box.send_nowait, 1)
        figures = box.statistics()
        assert (figures.accepted, figures.queued) == (0, 0)
        box.send_nowait(2)
    assert got == [2]
