"""The test kit: probes see what was told, and time passes when it is told to."""

import pickle

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from crew_actors.actors import Inbox, Ref, Request, Terminated, open_actors
from crew_actors.testing import (
    Probe,
    ProbeTimeout,
    Unexpected,
    advance,
    open_probe,
    open_test_actors,
    run_virtual,
    settle,
)
from crew_supervisors import Backoff, ChildRestarting


@attrs.frozen
class Add:
    number: int


@attrs.frozen
class Get(Request[int]):
    """Answered with a number."""


async def doubler(inbox: Inbox[Add], target: Ref[Add]) -> None:
    async for message in inbox:
        await trio.sleep(1)
        await target.tell(Add(2 * message.number))


async def test_a_probe_expects_messages_in_their_order(
    autojump_clock: MockClock,
) -> None:
    async with open_actors() as actors:
        probe: Probe[Add] = await open_probe(actors)
        ref = await actors.spawn(doubler, probe.ref)
        await ref.tell(Add(1))
        await ref.tell(Add(2))
        assert await probe.expect(Add(2)) == Add(2)
        assert (await probe.expect_type(Add)).number == 4
        await ref.tell(Add(3))
        assert await probe.receive() == Add(6)
        assert probe.messages == (Add(2), Add(4), Add(6))
        assert trio.current_time() == 3


async def test_a_probe_shows_what_came_instead(autojump_clock: MockClock) -> None:
    async with open_actors() as actors:
        probe: Probe[Add] = await open_probe(actors, "p")
        assert probe.ref.name == "p"
        await probe.ref.tell(Add(1))
        with pytest.raises(Unexpected, match=r"Add\(number=2\), got Add\(number=1\)"):
            await probe.expect(Add(2))
        await probe.ref.tell(Add(1))
        with pytest.raises(Unexpected, match="Get"):
            await probe.expect_type(Get)
        with pytest.raises(ProbeTimeout, match="Add"):
            await probe.expect(Add(2), within=7)
        assert trio.current_time() == 7


async def test_a_probe_expects_nothing(autojump_clock: MockClock) -> None:
    async with open_actors() as actors:
        probe: Probe[Add] = await open_probe(actors)
        ref = await actors.spawn(doubler, probe.ref)
        await probe.expect_none()
        await probe.expect_none(within=5)
        await ref.tell(Add(1))
        await probe.expect_none()
        with pytest.raises(Unexpected, match="no message"):
            await probe.expect_none(within=2)
        await ref.tell(Add(1))
        await trio.sleep(2)
        with pytest.raises(Unexpected):
            await probe.expect_none()
        await probe.expect_none()


async def test_a_probe_expects_the_end_of_an_actor(autojump_clock: MockClock) -> None:
    async with open_actors() as actors:
        probe: Probe[Add] = await open_probe(actors)
        ref = await actors.spawn(doubler, probe.ref)
        with pytest.raises(ProbeTimeout, match="doubler-1"):
            await probe.expect_terminated(ref, within=2)
        await ref.stop()
        assert await probe.expect_terminated(ref) == Terminated(ref, "stopped")


async def test_the_test_answers_what_a_probe_is_asked() -> None:
    answers = list[int]()

    async def ask(ref: Ref[Get]) -> None:
        answers.append(await ref.ask(Get(), timeout=1))

    async with open_actors() as actors, trio.open_nursery() as nursery:
        probe: Probe[Get] = await open_probe(actors)
        nursery.start_soon(ask, probe.ref)
        nursery.start_soon(ask, probe.ref)
        first = await probe.expect_type(Get)
        second = await probe.expect_type(Get)
        second.reply(2)
        await settle()
        first.reply(1)
        await settle()
        assert answers == [2, 1]


async def test_a_cancelled_expectation_uses_up_no_message(
    autojump_clock: MockClock,
) -> None:
    async with open_actors() as actors:
        probe: Probe[Add] = await open_probe(actors)
        with trio.move_on_after(1):
            await probe.receive(within=9)
        await probe.ref.tell(Add(1))
        await probe.expect(Add(1))


async def ticker(inbox: Inbox[str], target: Ref[float]) -> None:
    inbox.every(10, "tick")
    inbox.once(25, "once")
    async for _ in inbox:
        await target.tell(trio.current_time())


async def test_time_passes_when_the_test_says_so(mock_clock: MockClock) -> None:
    async with open_actors() as actors:
        probe: Probe[float] = await open_probe(actors)
        await actors.spawn(ticker, probe.ref)
        await advance(9)
        await probe.expect_none()
        await advance(20)
        assert list(probe.messages) == [10, 20, 25]
        assert trio.current_time() == 29
        await advance(0)
        assert trio.current_time() == 29


async def test_time_can_be_advanced_on_an_autojump_clock_too(
    autojump_clock: MockClock,
) -> None:
    async with open_actors() as actors:
        probe: Probe[float] = await open_probe(actors)
        await actors.spawn(ticker, probe.ref)
        await advance(21)
        assert list(probe.messages) == [10, 20]
        assert trio.current_time() == 21


async def test_a_real_clock_is_not_advanced() -> None:
    with pytest.raises(TypeError, match="MockClock"):
        await advance(1)


async def crashing(inbox: Inbox[str]) -> None:
    async for _ in inbox:
        raise ValueError


async def delays(seed: int) -> list[float]:
    async with open_test_actors(seed=seed, max_restarts=9) as (actors, events):
        ref = await actors.spawn(crashing, backoff=Backoff(jitter=0.5))
        for _ in range(3):
            await ref.tell("crash")
            await events.wait_for(ChildRestarting)
        return [event.delay for event in events.of(ChildRestarting)]


def test_a_seed_gives_the_same_backoffs_again() -> None:
    assert run_virtual(delays, 1) == run_virtual(delays, 1)
    assert run_virtual(delays, 1) != run_virtual(delays, 2)


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_tasks_changes_nothing_that_is_promised(seed: int) -> None:
    async def main() -> tuple[float, ...]:
        async with open_test_actors(seed=seed) as (actors, _):
            probe: Probe[float] = await open_probe(actors)
            await actors.spawn(ticker, probe.ref)
            await trio.sleep(26)
            return probe.messages

    assert run_virtual(main, seed=seed) == (10, 20, 25)


def test_an_unexpected_message_survives_pickle() -> None:
    error = Unexpected("Add(1)", "Add(2)")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), vars(copy)) == (str(error), vars(error))


async def test_a_probe_is_settled_with_its_block() -> None:
    async with open_actors() as actors:
        probe: Probe[Add] = await open_probe(actors)
        await probe.ref.tell(Add(1))
        await wait_all_tasks_blocked()
    assert probe.ref.statistics().handled == 1
