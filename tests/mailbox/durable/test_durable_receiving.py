"""A letter is with one reader, in its order, until it is acknowledged."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from crew_mailbox import (
    Deliveries,
    Delivery,
    DurableEvent,
    DurableMailbox,
    Letter,
    LetterDead,
    LettersReplayed,
    MailboxDown,
    UnknownLetter,
    open_durable_mailbox,
    read_letters,
)
from crew_mailbox.durable import _database

Letters = Callable[..., Letter]


async def take(deliveries: Deliveries, count: int) -> list[Delivery]:
    """Take *count* letters without acknowledging them."""
    return [await anext(deliveries) for _ in range(count)]


def ids(deliveries: list[Delivery]) -> list[str]:
    return [delivery.letter.id for delivery in deliveries]


async def test_letters_come_in_the_order_in_which_they_were_sent(
    path: Path, letter: Letters
) -> None:
    async with open_durable_mailbox(path, capacity=10) as box:
        for number in range(1, 4):
            await box.send(letter(number))
        with box.receive("ann") as deliveries:
            taken = await take(deliveries, 3)
            assert ids(taken) == ["id-1", "id-2", "id-3"]
            assert [delivery.seq for delivery in taken] == [1, 2, 3]


async def test_interrupts_and_urgent_letters_overtake(
    path: Path, letter: Letters
) -> None:
    async with open_durable_mailbox(path, capacity=10) as box:
        await box.send(letter(1, priority="low"))
        await box.send(letter(2))
        await box.send(letter(3, priority="urgent"))
        await box.send(letter(4, delivery="interrupt", priority="low"))
        await box.send(Letter(id="id-5", to="ann", kind="steer"))
        with box.receive("ann") as deliveries:
            taken = await take(deliveries, 5)
        assert ids(taken) == ["id-5", "id-4", "id-3", "id-2", "id-1"]


async def test_a_reader_may_take_one_delivery_mode_only(
    path: Path, letter: Letters
) -> None:
    async with open_durable_mailbox(path, capacity=10) as box:
        await box.send(letter(1))
        await box.send(letter(2, kind="steer", delivery="interrupt"))
        with (
            box.receive("ann", delivery="next_turn") as turns,
            box.receive("ann", delivery="interrupt") as interrupts,
        ):
            assert ids(await take(turns, 1)) == ["id-1"]
            assert ids(await take(interrupts, 1)) == ["id-2"]
            with trio.move_on_after(0.01) as scope:
                await anext(interrupts)
            assert scope.cancelled_caught


async def test_a_reader_gets_its_own_letters_only(path: Path, letter: Letters) -> None:
    async with open_durable_mailbox(path, capacity=10) as box:
        await box.send(letter(1, to="bob"))
        await box.send(letter(2))
        with box.receive("ann") as deliveries:
            assert ids(await take(deliveries, 1)) == ["id-2"]


async def test_a_waiting_reader_is_woken_by_its_letter(
    path: Path, letter: Letters
) -> None:
    got: list[str] = []

    async def read(box: DurableMailbox) -> None:
        with box.receive("ann") as deliveries:
            async for delivery in deliveries:
                await delivery.acknowledge()
                got.append(delivery.letter.id)

    async with open_durable_mailbox(path, capacity=10) as box:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read, box)
            await trio.testing.wait_all_tasks_blocked()
            await box.send(letter(1, to="bob"))
            await box.send(letter(2))
            while not got:
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        assert got == ["id-2"]
        assert box._writer is not None
        assert not box._writer._readers


async def test_two_readers_share_the_letters(path: Path, letter: Letters) -> None:
    async with open_durable_mailbox(path, capacity=10) as box:
        for number in (1, 2):
            await box.send(letter(number))
        with box.receive("ann") as one, box.receive("ann") as two:
            assert ids(await take(one, 1)) == ["id-1"]
            assert ids(await take(two, 1)) == ["id-2"]


async def test_the_delivery_is_on_disk_before_the_reader_has_the_letter(
    path: Path, letter: Letters
) -> None:
    async with open_durable_mailbox(path, capacity=10) as box:
        await box.send(letter(1))
        with box.receive("ann") as deliveries:
            await anext(deliveries)
            (stored,) = read_letters(path)
            assert [record.kind for record in stored.records] == ["delivered"]


async def test_an_acknowledged_letter_is_on_disk_as_such_and_never_comes_again(
    path: Path, letter: Letters
) -> None:
    async with open_durable_mailbox(path, capacity=10) as box:
        await box.send(letter(1))
        with box.receive("ann") as deliveries:
            delivery = await anext(deliveries)
            await delivery.acknowledge()
            (stored,) = read_letters(path)
            assert [r.kind for r in stored.records] == ["delivered", "acknowledged"]
            await delivery.acknowledge()
        assert box.statistics().acknowledged == 1
    async with open_durable_mailbox(path, capacity=10) as box:
        await box.send(letter(2))
        with box.receive("ann") as deliveries:
            assert ids(await take(deliveries, 1)) == ["id-2"]


async def test_leaving_the_block_queues_again_what_was_not_acknowledged(
    path: Path, letter: Letters
) -> None:
    async with open_durable_mailbox(path, capacity=10) as box:
        for number in (1, 2, 3, 4):
            await box.send(letter(number))
        with box.receive("ann", batch=3) as deliveries:
            first, second = await take(deliveries, 2)
            await second.acknowledge()
            assert box.statistics().in_hand == 2
        assert box.statistics().queued == 3
        with box.receive("ann") as deliveries:
            taken = await take(deliveries, 3)
        assert ids(taken) == ["id-1", "id-3", "id-4"]
        assert [delivery.attempt for delivery in taken] == [2, 2, 1]
        assert first.letter.id == "id-1"


async def test_a_letter_that_is_given_back_keeps_its_place(
    path: Path, letter: Letters
) -> None:
    async with open_durable_mailbox(path, capacity=10) as box:
        for number in (1, 2):
            await box.send(letter(number))
        with box.receive("ann") as deliveries:
            one = await anext(deliveries)
            one.give_back()
            one.give_back()
            taken = await take(deliveries, 2)
            assert ids(taken) == ["id-1", "id-2"]
            assert taken[0].attempt == 2


async def test_a_letter_in_another_readers_hand_cannot_be_given_back(
    path: Path, letter: Letters
) -> None:
    async with open_durable_mailbox(path, capacity=10) as box:
        await box.send(letter(1))
        with box.receive("ann") as one:
            early = await anext(one)
        with box.receive("ann") as two:
            await anext(two)
            early.give_back()
            assert box.statistics().in_hand == 1


async def test_a_late_acknowledgement_counts_although_the_letter_was_given_back(
    path: Path, letter: Letters
) -> None:
    async with open_durable_mailbox(path, capacity=10) as box:
        await box.send(letter(1))
        with box.receive("ann") as deliveries:
            late = await anext(deliveries)
        await late.acknowledge()
        assert box.statistics().queued == 0


async def test_a_cancelled_wait_takes_nothing(path: Path, letter: Letters) -> None:
    async with open_durable_mailbox(path, capacity=10) as box:
        await box.send(letter(1))
        with box.receive("ann") as deliveries:
            with trio.CancelScope() as scope:
                scope.cancel()
                await anext(deliveries)
            assert scope.cancelled_caught
            assert box.statistics().queued == 1
            assert ids(await take(deliveries, 1)) == ["id-1"]


async def test_what_was_fetched_and_settled_meanwhile_is_not_handed_out(
    path: Path, letter: Letters
) -> None:
    async with open_durable_mailbox(path, capacity=10) as box:
        for number in (1, 2, 3):
            await box.send(letter(number))
        with box.receive("ann", batch=3) as deliveries:
            await anext(deliveries)
            await box.acknowledge("id-2")
            assert ids(await take(deliveries, 1)) == ["id-3"]


async def test_letters_are_read_inside_of_the_block_only(
    path: Path, letter: Letters
) -> None:
    async with open_durable_mailbox(path, capacity=10) as box:
        deliveries = box.receive("ann")
        with pytest.raises(RuntimeError, match="enter it first"):
            await anext(deliveries)
        with pytest.raises(ValueError, match="limit"):
            box.receive("ann", batch=0)


async def test_reading_ends_when_the_mailbox_is_closed(
    path: Path, letter: Letters
) -> None:
    ended: list[bool] = []

    async def read(box: DurableMailbox) -> None:
        with box.receive("ann") as deliveries:
            async for _ in deliveries:
                pass
        ended.append(True)

    async with trio.open_nursery() as nursery:
        async with open_durable_mailbox(path, capacity=10) as box:
            nursery.start_soon(read, box)
            await trio.testing.wait_all_tasks_blocked()
        await trio.testing.wait_all_tasks_blocked()
        assert ended == [True]


async def test_after_a_restart_what_was_not_acknowledged_is_delivered_again(
    path: Path, letter: Letters
) -> None:
    events: list[DurableEvent] = []
    async with open_durable_mailbox(path, capacity=10) as box:
        for number in (1, 2, 3):
            await box.send(letter(number))
        with box.receive("ann") as deliveries:
            one, two = await take(deliveries, 2)
            await one.acknowledge()
            assert two.attempt == 1
    with pytest.raises(MailboxDown):
        await two.acknowledge()
    async with open_durable_mailbox(path, capacity=9, on_event=events.append) as box:
        assert events == [LettersReplayed(path, letters=2, delivered_before=1)]
        with box.receive("ann") as deliveries:
            taken = await take(deliveries, 2)
            assert ids(taken) == ["id-2", "id-3"]
            assert [delivery.attempt for delivery in taken] == [2, 1]


async def test_a_letter_that_is_never_acknowledged_dies_and_its_sender_is_told(
    path: Path, letter: Letters
) -> None:
    events: list[DurableEvent] = []
    async with open_durable_mailbox(
        path, capacity=10, max_deliveries=2, on_event=events.append
    ) as box:
        await box.send(letter(1, sender="bob", reply_by=60.0))
        await box.send(letter(2))
        for _ in range(2):
            with box.receive("ann") as deliveries:
                assert ids(await take(deliveries, 1)) == ["id-1"]
        with box.receive("ann") as deliveries:
            assert ids(await take(deliveries, 1)) == ["id-2"]
        with box.receive("bob") as deliveries:
            told = (await anext(deliveries)).letter
        assert (told.kind, told.answers, told.outcome) == ("response", "id-1", "dead")
        assert events == [
            LetterDead(path, 1, letter(1, sender="bob", reply_by=60.0), attempts=2)
        ]
        assert box.statistics().dead == 1


async def test_an_unknown_letter_cannot_be_acknowledged(
    path: Path, letter: Letters
) -> None:
    async with open_durable_mailbox(path, capacity=10) as box:
        with pytest.raises(UnknownLetter, match="id-1"):
            await box.acknowledge("id-1")
        with pytest.raises(UnknownLetter):
            await box.reply("id-1", b"")


async def test_a_reader_that_looks_without_waiting_uses_up_no_delivery(
    path: Path, letter: Letters
) -> None:
    async with open_durable_mailbox(path, capacity=10, max_deliveries=2) as box:
        await box.send(letter(1))
        with box.receive("ann") as deliveries:
            for _ in range(10):
                with trio.move_on_after(0):
                    await anext(deliveries)
            assert (await anext(deliveries)).attempt == 1


async def test_a_delivery_that_was_cancelled_before_the_disk_had_it_is_none(
    path: Path, letter: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = _database.Database.write
    free = threading.Event()

    def slow(self: _database.Database, *what: Any) -> None:
        assert free.wait(20)
        write(self, *what)

    async with open_durable_mailbox(path, capacity=20, max_deliveries=2) as box:
        await box.send(letter(1))
        monkeypatch.setattr(_database.Database, "write", slow)
        with box.receive("ann") as deliveries:
            for number in range(10):
                free.clear()
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(box.send, letter(10 + number))
                    await trio.testing.wait_all_tasks_blocked()
                    with trio.CancelScope() as scope:
                        nursery.start_soon(_cancel, scope)
                        await anext(deliveries)
                    free.set()
            assert (await anext(deliveries)).attempt == 1


async def _cancel(scope: trio.CancelScope) -> None:
    await trio.testing.wait_all_tasks_blocked()
    scope.cancel()
