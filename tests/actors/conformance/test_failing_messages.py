"""What becomes of the message at which an actor fails, and of the actor's state."""

import logging
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from crew_actors.actors import (
    Actor,
    ActorRestarted,
    ActorStopped,
    Inbox,
    Redeliver,
    Request,
    RequestFailed,
    open_actors,
)
from crew_mailbox import MailboxStatistics, Reason
from crew_supervisors import KILL

BOOM = ValueError("boom")


def conserves(figures: MailboxStatistics) -> bool:
    parts = figures.handled + figures.dead + figures.returned + figures.queued
    return figures.accepted == parts


@attrs.frozen
class Get(Request[list[int]]):
    """Answered with what was added, after *crashes* failures."""

    crashes: int = 0


class Adder(Actor[int | Get]):
    """Fails at negative numbers, with its state kept or not."""

    def __init__(self, made: list["Adder"]) -> None:
        made.append(self)
        self.numbers = list[int]()

    async def handle(self, message: int | Get, inbox: Inbox[int | Get]) -> None:
        if isinstance(message, Get):
            if message.crashes:
                raise BOOM
            message.reply(self.numbers)
        elif message < 0:
            raise BOOM
        else:
            self.numbers.append(message)


async def test_by_default_the_message_is_a_dead_letter_and_the_state_is_fresh() -> None:
    made = list[Adder]()
    async with open_actors() as actors:
        ref = await actors.spawn(Adder, made)
        for number in (1, -1, 2):
            await ref.tell(number)
        assert await ref.ask(Get(), timeout=1) == [2]
        assert len(made) == 2
        (letter,) = actors.dead_letters.newest()
        assert (letter.reason, letter.deliveries) == (Reason.HANDLER_FAILED, 1)


async def test_resume_gives_up_the_message_and_keeps_the_state(
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = list[Adder]()
    async with open_actors(max_restarts=0) as actors:
        ref = await actors.spawn(Adder, made, on_crash="resume")
        for number in (1, -1, 2, -2, -3, 3):
            await ref.tell(number)
        assert await ref.ask(Get(), timeout=1) == [1, 2, 3]
        assert len(made) == 1
        assert ref.incarnation == 1
        summaries = [letter.summary for letter in actors.dead_letters.newest()]
        assert summaries == ["-1", "-2", "-3"]
        assert actors.dead_letters.counts() == {Reason.HANDLER_FAILED: 3}
        assert conserves(ref.statistics())
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 3


async def test_an_ask_at_which_an_actor_resumes_fails_with_the_cause() -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(Adder, list[Adder](), on_crash="resume")
        with pytest.raises(RequestFailed) as failed:
            await ref.ask(Get(crashes=1), timeout=1)
        assert failed.value.__cause__ is BOOM
        assert failed.value.actor == ref.name
        assert await ref.ask(Get(), timeout=1) == []


async def test_resume_answers_nothing_that_was_deferred_or_answered() -> None:
    class Deferring(Actor[Get]):
        def __init__(self) -> None:
            self.kept = list[Get]()

        async def handle(self, message: Get, inbox: Inbox[Get]) -> None:
            if message.crashes == 1:
                message.defer()
                self.kept.append(message)
                raise BOOM
            for each in (*self.kept, message):
                each.reply([each.crashes])
            if message.crashes == 2:
                raise BOOM

    answers = list[list[int]]()
    async with open_actors() as actors:
        ref = await actors.spawn(Deferring, on_crash="resume")

        async def ask(crashes: int) -> None:
            answers.append(await ref.ask(Get(crashes), timeout=1))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, 1)
            await wait_all_tasks_blocked()
            nursery.start_soon(ask, 2)
    assert sorted(answers) == [[1], [2]]


async def test_a_failure_outside_of_a_message_is_a_crash_in_spite_of_resume() -> None:
    class Unsteady(Actor[int]):
        async def started(self, inbox: Inbox[int]) -> None:
            def broken(_: object) -> int:
                raise BOOM

            if inbox.incarnation == 1:
                checkpoint = trio.lowlevel.checkpoint
                inbox.pipe_to_self(checkpoint, then=broken, error=broken)

    async with open_actors() as actors:
        ref = await actors.spawn(Unsteady, on_crash="resume")
        await wait_all_tasks_blocked(0.01)
        assert ref.incarnation == 2


async def test_a_cancelled_handler_is_not_resumed(autojump_clock: MockClock) -> None:
    class Sleeper(Actor[int]):
        async def handle(self, message: int, inbox: Inbox[int]) -> None:
            await trio.sleep(100)

    async with open_actors() as actors:
        ref = await actors.spawn(Sleeper, on_crash="resume", stop=KILL)
        await ref.tell(1)
        await wait_all_tasks_blocked()
        await ref.stop()
        assert trio.current_time() == 0
        assert actors.dead_letters.counts() == {Reason.HANDLER_CANCELLED: 1}


async def test_a_function_cannot_resume() -> None:
    async def body(inbox: Inbox[int]) -> None:
        raise NotImplementedError

    wrong: Any = "retry"
    async with open_actors() as actors:
        with pytest.raises(ValueError, match="class"):
            await actors.spawn(body, on_crash="resume")
        with pytest.raises(ValueError, match="Redeliver"):
            await actors.spawn(body, on_crash=wrong)
        assert actors.refs() == ()


def test_a_message_is_redelivered_at_least_once() -> None:
    with pytest.raises(ValueError, match="times"):
        Redeliver(0)


class Flaky:
    """Fails at `x` in the first incarnations."""

    def __init__(self, fails: int) -> None:
        self.fails = fails
        self.seen = list[tuple[int, str]]()

    async def __call__(self, inbox: Inbox[str]) -> None:
        async for message in inbox:
            self.seen.append((inbox.incarnation, message))
            if message == "x" and inbox.incarnation <= self.fails:
                raise BOOM


