"""Notices: decided on when they are read."""

from collections.abc import Callable

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from crew_mailbox import (
    Answer,
    Mailbox,
    MailboxClosed,
    Notice,
    Reason,
    Request,
    open_mailbox,
)


class Ask(Request[int]):
    """A request."""


class Tick(Notice[int]):
    """A notice that may be withdrawn."""

    def __init__(self, number: int, *, holds: bool = True) -> None:
        self.message = number
        self.holds = holds

    def open(self) -> bool:
        return self.holds


def box_of(capacity: int = 8) -> Mailbox[int]:
    return open_mailbox("box", capacity=capacity)


async def test_a_notice_is_read_before_all_messages() -> None:
    box = box_of()
    box.send_nowait(1, "urgent")
    box.send_system(2)
    box.send_notice(Tick(3))
    assert [await box.receive() for _ in range(3)] == [3, 2, 1]


async def test_a_notice_that_does_not_hold_any_more_is_never_seen() -> None:
    box, tick = box_of(), Tick(1)
    box.send_notice(tick)
    box.send_nowait(2)
    tick.holds = False
    assert await box.receive() == 2


async def test_a_withdrawn_notice_does_not_end_a_wait() -> None:
    box, got = box_of(), list[int]()

    async def read() -> None:
        got.append(await box.receive())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        box.send_notice(Tick(1, holds=False))
        await wait_all_tasks_blocked()
        assert got == []
        box.send_notice(Tick(2))
    assert got == [2]


async def test_a_notice_needs_no_room() -> None:
    box = box_of(1)
    box.send_nowait(0)
    for number in range(1, 200):
        box.send_notice(Tick(number))
    assert [await box.receive() for _ in range(200)] == [*range(1, 200), 0]


async def test_a_notice_counts_from_the_moment_at_which_it_is_read() -> None:
    box = box_of()
    box.send_notice(Tick(1))
    assert (box.statistics().accepted, box.statistics().queued) == (0, 0)
    await box.receive()
    assert (box.statistics().accepted, box.statistics().in_hand) == (1, 1)
    box.reject(Reason.HANDLER_FAILED)
    assert box.statistics().dead == 1


async def test_a_notice_that_nobody_reads_leaves_no_trace() -> None:
    box = box_of()
    box.send_notice(Tick(1))
    assert box.drain() == []
    assert box.statistics().returned == 0
    with pytest.raises(MailboxClosed):
        box.send_notice(Tick(2))


async def test_a_stashed_notice_is_asked_again_whether_it_holds() -> None:
    box, tick = box_of(), Tick(1)
    box.send_notice(tick)
    box.send_nowait(2)
    await box.receive()
    box.stash(4)
    tick.holds = False
    box.unstash()
    assert await box.receive() == 2
    assert box.statistics().accepted == 1


async def test_a_notice_that_was_put_back_is_read_again_while_it_holds() -> None:
    box = box_of()
    box.send_notice(Tick(1))
    await box.receive()
    box.put_back()
    assert box.statistics().queued == 0
    assert await box.receive() == 1
    assert box.deliveries == 2


async def test_what_came_by_a_notice_is_not_repeatable() -> None:
    box = box_of()
    assert not box.is_repeatable
    box.send_notice(Tick(1))
    await box.receive()
    assert not box.is_repeatable
    box.send_nowait(2)
    await box.receive()
    assert box.is_repeatable


async def test_a_request_is_repeatable_until_it_is_answered_or_sent_on() -> None:
    box: Mailbox[Ask] = open_mailbox("box", capacity=4)
    other: Mailbox[Ask] = open_mailbox("other", capacity=4)

    def reply(ask: Ask) -> None:
        ask.reply(1)

    ways: list[Callable[[Ask], None]] = [reply, other.send_nowait]
    for settle in ways:
        request, answer = Ask(), Answer("asker")
        answer.attach(request)
        box.send_nowait(request)
        await box.receive()
        assert [box.is_repeatable, box.owes(answer)] == [True, True]
        settle(request)
        assert [box.is_repeatable] == [False]
        assert box.owes(answer) == (settle is reply)


async def test_the_load_counts_what_waits_what_is_in_hand_and_who_waits() -> None:
    box = box_of(2)
    assert box.load == 0
    box.send_nowait(1)
    await box.receive()
    box.send_nowait(2)
    box.send_system(3)
    box.send_nowait(4)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(box.send, 5)
        await wait_all_tasks_blocked()
        assert box.load == 5
        nursery.cancel_scope.cancel()


async def test_the_last_reader_is_the_task_that_read() -> None:
    box = box_of()
    assert box.last_reader is None
    box.send_nowait(1)
    await box.receive()
    assert box.last_reader is trio.lowlevel.current_task()
