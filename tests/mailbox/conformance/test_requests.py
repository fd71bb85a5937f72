"""Requests: one answer, given once, to somebody who waits."""

import copy
import pickle

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from crew_mailbox import (
    AlreadyAsked,
    AlreadyReplied,
    Answer,
    AnswerState,
    Mailbox,
    NotAsked,
    Reason,
    Request,
    clear_answer,
    open_mailbox,
)


@attrs.frozen
class Get(Request[int]):
    key: str = ""


class Plain(Request[str]):
    """A request without attrs."""


Box = Mailbox[Get | Plain | int]


def box_of(capacity: int = 8) -> Box:
    return open_mailbox("box", capacity=capacity)


def ask(box: Box, request: Get | Plain) -> Answer:
    answer = Answer("asker")
    answer.attach(request)
    box.send_nowait(request)
    return answer


def state_of(answer: Answer) -> AnswerState:
    """Return the state; a type checker cannot know that it changes meanwhile."""
    return answer.state


async def test_a_reply_reaches_the_answer() -> None:
    box = box_of()
    answer = ask(box, Get())
    message = await box.receive()
    assert isinstance(message, Get)
    message.reply(3)
    assert (answer.state, answer.value) == (AnswerState.REPLIED, 3)
    await answer.wait()


async def test_a_failure_reaches_the_answer() -> None:
    box, error = box_of(), ValueError("no")
    answer = ask(box, Plain())
    message = await box.receive()
    assert isinstance(message, Plain)
    message.fail(error)
    assert (answer.state, answer.error) == (AnswerState.FAILED, error)


async def test_waiting_ends_with_the_reply() -> None:
    box, request = box_of(), Get()
    answer = ask(box, request)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer.wait)
        await wait_all_tasks_blocked()
        request.reply(1)
    assert answer.value == 1


async def test_a_second_answer_is_an_error_and_the_first_one_stands() -> None:
    box, request = box_of(), Get("k")
    answer = ask(box, request)
    request.reply(1)
    with pytest.raises(AlreadyReplied, match="Get"):
        request.reply(2)
    with pytest.raises(AlreadyReplied):
        request.fail(ValueError())
    assert answer.value == 1


async def test_a_reply_for_which_nobody_waits_any_more_is_a_dead_letter() -> None:
    box, request = box_of(), Get()
    answer = ask(box, request)
    with trio.move_on_after(0):
        await answer.wait()
    assert state_of(answer) is AnswerState.ABANDONED
    request.reply(9)
    (letter,) = box.dead_letters.newest()
    assert (letter.reason, letter.summary) == (Reason.LATE_REPLY, "9")
    assert letter.receiver == "asker"
    with pytest.raises(AlreadyReplied):
        request.reply(10)


async def test_a_reply_to_a_request_that_was_only_sent_is_a_dead_letter() -> None:
    box, request = box_of(), Get()
    box.send_nowait(request)
    request.fail(ValueError("x"))
    (letter,) = box.dead_letters.newest()
    assert letter.reason is Reason.UNASKED_REPLY
    assert letter.summary == "ValueError('x')"


async def test_a_request_that_was_never_sent_cannot_be_answered() -> None:
    with pytest.raises(NotAsked):
        Get().reply(1)
    with pytest.raises(NotAsked):
        Get().defer()


async def test_a_request_object_is_asked_once() -> None:
    box, request = box_of(), Get()
    ask(box, request)
    with pytest.raises(AlreadyAsked):
        Answer("other").attach(request)


async def test_a_request_that_was_not_sent_after_all_may_be_asked_again() -> None:
    request = Get()
    Answer("asker").attach(request)
    clear_answer(request)
    answer = ask(box_of(), request)
    request.reply(1)
    assert answer.value == 1


async def test_an_answer_is_no_part_of_the_value_of_a_request() -> None:
    request = Get("k")
    ask(box_of(), request)
    assert request == Get("k")
    assert pickle.loads(pickle.dumps(request)) == request
    with pytest.raises(NotAsked):
        copy.copy(request).reply(1)


async def test_a_request_without_a_reply_ends_with_the_next_message() -> None:
    box = box_of()
    answer = ask(box, Get())
    box.send_nowait(1)
    await box.receive()
    assert state_of(answer) is AnswerState.WAITING
    await box.receive()
    assert state_of(answer) is AnswerState.UNANSWERED


