"""Asks that would wait for each other are refused, and no others."""

from collections.abc import Awaitable, Callable

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from crew_actors.actors import (
    Actor,
    ActorRestarted,
    AskCycle,
    AskTimeout,
    Inbox,
    Ref,
    Request,
    open_actors,
)


@attrs.frozen
class Ask(Request[str]):
    """Answered with the names of those who were asked, in the order of the path."""

    path: tuple[Ref["Ask"], ...] = ()


async def relay(inbox: Inbox[Ask]) -> None:
    """Asks the next one of the path, and answers with what it says."""
    async for message in inbox:
        rest = ""
        if message.path:
            rest = await message.path[0].ask(Ask(message.path[1:]), timeout=50)
        message.reply(inbox.name + rest)


async def cycle_of(names: str, path: str) -> AskCycle:
    """Return the cycle that an ask along *path* fails with."""
    async with open_actors(max_restarts=20) as actors:
        refs = {name: await actors.spawn(relay, name=name) for name in names}
        first, *others = (refs[name] for name in path)
        with pytest.raises(ActorRestarted) as failed:
            await first.ask(Ask(tuple(others)), timeout=60)
        assert trio.current_time() == 0
        error: BaseException | None = failed.value
        while not isinstance(error, AskCycle):
            assert error is not None
            error = error.__cause__
        await wait_all_tasks_blocked()
        again = await first.ask(Ask(()), timeout=1)  # nobody hangs
        assert again == path[0]
        return error


async def test_asking_oneself_is_a_cycle(autojump_clock: MockClock) -> None:
    cycle = await cycle_of("a", "aa")
    assert cycle.actors == ("a", "a")


async def test_two_that_ask_each_other_are_a_cycle(autojump_clock: MockClock) -> None:
    cycle = await cycle_of("ab", "aba")
    assert cycle.actors == ("b", "a", "b")
    assert "b -> a -> b" in str(cycle)


async def test_a_long_cycle_is_named_whole(autojump_clock: MockClock) -> None:
    cycle = await cycle_of("abcd", "abcdb")
    assert set(cycle.actors) == set("bcd")
    assert cycle.actors[0] == cycle.actors[-1]


async def test_a_path_without_a_cycle_is_answered() -> None:
    async with open_actors() as actors:
        refs = [await actors.spawn(relay, name=name) for name in "abcd"]
        assert await refs[0].ask(Ask(tuple(refs[1:])), timeout=1) == "abcd"
        assert await refs[3].ask(Ask((refs[1], refs[0])), timeout=1) == "dba"


async def test_an_ask_that_was_refused_may_be_sent_to_somebody_else() -> None:
    answers = list[str]()

    async def both(inbox: Inbox[Ask | str], other: Ref[Ask]) -> None:
        request = Ask()
        await inbox.receive()
        with pytest.raises(AskCycle):
            await inbox.ref.ask(request, timeout=1)
        answers.append(await other.ask(request, timeout=1))

    async with open_actors() as actors:
        other = await actors.spawn(relay, name="other")
        ref = await actors.spawn(both, other)
        await ref.tell("go")
        await ref.wait()
        assert answers == ["other"]


async def asks_from_a_job(inbox: Inbox[Ask | str]) -> None:
    async def ask() -> str:
        return await inbox.ref.ask(Ask(), timeout=1)

    inbox.pipe_to_self(ask, then=str, error=repr)
    async for message in inbox:
        if isinstance(message, Ask):
            message.reply("fine")
        else:
            assert message == "fine"
            return


async def asks_from_a_nursery(inbox: Inbox[Ask | str]) -> None:
    async def ask() -> None:
        assert await inbox.ref.ask(Ask(), timeout=1) == "fine"

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        async for message in inbox:
            if isinstance(message, Ask):
                message.reply("fine")
                return


@pytest.mark.parametrize("body", [asks_from_a_job, asks_from_a_nursery])
async def test_an_ask_beside_the_reading_of_messages_is_no_cycle(
    body: Callable[[Inbox[Ask | str]], Awaitable[None]],
) -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(body, restart="temporary")
        assert (await ref.wait()).how == "returned"


