"""Priorities: what is read first, who is admitted first, what is given up first."""

from typing import cast

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from crew_mailbox import (
    Address,
    Mailbox,
    MailboxClosed,
    MailboxFull,
    OnFull,
    Priority,
    Reason,
    open_mailbox,
)


def box_of(capacity: int = 8, on_full: OnFull = "wait") -> Mailbox[str]:
    return open_mailbox("box", capacity=capacity, on_full=on_full)


def fill(to: Mailbox[str] | Address[str], *messages: str) -> None:
    """Send each of *messages* with the priority that its first letter stands for."""
    priorities: dict[str, Priority] = {"u": "urgent", "n": "normal", "l": "low"}
    for message in messages:
        to.send_nowait(message, priorities[message[0]])


async def test_urgent_is_read_before_normal_and_normal_before_low() -> None:
    box = box_of()
    fill(box, "low", "normal", "urgent")
    assert [await box.receive() for _ in range(3)] == ["urgent", "normal", "low"]


async def test_within_a_priority_messages_keep_their_order() -> None:
    box = box_of()
    fill(box, "l1", "u1", "n1", "l2", "u2", "n2")
    got = [await box.receive() for _ in range(6)]
    assert got == ["u1", "u2", "n1", "n2", "l1", "l2"]


async def test_system_messages_are_read_before_urgent_ones() -> None:
    box = box_of()
    fill(box, "urgent")
    box.send_system("stop")
    assert [await box.receive(), await box.receive()] == ["stop", "urgent"]


async def test_a_message_without_a_priority_is_a_normal_one() -> None:
    box = box_of()
    fill(box, "low")
    await box.send("plain")
    assert await box.receive() == "plain"


async def test_an_urgent_message_overtakes_what_is_queued_while_the_reader_works() -> (
    None
):
    box = box_of()
    fill(box, "n1", "n2")
    assert await box.receive() == "n1"
    await box.send("u1", "urgent")
    assert await box.receive() == "u1"
    assert await box.receive() == "n2"


@pytest.mark.parametrize("priority", ["urgent", "normal", "low"])
async def test_a_message_of_any_priority_wakes_the_reader(priority: Priority) -> None:
    box, got = box_of(), list[str]()

    async def read() -> None:
        got.append(await box.receive())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        await box.send("one", priority)
    assert got == ["one"]


async def test_all_priorities_share_the_capacity() -> None:
    box = box_of(3)
    fill(box, "u", "n", "l")
    for message in ("u", "n", "l"):
        with pytest.raises(MailboxFull):
            fill(box, message)
    assert box.statistics().queued == 3


async def test_each_read_of_any_priority_makes_room_for_any() -> None:
    box = box_of(1)
    for first, second in (("u", "l"), ("l", "n"), ("n", "u")):
        fill(box, first)
        assert await box.receive() == first
        fill(box, second)
        assert await box.receive() == second


async def test_an_urgent_sender_is_admitted_before_others_that_wait() -> None:
    box = box_of(1)
    fill(box, "n0")
    async with trio.open_nursery() as nursery:
        for message in ("l1", "n1", "u1", "u2"):
            priority = {"l": "low", "n": "normal", "u": "urgent"}[message[0]]
            nursery.start_soon(box.send, message, cast("Priority", priority))
            await wait_all_tasks_blocked()
        got = [await box.receive() for _ in range(5)]
    assert got == ["n0", "u1", "u2", "n1", "l1"]


async def test_a_cancelled_urgent_send_queues_nothing() -> None:
    box = box_of(1)
    fill(box, "n")
    with trio.move_on_after(0):
        await box.send("u", "urgent")
    assert box.statistics().senders_waiting == 0
    assert box.drain() == ["n"]


@pytest.mark.parametrize("on_full", ["drop_new", "drop_old"])
async def test_a_full_mailbox_gives_up_what_is_least_urgent(on_full: OnFull) -> None:
    box = box_of(2, on_full)
    fill(box, "n", "l")
    await box.send("u", "urgent")
    (letter,) = box.dead_letters.newest()
    assert letter.summary == "'l'"
    assert box.drain() == ["u", "n"]


async def test_among_the_least_urgent_drop_old_gives_up_the_oldest() -> None:
    box = box_of(3, "drop_old")
    fill(box, "n", "l1", "l2", "u")
    assert box.dead_letters.newest()[0].summary == "'l1'"
    assert box.dead_letters.counts() == {Reason.DROPPED_OLD: 1}
    assert box.drain() == ["u", "n", "l2"]


async def test_among_the_least_urgent_drop_new_gives_up_the_newest() -> None:
    box = box_of(3, "drop_new")
    fill(box, "n", "l1", "l2", "u")
    assert box.dead_letters.newest()[0].summary == "'l2'"
    assert box.dead_letters.counts() == {Reason.DROPPED_NEW: 1}
    assert box.drain() == ["u", "n", "l1"]


@pytest.mark.parametrize("on_full", ["drop_new", "drop_old"])
async def test_a_low_message_is_given_up_for_nobody_more_urgent(
    on_full: OnFull,
) -> None:
    box = box_of(2, on_full)
    fill(box, "u", "n", "l")
    (letter,) = box.dead_letters.newest()
    assert letter.summary == "'l'"
    assert letter.sender == trio.lowlevel.current_task().name
    assert box.drain() == ["u", "n"]


@pytest.mark.parametrize("on_full", ["drop_new", "drop_old"])
async def test_a_mailbox_full_of_urgent_messages_stays_within_its_capacity(
    on_full: OnFull,
) -> None:
    box = box_of(1, on_full)
    fill(box, "u1", "u2", "u3")
    assert box.drain() == ["u3" if on_full == "drop_old" else "u1"]
    assert box.statistics().dead == 2


async def test_an_unknown_priority_is_refused_and_nothing_is_queued() -> None:
    box = box_of(1)
    wrong = cast("Priority", "high")
    with pytest.raises(ValueError, match="urgent, normal, low"):
        await box.send("x", wrong)
    fill(box, "n")
    with pytest.raises(ValueError, match="'high'"):
        await box.send("x", wrong)
    assert box.drain() == ["n"]
    assert box.statistics().accepted == 1


async def test_a_priority_is_known_by_its_value_not_by_its_object() -> None:
    box = box_of()
    fill(box, "low")
    await box.send("one", cast("Priority", "NORMAL".lower()))
    assert box.statistics().low == 1
    assert box._room == 7
    assert await box.receive() == "one"


async def test_closing_refuses_messages_of_every_priority() -> None:
    box = box_of()
    box.close()
    for message in ("u", "n", "l"):
        with pytest.raises(MailboxClosed):
            fill(box, message)


async def test_drain_hands_back_by_priority() -> None:
    box = box_of()
    fill(box, "l", "n", "u")
    assert box.drain() == ["u", "n", "l"]
    assert box.statistics().returned == 3


async def test_an_address_sends_with_a_priority() -> None:
    box = box_of()
    await box.address.send("l", "low")
    fill(box.address, "u")
    assert box.drain() == ["u", "l"]


async def test_statistics_tell_what_waits_with_which_priority() -> None:
    box = box_of()
    fill(box, "u", "u", "n", "l")
    figures = box.statistics()
    assert (figures.queued, figures.urgent, figures.low) == (4, 2, 1)


async def test_a_mailbox_that_used_priorities_is_quick_again_afterwards() -> None:
    box = box_of()
    fill(box, "u", "n1", "n2")
    await box.receive()
    await box.receive()
    assert box._is_plain()
    assert await box.receive() == "n2"
