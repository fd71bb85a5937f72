"""What must not wait behind work goes ahead of it."""

import pytest
import trio
import trio.testing

from crew_actors.actors import Inbox, MailboxClosed, open_actors


async def test_a_system_message_overtakes_all_that_wait_in_a_full_mailbox(
    autojump_clock: trio.testing.MockClock,
) -> None:
    seen: list[str] = []
    gate = trio.Event()

    async def slow(inbox: Inbox[str]) -> None:
        async for message in inbox:
            await gate.wait()
            seen.append(message)

    async with open_actors() as actors:
        ref = await actors.spawn(slow, capacity=2)
        await ref.tell("in hand")
        await trio.testing.wait_all_tasks_blocked()
        await ref.tell("one")
        await ref.tell("two")
        ref.tell_system("stop")
        gate.set()
        await trio.testing.wait_all_tasks_blocked()
        assert seen == ["in hand", "stop", "one", "two"]


async def test_a_stopped_actor_takes_no_system_message(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def idle(inbox: Inbox[str]) -> None:
        async for _ in inbox:
            pass

    async with open_actors() as actors:
        ref = await actors.spawn(idle)
        await ref.stop()
        with pytest.raises(MailboxClosed):
            ref.tell_system("late")
