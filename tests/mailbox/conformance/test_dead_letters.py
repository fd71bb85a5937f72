"""Dead letters: bounded, counted, followed without slowing anybody."""

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from crew_mailbox import DeadLetters, Reason, summary_of


@attrs.frozen
class Note:
    text: str


class Rude:
    def __repr__(self) -> str:
        raise RuntimeError


async def test_a_letter_describes_and_does_not_keep_its_message(
    autojump_clock: MockClock,
) -> None:
    letters = DeadLetters()
    await trio.sleep(4)
    letter = letters.record(
        Reason.UNDELIVERED, Note("hi"), receiver="box", sender="me", cause=OSError(1)
    )
    assert letter == letters.newest()[0]
    assert (letter.number, letter.at, letter.kind) == (1, 4.0, "Note")
    assert (letter.receiver, letter.sender) == ("box", "me")
    assert letter.summary == "Note(text='hi')"
    assert letter.cause == "OSError(1)"


@pytest.mark.parametrize(
    "message",
    ["x" * 10_000, Note("x" * 10_000), ["y" * 10_000] * 10, 10**5000],
    ids=["text", "attrs", "list", "int"],
)
def test_a_summary_is_bounded(message: object) -> None:
    assert len(summary_of(message)) <= 200


def test_a_message_that_cannot_be_described_is_described_by_its_class() -> None:
    assert "Rude" in summary_of(Rude())


async def test_only_the_newest_are_kept_but_all_are_counted() -> None:
    letters = DeadLetters(capacity=3)
    for number in range(10):
        letters.record(Reason.DROPPED_NEW, number, receiver="box")
    assert [letter.number for letter in letters.newest()] == [8, 9, 10]
    assert letters.total == 10
    assert letters.counts() == {Reason.DROPPED_NEW: 10}


async def test_a_subscriber_gets_each_later_letter_once() -> None:
    letters, got = DeadLetters(), list[int]()
    letters.record(Reason.DROPPED_NEW, 0, receiver="box")

    async def follow() -> None:
        async for letter in letters.subscribe():
            got.append(letter.number)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(follow)
        await wait_all_tasks_blocked()
        for number in range(3):
            letters.record(Reason.DROPPED_NEW, number, receiver="box")
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert got == [2, 3, 4]


async def test_a_slow_subscriber_is_told_how_many_it_missed() -> None:
    letters = DeadLetters(capacity=2)
    subscription = letters.subscribe()
    for number in range(5):
        letters.record(Reason.DROPPED_NEW, number, receiver="box")
    assert (await anext(subscription)).number == 4
    assert subscription.missed == 3
    assert (await anext(subscription)).number == 5
    assert subscription.missed == 3


async def test_a_cancelled_subscriber_loses_nothing() -> None:
    letters = DeadLetters()
    subscription = letters.subscribe()
    with trio.move_on_after(0):
        await anext(subscription)
    letters.record(Reason.DROPPED_NEW, 1, receiver="box")
    assert (await anext(subscription)).number == 1


def test_a_capacity_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="capacity"):
        DeadLetters(capacity=0)
