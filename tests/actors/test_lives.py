"""Actors: spawn, restart, stop; what becomes of their messages."""

import logging
import pickle

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from crew_actors.actors import (
    Actor,
    ActorError,
    ActorRestarted,
    Actors,
    ActorStopped,
    AskCycle,
    AskTimeout,
    ChildrenGaveUp,
    Inbox,
    LinkBroken,
    MailboxClosed,
    NeverReplied,
    NoRoutees,
    NoSuchActor,
    Ref,
    Request,
    RequestFailed,
    open_actors,
)
from crew_mailbox import MailboxStatistics, Reason
from crew_supervisors import (
    KILL,
    Backoff,
    ChildExists,
    ChildFailed,
    Event,
    RestartLimitReached,
    SupervisorStopped,
)

BOOM = ValueError("boom")


@attrs.frozen
class Get(Request[list[int]]):
    """Answered with the numbers that this incarnation has seen."""


async def collector(inbox: Inbox[int | Get]) -> None:
    """Keep numbers; crash at each negative one."""
    seen = list[int]()
    async for message in inbox:
        if isinstance(message, Get):
            message.reply(seen)
        elif message < 0:
            raise BOOM
        else:
            seen.append(message)


def conserves(figures: MailboxStatistics) -> bool:
    parts = figures.handled + figures.dead + figures.returned + figures.queued
    return figures.accepted == parts


# Spawning


async def test_an_actor_gets_its_messages_in_order() -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(collector)
        for number in range(200):
            await ref.tell(number)
        assert await ref.ask(Get(), timeout=1) == list(range(200))


async def test_a_name_is_made_up_or_chosen() -> None:
    async with open_actors() as actors:
        first = await actors.spawn(collector)
        second = await actors.spawn(collector)
        named = await actors.spawn(collector, name="run/abc")
        assert first.name == "collector-0"
        assert second.name == "collector-1"
        assert named.name == "run/abc"
        assert repr(named) == "<Ref 'run/abc'>"
        assert "3 alive" in repr(actors)


async def test_refs_of_one_actor_are_equal() -> None:
    refs = list[Ref[int]]()

    async def body(inbox: Inbox[int]) -> None:
        refs.append(inbox.ref)
        await inbox.receive()

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        await wait_all_tasks_blocked()
        assert refs == [ref]
        assert hash(refs[0]) == hash(ref)
        assert ref != "ref"
        assert ref.incarnation == 1
        assert ref.is_alive


async def test_an_actor_can_spawn_others_and_knows_itself() -> None:
    async def parent(inbox: Inbox[int]) -> None:
        assert inbox.incarnation == 1
        assert inbox.name == "parent-0"
        child = await inbox.actors.spawn(collector, name="child")
        await child.tell(await inbox.receive())
        inbox.ack()
        await inbox.receive()

    async with open_actors() as actors:
        ref = await actors.spawn(parent)
        await ref.tell(7)
        await wait_all_tasks_blocked()
        assert [each.name for each in actors.statistics()] == ["parent-0", "child"]
        assert ref.statistics().handled == 1
        names = [child.name for child in actors.supervisor.children()]
        assert names == ["parent-0", "child"]


async def test_a_mailbox_that_is_made_wrongly_starts_nothing() -> None:
    async with open_actors() as actors:
        with pytest.raises(ValueError, match="capacity"):
            await actors.spawn(collector, capacity=0)
        assert actors.supervisor.children() == ()


async def test_nothing_is_spawned_in_a_block_that_has_ended() -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(collector)
    with pytest.raises(SupervisorStopped):
        await actors.spawn(collector)
    assert actors.statistics() == ()
    assert not ref.is_alive
    with pytest.raises(MailboxClosed):
        await ref.tell(1)


async def test_a_system_message_is_read_first_and_needs_no_room() -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(collector, capacity=2)
        ref.tell_nowait(1)
        ref.tell_nowait(2)
        ref.tell_system(0)
        assert await ref.ask(Get(), timeout=1) == [0, 1, 2]


# Restarts


async def test_a_crash_keeps_ref_and_mailbox_and_starts_with_fresh_state() -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(collector)
        for number in (1, 2, -1, 3, 4):
            ref.tell_nowait(number)
        assert await ref.ask(Get(), timeout=1) == [3, 4]
        assert ref.incarnation == 2
        (letter,) = actors.dead_letters.newest()
        assert (letter.reason, letter.summary) == (Reason.HANDLER_FAILED, "-1")
        assert letter.cause == "ValueError('boom')"
        assert conserves(ref.statistics())


