"""Refs and requests belong to the thread of their trio run."""

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from crew_actors.actors import AskTimeout, Inbox, Request, open_actors


@attrs.frozen(eq=False)
class Get(Request[int]):
    """Answered with a number."""


async def test_a_reply_from_another_thread_is_refused_and_the_ask_still_ends() -> None:
    async def body(inbox: Inbox[Get]) -> None:
        async for message in inbox:
            message.defer()
            with pytest.raises(RuntimeError):
                await trio.to_thread.run_sync(message.reply, 3)

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        with trio.fail_after(60), pytest.raises(AskTimeout):
            await ref.ask(Get(), timeout=0.05)


async def test_a_reply_by_way_of_the_trio_thread_arrives() -> None:
    def compute(request: Get) -> None:
        trio.from_thread.run_sync(request.reply, 3)

    async def body(inbox: Inbox[Get]) -> None:
        async for message in inbox:
            message.defer()
            await trio.to_thread.run_sync(compute, message)

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        assert await ref.ask(Get(), timeout=60) == 3


async def test_an_actor_outlives_a_tell_from_another_thread() -> None:
    seen = list[str]()

    async def body(inbox: Inbox[str]) -> None:
        async for message in inbox:
            seen.append(message)

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        await wait_all_tasks_blocked()
        with pytest.raises(RuntimeError):
            await trio.to_thread.run_sync(ref.tell_nowait, "from elsewhere")
        await ref.tell("from here")
        await wait_all_tasks_blocked()
        assert seen[-1] == "from here"
