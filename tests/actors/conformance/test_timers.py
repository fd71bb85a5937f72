"""Timers: bound to their incarnation; the cases of Pekko's `TimerSpec`."""

import math

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from crew_actors.actors import Inbox, Request, open_actors

BOOM = ValueError("boom")


class Log:
    """What an actor has read, and when."""

    def __init__(self) -> None:
        self.seen = list[tuple[float, str]]()

    async def read(self, inbox: Inbox[str]) -> None:
        async for message in inbox:
            self.seen.append((trio.current_time(), message))


async def test_a_message_comes_once_after_its_time(autojump_clock: MockClock) -> None:
    log = Log()

    async def body(inbox: Inbox[str]) -> None:
        inbox.once(3, "late")
        inbox.once(0, "now")
        assert inbox.has_timer("late")
        await log.read(inbox)

    async with open_actors() as actors:
        await actors.spawn(body)
        await trio.sleep(10)
        assert log.seen == [(0, "now"), (3, "late")]


async def test_a_message_comes_every_so_many_seconds(autojump_clock: MockClock) -> None:
    log = Log()

    async def body(inbox: Inbox[str]) -> None:
        inbox.every(2, "tick")
        await log.read(inbox)

    async with open_actors() as actors:
        await actors.spawn(body)
        await trio.sleep(7)
        assert log.seen == [(2, "tick"), (4, "tick"), (6, "tick")]


async def test_a_slow_reader_misses_ticks_and_gets_no_pile(
    autojump_clock: MockClock,
) -> None:
    seen = list[float]()

    async def body(inbox: Inbox[str]) -> None:
        inbox.every(1, "tick")
        async for _ in inbox:
            seen.append(trio.current_time())
            if len(seen) == 1:
                await trio.sleep(3.5)

    async with open_actors() as actors:
        await actors.spawn(body)
        await trio.sleep(6.5)
        assert seen == [1, 4.5, 5, 6]


async def test_of_an_incarnation_that_ended_no_timer_goes_on(
    autojump_clock: MockClock,
) -> None:
    async def body(inbox: Inbox[str]) -> None:
        inbox.every(1, "tick")
        inbox.once(50, "tock")
        async for _ in inbox:
            pass

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        await trio.sleep(2.5)
        await ref.stop()
        await trio.sleep(5)
        await wait_all_tasks_blocked()
        left = trio.lowlevel.current_statistics().seconds_to_next_deadline
        assert left == math.inf


async def test_a_loop_that_stood_still_makes_up_for_no_ticks(
    mock_clock: MockClock,
) -> None:
    log = Log()

    async def body(inbox: Inbox[str]) -> None:
        inbox.every(1, "tick")
        await log.read(inbox)

    async with open_actors() as actors:
        await actors.spawn(body)
        await wait_all_tasks_blocked()
        mock_clock.jump(10.5)
        await wait_all_tasks_blocked()
        mock_clock.jump(0.6)
        await wait_all_tasks_blocked()
        assert log.seen == [(10.5, "tick")]
        mock_clock.jump(0.4)
        await wait_all_tasks_blocked()
        assert log.seen == [(10.5, "tick"), (11.5, "tick")]


async def test_setting_a_key_again_replaces_the_timer(
    autojump_clock: MockClock,
) -> None:
    log = Log()

    async def body(inbox: Inbox[str]) -> None:
        inbox.every(1, "old", key="k")
        inbox.once(2, "new", key="k")
        await log.read(inbox)

    async with open_actors() as actors:
        await actors.spawn(body)
        await trio.sleep(5)
        assert log.seen == [(2, "new")]


async def test_setting_a_key_again_takes_back_a_tick_that_is_queued(
    autojump_clock: MockClock,
) -> None:
    seen = list[str]()

    async def body(inbox: Inbox[str]) -> None:
        inbox.once(1, "old", key="k")
        async for message in inbox:
            seen.append(message)
            if message == "work":
                await trio.sleep(2)
                inbox.once(1, "new", key="k")

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        await ref.tell("work")
        await trio.sleep(5)
        assert seen == ["work", "new"]


async def test_a_cancelled_timer_sends_nothing_even_if_its_tick_is_queued(
    autojump_clock: MockClock,
) -> None:
    seen = list[str]()

    async def body(inbox: Inbox[str]) -> None:
        inbox.every(1, "tick", key="k")
        async for message in inbox:
            seen.append(message)
            await trio.sleep(2)
            assert inbox.cancel_timer("k")
            assert not inbox.cancel_timer("k")
            assert not inbox.has_timer("k")

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        await ref.tell("work")
        await trio.sleep(9)
        assert seen == ["work"]


async def test_a_timer_can_be_set_again_by_its_own_tick(
    autojump_clock: MockClock,
) -> None:
    seen = list[float]()

    async def body(inbox: Inbox[str]) -> None:
        inbox.once(1, "tick")
        async for _ in inbox:
            assert not inbox.has_timer("tick")
            seen.append(trio.current_time())
            inbox.once(1, "tick")

    async with open_actors() as actors:
        await actors.spawn(body)
        await trio.sleep(3.5)
        assert seen == [1, 2, 3]


