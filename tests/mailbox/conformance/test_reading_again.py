"""What the reader puts back or aside, and what is taken out of the queue."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from crew_mailbox import (
    Answer,
    AnswerState,
    Mailbox,
    Reason,
    Request,
    StashFull,
    open_mailbox,
)


class Ask(Request[int]):
    """A request."""


def box_of(capacity: int = 8) -> Mailbox[int]:
    return open_mailbox("box", capacity=capacity)


def ask(box: Mailbox[int | Ask]) -> tuple[Ask, Answer]:
    request, answer = Ask(), Answer("asker")
    answer.attach(request)
    box.send_nowait(request)
    return request, answer


def state_of(answer: Answer) -> AnswerState:
    """Return the state; a type checker cannot know that it changes meanwhile."""
    return answer.state


async def test_a_message_that_was_put_back_is_read_next() -> None:
    box = box_of()
    for number in (1, 2, 3):
        box.send_nowait(number)
    await box.receive()
    box.put_back()
    box.send_nowait(0, "urgent")
    assert [await box.receive() for _ in range(4)] == [1, 0, 2, 3]


async def test_a_message_that_was_put_back_counts_as_queued() -> None:
    box = box_of()
    box.send_nowait(1)
    await box.receive()
    box.put_back()
    figures = box.statistics()
    assert (figures.queued, figures.in_hand, figures.handled) == (1, 0, 0)


async def test_a_message_that_was_put_back_waits_behind_system_messages() -> None:
    box = box_of()
    box.send_nowait(1)
    await box.receive()
    box.put_back()
    box.send_system(-1)
    assert [await box.receive(), await box.receive()] == [-1, 1]


async def test_a_message_that_was_put_back_takes_no_room() -> None:
    box = box_of(1)
    box.send_nowait(1)
    await box.receive()
    box.put_back()
    box.send_nowait(2)
    assert box.drain() == [1, 2]


async def test_deliveries_count_how_often_a_message_was_given_out() -> None:
    box = box_of()
    assert box.deliveries == 0
    box.send_nowait(1)
    box.send_nowait(2)
    counts = list[int]()
    for _ in range(3):
        await box.receive()
        counts.append(box.deliveries)
        box.put_back()
    assert counts == [1, 2, 3]
    await box.receive()
    assert await box.receive() == 2
    assert box.deliveries == 1


async def test_deliveries_are_counted_apart_for_each_message() -> None:
    box = box_of()
    box.send_nowait(1)
    await box.receive()
    box.put_back()
    box.send_system(-1)
    await box.receive()
    assert box.deliveries == 1
    box.put_back()
    assert await box.receive() == -1
    assert box.deliveries == 2
    assert await box.receive() == 1
    assert box.deliveries == 2


async def test_a_poisoned_message_is_a_dead_letter_with_that_reason() -> None:
    box = box_of()
    box.send_nowait(1)
    await box.receive()
    box.put_back()
    await box.receive()
    box.reject(Reason.POISONED, ValueError("again"))
    assert box.dead_letters.counts() == {Reason.POISONED: 1}
    assert box.deliveries == 0


async def test_putting_back_with_an_empty_hand_does_nothing() -> None:
    box = box_of()
    box.put_back()
    box.stash(1)
    assert box.statistics().queued == 0
    assert box.unstash() == 0


async def test_an_ask_that_was_put_back_goes_on_waiting() -> None:
    box: Mailbox[int | Ask] = open_mailbox("box", capacity=8)
    request, answer = ask(box)
    await box.receive()
    box.put_back()
    box.fail_asks(ValueError, queued=False)
    assert state_of(answer) is AnswerState.WAITING
    assert await box.receive() is request
    request.reply(3)
    assert answer.value == 3


async def test_a_deferral_ends_when_the_request_is_put_back() -> None:
    box: Mailbox[int | Ask] = open_mailbox("box", capacity=8)
    request, answer = ask(box)
    await box.receive()
    request.defer()
    box.put_back()
    box.fail_asks(ValueError, queued=False)
    assert state_of(answer) is AnswerState.WAITING
    await box.receive()
    box.ack()
    assert state_of(answer) is AnswerState.UNANSWERED


async def test_what_is_put_back_in_a_closed_mailbox_is_still_read() -> None:
    box = box_of()
    box.send_nowait(1)
    await box.receive()
    box.close()
    box.put_back()
    assert [message async for message in box] == [1]


async def test_a_stashed_message_is_read_only_after_unstash() -> None:
    box = box_of()
    for number in (1, 2):
        box.send_nowait(number)
    await box.receive()
    box.stash(8)
    assert await box.receive() == 2
    with trio.move_on_after(0) as scope:
        await box.receive()
    assert scope.cancelled_caught
    assert box.unstash() == 1
    assert await box.receive() == 1


async def test_unstashed_messages_are_read_oldest_first_and_before_queued_ones() -> (
    None
):
    box = box_of()
    for number in (1, 2, 3):
        box.send_nowait(number)
    for _ in range(2):
        await box.receive()
        box.stash(8)
    assert box.unstash() == 2
    assert [await box.receive() for _ in range(3)] == [1, 2, 3]


async def test_unstashing_half_way_keeps_the_rest_in_order() -> None:
    box = box_of()
    for number in range(1, 6):
        box.send_nowait(number)
    for _ in range(3):
        await box.receive()
        box.stash(8)
    box.unstash()
    await box.receive()
    box.stash(8)  # 1 goes aside again
    assert box.drain() == [2, 3, 1, 4, 5]


async def test_a_stash_has_a_limit_and_the_message_stays_in_hand() -> None:
    box = box_of()
    for number in (1, 2):
        box.send_nowait(number)
    await box.receive()
    box.stash(1)
    await box.receive()
    with pytest.raises(StashFull, match="1 messages") as full:
        box.stash(1)
    assert (full.value.name, full.value.limit) == ("box", 1)
    assert (box.statistics().in_hand, box.statistics().stashed) == (1, 1)


async def test_a_stashed_message_counts_as_queued_and_is_not_lost_at_the_end() -> None:
    box = box_of()
    box.send_nowait(1)
    await box.receive()
    box.stash(1)
    figures = box.statistics()
    assert (figures.queued, figures.stashed, figures.handled) == (1, 1, 0)
    assert box.bury() == 1
    assert box.dead_letters.counts() == {Reason.UNDELIVERED: 1}


async def test_a_stash_is_kept_from_one_reader_to_the_next() -> None:
    box, got = box_of(), list[int]()
    box.send_nowait(1)

    async def first() -> None:
        await box.receive()
        box.stash(4)

    async def second() -> None:
        box.unstash()
        got.append(await box.receive())

    for reader in (first, second):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(reader)
    assert got == [1]


async def test_unstashing_wakes_a_waiting_reader() -> None:
    box, got = box_of(), list[int]()
    box.send_nowait(1)
    await box.receive()
    box.stash(1)

    async def read() -> None:
        got.append(await box.receive())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        box.unstash()
    assert got == [1]


async def test_a_stashed_ask_goes_on_waiting_and_is_answered_later() -> None:
    box: Mailbox[int | Ask] = open_mailbox("box", capacity=8)
    request, answer = ask(box)
    box.send_nowait(1)
    await box.receive()
    box.stash(4)
    await box.receive()
    assert state_of(answer) is AnswerState.WAITING
    box.unstash()
    await box.receive()
    request.reply(5)
    assert answer.value == 5


async def test_a_stashed_ask_fails_with_the_queued_ones() -> None:
    box: Mailbox[int | Ask] = open_mailbox("box", capacity=8)
    _, answer = ask(box)
    await box.receive()
    box.stash(4)
    box.fail_asks(lambda: OSError("down"), queued=True)
    assert state_of(answer) is AnswerState.FAILED


async def test_withdraw_takes_out_what_matches_in_every_lane() -> None:
    box = box_of(16)
    for number in (1, 2, 3, 4):
        box.send_nowait(number)
    await box.receive()
    box.stash(4)
    await box.receive()
    box.put_back()
    for number in (5, 6):
        box.send_nowait(number, "urgent")
    for number in (7, 8):
        box.send_nowait(number, "low")
    for number in (9, 10):
        box.send_system(number)
    assert box.withdraw(lambda number: number % 2 == 0) == [10, 2, 6, 4, 8]
    assert box.statistics().returned == 5
    box.unstash()
    assert box.drain() == [9, 1, 5, 3, 7]


async def test_withdraw_leaves_the_message_in_hand_alone() -> None:
    box = box_of()
    box.send_nowait(1)
    await box.receive()
    assert box.withdraw(lambda _: True) == []
    assert box.statistics().in_hand == 1


async def test_withdraw_gives_the_room_to_blocked_senders() -> None:
    box = box_of(1)
    box.send_nowait(1, "urgent")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(box.send, 2)
        await wait_all_tasks_blocked()
        assert box.withdraw(lambda number: number == 1) == [1]
    assert box.drain() == [2]


async def test_when_a_test_of_withdraw_raises_nothing_is_taken_out() -> None:
    box = box_of()
    box.send_nowait(1)
    box.send_nowait(0)
    with pytest.raises(ZeroDivisionError):
        box.withdraw(lambda number: 1 // number > 0)
    assert box.drain() == [1, 0]


async def test_a_withdrawn_request_leaves_its_duty_to_whoever_took_it() -> None:
    box: Mailbox[int | Ask] = open_mailbox("box", capacity=8)
    request, answer = ask(box)
    box.send_nowait(1)
    assert box.withdraw(lambda each: each is request) == [request]
    box.fail_asks(ValueError, queued=True)
    assert state_of(answer) is AnswerState.WAITING
    request.reply(2)
    assert answer.value == 2
    await box.receive()
    assert box._is_plain()
