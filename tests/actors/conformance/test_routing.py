"""Routers: one address for several actors; the cases of Pekko's `RoutersSpec`."""

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from crew_actors.actors import (
    ActorStopped,
    AskTimeout,
    Group,
    Inbox,
    MailboxFull,
    NoRoutees,
    Recipient,
    Ref,
    Request,
    Router,
    least_loaded,
    open_actors,
    round_robin,
)
from crew_supervisors import KILL, ChildStopping, Event


@attrs.frozen
class Who(Request[str]):
    """Answered with the name of the actor."""

    after: float = 0.0


class Log:
    """An actor that writes down who read what."""

    def __init__(self) -> None:
        self.seen = list[tuple[str, object]]()

    async def __call__(self, inbox: Inbox[str | Who]) -> None:
        async for message in inbox:
            if isinstance(message, Who):
                await trio.sleep(message.after)
                message.reply(inbox.name)
            elif message == "crash":
                raise ValueError
            else:
                self.seen.append((inbox.name, message))


async def test_round_robin_sends_to_each_in_its_turn() -> None:
    log = Log()
    async with open_actors() as actors:
        refs = [await actors.spawn(log, name=name) for name in "abc"]
        router = round_robin(refs)
        answers = [await router.ask(Who(), timeout=1) for _ in range(7)]
        assert "".join(answers) == "abcabca"


async def test_least_loaded_sends_to_the_one_with_the_fewest_messages() -> None:
    go_on = trio.Event()

    async def busy(inbox: Inbox[str]) -> None:
        async for _ in inbox:
            await go_on.wait()

    async with open_actors() as actors:
        refs = [await actors.spawn(busy, capacity=3) for _ in range(3)]
        for _ in range(3):
            await refs[0].tell("work")
        await refs[1].tell("work")
        await wait_all_tasks_blocked()
        router = least_loaded(refs)
        for _ in range(5):
            await router.tell("work")
        loads = [ref.statistics().queued for ref in refs]
        assert loads == [3, 3, 3]
        go_on.set()


async def test_among_equals_least_loaded_goes_round() -> None:
    log = Log()
    async with open_actors() as actors:
        refs = [await actors.spawn(log, name=name) for name in "abc"]
        router = least_loaded(refs)
        for _ in range(6):
            await router.tell("x")
            await wait_all_tasks_blocked()
        assert "".join(name for name, _ in log.seen) == "abcabc"


async def test_a_blocked_sender_counts_as_load(autojump_clock: MockClock) -> None:
    async def busy(inbox: Inbox[str]) -> None:
        await trio.sleep_forever()

    async with open_actors() as actors, trio.open_nursery() as nursery:
        first, second = [
            await actors.spawn(busy, capacity=1, stop=KILL) for _ in range(2)
        ]
        first.tell_nowait("a")
        second.tell_nowait("a")
        nursery.start_soon(first.tell, "b")
        await wait_all_tasks_blocked()
        router = least_loaded([first, second])
        nursery.start_soon(router.tell, "c")
        await wait_all_tasks_blocked()
        assert second.statistics().senders_waiting == 1
        nursery.cancel_scope.cancel()


async def test_a_router_survives_the_death_of_a_member() -> None:
    log = Log()
    async with open_actors() as actors:
        refs = [await actors.spawn(log, name=name) for name in "abc"]
        router = round_robin(refs)
        await refs[1].stop()
        answers = [await router.ask(Who(), timeout=1) for _ in range(4)]
        assert "".join(answers) == "acac"
        assert router.is_alive


async def test_a_member_that_restarts_stays_a_member() -> None:
    log = Log()
    async with open_actors() as actors:
        ref = await actors.spawn(log, name="a")
        router = round_robin([ref])
        await router.tell("crash")
        await router.tell("x")
        await wait_all_tasks_blocked()
        assert log.seen == [("a", "x")]


async def test_members_join_and_leave_while_messages_are_sent() -> None:
    log = Log()
    group: Group[str | Who] = Group("workers")
    router = round_robin(group)
    async with open_actors() as actors:
        first = await actors.spawn(log, name="a")
        group.join(first)
        assert await router.ask(Who(), timeout=1) == "a"
        group.join(await actors.spawn(log, name="b"))
        group.leave(first)
        assert await router.ask(Who(), timeout=1) == "b"
        assert router.name == "workers"
        assert repr(router) == "<Router 'workers': 1 members>"


async def test_a_router_without_members_says_so() -> None:
    router: Router[str | Who] = round_robin(Group[str | Who]("empty"))
    with pytest.raises(NoRoutees, match="empty"):
        await router.tell("x")
    with pytest.raises(NoRoutees):
        router.tell_nowait("x")
    with pytest.raises(NoRoutees):
        await router.ask(Who(), timeout=1)
    assert not router.is_alive


