"""Deadlines of asks: each is kept, and none leaves anything behind."""

import gc
import weakref
from random import Random

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from crew_actors.actors import (
    ActorStopped,
    AskTimeout,
    Inbox,
    Ref,
    Request,
    open_actors,
)
from crew_actors.actors._clock import LINGER, Clock
from crew_mailbox import Answer
from crew_supervisors import KILL


@attrs.frozen
class Double(Request[int]):
    """Answered with twice the number, after a while."""

    number: int
    after: float = 0.0


async def worker(inbox: Inbox[Double]) -> None:
    async for message in inbox:
        await trio.sleep(message.after)
        message.reply(2 * message.number)


async def idle(inbox: Inbox[Double]) -> None:
    await trio.sleep_forever()


async def test_deadlines_fire_in_their_own_order(autojump_clock: MockClock) -> None:
    ended = list[tuple[float, float]]()

    async def ask(ref: Ref[Double], limit: float) -> None:
        with pytest.raises(AskTimeout):
            await ref.ask(Double(1, after=100), timeout=limit)
        ended.append((limit, trio.current_time()))

    async with open_actors() as actors:
        ref = await actors.spawn(worker)
        async with trio.open_nursery() as nursery:
            for limit in (5, 3, 9, 1, 7):
                nursery.start_soon(ask, ref, limit)
    assert ended == [(1, 1), (3, 3), (5, 5), (7, 7), (9, 9)]


@pytest.mark.parametrize("second", [1, 9])
async def test_an_ask_that_comes_later_moves_no_other_deadline(
    autojump_clock: MockClock, second: float
) -> None:
    ended = dict[float, float]()

    async def ask(ref: Ref[Double], limit: float) -> None:
        with pytest.raises(AskTimeout):
            await ref.ask(Double(1, after=100), timeout=limit)
        ended[limit] = trio.current_time()

    async with open_actors() as actors:
        ref = await actors.spawn(worker)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, ref, 3)
            await wait_all_tasks_blocked()
            nursery.start_soon(ask, ref, second)
    assert ended == {3: 3, second: second}


@pytest.mark.parametrize("seed", range(3))
async def test_each_deadline_is_kept_however_many_asks_are_over(
    autojump_clock: MockClock, seed: int
) -> None:
    random = Random(seed)
    clock = Clock()
    limits = random.sample(range(1, 301), 300)
    answers = {limit: Answer("asker") for limit in limits}
    numbers = {limit: clock.add(limit, answers[limit]) for limit in limits}
    stays = set(random.sample(limits, 30))
    ended = dict[float, float]()

    async def wait(limit: int) -> None:
        await answers[limit].wait()
        ended[limit] = trio.current_time()
        clock.remove(numbers[limit])

    async with trio.open_nursery() as nursery:
        for limit in stays:
            nursery.start_soon(wait, limit)
        for limit in limits:
            if limit not in stays:
                clock.remove(numbers[limit])
    assert ended == {limit: limit for limit in stays}
    await clock.close()


async def test_the_heap_of_deadlines_stays_small() -> None:
    async with open_actors() as actors, trio.open_nursery() as nursery:
        ref = await actors.spawn(worker)
        waiting = await actors.spawn(idle, stop=KILL)
        nursery.start_soon(expect_stopped, waiting)
        await wait_all_tasks_blocked()
        for _ in range(500):
            await ref.ask(Double(1), timeout=60)
        assert 1 < len(actors.clock._heap) <= 65
        await waiting.stop()


async def expect_stopped(ref: Ref[Double]) -> None:
    with pytest.raises(ActorStopped):
        await ref.ask(Double(1), timeout=50)


class Big:
    """A large answer."""


class Fetch(Request[Big]):
    """Answered with something large."""


async def test_an_answer_is_not_kept_until_the_deadline_of_its_ask() -> None:
    made = list[weakref.ref[Big]]()

    async def generous(inbox: Inbox[Fetch]) -> None:
        async for message in inbox:
            big = Big()
            made.append(weakref.ref(big))
            message.reply(big)
            del big

    async with open_actors() as actors, trio.open_nursery() as nursery:
        waiting = await actors.spawn(idle, stop=KILL)
        nursery.start_soon(expect_stopped, waiting)  # an ask is always in flight
        ref = await actors.spawn(generous)
        for _ in range(3):
            await ref.ask(Fetch(), timeout=3600)
        gc.collect()
        assert [each() for each in made[:-1]] == [None, None]  # the last is in hand
        await waiting.stop()


async def test_without_an_ask_in_flight_no_deadline_and_no_task_is_left(
    autojump_clock: MockClock,
) -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(worker)
        for _ in range(2):
            await ref.ask(Double(1), timeout=3600)
            assert actors.clock._heap == []
            await trio.sleep(2 * LINGER)
            assert actors.clock._task is None
        with pytest.raises(AskTimeout):  # the clock is still right after that
            await ref.ask(Double(1, after=10), timeout=3)
        assert trio.current_time() == 4 * LINGER + 3


async def test_a_row_of_asks_shares_one_task(autojump_clock: MockClock) -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(worker)
        await ref.ask(Double(1), timeout=60)
        task = actors.clock._task
        assert task is not None
        for _ in range(10):
            await ref.ask(Double(1), timeout=60)
            await trio.lowlevel.checkpoint()
            assert actors.clock._task is task


async def test_an_ask_while_the_clock_lingers_ends_at_its_own_deadline(
    autojump_clock: MockClock,
) -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(worker)
        await ref.ask(Double(1), timeout=60)
        await trio.sleep(LINGER / 2)
        with pytest.raises(AskTimeout):
            await ref.ask(Double(1, after=10), timeout=3)
        assert trio.current_time() == LINGER / 2 + 3


async def test_the_clock_of_asks_leaves_with_its_block(
    autojump_clock: MockClock,
) -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(worker)
        await ref.ask(Double(1), timeout=5)
        await trio.sleep(6)
        assert actors.clock._task is None  # nothing waits: no task
        await ref.ask(Double(1), timeout=5)
    assert actors.clock._task is None
