"""Stops: what is queued, the grace, and who stops whom."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from crew_actors.actors import (
    Inbox,
    MailboxClosed,
    Ref,
    open_actors,
)
from crew_mailbox import MailboxStatistics, Reason
from crew_supervisors import (
    KILL,
    CancelCode,
    CancelReason,
    Grace,
    NoSuchChild,
)


async def reader(inbox: Inbox[int]) -> None:
    async for _ in inbox:
        pass


def conserves(figures: MailboxStatistics) -> bool:
    parts = figures.handled + figures.dead + figures.returned + figures.queued
    return figures.accepted == parts


async def test_a_stop_lets_the_actor_handle_what_is_queued() -> None:
    handled = list[int]()

    async def body(inbox: Inbox[int]) -> None:
        async for number in inbox:
            await trio.lowlevel.checkpoint()
            handled.append(number)

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        for number in range(5):
            ref.tell_nowait(number)
        reason = CancelReason(CancelCode.REQUESTED, "enough")
        report = await actors.stop(ref, reason)
        assert handled == [0, 1, 2, 3, 4]
        assert (report.end, report.graceful) == ("returned", True)
        assert report.reason == reason
        assert actors.dead_letters.total == 0


async def test_a_stop_closes_the_mailbox_at_once(autojump_clock: MockClock) -> None:
    async def body(inbox: Inbox[int]) -> None:
        async for _ in inbox:
            await trio.sleep(1)

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        await ref.tell(1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ref.stop)
            await wait_all_tasks_blocked()
            assert not ref.is_alive
            with pytest.raises(MailboxClosed):
                ref.tell_nowait(2)
        assert trio.current_time() == 1


async def test_an_actor_that_outlives_its_grace_is_cancelled(
    autojump_clock: MockClock,
) -> None:
    async def body(inbox: Inbox[int]) -> None:
        async for _ in inbox:
            await trio.sleep(100)

    async with open_actors() as actors:
        ref = await actors.spawn(body, stop=Grace(3))
        ref.tell_nowait(1)
        ref.tell_nowait(2)
        await wait_all_tasks_blocked()
        report = await ref.stop()
        assert trio.current_time() == 3
        assert (report.end, report.graceful) == ("cancelled", False)
        reasons = [letter.reason for letter in actors.dead_letters.newest()]
        assert reasons == [Reason.HANDLER_CANCELLED, Reason.UNDELIVERED]
        assert conserves(ref.statistics())


async def test_a_cancellation_inside_of_a_nursery_is_no_failure(
    autojump_clock: MockClock,
) -> None:
    async def body(inbox: Inbox[int]) -> None:
        async for _ in inbox:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)
                nursery.start_soon(trio.sleep_forever)

    async with open_actors() as actors:
        ref = await actors.spawn(body, stop=KILL)
        await ref.tell(1)
        await wait_all_tasks_blocked()
        await ref.stop()
        assert actors.dead_letters.counts() == {Reason.HANDLER_CANCELLED: 1}


async def test_kill_cancels_at_once(autojump_clock: MockClock) -> None:
    async def body(inbox: Inbox[int]) -> None:
        async for _ in inbox:
            await trio.sleep(100)

    async with open_actors() as actors:
        ref = await actors.spawn(body, stop=KILL)
        await ref.tell(1)
        await wait_all_tasks_blocked()
        await ref.stop()
        assert trio.current_time() == 0


async def test_leaving_the_block_stops_the_newest_first() -> None:
    stopped = list[str]()

    async def body(inbox: Inbox[int]) -> None:
        async for _ in inbox:
            pass
        stopped.append(inbox.name)

    async with open_actors() as actors:
        for name in ("a", "b", "c"):
            await actors.spawn(body, name=name)
        await wait_all_tasks_blocked()
    assert stopped == ["c", "b", "a"]


async def test_an_actor_can_stop_itself() -> None:
    async def body(inbox: Inbox[int]) -> None:
        async for number in inbox:
            if number == 2:
                report = await inbox.ref.stop()
                assert report.end == "asked"

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        for number in range(4):
            ref.tell_nowait(number)
        await wait_all_tasks_blocked()
        assert not ref.is_alive
        assert ref.statistics().handled == 4


async def test_an_actor_of_another_block_cannot_be_stopped_here() -> None:
    async with open_actors() as here, open_actors(name="there") as there:
        ref = await there.spawn(reader)
        with pytest.raises(NoSuchChild):
            await here.stop(ref)
        assert ref.is_alive


async def test_a_cancelled_block_cancels_its_actors(autojump_clock: MockClock) -> None:
    refs = list[Ref[int]]()
    with trio.move_on_after(2) as scope:
        async with open_actors() as actors:
            refs.append(await actors.spawn(reader))
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert not refs[0].is_alive
    assert trio.current_time() == 2