async def test_a_message_that_waits_for_room_goes_to_another_one_at_a_death(
    autojump_clock: MockClock,
) -> None:
    async def deaf(inbox: Inbox[str | Who]) -> None:
        await trio.sleep_forever()

    log = Log()
    async with open_actors() as actors, trio.open_nursery() as nursery:
        first = await actors.spawn(deaf, capacity=1, stop=KILL)
        second = await actors.spawn(log, name="b")
        first.tell_nowait("full")
        router = round_robin([first, second])
        nursery.start_soon(router.tell, "x")
        await wait_all_tasks_blocked()
        await first.stop()
        await wait_all_tasks_blocked()
        assert log.seen == [("b", "x")]


async def test_an_ask_that_waits_for_room_goes_to_another_one_at_a_death(
    autojump_clock: MockClock,
) -> None:
    async def deaf(inbox: Inbox[str | Who]) -> None:
        await trio.sleep_forever()

    log = Log()
    answers = list[str]()
    async with open_actors() as actors, trio.open_nursery() as nursery:
        first = await actors.spawn(deaf, capacity=1, stop=KILL)
        second = await actors.spawn(log, name="b")
        first.tell_nowait("full")
        router = round_robin([first, second])

        async def ask() -> None:
            answers.append(await router.ask(Who(), timeout=9))

        nursery.start_soon(ask)
        await wait_all_tasks_blocked()
        await first.stop()
        await wait_all_tasks_blocked()
        assert answers == ["b"]


async def test_an_ask_that_was_accepted_is_not_asked_again(
    autojump_clock: MockClock,
) -> None:
    log = Log()
    async with open_actors() as actors:
        refs = [await actors.spawn(log, name=name, stop=KILL) for name in "ab"]
        router = round_robin(refs)
        async with trio.open_nursery() as nursery:

            async def ask() -> None:
                with pytest.raises(ActorStopped):
                    await router.ask(Who(after=50), timeout=100)

            nursery.start_soon(ask)
            await wait_all_tasks_blocked()
            await refs[0].stop()


async def test_a_full_member_that_does_not_wait_refuses_for_the_router() -> None:
    async def deaf(inbox: Inbox[str]) -> None:
        await trio.sleep_forever()

    async with open_actors() as actors:
        ref = await actors.spawn(deaf, capacity=1, on_full="fail", stop=KILL)
        router = round_robin([ref])
        router.tell_nowait("x")
        with pytest.raises(MailboxFull):
            await router.tell("y")


async def test_a_router_can_broadcast() -> None:
    log = Log()
    async with open_actors() as actors:
        refs = [await actors.spawn(log, name=name) for name in "abc"]
        router = round_robin(refs)
        assert await router.broadcast("x") == ()
        await wait_all_tasks_blocked()
        assert sorted(log.seen) == [("a", "x"), ("b", "x"), ("c", "x")]


async def test_a_router_stands_where_a_ref_may_stand() -> None:
    async def feed(target: Recipient[str]) -> None:
        await target.tell("x")
        target.tell_nowait("y", "low")

    log = Log()
    async with open_actors() as actors:
        ref: Ref[str | Who] = await actors.spawn(log, name="a")
        await feed(ref)
        await feed(round_robin([ref]))
        await wait_all_tasks_blocked()
        assert len(log.seen) == 4


async def test_the_time_of_an_ask_is_for_all_members_together(
    autojump_clock: MockClock,
) -> None:
    async def stuck(inbox: Inbox[Who]) -> None:
        async for _ in inbox:
            await trio.sleep(100)

    async with open_actors() as actors:
        refs = [await actors.spawn(stuck, capacity=1, stop=KILL) for _ in range(2)]
        for ref in refs:
            ref.tell_nowait(Who())
            await wait_all_tasks_blocked()
            ref.tell_nowait(Who())
        router = round_robin(refs)
        async with trio.open_nursery() as nursery:

            async def stop_the_first() -> None:
                await trio.sleep(3)
                await refs[0].stop()

            nursery.start_soon(stop_the_first)
            with pytest.raises(AskTimeout):
                await router.ask(Who(), timeout=4)
            assert trio.current_time() == 4


async def test_an_ask_whose_time_is_over_goes_to_nobody_else(
    autojump_clock: MockClock,
) -> None:
    async def stuck(inbox: Inbox[Who]) -> None:
        async for _ in inbox:
            await trio.sleep(100)

    def let_time_pass(event: Event) -> None:
        if isinstance(event, ChildStopping) and event.child == "first":
            autojump_clock.jump(2)  # before the asker can see that it was refused

    async with open_actors(on_event=let_time_pass) as actors:
        first = await actors.spawn(stuck, name="first", capacity=1, stop=KILL)
        first.tell_nowait(Who())
        await wait_all_tasks_blocked()
        first.tell_nowait(Who())
        second = await actors.spawn(stuck, stop=KILL)
        router = round_robin([first, second])
        async with trio.open_nursery() as nursery:

            async def stop_the_first() -> None:
                await trio.sleep(3)
                await first.stop()

            nursery.start_soon(stop_the_first)
            with pytest.raises(AskTimeout, match="within 4 s"):
                await router.ask(Who(), timeout=4)
        assert second.statistics().accepted == 0
