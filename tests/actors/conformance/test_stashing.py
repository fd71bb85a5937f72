"""Stashing: bounded and in order; the cases of Pekko's `StashBufferSpec`."""

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from crew_actors.actors import (
    ActorRestarted,
    Inbox,
    Ref,
    Request,
    StashFull,
    open_actors,
)
from crew_mailbox import MailboxStatistics, Reason

BOOM = ValueError("boom")


def conserves(figures: MailboxStatistics) -> bool:
    parts = figures.handled + figures.dead + figures.returned + figures.queued
    return figures.accepted == parts


class Gate:
    """Stashes until it is opened."""

    def __init__(self) -> None:
        self.seen = list[str]()

    async def __call__(self, inbox: Inbox[str]) -> None:
        is_open = False
        async for message in inbox:
            if message == "open":
                is_open = True
                inbox.unstash()
            elif message == "crash":
                raise BOOM
            elif is_open:
                self.seen.append(message)
            else:
                inbox.stash()


async def test_what_was_stashed_is_read_in_its_order_before_what_is_queued() -> None:
    gate = Gate()
    async with open_actors() as actors:
        ref = await actors.spawn(gate, name="gate")
        for text in ("a", "b", "c", "open", "d"):
            ref.tell_nowait(text)
        await wait_all_tasks_blocked()
        assert gate.seen == ["a", "b", "c", "d"]
        assert conserves(ref.statistics())


async def test_a_stashed_message_counts_as_queued() -> None:
    gate = Gate()
    async with open_actors() as actors:
        ref = await actors.spawn(gate, name="gate")
        ref.tell_nowait("a")
        ref.tell_nowait("b")
        await wait_all_tasks_blocked()
        figures = ref.statistics()
        assert (figures.queued, figures.stashed, figures.handled) == (2, 2, 0)
        assert conserves(figures)


async def test_a_full_stash_raises_and_leaves_the_message_in_hand() -> None:
    caught = list[StashFull]()

    async def body(inbox: Inbox[str]) -> None:
        async for _ in inbox:
            try:
                inbox.stash()
            except StashFull as full:
                caught.append(full)
                figures = inbox.ref.statistics()
                assert (figures.stashed, figures.in_hand) == (2, 1)
                assert conserves(figures)

    async with open_actors() as actors:
        ref = await actors.spawn(body, capacity=2)
        for text in ("a", "b", "c"):
            await ref.tell(text)
        await wait_all_tasks_blocked()
        assert [(full.name, full.limit) for full in caught] == [(ref.name, 2)]
        assert ref.statistics().handled == 1  # it was handled without the stash


async def test_stashing_again_keeps_the_order() -> None:
    seen = list[str]()

    async def body(inbox: Inbox[str]) -> None:
        rounds = 0
        async for message in inbox:
            if message == "open":
                rounds += 1
                inbox.unstash()
            elif rounds < 2:
                inbox.stash()
                if message == "b" and rounds:  # b and what is behind it comes later
                    assert inbox.unstash() == 2
                    rounds = 2
            else:
                seen.append(message)

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        for text in ("a", "b", "c", "open", "d"):
            ref.tell_nowait(text)
        await wait_all_tasks_blocked()
        assert seen == ["a", "b", "c", "d"]


async def test_a_failure_half_way_through_the_stash_keeps_the_rest() -> None:
    seen = list[str]()

    async def body(inbox: Inbox[str]) -> None:
        is_open = inbox.incarnation > 1
        async for message in inbox:
            if message == "open":
                is_open = True
                inbox.unstash()
            elif not is_open:
                inbox.stash()
            elif message == "b":
                raise BOOM
            else:
                seen.append(message)

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        for text in ("a", "b", "c", "open", "d"):
            ref.tell_nowait(text)
        await wait_all_tasks_blocked()
        assert seen == ["a", "c", "d"]
        assert actors.dead_letters.counts() == {Reason.HANDLER_FAILED: 1}


async def test_the_stash_of_an_incarnation_that_failed_is_queued_again() -> None:
    seen = list[tuple[int, str]]()

    async def body(inbox: Inbox[str]) -> None:
        async for message in inbox:
            if message == "crash":
                raise BOOM
            if inbox.incarnation == 1:
                inbox.stash()
            else:
                seen.append((inbox.incarnation, message))

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        for text in ("a", "b", "crash", "c"):
            ref.tell_nowait(text)
        await wait_all_tasks_blocked()
        assert seen == [(2, "a"), (2, "b"), (2, "c")]
        assert conserves(ref.statistics())


async def test_what_is_stashed_at_the_end_becomes_dead_letters_in_order() -> None:
    gate = Gate()
    async with open_actors() as actors:
        ref = await actors.spawn(gate, name="gate")
        for text in ("a", "b"):
            ref.tell_nowait(text)
        await wait_all_tasks_blocked()
        await ref.stop()
        letters = [(each.reason, each.summary) for each in actors.dead_letters.newest()]
        assert letters == [(Reason.UNDELIVERED, "'a'"), (Reason.UNDELIVERED, "'b'")]
        assert conserves(ref.statistics())


async def test_without_a_message_in_hand_nothing_is_stashed() -> None:
    async def body(inbox: Inbox[str]) -> None:
        inbox.stash()
        assert inbox.unstash() == 0
        await inbox.receive()
        inbox.ack()
        inbox.stash()
        assert inbox.unstash() == 0

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        await ref.tell("a")
        assert (await ref.wait()).how == "returned"


@attrs.frozen
class Get(Request[int]):
    """Answered with the incarnation."""


async def ask(ref: Ref[Get | str], answers: list[int]) -> None:
    answers.append(await ref.ask(Get(), timeout=5))


async def test_a_stashed_ask_goes_on_waiting_also_over_a_restart(
    autojump_clock: MockClock,
) -> None:
    async def body(inbox: Inbox[Get | str]) -> None:
        async for message in inbox:
            if message == "crash":
                raise BOOM
            if isinstance(message, Get):
                if inbox.incarnation == 1:
                    inbox.stash()
                else:
                    message.reply(inbox.incarnation)

    answers = list[int]()
    async with open_actors() as actors:
        ref = await actors.spawn(body)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, ref, answers)
            await wait_all_tasks_blocked()
            await ref.tell("other")
            await ref.tell("crash")
        assert answers == [2]


async def test_an_ask_in_hand_at_a_failure_is_not_saved_by_a_stash_of_others() -> None:
    async def body(inbox: Inbox[Get | str]) -> None:
        async for message in inbox:
            if isinstance(message, Get):
                raise BOOM
            inbox.stash()

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        await ref.tell("a")
        with pytest.raises(ActorRestarted):
            await ref.ask(Get(), timeout=1)
