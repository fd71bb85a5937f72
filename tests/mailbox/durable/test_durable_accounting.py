"""Whatever is done to a mailbox, each accepted letter is in one state."""

import random
from pathlib import Path

import pytest
from trio.testing import MockClock, wait_all_tasks_blocked

from crew_mailbox import (
    DurableMailbox,
    DurableMailboxFull,
    Letter,
    LetterSettled,
    open_durable_mailbox,
    read_letters,
    validate_mailbox,
)
from crew_mailbox.durable import standing

DELIVERIES = 3


def _adds_up(box: DurableMailbox) -> None:
    now = box.statistics()
    open_ones = now.queued + now.in_hand + now.awaiting
    settled = now.acknowledged + now.replied + now.expired + now.dead
    assert now.accepted == open_ones + settled + now.lost
    assert open_ones <= now.capacity


async def _one_step(box: DurableMailbox, chance: random.Random) -> None:
    """Send a letter, or take one and do something with it."""
    if chance.random() < 0.5:
        wait = chance.choice((None, 5.0, 50.0))
        kind = chance.choice(("message", "steer", "group_join"))
        letter = Letter(
            id=str(chance.randint(0, 400)),
            to="ann",
            sender="bob",
            kind=kind,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  one of them
            reply_by=wait,
        )
        stored = await box.find(letter.id)
        try:
            await box.send(letter if stored is None else stored.letter)
        except DurableMailboxFull:
            assert box.statistics().refused > 0
        return
    if not box.statistics().queued:
        return
    to = "bob" if _waits_for(box, "bob") else "ann"
    with box.receive(to) as deliveries:
        if not _waits_for(box, to):
            return
        delivery = await anext(deliveries)
        way = chance.random()
        if way < 0.4 or not delivery.letter.sender:
            await delivery.acknowledge()
        elif way < 0.7:
            try:
                await delivery.reply(b"yes")
            except (LetterSettled, DurableMailboxFull):
                await delivery.acknowledge()


def _waits_for(box: DurableMailbox, to: str) -> bool:
    """Tell whether a letter for *to* can still be delivered."""
    writer = box._writer
    assert writer is not None
    return any(
        held.letter.to == to and held.state == "queued" and held.attempts < DELIVERIES
        for held in writer.ledger
    )


@pytest.mark.parametrize("seed", range(4))
async def test_each_letter_is_in_one_state_at_every_moment(
    path: Path, mock_clock: MockClock, seed: int
) -> None:
    chance = random.Random(seed)
    for _ in range(6):
        async with open_durable_mailbox(
            path, capacity=20, archive_at=8000, max_deliveries=DELIVERIES
        ) as box:
            _adds_up(box)
            for _ in range(50):
                await _one_step(box, chance)
                _adds_up(box)
                if chance.random() < 0.1:
                    mock_clock.jump(chance.random() * 10)
                    await wait_all_tasks_blocked()
                    _adds_up(box)
            last = box.statistics()
        stored = read_letters(path, limit=5000)
        states = [standing(each).state for each in stored]
        assert [each.seq for each in stored] == list(range(1, len(stored) + 1))
        assert states.count("replied") == last.replied
        assert states.count("expired") >= last.expired
        assert states.count("dead") == last.dead
        assert validate_mailbox(path) == ()
