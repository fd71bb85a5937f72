"""A letter with a deadline gets one answer: a reply, or the word that none comes."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from crew_mailbox import (
    BadLetter,
    DurableEvent,
    DurableMailbox,
    DurableMailboxFull,
    Letter,
    LetterExpired,
    LetterSettled,
    open_durable_mailbox,
    read_letters,
)

Letters = Callable[..., Letter]


class Wall(Protocol):
    now: float

    def __call__(self) -> float: ...


@pytest.fixture
def question(letter: Letters) -> Letter:
    """Bob asks Ann, who has 30 seconds."""
    return letter(1, sender="bob", reply_by=30.0)


async def answer_for(box: DurableMailbox, to: str = "bob") -> Letter:
    with box.receive(to) as deliveries:
        delivery = await anext(deliveries)
        await delivery.acknowledge()
        return delivery.letter


async def test_a_reply_settles_the_letter_and_reaches_its_sender(
    path: Path, question: Letter
) -> None:
    async with open_durable_mailbox(path, capacity=10) as box:
        await box.send(question)
        with box.receive("ann") as deliveries:
            receipt = await (await anext(deliveries)).reply(b"yes")
        assert receipt.seq == 2
        answer = await answer_for(box)
        assert (answer.body, answer.sender, answer.kind) == (b"yes", "ann", "response")
        assert (answer.answers, answer.outcome) == ("id-1", "replied")
        assert box.statistics().replied == 1
        asked, stored = read_letters(path)
        assert [(r.kind, r.answer) for r in asked.records] == [
            ("delivered", None),
            ("replied", 2),
        ]
        assert stored.letter == answer


async def test_a_letter_is_replied_to_once(path: Path, question: Letter) -> None:
    async with open_durable_mailbox(path, capacity=10) as box:
        await box.send(question)
        with box.receive("ann") as deliveries:
            delivery = await anext(deliveries)
            await delivery.reply(b"yes")
            with pytest.raises(LetterSettled, match="replied already"):
                await delivery.reply(b"no")
        assert box.statistics().accepted == 2


async def test_a_letter_without_a_deadline_may_be_replied_to_instead_of_acknowledged(
    path: Path, letter: Letters
) -> None:
    async with open_durable_mailbox(path, capacity=10) as box:
        await box.send(letter(1, sender="bob"))
        await box.reply("id-1", b"hello")
        assert (await answer_for(box)).body == b"hello"
        await box.send(letter(2, sender="bob"))
        with box.receive("ann") as deliveries:
            delivery = await anext(deliveries)
            await delivery.acknowledge()
            with pytest.raises(LetterSettled, match="acknowledged"):
                await delivery.reply(b"too late")


async def test_an_acknowledged_question_waits_for_its_reply_across_a_restart(
    path: Path, question: Letter
) -> None:
    async with open_durable_mailbox(path, capacity=10) as box:
        await box.send(question)
        with box.receive("ann") as deliveries:
            await (await anext(deliveries)).acknowledge()
        await box.acknowledge("id-1")
        assert box.statistics().awaiting == 1
    async with open_durable_mailbox(path, capacity=10) as box:
        now = box.statistics()
        assert (now.awaiting, now.queued) == (1, 0)
        await box.reply("id-1", b"at last")
        assert (await answer_for(box)).body == b"at last"
        assert box.statistics().awaiting == 0


async def test_nobody_can_be_replied_to_who_is_not_named(
    path: Path, letter: Letters
) -> None:
    async with open_durable_mailbox(path, capacity=10) as box:
        await box.send(letter(1))
        with pytest.raises(BadLetter, match="sender"):
            await box.reply("id-1", b"hello")
        assert box.statistics().queued == 1


async def test_a_full_mailbox_still_takes_replies_that_fit_in_bytes(
    path: Path, question: Letter
) -> None:
    async with open_durable_mailbox(path, capacity=1, capacity_bytes=10) as box:
        await box.send(question)
        with pytest.raises(DurableMailboxFull, match="bytes"):
            await box.reply("id-1", bytes(11))
        with pytest.raises(BadLetter, match="body"):
            await box.reply("id-1", bytes(2 << 20))
        await box.reply("id-1", bytes(10))
        assert box.statistics().open_bytes == 10


async def test_a_deadline_fires_at_its_moment(
    path: Path, question: Letter, mock_clock: MockClock
) -> None:
    events: list[DurableEvent] = []
    async with open_durable_mailbox(path, capacity=1, on_event=events.append) as box:
        await box.send(question)
        mock_clock.jump(29.999)
        await wait_all_tasks_blocked()
        assert not events
        mock_clock.jump(0.001)
        answer = await answer_for(box)
        assert (answer.answers, answer.outcome) == ("id-1", "expired")
        assert (answer.body, answer.sender) == (b"", "ann")
        assert events == [LetterExpired(path, 1, question)]
        now = box.statistics()
        assert (now.expired, now.queued, now.accepted) == (1, 0, 2)


async def test_an_expired_letter_is_not_delivered_any_more_and_not_replied_to(
    path: Path, question: Letter, letter: Letters, mock_clock: MockClock
) -> None:
    async with open_durable_mailbox(path, capacity=10) as box:
        await box.send(question)
        with box.receive("ann") as deliveries:
            early = await anext(deliveries)
            mock_clock.jump(30)
            assert (await answer_for(box)).outcome == "expired"
            with pytest.raises(LetterSettled, match="expired already"):
                await early.reply(b"sorry")
            await early.acknowledge()
        await box.send(letter(2))
        with box.receive("ann") as deliveries:
            assert (await anext(deliveries)).letter.id == "id-2"
        assert box.statistics().acknowledged == 1


async def test_a_reply_in_time_stops_the_deadline(
    path: Path, question: Letter, mock_clock: MockClock
) -> None:
    events: list[DurableEvent] = []
    async with open_durable_mailbox(path, capacity=9, on_event=events.append) as box:
        await box.send(question)
        await box.reply("id-1", b"yes")
        mock_clock.jump(100)
        await wait_all_tasks_blocked()
        assert not events


async def test_an_acknowledgement_does_not_stop_the_deadline_of_a_reply(
    path: Path, question: Letter, mock_clock: MockClock
) -> None:
    async with open_durable_mailbox(path, capacity=9) as box:
        await box.send(question)
        await box.acknowledge("id-1")
        mock_clock.jump(30)
        assert (await answer_for(box)).outcome == "expired"


async def test_a_group_join_needs_an_acknowledgement_only(
    path: Path, letter: Letters, mock_clock: MockClock
) -> None:
    events: list[DurableEvent] = []
    join = letter(1, kind="group_join", sender="group", reply_by=300.0)
    async with open_durable_mailbox(path, capacity=9, on_event=events.append) as box:
        await box.send(join)
        await box.acknowledge("id-1")
        await box.send(letter(2, kind="group_join", sender="group", reply_by=300.0))
        mock_clock.jump(300)
        answer = await answer_for(box, "group")
        assert (answer.answers, answer.outcome) == ("id-2", "expired")
        assert len(events) == 1


async def test_many_deadlines_fire_in_their_order(
    path: Path, letter: Letters, mock_clock: MockClock
) -> None:
    events: list[DurableEvent] = []
    async with open_durable_mailbox(path, capacity=999, on_event=events.append) as box:
        async with trio.open_nursery() as nursery:
            for number in range(600):
                wait = 600.0 - number
                one = letter(number, sender="bob", reply_by=wait)
                nursery.start_soon(box.send, one)
        mock_clock.jump(1000)
        while len(events) < 600:
            await trio.testing.wait_all_tasks_blocked(0.001)
        expired = [e.letter.id for e in events if isinstance(e, LetterExpired)]
        assert expired == [f"id-{number}" for number in reversed(range(600))]


async def test_a_deadline_goes_on_while_nobody_runs_the_mailbox(
    path: Path, question: Letter, mock_clock: MockClock, wall: Wall
) -> None:
    async with open_durable_mailbox(path, capacity=9, clock=wall) as box:
        await box.send(question)
    wall.now += 20
    events: list[DurableEvent] = []
    async with open_durable_mailbox(
        path, capacity=9, clock=wall, on_event=events.append
    ) as box:
        mock_clock.jump(9.999)
        await wait_all_tasks_blocked()
        assert not any(isinstance(event, LetterExpired) for event in events)
        mock_clock.jump(0.001)
        assert (await answer_for(box)).outcome == "expired"


async def test_a_deadline_that_passed_while_nobody_ran_the_mailbox_fires_at_once(
    path: Path, question: Letter, mock_clock: MockClock, wall: Wall
) -> None:
    async with open_durable_mailbox(path, capacity=9, clock=wall) as box:
        await box.send(question)
    wall.now += 31
    async with open_durable_mailbox(path, capacity=9, clock=wall) as box:
        assert (await answer_for(box)).outcome == "expired"


async def test_the_wall_clock_does_not_matter_while_the_mailbox_runs(
    path: Path, question: Letter, mock_clock: MockClock, wall: Wall
) -> None:
    events: list[DurableEvent] = []
    async with open_durable_mailbox(
        path, capacity=9, clock=wall, on_event=events.append
    ) as box:
        await box.send(question)
        wall.now += 10_000
        mock_clock.jump(29)
        await wait_all_tasks_blocked()
        assert not events
