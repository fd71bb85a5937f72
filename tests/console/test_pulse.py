import gc

import attrs
import trio
from trio.testing import MockClock

from crew_actors.console._pulse import PING_EVERY, Pulse


@attrs.define(eq=False)
class Client:
    there_for: int = 1_000
    asked: list[float] = attrs.field(factory=list[float])
    slow: float = 0.0

    async def look(self) -> bool:
        self.asked.append(trio.current_time())
        await trio.sleep(self.slow)
        self.there_for -= 1
        return self.there_for > 0


async def test_each_is_asked_again_and_again(autojump_clock: MockClock) -> None:
    pulse, clients = Pulse(), [Client() for _ in range(3)]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pulse.run)
        for client in clients:
            await trio.sleep(0.2)
            pulse.add(client)
        await trio.sleep(PING_EVERY * 3)
        nursery.cancel_scope.cancel()

    for client in clients:
        assert client.asked == [21.0, 41.0], "all together"


async def test_who_has_ended_is_not_asked_any_more(autojump_clock: MockClock) -> None:
    pulse, client = Pulse(), Client(there_for=2)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pulse.run)
        pulse.add(client)
        await trio.sleep(PING_EVERY * 5)
        nursery.cancel_scope.cancel()

    assert client.asked == [PING_EVERY, PING_EVERY * 2]


async def test_who_has_gone_is_not_kept(autojump_clock: MockClock) -> None:
    pulse, client = Pulse(), Client()
    asked = client.asked
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pulse.run)
        pulse.add(client)
        del client
        gc.collect()
        await trio.sleep(PING_EVERY * 2)
        nursery.cancel_scope.cancel()

    assert asked == []


async def test_a_slow_one_holds_up_those_beside_it_only(
    autojump_clock: MockClock,
) -> None:
    pulse, slow, later = Pulse(), Client(slow=30), Client()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pulse.run)
        pulse.add(slow)
        await trio.sleep(2)
        pulse.add(later)
        await trio.sleep(PING_EVERY * 2 + 1)
        nursery.cancel_scope.cancel()

    assert later.asked == [22.0, 42.0]


async def test_it_goes_on_where_it_was_when_it_is_run_again(
    autojump_clock: MockClock,
) -> None:
    pulse, client = Pulse(), Client()
    pulse.add(client)
    for _ in range(2):
        with trio.move_on_after(PING_EVERY + 1):
            await pulse.run()

    assert client.asked == [PING_EVERY, PING_EVERY * 2]