async def test_timers_end_with_their_incarnation(autojump_clock: MockClock) -> None:
    seen = list[tuple[int, str]]()

    async def body(inbox: Inbox[str]) -> None:
        if inbox.incarnation == 1:
            inbox.every(1, "tick")
            inbox.once(5, "once")
        async for message in inbox:
            seen.append((inbox.incarnation, message))
            if message == "tick":
                raise BOOM

    async with open_actors() as actors:
        await actors.spawn(body)
        await trio.sleep(20)
        assert seen == [(1, "tick")]


async def test_a_queued_tick_of_an_old_incarnation_is_never_delivered(
    autojump_clock: MockClock,
) -> None:
    seen = list[tuple[int, str]]()

    async def body(inbox: Inbox[str]) -> None:
        if inbox.incarnation == 1:
            inbox.once(1, "tick")
        async for message in inbox:
            seen.append((inbox.incarnation, message))
            if message == "crash":
                await trio.sleep(3)
                raise BOOM

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        await ref.tell("crash")
        await ref.tell("after")
        await trio.sleep(9)
        assert seen == [(1, "crash"), (2, "after")]
        figures = ref.statistics()
        assert (figures.accepted, figures.handled, figures.dead) == (2, 1, 1)


async def test_a_stashed_tick_of_an_old_incarnation_is_never_delivered(
    autojump_clock: MockClock,
) -> None:
    seen = list[tuple[int, str]]()

    async def body(inbox: Inbox[str]) -> None:
        if inbox.incarnation == 1:
            inbox.once(1, "tick")
        async for message in inbox:
            seen.append((inbox.incarnation, message))
            if message == "tick":
                inbox.stash()
            if message == "crash":
                raise BOOM

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        await trio.sleep(2)
        await ref.tell("crash")
        await ref.tell("after")
        await trio.sleep(2)
        assert seen == [(1, "tick"), (1, "crash"), (2, "after")]


async def test_a_stashed_tick_comes_back_to_its_own_incarnation(
    autojump_clock: MockClock,
) -> None:
    log = Log()

    async def body(inbox: Inbox[str]) -> None:
        inbox.once(1, "tick")
        assert await inbox.receive() == "tick"
        inbox.stash()
        await trio.sleep(1)
        assert inbox.unstash() == 1
        await log.read(inbox)

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        await trio.sleep(5)
        assert log.seen == [(2, "tick")]
        assert ref.statistics().accepted == 1


async def test_a_tick_needs_no_room(autojump_clock: MockClock) -> None:
    seen = list[str]()

    async def body(inbox: Inbox[str]) -> None:
        inbox.once(1, "tick")
        async for message in inbox:
            seen.append(message)
            await trio.sleep(2)

    async with open_actors() as actors:
        ref = await actors.spawn(body, capacity=1)
        for text in ("a", "b", "c"):
            await ref.tell(text)
        await trio.sleep(9)
        assert seen == ["a", "tick", "b", "c"]


async def test_no_tick_comes_after_a_stop(autojump_clock: MockClock) -> None:
    seen = list[str]()

    async def body(inbox: Inbox[str]) -> None:
        inbox.every(1, "tick")
        async for message in inbox:
            seen.append(message)
            await trio.sleep(3.5)

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        await ref.tell("work")
        await trio.sleep(0.5)
        await ref.stop()
        assert seen == ["work"]
        assert trio.current_time() == 3.5


@pytest.mark.parametrize("seconds", [-1, math.inf, math.nan])
async def test_a_timer_needs_finite_seconds(seconds: float) -> None:
    refused = list[ValueError]()

    async def body(inbox: Inbox[str]) -> None:
        for start in (inbox.once, inbox.every):
            with pytest.raises(ValueError, match="timer") as error:
                start(seconds, "tick")
            refused.append(error.value)

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        await ref.wait()
        assert len(refused) == 2


async def test_a_period_of_nothing_is_refused() -> None:
    async def body(inbox: Inbox[str]) -> None:
        inbox.once(0, "fine")
        inbox.every(0, "flood")

    async with open_actors() as actors:
        ref = await actors.spawn(body, restart="temporary")
        assert isinstance((await ref.wait()).failure, ValueError)


class Question(Request[int]):
    """Answered by nobody."""


async def test_a_request_is_no_message_for_a_timer() -> None:
    async def body(inbox: Inbox[Question]) -> None:
        inbox.once(1, Question())

    async with open_actors() as actors:
        ref = await actors.spawn(body, restart="temporary")
        assert isinstance((await ref.wait()).failure, TypeError)


async def test_thousands_of_timers_share_one_task(autojump_clock: MockClock) -> None:
    async def body(inbox: Inbox[int], seen: list[int]) -> None:
        for number in range(100):
            inbox.once(100 - number, number)
        async for message in inbox:
            seen.append(message)  # noqa: PERF401  seen by others while it goes on

    async with open_actors() as actors:
        logs = [list[int]() for _ in range(30)]
        tasks_before = trio.lowlevel.current_statistics().tasks_living
        for log in logs:
            await actors.spawn(body, log)
        await wait_all_tasks_blocked()
        tasks = trio.lowlevel.current_statistics().tasks_living
        assert tasks - tasks_before == 31  # the actors, and one clock
        await trio.sleep(101)
        assert all(log == list(range(99, -1, -1)) for log in logs)
        await wait_all_tasks_blocked()
        assert actors.clock._task is None
