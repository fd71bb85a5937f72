"""The end of actors: each message is accounted once, names are free, nobody hangs."""

from collections.abc import Sequence
from random import Random

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from crew_actors.actors import (
    Actor,
    ActorError,
    Actors,
    ActorStopped,
    Inbox,
    MailboxClosed,
    MailboxFull,
    NoSuchActor,
    OnCrash,
    Redeliver,
    Ref,
    Request,
    open_actors,
)
from crew_actors.testing import run_virtual
from crew_mailbox import MailboxStatistics, OnFull, Reason
from crew_supervisors import (
    KILL,
    Backoff,
    ChildExists,
    ChildStartFailed,
    DeclineStart,
    Grace,
    StopPolicy,
)

BOOM = ValueError("boom")


def conserves(figures: MailboxStatistics) -> bool:
    parts = figures.handled + figures.dead + figures.returned + figures.queued
    return figures.accepted == parts


class Keeper(Actor[int]):
    """Notes what it handled and what it could not."""

    def __init__(self, handled: list[int], returned: list[int]) -> None:
        self.handled = handled
        self.returned = returned

    async def handle(self, message: int, inbox: Inbox[int]) -> None:
        if message < 0:
            raise BOOM
        if message > 100:
            inbox.stash()
            return
        await trio.sleep(message)
        self.handled.append(message)

    async def undelivered(self, messages: Sequence[int]) -> None:
        self.returned += messages


async def test_undelivered_sees_each_queued_message_once_over_several_restarts(
    autojump_clock: MockClock,
) -> None:
    handled = list[int]()
    returned = list[int]()
    async with open_actors() as actors:
        ref = await actors.spawn(Keeper, handled, returned, stop=Grace(1))
        for number in (1, -1, 2, -1, 50, 3, 4):
            await ref.tell(number)
        await trio.sleep(10)
        await ref.stop()
    assert (handled, returned) == ([1, 2], [3, 4])
    assert actors.dead_letters.counts() == {
        Reason.HANDLER_FAILED: 2,
        Reason.HANDLER_CANCELLED: 1,
    }
    assert conserves(ref.statistics())


async def test_undelivered_sees_what_was_stashed_first() -> None:
    handled = list[int]()
    returned = list[int]()
    async with open_actors() as actors:
        ref = await actors.spawn(Keeper, handled, returned, stop=KILL)
        for number in (101, 102, 50, 1):
            ref.tell_nowait(number)
        await wait_all_tasks_blocked()
        await ref.stop()
    assert returned == [101, 102, 1]
    assert conserves(ref.statistics())


async def test_undelivered_sees_what_the_restart_limit_left() -> None:
    returned = list[int]()

    async def run() -> None:
        async with open_actors(max_restarts=0) as actors:
            ref = await actors.spawn(Keeper, list[int](), returned)
            for number in (-1, 7, 8):
                ref.tell_nowait(number)
            await trio.sleep_forever()

    with pytest.raises(ExceptionGroup):
        await run()
    assert returned == []  # nobody knew that it was the last one: they are dead letters


async def test_a_redelivered_message_at_the_end_is_undelivered_once(
    autojump_clock: MockClock,
) -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(
            Keeper,
            list[int](),
            list[int](),
            on_crash=Redeliver(5),
            backoff=Backoff(first=9, jitter=0),
        )
        for number in (-1, 7):
            await ref.tell(number)
        await trio.sleep(1)
        await ref.stop()
        letters = [(each.reason, each.summary) for each in actors.dead_letters.newest()]
        assert letters == [(Reason.UNDELIVERED, "-1"), (Reason.UNDELIVERED, "7")]
        assert conserves(ref.statistics())


async def test_reading_to_the_end_by_receive_is_an_orderly_end() -> None:
    async def body(inbox: Inbox[int]) -> None:
        while True:
            await inbox.receive()

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        await ref.tell(1)
        report = await ref.stop()
        assert (report.end, report.error) == ("returned", None)
        assert ref.statistics().handled == 1
        end = await ref.wait()
        assert (end.how, end.failure) == ("stopped", None)


async def test_the_closed_mailbox_of_another_is_a_failure() -> None:
    async def other(inbox: Inbox[int]) -> None:
        await inbox.receive()

    async def body(inbox: Inbox[int], ref: Ref[int]) -> None:
        await ref.tell(1)

    async with open_actors() as actors:
        ref = await actors.spawn(other)
        await ref.tell(1)
        await ref.wait()
        failing = await actors.spawn(body, ref, restart="temporary")
        assert isinstance((await failing.wait()).failure, MailboxClosed)


async def test_what_an_actor_raises_while_it_is_stopped_is_told() -> None:
    async def body(inbox: Inbox[int]) -> None:
        async for _ in inbox:
            pass
        raise BOOM

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        await wait_all_tasks_blocked()
        assert (await ref.stop()).end == "failed"
        end = await ref.wait()
        assert (end.how, end.failure) == ("stopped", BOOM)


# Names


class Picky(Actor[int]):
    """Cannot start as often as asked."""

    def __init__(self, errors: list[Exception]) -> None:
        self.errors = errors

    async def started(self, inbox: Inbox[int]) -> None:
        await trio.lowlevel.checkpoint()
        if self.errors:
            raise self.errors.pop()

    async def handle(self, message: int, inbox: Inbox[int]) -> None:
        raise BOOM


