"""Asks: one answer or one error, in time, whatever happens to the actor."""

import math
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from crew_actors.actors import (
    ActorRestarted,
    ActorStopped,
    AlreadyAsked,
    AlreadyReplied,
    AskTimeout,
    Inbox,
    MailboxFull,
    NeverReplied,
    Ref,
    Request,
    open_actors,
)
from crew_mailbox import Reason


@attrs.frozen
class Double(Request[int]):
    """Answered with twice the number, after a while."""

    number: int
    after: float = 0.0


@attrs.frozen
class Crash(Request[None]):
    """Never answered: the actor raises."""


@attrs.frozen
class Ignore(Request[None]):
    """Never answered: the actor forgets it."""


@attrs.frozen
class Refuse(Request[None]):
    """Answered with an error."""


@attrs.frozen
class Twice(Request[int]):
    """Answered twice, which is a bug of the actor."""


BOOM = ValueError("boom")
Message = Double | Crash | Ignore | Refuse | Twice


async def worker(inbox: Inbox[Message]) -> None:
    async for message in inbox:
        match message:
            case Double():
                await trio.sleep(message.after)
                message.reply(2 * message.number)
            case Crash():
                raise BOOM
            case Ignore():
                pass
            case Refuse():
                message.fail(LookupError("not here"))
            case Twice():
                message.reply(1)
                with pytest.raises(AlreadyReplied):
                    message.reply(2)


async def test_an_ask_returns_the_reply() -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(worker)
        assert await ref.ask(Double(4), timeout=1) == 8


async def test_an_ask_raises_what_the_actor_answers_with() -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(worker)
        with pytest.raises(LookupError, match="not here"):
            await ref.ask(Refuse(), timeout=1)


async def test_an_ask_ends_exactly_at_its_deadline(autojump_clock: MockClock) -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(worker)
        with pytest.raises(AskTimeout) as late:
            await ref.ask(Double(1, after=10), timeout=3)
        assert trio.current_time() == 3
        assert (late.value.actor, late.value.timeout) == (ref.name, 3)
        assert "Double" in late.value.request


async def test_a_late_reply_is_a_dead_letter(autojump_clock: MockClock) -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(worker)
        with pytest.raises(AskTimeout):
            await ref.ask(Double(1, after=2), timeout=1)
        await trio.sleep(2)
        (letter,) = actors.dead_letters.newest()
        assert (letter.reason, letter.summary) == (Reason.LATE_REPLY, "2")


async def test_the_reply_to_a_cancelled_ask_is_a_dead_letter(
    autojump_clock: MockClock,
) -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(worker)
        with trio.move_on_after(1):
            await ref.ask(Double(1, after=2), timeout=5)
        await trio.sleep(2)
        assert actors.dead_letters.counts() == {Reason.LATE_REPLY: 1}


async def test_an_ask_in_a_cancelled_scope_sends_nothing() -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(worker)
        with trio.CancelScope() as scope:
            scope.cancel()
            await ref.ask(Double(1), timeout=1)
        assert scope.cancelled_caught
        assert ref.statistics().accepted == 0


async def test_an_ask_that_never_gets_a_reply_fails_with_the_next_message(
    autojump_clock: MockClock,
) -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(worker)
        with pytest.raises(NeverReplied, match="Ignore"):
            await ref.ask(Ignore(), timeout=5)
        assert trio.current_time() == 0


async def test_a_second_reply_is_an_error_for_the_actor() -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(worker)
        assert await ref.ask(Twice(), timeout=1) == 1


async def test_a_request_object_is_asked_once() -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(worker)
        request = Double(1)
        await ref.ask(request, timeout=1)
        with pytest.raises(AlreadyAsked):
            await ref.ask(request, timeout=1)


async def test_an_ask_in_flight_fails_at_once_when_the_actor_crashes(
    autojump_clock: MockClock,
) -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(worker)
        with pytest.raises(ActorRestarted) as restarted:
            await ref.ask(Crash(), timeout=5)
        assert restarted.value.incarnation == 1
        assert restarted.value.__cause__ is BOOM
        assert await ref.ask(Double(1), timeout=1) == 2
        assert trio.current_time() == 0


async def test_an_ask_to_a_temporary_actor_that_crashes_says_that_it_is_gone() -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(worker, restart="temporary")
        with pytest.raises(ActorStopped) as stopped:
            await ref.ask(Crash(), timeout=5)
        assert stopped.value.__cause__ is BOOM


async def test_an_ask_that_is_queued_survives_a_restart() -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(worker)

        async def crash() -> None:
            with pytest.raises(ActorRestarted):
                await ref.ask(Crash(), timeout=1)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(crash)
            await wait_all_tasks_blocked(0)
            assert await ref.ask(Double(2), timeout=1) == 4


async def test_asks_that_are_queued_at_a_stop_fail_at_once(
    autojump_clock: MockClock,
) -> None:
    failed = list[float]()

    async def ask(ref: Ref[Message], after: float) -> None:
        with pytest.raises(ActorStopped):
            await ref.ask(Double(1, after=after), timeout=100)
        failed.append(trio.current_time())

    async with open_actors() as actors:
        ref = await actors.spawn(worker)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, ref, 50)
            await wait_all_tasks_blocked()
            nursery.start_soon(ask, ref, 50)
            await wait_all_tasks_blocked()
            await actors.stop(ref)
    assert failed == [5, 5]  # after the grace


