"""Actors as classes: their hooks, in order, whatever happens."""

from collections.abc import Sequence

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from crew_actors.actors import Actor, Actors, Inbox, open_actors
from crew_mailbox import MailboxStatistics, Reason
from crew_supervisors import KILL, ChildStartFailed, Grace

BOOM = ValueError("boom")


def conserves(figures: MailboxStatistics) -> bool:
    parts = figures.handled + figures.dead + figures.returned + figures.queued
    return figures.accepted == parts


class Recorder(Actor[int]):
    """Writes down what happens to it."""

    def __init__(self, log: list[str]) -> None:
        self.log = log

    async def started(self, inbox: Inbox[int]) -> None:
        self.log.append(f"started {inbox.incarnation}")

    async def handle(self, message: int, inbox: Inbox[int]) -> None:
        if message < 0:
            raise BOOM
        await trio.sleep(message)
        self.log.append(f"handled {message}")

    async def stopping(self, inbox: Inbox[int], failure: BaseException | None) -> None:
        self.log.append(f"stopping {type(failure).__name__}")

    async def undelivered(self, messages: Sequence[int]) -> None:
        await trio.lowlevel.checkpoint()
        self.log.append(f"undelivered {list(messages)}")


async def test_the_hooks_of_a_class_run_in_order() -> None:
    log = list[str]()
    async with open_actors() as actors:
        ref = await actors.spawn(Recorder, log)
        assert log == ["started 1"]  # spawn returned when the hook had
        await ref.tell(0)
        await ref.stop()
    assert log == ["started 1", "handled 0", "stopping NoneType"]


async def test_each_incarnation_of_a_class_is_a_new_object() -> None:
    log = list[str]()
    async with open_actors() as actors:
        ref = await actors.spawn(Recorder, log)
        ref.tell_nowait(-1)
        ref.tell_nowait(0)
        await wait_all_tasks_blocked()
    assert log == [
        "started 1",
        "stopping ValueError",
        "started 2",
        "handled 0",
        "stopping NoneType",
    ]


async def test_undelivered_gets_what_is_left_after_the_grace(
    autojump_clock: MockClock,
) -> None:
    log = list[str]()
    async with open_actors() as actors:
        ref = await actors.spawn(Recorder, log, stop=Grace(1))
        for number in (9, 5, 6):
            ref.tell_nowait(number)
        await wait_all_tasks_blocked()
        await ref.stop()
        figures = ref.statistics()
    assert log == ["started 1", "stopping Cancelled", "undelivered [5, 6]"]
    assert (figures.returned, figures.dead) == (2, 1)  # the 9 was in hand
    assert conserves(figures)
    assert actors.dead_letters.counts() == {Reason.HANDLER_CANCELLED: 1}


async def test_undelivered_is_called_when_a_temporary_actor_crashes() -> None:
    log = list[str]()
    async with open_actors() as actors:
        ref = await actors.spawn(Recorder, log, restart="temporary")
        ref.tell_nowait(-1)
        ref.tell_nowait(3)
        await wait_all_tasks_blocked()
    assert log == ["started 1", "stopping ValueError", "undelivered [3]"]


class BadStop(Recorder):
    async def stopping(self, inbox: Inbox[int], failure: BaseException | None) -> None:
        await super().stopping(inbox, failure)
        if inbox.incarnation == 1:
            raise LookupError


async def test_an_actor_that_fails_in_stopping_has_crashed() -> None:
    log = list[str]()
    async with open_actors() as actors:
        ref = await actors.spawn(BadStop, log)
        ref.tell_nowait(-1)
        ref.tell_nowait(0)
        await wait_all_tasks_blocked()
        assert ref.incarnation == 2
        assert ref.statistics().handled == 1
        report = await actors.stop(await actors.spawn(BadStop, log))
        assert report.end == "failed"


class Hangs(Recorder):
    async def undelivered(self, messages: Sequence[int]) -> None:
        await trio.sleep_forever()