async def test_a_name_is_found_while_the_actor_lives() -> None:
    async with open_actors(name="block") as actors:
        ref = await actors.spawn(Picky, list[Exception](), name="worker")
        assert actors.ref("worker") == ref
        assert actors.find("worker") == ref
        assert actors.refs() == (ref,)
        await ref.tell(1)
        await wait_all_tasks_blocked()
        assert actors.ref("worker") == ref  # a restart changes nothing
        await ref.stop()
        assert actors.find("worker") is None
        assert actors.refs() == ()


async def test_a_name_that_nobody_has_is_refused_with_the_nearest() -> None:
    async with open_actors(name="block") as actors:
        with pytest.raises(NoSuchActor) as missing:
            actors.ref("worker")
        assert missing.value.nearest is None
        await actors.spawn(Picky, list[Exception](), name="workers")
        with pytest.raises(NoSuchActor, match="did you mean 'workers'"):
            actors.ref("worker")


async def test_a_failed_start_does_not_poison_the_name() -> None:
    errors: list[Exception] = [BOOM, BOOM]
    async with open_actors() as actors:
        for _ in range(2):
            with pytest.raises(ChildStartFailed):
                await actors.spawn(Picky, errors, name="worker")
            assert actors.find("worker") is None
        ref = await actors.spawn(Picky, errors, name="worker")
        with pytest.raises(ChildExists):
            await actors.spawn(Picky, errors, name="worker")
        assert actors.ref("worker") == ref


async def test_a_dead_name_is_free_at_once() -> None:
    async def short(inbox: Inbox[int]) -> None:
        await inbox.receive()

    async with open_actors() as actors:
        for number in range(20):
            ref = await actors.spawn(short, name="worker")
            await ref.tell(number)
            await ref.wait()
            assert ref.statistics().handled == 1


async def test_an_actor_that_declines_to_start_has_ended() -> None:
    async with open_actors() as actors:
        errors: list[Exception] = [DeclineStart("not today")]
        ref = await actors.spawn(Picky, errors, name="worker")
        assert not ref.is_alive
        assert (await ref.wait()).how == "returned"
        assert actors.find("worker") is None
        await actors.spawn(Picky, list[Exception](), name="worker")


# All at once


@attrs.frozen
class Sum(Request[int]):
    """Answered with something, or not."""


class Chaos(Actor[int | Sum]):
    """Does what the numbers say."""

    def __init__(self, others: list[Ref[int | Sum]]) -> None:
        self.others = others

    async def handle(  # noqa: C901  a table of what may happen
        self, message: int | Sum, inbox: Inbox[int | Sum]
    ) -> None:
        if isinstance(message, Sum):
            message.reply(1)
            return
        match message % 12:
            case 0:
                raise BOOM
            case 1:
                inbox.once(message % 5, 2)
            case 2:
                await trio.sleep(message % 3)
            case 3 if message < 500:
                inbox.stash()
            case 4:
                inbox.unstash()
            case 5:
                inbox.pipe_to_self(nap, message % 4, then=int, error=lambda _: 7)
            case 6:
                inbox.watch_with(self.others[message % len(self.others)], 7)
            case 7:
                inbox.every(1 + message % 3, 8)
            case 8 if self.others:
                await self.others[message % len(self.others)].ask(Sum(), timeout=2)
            case _:
                pass

    async def undelivered(self, messages: Sequence[int | Sum]) -> None:
        await trio.sleep(0.01)


async def nap(seconds: float) -> float:
    await trio.sleep(seconds)
    return seconds


async def feed(actors: Actors, refs: list[Ref[int | Sum]], random: Random) -> None:
    for _ in range(60):
        ref = random.choice(refs)
        try:
            if random.random() < 0.1:
                await ref.ask(Sum(), timeout=1)
            else:
                await ref.tell(random.randrange(1000))
        except (ActorError, MailboxClosed, MailboxFull):
            pass
        if random.random() < 0.1:
            await trio.sleep(random.random())
        assert all(conserves(each) for each in actors.statistics())


ON_FULL: tuple[OnFull, ...] = ("wait", "drop_old", "drop_new")
ON_CRASH: tuple[OnCrash, ...] = ("dead_letter", "resume", Redeliver(2))
STOPS: tuple[StopPolicy, ...] = (KILL, Grace(1.0))


async def chaos(random: Random, refs: list[Ref[int | Sum]]) -> None:
    async with open_actors(max_restarts=100_000, random=random) as actors:
        for number in range(4):
            ref = await actors.spawn(
                Chaos,
                refs,
                capacity=random.randint(1, 8),
                on_full=random.choice(ON_FULL),
                on_crash=random.choice(ON_CRASH),
                stop=random.choice(STOPS),
                name=str(number),
            )
            refs.append(ref)
        with trio.move_on_after(200):
            async with trio.open_nursery() as nursery:
                for _ in range(4):
                    nursery.start_soon(feed, actors, refs, random)
        await refs[0].stop()
        with pytest.raises(ActorStopped):
            await refs[0].ask(Sum(), timeout=1)


@pytest.mark.parametrize("seed", range(15))
def test_whatever_happens_each_message_is_accounted_for(seed: int) -> None:
    async def main() -> None:
        refs = list[Ref[int | Sum]]()
        try:
            await chaos(Random(seed), refs)
        except* (ValueError, ActorError, MailboxClosed, MailboxFull):
            pass  # what the actors raised while they were stopped
        assert len(refs) == 4
        for ref in refs:
            figures = ref.statistics()
            assert conserves(figures), figures
            assert figures.queued == 0
            assert (await ref.wait()).how == "stopped"

    run_virtual(main, seed=seed)
