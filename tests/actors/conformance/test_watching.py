"""Watching: one notice for each watch, whenever it was asked for.

The edge cases are those of Pekko's `WatchSpec` and of OTP's monitors.
"""

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from crew_actors.actors import Inbox, Ref, Request, Terminated, open_actors

BOOM = ValueError("boom")

Message = str | Terminated


async def mortal(inbox: Inbox[str]) -> None:
    """Ends at `end`, fails at `boom`."""
    async for message in inbox:
        if message == "end":
            return
        if message == "boom":
            raise BOOM


class Watcher:
    """A function as an actor, together with what it was told."""

    def __init__(self) -> None:
        self.seen = list[Message]()

    async def __call__(self, inbox: Inbox[Message], target: Ref[str]) -> None:
        inbox.watch(target)
        async for message in inbox:
            self.seen.append(message)
            if message == "again":
                inbox.watch(target)
            elif message == "unwatch":
                self.seen.append(str(inbox.unwatch(target)))
            elif message == "crash":
                raise BOOM


async def test_a_watcher_is_told_when_the_actor_has_returned() -> None:
    watcher = Watcher()
    async with open_actors() as actors:
        target = await actors.spawn(mortal)
        await actors.spawn(watcher, target, name="w")
        await target.tell("end")
        await wait_all_tasks_blocked()
        assert watcher.seen == [Terminated(target, "returned")]


async def test_a_watcher_is_told_that_the_actor_was_stopped() -> None:
    watcher = Watcher()
    async with open_actors() as actors:
        target = await actors.spawn(mortal)
        await actors.spawn(watcher, target, name="w")
        await wait_all_tasks_blocked()
        await target.stop()
        await wait_all_tasks_blocked()
        assert watcher.seen == [Terminated(target, "stopped")]


async def test_a_watcher_is_told_what_the_actor_failed_with() -> None:
    watcher = Watcher()
    async with open_actors() as actors:
        target = await actors.spawn(mortal, restart="temporary")
        await actors.spawn(watcher, target, name="w")
        await target.tell("boom")
        await wait_all_tasks_blocked()
        (notice,) = watcher.seen
        assert isinstance(notice, Terminated)
        assert (notice.how, notice.failure) == ("failed", BOOM)


async def test_a_restart_is_no_end() -> None:
    watcher = Watcher()
    async with open_actors() as actors:
        target = await actors.spawn(mortal)
        await actors.spawn(watcher, target, name="w")
        await target.tell("boom")
        await wait_all_tasks_blocked()
        assert target.incarnation == 2
        assert watcher.seen == []


async def test_an_actor_that_has_ended_already_is_told_at_once() -> None:
    watcher = Watcher()
    async with open_actors() as actors:
        target = await actors.spawn(mortal, restart="temporary")
        await target.tell("boom")
        await wait_all_tasks_blocked()
        await actors.spawn(watcher, target, name="w")
        await wait_all_tasks_blocked()
        (notice,) = watcher.seen
        assert notice == Terminated(target, "failed")


async def test_watching_twice_brings_one_notice() -> None:
    watcher = Watcher()
    async with open_actors() as actors:
        target = await actors.spawn(mortal)
        ref = await actors.spawn(watcher, target, name="w")
        await ref.tell("again")
        await wait_all_tasks_blocked()
        await target.tell("end")
        await wait_all_tasks_blocked()
        assert watcher.seen == ["again", Terminated(target, "returned")]


async def test_watching_again_after_the_notice_brings_another_one() -> None:
    watcher = Watcher()
    async with open_actors() as actors:
        target = await actors.spawn(mortal)
        ref = await actors.spawn(watcher, target, name="w")
        await target.tell("end")
        await wait_all_tasks_blocked()
        await ref.tell("again")
        await wait_all_tasks_blocked()
        notice = Terminated(target, "returned")
        assert watcher.seen == [notice, "again", notice]


async def test_unwatch_before_the_end_brings_no_notice() -> None:
    watcher = Watcher()
    async with open_actors() as actors:
        target = await actors.spawn(mortal)
        ref = await actors.spawn(watcher, target, name="w")
        await ref.tell("unwatch")
        await wait_all_tasks_blocked()
        await target.tell("end")
        await wait_all_tasks_blocked()
        await ref.tell("unwatch")
        await wait_all_tasks_blocked()
        assert watcher.seen == ["unwatch", "True", "unwatch", "False"]