async def test_a_crash_beyond_the_limit_ends_the_block() -> None:
    blocks = list[Actors]()

    async def run() -> None:
        async with open_actors(max_restarts=1) as actors:
            blocks.append(actors)
            ref = await actors.spawn(collector)
            ref.tell_nowait(-1)
            ref.tell_nowait(-2)
            ref.tell_nowait(3)
            await trio.sleep_forever()

    with pytest.raises(ExceptionGroup) as group:
        await run()
    (limit,) = group.value.exceptions
    assert isinstance(limit, RestartLimitReached)
    assert limit.__cause__ is BOOM
    kept = blocks[0].dead_letters.newest()
    letters = [(letter.reason, letter.summary) for letter in kept]
    assert letters == [
        (Reason.HANDLER_FAILED, "-1"),
        (Reason.HANDLER_FAILED, "-2"),
        (Reason.UNDELIVERED, "3"),
    ]


async def test_the_first_crash_escalates_when_no_restart_is_allowed() -> None:
    refs = list[Ref[int | Get]]()

    async def run() -> None:
        async with open_actors(max_restarts=0) as actors:
            refs.append(await actors.spawn(collector))
            with pytest.raises(ActorRestarted):
                await refs[0].ask(Break(), timeout=1)
            await trio.sleep_forever()

    with pytest.raises(ExceptionGroup):
        await run()
    assert refs[0].incarnation == 1


@attrs.frozen
class Break(Get):
    """Not a number, so that comparing it crashes the collector."""

    def reply(self, value: list[int]) -> None:
        raise BOOM


async def test_a_crash_in_a_block_of_an_actor_is_a_crash_of_that_actor() -> None:
    events = list[Event]()

    async def outer(inbox: Inbox[int]) -> None:
        async with open_actors(max_restarts=0) as inner:
            ref = await inner.spawn(collector)
            async for number in inbox:
                await ref.tell(number)

    async with open_actors(on_event=events.append) as actors:
        ref = await actors.spawn(outer)
        await ref.tell(-1)
        await wait_all_tasks_blocked()
        assert ref.incarnation == 2
    (failed,) = [event for event in events if isinstance(event, ChildFailed)]
    assert failed.child == ref.name
    assert isinstance(failed.error, ChildrenGaveUp)


async def test_a_crash_travels_up_through_blocks_that_allow_no_restart() -> None:
    class Outer(Actor[int]):
        async def handle(self, message: int, inbox: Inbox[int]) -> None:
            async with open_actors(max_restarts=0) as inner:
                ref = await inner.spawn(collector)
                await ref.tell(message)
                await trio.sleep_forever()

    async def run() -> None:
        async with open_actors(max_restarts=0) as actors:
            ref = await actors.spawn(Outer)
            await ref.tell(-1)
            await trio.sleep_forever()

    with pytest.raises(ExceptionGroup) as group:
        await run()
    (limit,) = group.value.exceptions
    assert isinstance(limit, RestartLimitReached)
    assert isinstance(limit.__cause__, ChildrenGaveUp)
    assert isinstance(limit.__cause__.__cause__, ExceptionGroup)


async def test_a_temporary_actor_is_not_restarted() -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(collector, restart="temporary")
        ref.tell_nowait(-1)
        ref.tell_nowait(1)
        await wait_all_tasks_blocked()
        assert not ref.is_alive
        reasons = [letter.reason for letter in actors.dead_letters.newest()]
        assert reasons == [Reason.HANDLER_FAILED, Reason.UNDELIVERED]


async def test_a_transient_actor_that_returns_has_ended() -> None:
    async def one(inbox: Inbox[int]) -> None:
        await inbox.receive()

    async with open_actors() as actors:
        ref = await actors.spawn(one)
        ref.tell_nowait(1)
        ref.tell_nowait(2)
        await wait_all_tasks_blocked()
        assert not ref.is_alive
        figures = ref.statistics()
        assert (figures.handled, figures.dead) == (1, 1)
        assert (await ref.stop()).end == "not_running"


async def test_a_permanent_actor_that_returns_is_restarted() -> None:
    async def one(inbox: Inbox[int | Get]) -> None:
        message = await inbox.receive()
        if isinstance(message, Get):
            message.reply([inbox.incarnation])

    async with open_actors() as actors:
        ref = await actors.spawn(one, restart="permanent")
        await ref.tell(1)
        assert await ref.ask(Get(), timeout=1) == [2]
        await wait_all_tasks_blocked()
        assert ref.incarnation == 3
        assert ref.is_alive


