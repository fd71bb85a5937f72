"""Dead letters sent again: at most once, counted, and never in two places."""

import pytest
import trio

from crew_mailbox import (
    AlreadyAsked,
    Answer,
    DeadLetters,
    LetterNotHeld,
    Mailbox,
    MailboxClosed,
    MailboxFull,
    Reason,
    Request,
    open_mailbox,
)


class Ask(Request[int]):
    """A request."""


def box_of(letters: DeadLetters | None = None, capacity: int = 8) -> Mailbox[str | Ask]:
    return open_mailbox("box", capacity=capacity, dead_letters=letters)


async def fail(box: Mailbox[str | Ask]) -> None:
    """Read one message and fail to handle it."""
    await box.receive()
    box.reject(Reason.HANDLER_FAILED)


async def test_a_requeued_message_is_the_very_message() -> None:
    box = box_of()
    message = "AB".lower()
    box.send_nowait(message)
    await fail(box)
    box.dead_letters.requeue(1, box)
    assert await box.receive() is message


async def test_a_letter_can_be_requeued_to_an_address() -> None:
    box, other = box_of(), box_of()
    box.send_nowait("a")
    await fail(box)
    box.dead_letters.requeue(1, other.address)
    assert other.drain() == ["a"]


async def test_a_letter_is_requeued_at_most_once() -> None:
    box = box_of()
    box.send_nowait("a")
    await fail(box)
    box.dead_letters.requeue(1, box)
    with pytest.raises(LetterNotHeld) as gone:
        box.dead_letters.requeue(1, box)
    assert (gone.value.number, gone.value.total) == (1, 1)
    assert box.drain() == ["a"]


async def test_a_requeued_letter_stays_on_record_and_is_counted() -> None:
    box = box_of()
    box.send_nowait("a")
    await fail(box)
    box.dead_letters.requeue(1, box)
    figures = box.dead_letters.statistics()
    assert (figures.total, figures.kept, figures.held, figures.requeued) == (1, 1, 0, 1)
    assert figures.by_reason == {Reason.HANDLER_FAILED: 1}
    assert figures.capacity == 1000
    assert len(box.dead_letters.newest()) == 1


async def test_a_message_that_fails_again_is_another_letter() -> None:
    box = box_of()
    box.send_nowait("a")
    for number in (1, 2, 3):
        await fail(box)
        box.dead_letters.requeue(number, box)
    assert box.dead_letters.total == 3
    figures = box.statistics()
    assert (figures.accepted, figures.dead, figures.queued) == (4, 3, 1)


async def test_a_letter_that_cannot_be_sent_stays_held() -> None:
    box, full, closed = box_of(), box_of(capacity=1), box_of()
    full.send_nowait("x")
    closed.close()
    box.send_nowait("a")
    await fail(box)
    with pytest.raises(MailboxFull):
        box.dead_letters.requeue(1, full)
    with pytest.raises(MailboxClosed):
        box.dead_letters.requeue(1, closed)
    assert box.dead_letters.statistics().requeued == 0
    box.dead_letters.requeue(1, box)
    assert box.drain() == ["a"]


async def test_only_the_newest_messages_are_held() -> None:
    letters = DeadLetters(held=2)
    for number in range(5):
        letters.record(Reason.UNDELIVERED, str(number), receiver="box")
    box = box_of()
    with pytest.raises(LetterNotHeld):
        letters.requeue(3, box)
    letters.requeue(5, box)
    letters.requeue(4, box)
    assert box.drain() == ["4", "3"]


async def test_a_stream_that_holds_nothing_requeues_nothing() -> None:
    letters = DeadLetters(held=0)
    letters.record(Reason.UNDELIVERED, "a", receiver="box")
    with pytest.raises(LetterNotHeld, match="holds no message"):
        letters.requeue(1, box_of())


def test_a_negative_number_of_held_messages_is_refused() -> None:
    with pytest.raises(ValueError, match="held"):
        DeadLetters(held=-1)


async def test_a_number_that_never_was_is_refused() -> None:
    with pytest.raises(LetterNotHeld, match="7 of 0"):
        DeadLetters().requeue(7, box_of())


async def test_a_reply_that_came_too_late_is_not_held() -> None:
    box, request, answer = box_of(), Ask(), Answer("asker")
    answer.attach(request)
    box.send_nowait(request)
    with trio.move_on_after(0):
        await answer.wait()
    request.reply(1)
    assert box.dead_letters.statistics().held == 0
    with pytest.raises(LetterNotHeld):
        box.dead_letters.requeue(1, box)


async def test_a_requeued_request_has_no_asker_any_more() -> None:
    box, request, answer = box_of(), Ask(), Answer("asker")
    answer.attach(request)
    box.send_nowait(request)
    assert box.bury() == 1
    assert box.dead_letters.newest()[0].sender == "asker"
    other = box_of()
    box.dead_letters.requeue(1, other)
    assert await other.receive() is request
    request.reply(1)
    assert other.dead_letters.counts() == {Reason.UNASKED_REPLY: 1}


async def test_a_request_that_was_only_sent_can_be_requeued() -> None:
    box = box_of()
    box.send_nowait(Ask())
    await fail(box)
    assert box.dead_letters.newest()[0].sender is None
    box.dead_letters.requeue(1, box)
    assert box.statistics().queued == 1


async def test_a_request_that_was_refused_again_keeps_its_answer() -> None:
    box, request, answer = box_of(), Ask(), Answer("asker")
    answer.attach(request)
    box.send_nowait(request)
    box.bury()
    with pytest.raises(MailboxClosed):
        box.dead_letters.requeue(1, box)
    with pytest.raises(AlreadyAsked):
        Answer("other").attach(request)


async def test_a_request_whose_asker_waits_elsewhere_is_not_requeued() -> None:
    first, second, request, answer = box_of(), box_of(), Ask(), Answer("asker")
    answer.attach(request)
    first.send_nowait(request)
    await first.receive()
    second.send_nowait(request)
    first.reject(Reason.HANDLER_FAILED)
    with pytest.raises(AlreadyAsked):
        first.dead_letters.requeue(1, first)
    await second.receive()
    request.reply(1)
    assert answer.value == 1


async def test_a_requeue_that_makes_another_letter_is_counted_once() -> None:
    letters = DeadLetters(held=1)
    box: Mailbox[str | Ask] = open_mailbox(
        "box", capacity=1, on_full="drop_old", dead_letters=letters
    )
    box.send_nowait("a")
    box.send_nowait("b")  # "a" is dropped
    letters.requeue(1, box)  # and now "b" is
    assert letters.statistics().requeued == 1
    assert letters.total == 2
    with pytest.raises(LetterNotHeld):
        letters.requeue(1, box)
    assert box.drain() == ["a"]


async def test_a_letter_of_a_class_instance_without_repr_still_holds_it() -> None:
    class Rude:
        def __repr__(self) -> str:
            raise RuntimeError

    letters, message = DeadLetters(), Rude()
    letters.record(Reason.UNDELIVERED, message, receiver="box")
    box: Mailbox[Rude] = open_mailbox("box", capacity=1)
    letters.requeue(1, box)
    assert box.drain() == [message]