async def test_unwatch_withdraws_a_notice_that_is_queued_already() -> None:
    seen = list[Message]()
    go_on = trio.Event()

    async def busy(inbox: Inbox[Message], target: Ref[str]) -> None:
        inbox.watch(target)
        async for message in inbox:
            seen.append(message)
            if message == "work":
                await go_on.wait()
                assert inbox.unwatch(target)

    async with open_actors() as actors:
        target = await actors.spawn(mortal)
        ref = await actors.spawn(busy, target)
        await ref.tell("work")
        await wait_all_tasks_blocked()
        await target.stop()  # the notice is queued now
        await ref.tell("later")
        go_on.set()
        await wait_all_tasks_blocked()
        assert seen == ["work", "later"]
        assert (
            ref.statistics().accepted == 2
        )  # a notice that nobody read counts nowhere


async def test_a_notice_is_read_before_messages_that_came_earlier() -> None:
    seen = list[Message]()
    go_on = trio.Event()

    async def busy(inbox: Inbox[Message], target: Ref[str]) -> None:
        inbox.watch(target)
        async for message in inbox:
            await go_on.wait()
            seen.append(message)

    async with open_actors() as actors:
        target = await actors.spawn(mortal)
        ref = await actors.spawn(busy, target, capacity=2)
        for text in ("a", "b"):
            ref.tell_nowait(text)
        await wait_all_tasks_blocked()
        ref.tell_nowait("c")
        await target.stop()
        go_on.set()
        await wait_all_tasks_blocked()
        assert seen == ["a", Terminated(target, "stopped"), "b", "c"]


async def test_hundreds_of_notices_find_room_in_a_small_mailbox() -> None:
    ended = list[str]()

    async def watcher(inbox: Inbox[Terminated], targets: list[Ref[str]]) -> None:
        for target in targets:
            inbox.watch(target)
        async for message in inbox:
            ended.append(message.ref.name)

    async with open_actors() as actors:
        targets = [await actors.spawn(mortal, name=str(each)) for each in range(300)]
        await actors.spawn(watcher, targets, capacity=1)
        await wait_all_tasks_blocked()
        for target in targets:
            target.tell_nowait("end")
        await wait_all_tasks_blocked()
        assert sorted(ended, key=int) == [target.name for target in targets]


@attrs.frozen
class Gone:
    """An own message about the end of a worker."""

    worker: int


async def test_an_own_message_may_stand_for_the_notice() -> None:
    seen = list[Gone]()

    async def watcher(inbox: Inbox[Gone], target: Ref[str]) -> None:
        inbox.watch_with(target, Gone(7))
        inbox.watch_with(target, Gone(7))  # the same: nothing changes
        async for message in inbox:
            seen.append(message)

    async with open_actors() as actors:
        target = await actors.spawn(mortal)
        await actors.spawn(watcher, target)
        await wait_all_tasks_blocked()
        await target.stop()
        await wait_all_tasks_blocked()
        assert seen == [Gone(7)]


async def test_a_conflicting_watch_is_refused_until_the_first_is_undone() -> None:
    seen = list[Gone | Terminated]()

    async def watcher(inbox: Inbox[Gone | Terminated], target: Ref[str]) -> None:
        inbox.watch_with(target, Gone(1))
        with pytest.raises(ValueError, match="unwatch"):
            inbox.watch_with(target, Gone(2))
        with pytest.raises(ValueError, match="unwatch"):
            inbox.watch(target)
        inbox.unwatch(target)
        inbox.watch_with(target, Gone(2))
        async for message in inbox:
            seen.append(message)

    async with open_actors() as actors:
        target = await actors.spawn(mortal)
        await actors.spawn(watcher, target)
        await wait_all_tasks_blocked()
        await target.stop()
        await wait_all_tasks_blocked()
        assert seen == [Gone(2)]


@attrs.frozen
class Question(Request[int]):
    """Answered by nobody."""


async def test_a_request_cannot_stand_for_a_notice() -> None:
    async def watcher(inbox: Inbox[Question], target: Ref[str]) -> None:
        with pytest.raises(TypeError, match="request"):
            inbox.watch_with(target, Question())

    async with open_actors() as actors:
        target = await actors.spawn(mortal)
        ref = await actors.spawn(watcher, target)
        assert (await ref.wait()).how == "returned"