async def test_a_question_that_was_sent_on_is_not_waited_for_from_the_first() -> None:
    """a asks b; b sends that on to c and asks a's sibling who asks b: no cycle."""
    answers = list[str]()

    async def asker(inbox: Inbox[Ask], target: Ref[Ask]) -> None:
        async for message in inbox:
            answers.append(await target.ask(Ask(), timeout=5))
            message.reply("done")

    async def forwards(inbox: Inbox[Ask | Ref[Ask]], back: Ref[Ask]) -> None:
        first: Ref[Ask] | None = None
        async for message in inbox:
            if isinstance(message, Ask):
                await back.tell(message)
                if first is not None:
                    answers.append(await first.ask(Ask(), timeout=5))
            else:
                first = message

    async def slow(inbox: Inbox[Ask]) -> None:
        async for message in inbox:
            await trio.lowlevel.checkpoint()
            message.reply("slow")

    async with open_actors() as actors:
        back = await actors.spawn(slow)
        middle = await actors.spawn(forwards, back)
        first = await actors.spawn(asker, middle)
        await middle.tell(first)
        assert await first.ask(Ask(), timeout=5) == "done"
        await wait_all_tasks_blocked()
        assert "slow" in answers


async def test_a_wait_for_room_counts_as_a_wait_for_the_answer(
    autojump_clock: MockClock,
) -> None:
    """a waits for room at b, and b asks a: neither would go on."""
    caught = list[AskCycle]()

    async def b_body(inbox: Inbox[Ask | str], others: list[Ref[Ask]]) -> None:
        await inbox.receive()
        await trio.sleep(1)
        with pytest.raises(AskCycle) as cycle:
            await others[0].ask(Ask(), timeout=5)
        caught.append(cycle.value)
        async for message in inbox:
            if isinstance(message, Ask):
                message.reply("b")

    async with open_actors() as actors:
        others = list[Ref[Ask]]()
        b = await actors.spawn(b_body, others, name="b", capacity=1)
        a = await actors.spawn(relay, name="a")
        others.append(a)
        b.tell_nowait("begin")
        await wait_all_tasks_blocked()
        b.tell_nowait("full")
        assert await a.ask(Ask((b,)), timeout=5) == "ab"
        assert [cycle.actors for cycle in caught] == [("b", "a", "b")]


async def test_an_ask_that_nobody_answers_still_ends_by_its_time(
    autojump_clock: MockClock,
) -> None:
    async def deaf(inbox: Inbox[Ask]) -> None:
        async for _ in inbox:
            await trio.sleep(100)

    async with open_actors() as actors:
        ref = await actors.spawn(deaf)
        with pytest.raises(AskTimeout):
            await ref.ask(Ask(), timeout=3)
        assert trio.current_time() == 3


@attrs.frozen
class Later(Request[int]):
    """Answered by a job."""


async def test_a_question_that_was_deferred_closes_no_cycle(
    autojump_clock: MockClock,
) -> None:
    answers = list[int]()

    async def answer(request: Later) -> None:
        await trio.sleep(1)
        request.reply(5)

    async def first(inbox: Inbox[Ref[Later] | Later]) -> None:
        async for message in inbox:
            if isinstance(message, Later):
                message.reply(7)
            else:
                answers.append(await message.ask(Later(), timeout=9))

    async def second(inbox: Inbox[Later | None], asked: Ref[Later]) -> None:
        async for message in inbox:
            if message is not None:
                message.defer()
                inbox.pipe_to_self(
                    answer, message, then=lambda _: None, error=lambda _: None
                )
                answers.append(await asked.ask(Later(), timeout=9))

    async with open_actors() as actors:
        one = await actors.spawn(first)
        two = await actors.spawn(second, one)
        await one.tell(two)
        await trio.sleep(2)
        assert answers == [5, 7]


class Curious(Actor[Later]):
    """Asks before it reads."""

    def __init__(self, errors: list[AskCycle]) -> None:
        self.errors = errors

    async def started(self, inbox: Inbox[Later]) -> None:
        try:
            await inbox.ref.ask(Later(), timeout=9)
        except AskCycle as error:
            self.errors.append(error)


async def test_a_class_that_asks_itself_before_it_reads_is_a_cycle(
    autojump_clock: MockClock,
) -> None:
    errors = list[AskCycle]()
    async with open_actors() as actors:
        await actors.spawn(Curious, errors, name="c")
    assert [error.actors for error in errors] == [("c", "c")]
