"""Groups: members come and go; the cases of OTP's `pg`."""

import gc
import weakref

import attrs
import pytest
import trio
import trio.testing
from trio.testing import wait_all_tasks_blocked

from crew_actors.actors import Group, Inbox, Request, open_actors
from crew_supervisors import KILL


class Log:
    """An actor that writes down what it reads."""

    def __init__(self) -> None:
        self.seen = list[tuple[str, str]]()

    async def __call__(self, inbox: Inbox[str]) -> None:
        async for message in inbox:
            self.seen.append((inbox.name, message))
            if message == "crash":
                raise ValueError


async def test_members_are_in_the_order_in_which_they_joined() -> None:
    log = Log()
    group: Group[str] = Group("g")
    async with open_actors() as actors:
        refs = [await actors.spawn(log, name=name) for name in "abc"]
        for ref in (refs[2], refs[0], refs[1]):
            assert group.join(ref)
        assert [ref.name for ref in group.members()] == ["c", "a", "b"]
        assert [ref.name for ref in group] == ["c", "a", "b"]
        assert repr(group) == "<Group 'g': 3 members>"


async def test_joining_twice_is_joining_once() -> None:
    log = Log()
    group: Group[str] = Group()
    async with open_actors() as actors:
        ref = await actors.spawn(log, name="a")
        assert group.join(ref)
        assert group.join(ref)
        assert len(group) == 1
        assert group.leave(ref)
        assert not group.leave(ref)
        assert ref not in group


async def test_a_member_that_ends_leaves_and_one_that_restarts_stays() -> None:
    log = Log()
    group: Group[str] = Group()
    async with open_actors() as actors:
        ref = await actors.spawn(log, name="a")
        group.join(ref)
        await ref.tell("crash")
        await wait_all_tasks_blocked()
        assert (ref.incarnation, ref in group) == (2, True)
        await ref.stop()
        assert group.members() == ()


async def test_an_actor_that_has_ended_does_not_join() -> None:
    log = Log()
    group: Group[str] = Group()
    async with open_actors() as actors:
        ref = await actors.spawn(log, name="a")
        await ref.stop()
        assert not group.join(ref)
        assert len(group) == 0


async def test_an_actor_may_be_in_many_groups_of_many_blocks() -> None:
    log = Log()
    groups = [Group[str](str(each)) for each in range(3)]
    async with open_actors() as actors:
        ref = await actors.spawn(log, name="a")
        async with open_actors(name="inner") as inner:
            other = await inner.spawn(log, name="b")
            for group in groups:
                group.join(ref)
                group.join(other)
        assert [group.members() for group in groups] == [(ref,)] * 3
    assert [group.members() for group in groups] == [()] * 3


async def test_a_block_has_groups_by_name() -> None:
    async with open_actors() as actors:
        assert actors.group("a") is actors.group("a")
        assert actors.group("a") is not actors.group("b")


async def test_a_broadcast_reaches_each_member_once() -> None:
    log = Log()
    group: Group[str] = Group()
    async with open_actors() as actors:
        for name in "abc":
            group.join(await actors.spawn(log, name=name))
        assert await group.broadcast("hello") == ()
        await wait_all_tasks_blocked()
        assert sorted(log.seen) == [(name, "hello") for name in "abc"]


async def test_a_broadcast_names_those_it_did_not_reach() -> None:
    async def busy(inbox: Inbox[str]) -> None:
        await trio.sleep_forever()

    group: Group[str] = Group()
    async with open_actors() as actors:
        full = await actors.spawn(busy, capacity=1, stop=KILL)
        roomy = await actors.spawn(busy, stop=KILL)
        dropping = await actors.spawn(busy, capacity=1, on_full="drop_new", stop=KILL)
        for ref in (full, roomy, dropping):
            ref.tell_nowait("first")
            group.join(ref)
        assert await group.broadcast("hello") == (full,)


async def test_a_member_that_ends_during_a_broadcast_is_named() -> None:
    log = Log()
    group: Group[str] = Group()
    async with open_actors() as actors:
        ref = await actors.spawn(log, name="a")
        group.join(ref)
        ref._cell.mailbox.close()  # a stop has just been ordered
        assert await group.broadcast("hello") == (ref,)


async def test_a_broadcast_to_nobody_is_a_checkpoint_too() -> None:
    group: Group[str] = Group()
    with trio.testing.assert_checkpoints():
        assert await group.broadcast("hello") == ()


@attrs.frozen
class Question(Request[int]):
    """One asker, one answer."""


async def test_a_request_is_not_broadcast() -> None:
    group: Group[Question] = Group()
    with pytest.raises(TypeError, match="request"):
        await group.broadcast(Question())


async def test_a_broadcast_gives_way_to_other_tasks() -> None:
    log = Log()
    group: Group[str] = Group()
    turns = list[int]()

    async def count() -> None:
        while True:
            turns.append(1)
            await trio.lowlevel.checkpoint()

    async with open_actors() as actors, trio.open_nursery() as nursery:
        for number in range(2500):
            group.join(await actors.spawn(log, name=str(number)))
        nursery.start_soon(count)
        await group.broadcast("hello")
        assert len(turns) >= 2
        nursery.cancel_scope.cancel()


async def test_a_group_that_was_left_is_not_kept_by_the_actor() -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(Log())
        group: Group[str] = Group("short")
        assert group.join(ref)
        assert group.leave(ref)
        gone = weakref.ref(group)
        del group
        gc.collect()
        assert gone() is None