async def test_a_redelivered_message_is_read_first_by_the_next_incarnation() -> None:
    flaky = Flaky(2)
    async with open_actors(max_restarts=5) as actors:
        ref = await actors.spawn(flaky, name="f", on_crash=Redeliver(3))
        for text in ("a", "x", "b"):
            await ref.tell(text)
        await wait_all_tasks_blocked()
        assert flaky.seen == [(1, "a"), (1, "x"), (2, "x"), (3, "x"), (3, "b")]
        assert actors.dead_letters.total == 0
        assert conserves(ref.statistics())


async def test_a_message_that_fails_each_time_is_poison() -> None:
    flaky = Flaky(99)
    async with open_actors(max_restarts=9) as actors:
        ref = await actors.spawn(flaky, name="f", on_crash=Redeliver(2))
        for text in ("x", "b"):
            await ref.tell(text)
        await wait_all_tasks_blocked()
        assert flaky.seen == [(1, "x"), (2, "x"), (3, "x"), (4, "b")]
        (letter,) = actors.dead_letters.newest()
        assert (letter.reason, letter.deliveries) == (Reason.POISONED, 3)
        assert letter.cause == "ValueError('boom')"
        assert conserves(ref.statistics())


async def test_the_asker_of_a_redelivered_request_waits_on() -> None:
    async def body(inbox: Inbox[Get]) -> None:
        async for message in inbox:
            if inbox.incarnation <= message.crashes:
                raise BOOM
            message.reply([inbox.incarnation])

    async with open_actors() as actors:
        ref = await actors.spawn(body, on_crash=Redeliver(3))
        assert await ref.ask(Get(crashes=2), timeout=1) == [3]


async def test_the_asker_of_a_poisonous_request_is_told() -> None:
    async def body(inbox: Inbox[Get]) -> None:
        async for _ in inbox:
            raise BOOM

    async with open_actors() as actors:
        ref = await actors.spawn(body, on_crash=Redeliver(1))
        with pytest.raises(ActorRestarted) as restarted:
            await ref.ask(Get(), timeout=1)
        assert restarted.value.incarnation == 2
        assert restarted.value.__cause__ is BOOM


async def test_a_request_that_was_answered_is_not_redelivered() -> None:
    async def body(inbox: Inbox[Get]) -> None:
        async for message in inbox:
            message.reply([inbox.incarnation])
            if inbox.incarnation == 1:
                raise BOOM

    async with open_actors() as actors:
        ref = await actors.spawn(body, on_crash=Redeliver(3))
        assert await ref.ask(Get(), timeout=1) == [1]
        await wait_all_tasks_blocked()
        assert actors.dead_letters.counts() == {Reason.HANDLER_FAILED: 1}
        assert await ref.ask(Get(), timeout=1) == [2]


async def test_a_request_that_was_sent_on_is_not_redelivered() -> None:
    async def answers(inbox: Inbox[Get]) -> None:
        async for message in inbox:
            message.reply([7])

    async with open_actors() as actors:
        back = await actors.spawn(answers)

        async def front(inbox: Inbox[Get]) -> None:
            async for message in inbox:
                await back.tell(message)
                raise BOOM

        ref = await actors.spawn(front, on_crash=Redeliver(3))
        assert await ref.ask(Get(), timeout=1) == [7]
        await wait_all_tasks_blocked()
        assert ref.incarnation == 2


async def test_a_message_in_hand_at_a_stop_is_not_redelivered(
    autojump_clock: MockClock,
) -> None:
    async def body(inbox: Inbox[int]) -> None:
        async for _ in inbox:
            await trio.sleep(100)

    async with open_actors() as actors:
        ref = await actors.spawn(body, on_crash=Redeliver(3), stop=KILL)
        await ref.tell(1)
        await wait_all_tasks_blocked()
        await ref.stop()
        assert actors.dead_letters.counts() == {Reason.HANDLER_CANCELLED: 1}


async def test_a_tick_is_not_redelivered(autojump_clock: MockClock) -> None:
    seen = list[int]()

    async def body(inbox: Inbox[str]) -> None:
        if inbox.incarnation == 1:
            inbox.once(1, "tick")
        async for _ in inbox:
            seen.append(inbox.incarnation)
            raise BOOM

    async with open_actors() as actors:
        await actors.spawn(body, on_crash=Redeliver(3))
        await trio.sleep(5)
        assert seen == [1]
        assert actors.dead_letters.counts() == {Reason.HANDLER_FAILED: 1}


async def test_a_temporary_actor_redelivers_nothing() -> None:
    async def body(inbox: Inbox[Get]) -> None:
        async for _ in inbox:
            raise BOOM

    async with open_actors() as actors:
        ref = await actors.spawn(body, on_crash=Redeliver(3), restart="temporary")
        with pytest.raises(ActorStopped):
            await ref.ask(Get(), timeout=1)
        await wait_all_tasks_blocked()
        assert actors.dead_letters.counts() == {Reason.HANDLER_FAILED: 1}


async def test_a_redelivered_message_waits_behind_what_was_stashed_before_it() -> None:
    seen = list[tuple[int, str]]()

    async def body(inbox: Inbox[str]) -> None:
        async for message in inbox:
            seen.append((inbox.incarnation, message))
            if inbox.incarnation == 1:
                if message == "x":
                    raise BOOM
                inbox.stash()

    async with open_actors() as actors:
        ref = await actors.spawn(body, on_crash=Redeliver(1))
        for text in ("a", "b", "x", "c"):
            await ref.tell(text)
        await wait_all_tasks_blocked()
        assert [text for each, text in seen if each == 2] == ["a", "b", "x", "c"]