async def test_a_watch_ends_with_the_incarnation_that_asked_for_it() -> None:
    seen = list[tuple[int, Message]]()

    async def watcher(inbox: Inbox[Message], target: Ref[str]) -> None:
        if inbox.incarnation == 1:
            inbox.watch(target)
        async for message in inbox:
            seen.append((inbox.incarnation, message))
            if message == "crash":
                raise BOOM

    async with open_actors() as actors:
        target = await actors.spawn(mortal)
        ref = await actors.spawn(watcher, target)
        await ref.tell("crash")
        await wait_all_tasks_blocked()
        await target.stop()
        await wait_all_tasks_blocked()
        assert seen == [(1, "crash")]


async def test_a_queued_notice_of_an_old_incarnation_is_not_read_by_the_next() -> None:
    seen = list[tuple[int, Message]]()
    go_on = trio.Event()

    async def watcher(inbox: Inbox[Message], target: Ref[str]) -> None:
        if inbox.incarnation == 1:
            inbox.watch(target)
        async for message in inbox:
            seen.append((inbox.incarnation, message))
            if message == "crash":
                await go_on.wait()
                raise BOOM

    async with open_actors() as actors:
        target = await actors.spawn(mortal)
        ref = await actors.spawn(watcher, target)
        await ref.tell("crash")
        await wait_all_tasks_blocked()
        await target.stop()
        go_on.set()
        await ref.tell("next")
        await wait_all_tasks_blocked()
        assert seen == [(1, "crash"), (2, "next")]


async def test_the_next_incarnation_watches_anew_and_is_told_again() -> None:
    watcher = Watcher()
    async with open_actors() as actors:
        target = await actors.spawn(mortal)
        ref = await actors.spawn(watcher, target, name="w")
        await target.stop()
        await wait_all_tasks_blocked()
        await ref.tell("crash")
        await wait_all_tasks_blocked()
        notice = Terminated(target, "stopped")
        assert watcher.seen == [notice, "crash", notice]


async def test_an_actor_of_another_block_can_be_watched() -> None:
    watcher = Watcher()
    async with open_actors() as here:
        async with open_actors(name="there") as there:
            target = await there.spawn(mortal)
            await here.spawn(watcher, target, name="w")
            await wait_all_tasks_blocked()
        await wait_all_tasks_blocked()
        assert watcher.seen == [Terminated(target, "stopped")]


async def test_the_end_of_a_watcher_leaves_nothing_with_the_watched() -> None:
    watcher = Watcher()
    async with open_actors() as actors:
        target = await actors.spawn(mortal)
        ref = await actors.spawn(watcher, target, name="w")
        await wait_all_tasks_blocked()
        await ref.stop()
        assert target._cell.ties is not None
        assert target._cell.ties.followers == {}


async def test_the_name_is_free_when_the_notice_is_read() -> None:
    spawned = trio.Event()

    async def watcher(inbox: Inbox[Terminated], target: Ref[str]) -> None:
        inbox.watch(target)
        async for message in inbox:
            await inbox.actors.spawn(mortal, name=message.ref.name)
            spawned.set()

    async with open_actors() as actors:
        target = await actors.spawn(mortal, name="m")
        await actors.spawn(watcher, target)
        await wait_all_tasks_blocked()
        await target.tell("end")
        await spawned.wait()
        assert actors.ref("m") != target


async def test_any_task_can_wait_for_the_end_of_an_actor(
    autojump_clock: MockClock,
) -> None:
    async with open_actors() as actors:
        target = await actors.spawn(mortal)
        with trio.move_on_after(1) as scope:
            await target.wait()
        assert scope.cancelled_caught
        async with trio.open_nursery() as nursery:
            nursery.start_soon(target.wait)
            await wait_all_tasks_blocked()
            await target.stop()
        assert await target.wait() == Terminated(target, "stopped")


async def test_none_may_stand_for_the_notice_too(autojump_clock: MockClock) -> None:
    seen = list[object]()

    async def watcher(inbox: Inbox[None], other: Ref[str]) -> None:
        inbox.watch_with(other, None)
        async for message in inbox:
            seen.append(message)

    async with open_actors() as actors:
        other = await actors.spawn(mortal)
        await actors.spawn(watcher, other)
        await other.stop()
        await wait_all_tasks_blocked()
        assert seen == [None]