async def test_messages_wait_while_a_restart_backs_off(
    autojump_clock: MockClock,
) -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(collector, backoff=Backoff(first=3, jitter=0))
        ref.tell_nowait(-1)
        ref.tell_nowait(1)
        assert await ref.ask(Get(), timeout=10) == [1]
        assert trio.current_time() == 3


async def test_a_stop_during_a_backoff_buries_what_is_queued(
    autojump_clock: MockClock,
) -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(collector, backoff=Backoff(first=30, jitter=0))
        ref.tell_nowait(-1)
        ref.tell_nowait(1)
        await trio.sleep(1)
        await actors.stop(ref)
        assert trio.current_time() == 1
        assert actors.dead_letters.counts() == {
            Reason.HANDLER_FAILED: 1,
            Reason.UNDELIVERED: 1,
        }


# What observers see


async def test_events_reach_the_observer() -> None:
    events = list[Event]()
    async with open_actors(on_event=events.append) as actors:
        await actors.spawn(collector)
    names = [type(event).__name__ for event in events]
    assert names == [
        "ChildStarted",
        "SupervisorStopping",
        "ChildStopping",
        "ChildStopped",
        "SupervisorEnded",
    ]


async def test_without_an_observer_failures_are_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(collector)
        await ref.tell(-1)
        await wait_all_tasks_blocked()
    (record,) = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert "collector-0" in record.getMessage()
    assert "boom" in record.getMessage()


async def test_an_actor_that_outlives_its_block_is_accounted_at_its_end(
    autojump_clock: MockClock,
) -> None:
    """The supervisor breaks; nobody reads the events of single actors any more."""
    refs = list[Ref[int]]()

    async def interrupts(inbox: Inbox[int]) -> None:
        await inbox.receive()
        raise KeyboardInterrupt

    async def run() -> None:
        async with open_actors() as actors:
            refs.extend([await actors.spawn(interrupts) for _ in range(2)])
            refs[1].tell_nowait(1)
            await trio.sleep_forever()

    with pytest.raises(BaseExceptionGroup) as group:
        await run()
    assert group.group_contains(KeyboardInterrupt)
    assert not any(ref.is_alive for ref in refs)
    assert all(ref.statistics().queued == 0 for ref in refs)


async def stubborn(inbox: Inbox[int]) -> None:
    with trio.CancelScope(shield=True):
        await trio.sleep(30)


async def test_an_actor_that_swallows_its_cancellation_is_logged_by_name(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(stubborn, stop=KILL)
        await wait_all_tasks_blocked()
        ref.tell_nowait(1)
        report = await ref.stop()
        assert report.end == "stuck"
        assert trio.current_time() == 5
        assert actors.dead_letters.counts() == {Reason.UNDELIVERED: 1}
        with pytest.raises(ChildExists):
            await actors.spawn(stubborn, name=ref.name)
        await trio.sleep(40)
        await actors.spawn(stubborn, name=ref.name, stop=KILL, restart="temporary")
    assert any("stubborn-0" in each.getMessage() for each in caplog.records)


async def test_each_actor_is_accounted_when_everything_happens_at_once(
    autojump_clock: MockClock,
) -> None:
    """Tells, asks, crashes and stops together; the law holds for each mailbox."""

    async def feed(actors: Actors, ref: Ref[int | Get]) -> None:
        for number in range(30):
            try:
                await ref.tell(-1 if number % 11 == 10 else number)
                if number % 7 == 0:
                    await ref.ask(Get(), timeout=1)
            except (ActorError, MailboxClosed):
                pass
            assert all(conserves(each) for each in actors.statistics())

    async with open_actors(max_restarts=1000) as actors:
        refs = [await actors.spawn(collector, capacity=3) for _ in range(5)]
        async with trio.open_nursery() as nursery:
            for ref in refs:
                nursery.start_soon(feed, actors, ref)
                nursery.start_soon(feed, actors, ref)
            await trio.lowlevel.checkpoint()
            nursery.start_soon(refs[0].stop)
    assert all(conserves(ref.statistics()) for ref in refs)
    assert all(ref.statistics().queued == 0 for ref in refs)


@pytest.mark.parametrize(
    "error",
    [
        AskTimeout("a", "Get()", 1.5),
        NeverReplied("a", "Get()"),
        ActorRestarted("a", 3),
        ActorStopped("a"),
        ChildrenGaveUp("a"),
        RequestFailed("a", "Get()"),
        AskCycle(("a", "b", "a")),
        LinkBroken("a", "b"),
        NoRoutees("a"),
        NoSuchActor("a", "block", "b"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_survives_pickle(error: ActorError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert "a" in str(copy).replace("'", " ").split()
    assert vars(copy) == vars(error)