async def test_undelivered_has_a_limit(autojump_clock: MockClock) -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(Hangs, list[str](), stop=KILL)
        ref.tell_nowait(50)
        ref.tell_nowait(1)
        await wait_all_tasks_blocked()
        report = await ref.stop()
        assert trio.current_time() == 2
        assert report.end == "failed"
        assert ref.statistics().returned == 1
        assert actors.dead_letters.counts()[Reason.UNDELIVERED] == 1


class Bare(Actor[int]):
    """An actor that overrides nothing but `handle`."""

    async def handle(self, message: int, inbox: Inbox[int]) -> None:
        await trio.sleep(message)


async def test_without_the_hook_what_is_left_becomes_dead_letters(
    autojump_clock: MockClock,
) -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(Bare, stop=KILL)
        ref.tell_nowait(50)
        ref.tell_nowait(1)
        await wait_all_tasks_blocked()
        await ref.stop()
        assert actors.dead_letters.counts() == {
            Reason.HANDLER_CANCELLED: 1,
            Reason.UNDELIVERED: 1,
        }


async def test_an_actor_without_handle_crashes_at_its_first_message() -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(NoHandle, restart="temporary")
        await ref.tell(1)
        await wait_all_tasks_blocked()
        assert not ref.is_alive


class NoHandle(Actor[int]):
    """Overrides nothing at all."""


async def test_an_empty_mailbox_is_not_offered_to_undelivered() -> None:
    log = list[str]()
    async with open_actors() as actors:
        await actors.spawn(Recorder, log)
    assert log == ["started 1", "stopping NoneType"]


class Unstartable(Actor[int]):
    async def started(self, inbox: Inbox[int]) -> None:
        raise BOOM


async def test_an_actor_that_fails_in_started_is_not_spawned() -> None:
    async with open_actors() as actors:
        with pytest.raises(ChildStartFailed) as failed:
            await actors.spawn(Unstartable, name="u")
        assert failed.value.__cause__ is BOOM
        assert actors.statistics() == ()
        await actors.spawn(Bare, name="u")


async def test_a_cancelled_spawn_leaves_no_actor(autojump_clock: MockClock) -> None:
    class Slow(Actor[int]):
        async def started(self, inbox: Inbox[int]) -> None:
            await trio.sleep(10)

    async with open_actors() as actors:
        with trio.move_on_after(1):
            await actors.spawn(Slow)
        assert actors.statistics() == ()
        assert actors.supervisor.children() == ()


class Gives(Recorder):
    async def undelivered(self, messages: Sequence[int]) -> None:
        raise BOOM


async def test_what_undelivered_fails_at_becomes_dead_letters() -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(Gives, list[str](), stop=KILL)
        for number in (50, 1, 2):
            ref.tell_nowait(number)
        await wait_all_tasks_blocked()
        assert (await ref.stop()).end == "failed"
        letters = actors.dead_letters.newest()[1:]
        assert [(each.summary, each.cause) for each in letters] == [
            ("1", repr(BOOM)),
            ("2", repr(BOOM)),
        ]
        assert {each.reason for each in letters} == {Reason.UNDELIVERED}


async def test_an_actor_that_never_came_up_has_ended_by_its_own_failure(
    autojump_clock: MockClock,
) -> None:
    class Falters(Actor[int]):
        async def started(self, inbox: Inbox[int]) -> None:
            await trio.sleep(1)
            raise BOOM

    async def spawn(actors: Actors) -> None:
        with pytest.raises(ChildStartFailed):
            await actors.spawn(Falters, name="f", restart="temporary")

    async with open_actors() as actors, trio.open_nursery() as nursery:
        nursery.start_soon(spawn, actors)
        await wait_all_tasks_blocked()
        end = await actors.ref("f").wait()
        await wait_all_tasks_blocked()
        assert (end.how, end.failure) == ("failed", BOOM)
        assert (await end.ref.wait()).failure is BOOM