async def test_a_request_without_a_reply_ends_with_its_acknowledgement() -> None:
    box = box_of()
    answer = ask(box, Get())
    await box.receive()
    box.ack()
    assert state_of(answer) is AnswerState.UNANSWERED


async def test_a_deferred_request_may_be_answered_later() -> None:
    box, request = box_of(), Get()
    answer = ask(box, request)
    box.send_nowait(1)
    await box.receive()
    request.defer()
    request.defer()
    await box.receive()
    assert state_of(answer) is AnswerState.WAITING
    request.reply(4)
    assert answer.value == 4
    box.fail_asks(ValueError, queued=True)
    assert state_of(answer) is AnswerState.REPLIED


async def test_a_request_that_is_sent_on_takes_its_asker_along() -> None:
    first, second, request = box_of(), box_of(), Get()
    answer = ask(first, request)
    await first.receive()
    second.send_nowait(request)
    first.ack()
    first.fail_asks(ValueError, queued=True)
    assert state_of(answer) is AnswerState.WAITING
    message = await second.receive()
    assert message is request
    second.ack()
    assert state_of(answer) is AnswerState.UNANSWERED


async def test_a_deferred_request_that_is_sent_on_leaves_the_first_reader() -> None:
    first, second, request = box_of(), box_of(), Get()
    answer = ask(first, request)
    await first.receive()
    request.defer()
    second.send_nowait(request)
    first.fail_asks(ValueError, queued=True)
    assert state_of(answer) is AnswerState.WAITING
    await second.receive()
    second.fail_asks(ValueError, queued=False)
    assert state_of(answer) is AnswerState.FAILED


async def test_a_request_that_the_reader_sends_to_itself_waits_for_its_next_turn() -> (
    None
):
    box, request = box_of(), Get()
    answer = ask(box, request)
    await box.receive()
    box.send_nowait(request)
    assert await box.receive() is request
    assert state_of(answer) is AnswerState.WAITING
    box.ack()
    assert state_of(answer) is AnswerState.UNANSWERED


async def test_a_deferred_request_that_is_sent_on_must_be_deferred_again() -> None:
    first, second, request = box_of(), box_of(), Get()
    answer = ask(first, request)
    await first.receive()
    request.defer()
    second.send_nowait(request)
    await second.receive()
    second.ack()
    assert state_of(answer) is AnswerState.UNANSWERED


async def test_the_asks_that_a_reader_owes_can_be_failed() -> None:
    box = box_of()
    deferred, in_hand, queued = Get("a"), Get("b"), Get("c")
    answers = [ask(box, request) for request in (deferred, in_hand, queued)]
    await box.receive()
    deferred.defer()
    await box.receive()
    box.fail_asks(lambda: OSError("down"), queued=False)
    states = [answer.state for answer in answers]
    assert states == [AnswerState.FAILED, AnswerState.FAILED, AnswerState.WAITING]
    assert answers[0].error is not answers[1].error
    box.fail_asks(lambda: OSError("down"), queued=True)
    assert state_of(answers[2]) is AnswerState.FAILED


@pytest.mark.parametrize("on_full", ["drop_new", "drop_old"])
async def test_a_request_that_a_policy_drops_ends_its_ask(on_full: str) -> None:
    box: Mailbox[Get] = open_mailbox(
        "box",
        capacity=1,
        on_full="drop_new" if on_full == "drop_new" else "drop_old",
    )
    answers = [Answer("asker"), Answer("asker")]
    for answer in answers:
        request = Get()
        answer.attach(request)
        box.send_nowait(request)
    dropped = answers[1 if on_full == "drop_new" else 0]
    assert dropped.state is AnswerState.DROPPED
    box.close()


async def test_a_request_in_the_system_lane_is_answered_like_any_other() -> None:
    box, request = box_of(), Get()
    answer = Answer("asker")
    answer.attach(request)
    box.send_system(request)
    box.fail_asks(ValueError, queued=True)
    assert state_of(answer) is AnswerState.FAILED


async def test_a_request_that_is_buried_ends_its_ask() -> None:
    box = box_of()
    answer = ask(box, Get())
    box.bury()
    assert state_of(answer) is AnswerState.DROPPED