async def test_an_ask_to_a_stopped_actor_fails_at_once() -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(worker)
        await ref.stop()
        with pytest.raises(ActorStopped, match=ref.name):
            await ref.ask(Double(1), timeout=1)


async def idle(inbox: Inbox[Message]) -> None:
    await trio.sleep_forever()


async def test_waiting_for_room_counts_as_part_of_the_ask(
    autojump_clock: MockClock,
) -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(idle, capacity=1)
        await ref.tell(Ignore())
        request = Double(1)
        with pytest.raises(AskTimeout):
            await ref.ask(request, timeout=2)
        assert trio.current_time() == 2
        assert ref.statistics().accepted == 1
        await ref.stop()


async def slow(inbox: Inbox[Message]) -> None:
    async for message in inbox:
        await trio.sleep(1)
        if isinstance(message, Double):
            message.reply(message.number)


async def test_an_ask_waits_for_room(autojump_clock: MockClock) -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(slow, capacity=1)
        for _ in range(2):
            await ref.tell(Ignore())
        assert await ref.ask(Double(5), timeout=10) == 5
        assert trio.current_time() == 3


async def test_an_ask_that_waits_for_room_fails_when_the_actor_stops(
    autojump_clock: MockClock,
) -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(idle, capacity=1)
        await ref.tell(Ignore())

        async def ask() -> None:
            with pytest.raises(ActorStopped):
                await ref.ask(Double(1), timeout=100)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await wait_all_tasks_blocked()
            await ref.stop()


async def test_an_ask_to_a_full_mailbox_fails_if_the_policy_says_so(
    autojump_clock: MockClock,
) -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(idle, capacity=1, on_full="fail")
        await ref.tell(Ignore())
        request = Double(1)
        with pytest.raises(MailboxFull):
            await ref.ask(request, timeout=1)
        dropping = await actors.spawn(idle, capacity=1, on_full="drop_new")
        await dropping.tell(Ignore())
        with pytest.raises(MailboxFull):
            await dropping.ask(request, timeout=1)  # it was never sent: ask it again
        for each in (ref, dropping):
            with trio.move_on_after(0):
                await each.stop()


@pytest.mark.parametrize("limit", [0, -1, math.nan])
async def test_an_ask_needs_a_time_above_zero(limit: float) -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(worker)
        with pytest.raises(ValueError, match="timeout"):
            await ref.ask(Double(1), timeout=limit)


async def test_an_ask_may_wait_without_a_limit(autojump_clock: MockClock) -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(worker)
        assert await ref.ask(Double(1, after=1e6), timeout=math.inf) == 2
        assert trio.current_time() == 1e6


async def deferring(inbox: Inbox[Double | Ignore | Crash]) -> None:
    kept = list[Double]()
    async for message in inbox:
        match message:
            case Double():
                message.defer()
                kept.append(message)
            case Ignore():
                for each in kept:
                    each.reply(each.number)
                message.reply(None)
            case Crash():
                raise BOOM


async def test_a_deferred_request_is_answered_later() -> None:
    got = list[int]()

    async def ask(ref: Ref[Double | Ignore | Crash], number: int) -> None:
        got.append(await ref.ask(Double(number), timeout=5))

    async with open_actors() as actors:
        ref = await actors.spawn(deferring)
        async with trio.open_nursery() as nursery:
            for number in range(3):
                nursery.start_soon(ask, ref, number)
            await wait_all_tasks_blocked()
            assert got == []
            await ref.ask(Ignore(), timeout=1)
    assert sorted(got) == [0, 1, 2]


async def test_a_deferred_request_fails_with_the_incarnation_that_owes_it() -> None:
    failures = list[ActorRestarted]()

    async def ask(ref: Ref[Double | Ignore | Crash]) -> None:
        with pytest.raises(ActorRestarted) as restarted:
            await ref.ask(Double(1), timeout=5)
        failures.append(restarted.value)

    async with open_actors() as actors:
        ref = await actors.spawn(deferring)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, ref)
            nursery.start_soon(ask, ref)
            await wait_all_tasks_blocked()
            await ref.tell(Crash())
    assert [failure.__cause__ for failure in failures] == [BOOM, BOOM]


async def front(inbox: Inbox[Double], back: Ref[Message]) -> None:
    async for message in inbox:
        await back.tell(message)


async def test_a_request_that_is_told_on_is_answered_by_the_other_actor() -> None:
    async with open_actors() as actors:
        back = await actors.spawn(worker)
        ref = await actors.spawn(front, back)
        assert await ref.ask(Double(21), timeout=1) == 42
        assert await ref.ask(Double(4), timeout=1) == 8


async def test_only_a_request_can_be_asked() -> None:
    async with open_actors() as actors:
        ref: Ref[Any] = await actors.spawn(worker)
        not_a_request: Any = "total?"
        with pytest.raises(TypeError, match="derive it from Request"):
            await ref.ask(not_a_request, timeout=1)
