"""Names: one living actor has it; when that has ended for good it is free again."""

from functools import partial

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from crew_actors.actors import Actor, Inbox, open_actors
from crew_supervisors import (
    KILL,
    ChildExists,
    ChildSpec,
    ChildStartFailed,
    Grace,
    Supervisor,
)


async def reader(inbox: Inbox[int]) -> None:
    async for _ in inbox:
        pass


async def test_a_name_is_unique_among_the_living() -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(reader, name="one")
        with pytest.raises(ChildExists, match="one"):
            await actors.spawn(reader, name="one")
        await ref.stop()
        again = await actors.spawn(reader, name="one")
        assert again != ref


async def test_ended_actors_are_forgotten() -> None:
    async def short(inbox: Inbox[int]) -> None:
        await trio.lowlevel.checkpoint()

    async with open_actors() as actors:
        for _ in range(50):
            ref = await actors.spawn(short)
            await wait_all_tasks_blocked()
            assert not ref.is_alive
        assert len(actors.supervisor.children()) <= 1
        assert actors.statistics() == ()


async def test_the_name_of_an_actor_that_ended_long_ago_is_free() -> None:
    async with open_actors() as actors:
        refs = [await actors.spawn(one_message, name=str(each)) for each in range(200)]
        for ref in refs:
            ref.tell_nowait(1)
        await wait_all_tasks_blocked()
        for each in (199, 0, 100):
            await actors.spawn(one_message, name=str(each))


async def one_message(inbox: Inbox[int]) -> None:
    await inbox.receive()


async def brief(inbox: Inbox[int]) -> None:
    """End at once."""


async def test_a_spawn_at_the_same_time_as_others_forgets_ended_actors_too() -> None:
    async with open_actors() as actors:
        refs = [await actors.spawn(one_message) for _ in range(10)]
        for ref in refs:
            ref.tell_nowait(1)
        await wait_all_tasks_blocked()
        assert len(actors.supervisor.children()) == 10  # ended together
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(actors.spawn, reader)
        assert len(actors.statistics()) == 3
        assert len(actors.supervisor.children()) == 3


async def test_a_cancelled_spawn_loses_no_ended_name() -> None:
    async with open_actors() as actors:
        await actors.spawn(brief, name="a")
        await wait_all_tasks_blocked()
        async with trio.open_nursery() as nursery:
            with trio.CancelScope() as scope:
                scope.cancel()
                nursery.start_soon(partial(actors.spawn, reader, name="a"))
                await actors.spawn(reader, name="b")
            assert scope.cancelled_caught
        assert [each.name for each in actors.statistics()] == ["a"]


async def test_a_cancelled_stop_loses_no_ended_name(autojump_clock: MockClock) -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(patient, name="a", stop=Grace(9))
        await actors.spawn(brief, name="b")
        await wait_all_tasks_blocked()
        with trio.move_on_after(1) as scope:
            await ref.stop()
        assert scope.cancelled_caught
        await wait_all_tasks_blocked()
        for name in ("a", "b"):
            await actors.spawn(reader, name=name)


async def patient(inbox: Inbox[int]) -> None:
    await trio.sleep(20)


@pytest.mark.parametrize("is_removed", [False, True])
async def test_a_name_is_free_when_its_forgetting_was_cancelled(
    monkeypatch: pytest.MonkeyPatch, is_removed: bool
) -> None:
    """The supervisor may have done it already, or not: nobody knows."""
    remove = Supervisor.remove

    async def slow(supervisor: Supervisor, name: str) -> None:
        if is_removed:
            await remove(supervisor, name)
        await trio.sleep_forever()

    async with open_actors() as actors:
        await actors.spawn(brief, name="a")
        await wait_all_tasks_blocked()
        with monkeypatch.context() as patch, trio.CancelScope() as scope:
            patch.setattr(Supervisor, "remove", slow)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(actors.spawn, reader)
                await wait_all_tasks_blocked()
                scope.cancel()
        assert actors.statistics() == ()
        await actors.spawn(reader, name="a")


async def test_the_name_of_a_stuck_actor_is_free_when_it_has_ended(
    autojump_clock: MockClock,
) -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(stubborn, name="a", stop=KILL)
        await wait_all_tasks_blocked()
        assert (await ref.stop()).end == "stuck"
        await actors.spawn(reader)  # it cannot be forgotten yet
        await trio.sleep(40)
        await actors.spawn(reader, name="a")


async def stubborn(inbox: Inbox[int]) -> None:
    with trio.CancelScope(shield=True):
        await trio.sleep(30)


async def test_a_child_that_is_no_actor_is_never_forgotten() -> None:
    async with open_actors() as actors:
        await actors.supervisor.start(ChildSpec("a", trio.sleep_forever, stop=KILL))
        with pytest.raises(ChildExists):
            await actors.spawn(reader, name="a")
        await actors.supervisor.stop("a")
        await actors.spawn(reader)
        await actors.supervisor.restart("a")  # it is still known


async def test_an_old_ref_stops_no_actor_of_the_same_name() -> None:
    async with open_actors() as actors:
        old = await actors.spawn(reader, name="a")
        await old.stop()
        ref = await actors.spawn(reader, name="a")
        assert (await old.stop()).end == "not_running"
        assert not old.is_alive
        assert ref.is_alive


class Unstartable(Actor[int]):
    async def started(self, inbox: Inbox[int]) -> None:
        raise LookupError


async def test_a_failed_spawn_takes_no_actor_of_the_same_name_along(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first one fails late: its name has been taken again by then."""
    start = Supervisor.start

    async def late(supervisor: Supervisor, spec: ChildSpec) -> object:
        try:
            return await start(supervisor, spec)
        except ChildStartFailed:
            await wait_all_tasks_blocked()
            raise

    async def first() -> None:
        with pytest.raises(ChildStartFailed):
            await actors.spawn(Unstartable, name="a", restart="temporary")

    monkeypatch.setattr(Supervisor, "start", late)
    async with open_actors() as actors, trio.open_nursery() as nursery:
        nursery.start_soon(first)
        await wait_all_tasks_blocked(0)
        ref = await actors.spawn(reader, name="a")
        await wait_all_tasks_blocked()
        await wait_all_tasks_blocked()
        assert [each.name for each in actors.statistics()] == ["a"]
        assert (await ref.stop()).end == "returned"
