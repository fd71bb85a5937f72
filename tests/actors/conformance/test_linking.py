"""Links: incarnations that end together; the cases of OTP's links and exit signals."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from crew_actors.actors import (
    Actor,
    ActorStopped,
    Exited,
    Inbox,
    LinkBroken,
    Ref,
    open_actors,
)
from crew_mailbox import Reason
from crew_supervisors import Backoff, ChildFailed, Event, Grace

BOOM = ValueError("boom")


async def mortal(inbox: Inbox[str]) -> None:
    """Ends at `end`, fails at `boom`."""
    async for message in inbox:
        if message == "end":
            return
        if message == "boom":
            raise BOOM


async def linked(inbox: Inbox[str], other: Ref[str]) -> None:
    """Links itself once, and is busy for long."""
    if inbox.incarnation == 1:
        inbox.link(other)
    async for message in inbox:
        if message == "boom":
            raise BOOM
        if message == "unlink":
            assert inbox.unlink(other)
            assert not inbox.unlink(other)
        if message == "sleep":
            await trio.sleep(100)


async def test_the_failure_of_one_fails_the_other_at_once(
    autojump_clock: MockClock,
) -> None:
    events = list[Event]()
    async with open_actors(on_event=events.append) as actors:
        first = await actors.spawn(mortal, name="first")
        second = await actors.spawn(linked, first, name="second")
        await wait_all_tasks_blocked()
        await first.tell("boom")
        await wait_all_tasks_blocked()
        assert (first.incarnation, second.incarnation) == (2, 2)
        assert trio.current_time() == 0
    failures = {e.child: e.error for e in events if isinstance(e, ChildFailed)}
    broken = failures["second"]
    assert isinstance(broken, LinkBroken)
    assert (broken.actor, broken.linked) == ("second", "first")
    assert broken.__cause__ is BOOM


async def test_a_link_reaches_both_ways(autojump_clock: MockClock) -> None:
    async with open_actors() as actors:
        first = await actors.spawn(mortal)
        second = await actors.spawn(linked, first)
        await wait_all_tasks_blocked()
        await second.tell("boom")
        await wait_all_tasks_blocked()
        assert (first.incarnation, second.incarnation) == (2, 2)


async def test_a_busy_actor_ends_in_the_middle_of_its_message(
    autojump_clock: MockClock,
) -> None:
    async with open_actors() as actors:
        first = await actors.spawn(mortal)
        second = await actors.spawn(linked, first)
        await second.tell("sleep")
        await wait_all_tasks_blocked()
        await first.tell("boom")
        await wait_all_tasks_blocked()
        assert second.incarnation == 2
        letters = {each.summary: each for each in actors.dead_letters.newest()}
        assert letters["'sleep'"].reason is Reason.HANDLER_FAILED
        assert "LinkBroken" in (letters["'sleep'"].cause or "")
        assert trio.current_time() == 0


async def test_a_link_is_gone_after_a_restart(autojump_clock: MockClock) -> None:
    async with open_actors() as actors:
        first = await actors.spawn(mortal)
        second = await actors.spawn(linked, first)
        await wait_all_tasks_blocked()
        for _ in range(2):
            await first.tell("boom")
            await wait_all_tasks_blocked()
        assert (first.incarnation, second.incarnation) == (3, 2)


async def test_the_other_one_is_stopped_with_one_that_is_stopped() -> None:
    async with open_actors() as actors:
        first = await actors.spawn(mortal)
        second = await actors.spawn(linked, first)
        await wait_all_tasks_blocked()
        await first.stop()
        assert (await second.wait()).how == "stopped"


async def test_the_other_one_goes_on_after_one_that_returned() -> None:
    async with open_actors() as actors:
        first = await actors.spawn(mortal)
        second = await actors.spawn(linked, first)
        await wait_all_tasks_blocked()
        await first.tell("end")
        await wait_all_tasks_blocked()
        assert not first.is_alive
        assert second.is_alive
        assert second.incarnation == 1


async def test_unlink_undoes_a_link_for_both() -> None:
    async with open_actors() as actors:
        first = await actors.spawn(mortal)
        second = await actors.spawn(linked, first)
        await second.tell("unlink")
        await wait_all_tasks_blocked()
        await first.tell("boom")
        await second.tell("boom")
        await wait_all_tasks_blocked()
        assert (first.incarnation, second.incarnation) == (2, 2)


class Trapper:
    """An actor that gets a message about ends instead of ending."""

    def __init__(self) -> None:
        self.seen = list[str | Exited]()
        self.go_on = trio.Event()
        self.go_on.set()

    async def __call__(self, inbox: Inbox[str | Exited], other: Ref[str]) -> None:
        inbox.link(other, trap=True)
        async for message in inbox:
            self.seen.append(message)
            if message == "unlink":
                await self.go_on.wait()
                self.seen.append(str(inbox.unlink(other)))


@pytest.mark.parametrize(("way", "how"), [("end", "returned"), ("boom", "failed")])
async def test_who_traps_is_told_how_the_other_one_ended(way: str, how: str) -> None:
    trapper = Trapper()
    async with open_actors() as actors:
        first = await actors.spawn(mortal)
        second = await actors.spawn(trapper, first, name="t")
        await wait_all_tasks_blocked()
        await first.tell(way)
        await wait_all_tasks_blocked()
        (exited,) = trapper.seen
        assert isinstance(exited, Exited)
        assert (exited.ref, exited.incarnation, exited.how) == (first, 1, how)
        assert exited.failure is (BOOM if how == "failed" else None)
        assert second.incarnation == 1


async def test_who_traps_outlives_a_stop() -> None:
    trapper = Trapper()
    async with open_actors() as actors:
        first = await actors.spawn(mortal)
        second = await actors.spawn(trapper, first, name="t")
        await wait_all_tasks_blocked()
        await first.stop()
        await wait_all_tasks_blocked()
        assert trapper.seen == [Exited(first, 1, "stopped")]
        assert second.is_alive


async def test_trapping_is_a_matter_of_each_side() -> None:
    trapper = Trapper()
    async with open_actors() as actors:
        first = await actors.spawn(mortal)
        second = await actors.spawn(trapper, first, name="t")
        await wait_all_tasks_blocked()
        await second.stop()
        assert (await first.wait()).how == "stopped"


async def test_unlink_withdraws_a_message_about_the_end() -> None:
    trapper = Trapper()
    trapper.go_on = trio.Event()
    async with open_actors() as actors:
        first = await actors.spawn(mortal)
        second = await actors.spawn(trapper, first, name="t")
        await second.tell("unlink")
        await wait_all_tasks_blocked()
        await first.stop()
        trapper.go_on.set()
        await wait_all_tasks_blocked()
        assert trapper.seen == ["unlink", "True"]


async def test_a_link_to_an_actor_that_has_ended_fails_at_once() -> None:
    async with open_actors() as actors:
        first = await actors.spawn(mortal)
        await first.stop()
        second = await actors.spawn(linked, first, restart="temporary")
        end = await second.wait()
        assert isinstance(end.failure, ActorStopped)


async def test_who_traps_is_told_of_an_actor_that_has_ended() -> None:
    trapper = Trapper()
    async with open_actors() as actors:
        first = await actors.spawn(mortal)
        await first.stop()
        await actors.spawn(trapper, first, name="t")
        await wait_all_tasks_blocked()
        assert trapper.seen == [Exited(first, 1, "stopped")]


async def test_a_link_to_itself_is_none() -> None:
    async def selfish(inbox: Inbox[str]) -> None:
        inbox.link(inbox.ref)
        await mortal(inbox)

    async with open_actors() as actors:
        ref = await actors.spawn(selfish)
        await ref.tell("boom")
        await wait_all_tasks_blocked()
        assert ref.incarnation == 2


async def test_a_link_to_an_actor_in_backoff_is_one_to_its_next_incarnation(
    autojump_clock: MockClock,
) -> None:
    async with open_actors() as actors:
        first = await actors.spawn(mortal, backoff=Backoff(first=5, jitter=0))
        await first.tell("boom")
        await trio.sleep(1)
        second = await actors.spawn(linked, first)
        await trio.sleep(1)
        await second.tell("boom")
        await trio.sleep(1)
        assert (first.incarnation, second.incarnation) == (1, 2)
        await trio.sleep(20)
        assert first.incarnation == 3  # the second one failed before it had begun
        assert second.incarnation == 2


async def test_a_chain_of_links_ends_as_a_whole() -> None:
    async def link_to(inbox: Inbox[str], others: list[Ref[str]]) -> None:
        if inbox.incarnation == 1:
            for other in others:
                inbox.link(other)
        await mortal(inbox)

    async with open_actors(max_restarts=10) as actors:
        refs = list[Ref[str]]()
        for _ in range(5):
            refs.append(await actors.spawn(link_to, refs[-1:]))
        await wait_all_tasks_blocked()
        await refs[2].tell("boom")
        await wait_all_tasks_blocked()
        assert [ref.incarnation for ref in refs] == [2] * 5


async def test_the_hook_of_a_class_sees_that_a_link_broke() -> None:
    seen = list[BaseException | None]()

    class Linked(Actor[str]):
        def __init__(self, other: Ref[str]) -> None:
            self.other = other

        async def started(self, inbox: Inbox[str]) -> None:
            if inbox.incarnation == 1:
                inbox.link(self.other)

        async def stopping(
            self, inbox: Inbox[str], failure: BaseException | None
        ) -> None:
            seen.append(failure)

    async with open_actors() as actors:
        first = await actors.spawn(mortal)
        await actors.spawn(Linked, first)
        await first.tell("boom")
        await wait_all_tasks_blocked()
        assert [type(each) for each in seen] == [LinkBroken]


async def test_leaving_the_block_keeps_its_order_in_spite_of_links(
    autojump_clock: MockClock,
) -> None:
    ended = list[str]()

    async def body(inbox: Inbox[str], others: list[Ref[str]]) -> None:
        for other in others:
            inbox.link(other)
        async for _ in inbox:
            pass
        await trio.sleep(1)
        ended.append(inbox.name)

    async with open_actors() as actors:
        refs = list[Ref[str]]()
        for name in ("a", "b", "c"):
            refs.append(await actors.spawn(body, refs[:1], name=name, stop=Grace(3)))
        await wait_all_tasks_blocked()
    assert ended == ["c", "b", "a"]
    assert trio.current_time() == 3


async def test_an_actor_that_is_slow_to_end_keeps_its_messages_and_comes_back(
    autojump_clock: MockClock,
) -> None:
    seen = list[str]()

    async def slow(inbox: Inbox[str], other: Ref[str]) -> None:
        if inbox.incarnation == 1:
            inbox.link(other)
        async for message in inbox:
            seen.append(message)
            if message == "sleep":
                with trio.CancelScope(shield=True):
                    await trio.sleep(30)

    async with open_actors(on_event=lambda _: None) as actors:
        first = await actors.spawn(mortal)
        second = await actors.spawn(slow, first)
        await second.tell("sleep")
        await wait_all_tasks_blocked()
        await second.tell("later")
        await first.tell("boom")
        await trio.sleep(20)
        assert (first.incarnation, second.incarnation) == (2, 1)
        assert second.is_alive
        await trio.sleep(20)
        assert second.incarnation == 2
        assert seen == ["sleep", "later"]


async def test_a_stop_goes_before_a_link_that_breaks_at_the_same_time() -> None:
    async with open_actors() as actors:
        first = await actors.spawn(mortal)
        second = await actors.spawn(linked, first)
        await wait_all_tasks_blocked()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(second.stop)
            first.tell_nowait("boom")
        end = await second.wait()
        assert end.how == "stopped"


async def test_a_body_without_a_checkpoint_left_fails_with_its_link(
    autojump_clock: MockClock,
) -> None:
    failures = list[Event]()

    async def stubborn(inbox: Inbox[str], other: Ref[str]) -> None:
        if inbox.incarnation == 1:
            inbox.link(other)
            with trio.CancelScope(shield=True):
                await trio.sleep(3)
        else:
            await mortal(inbox)

    async with open_actors(on_event=failures.append) as actors:
        first = await actors.spawn(mortal)
        second = await actors.spawn(stubborn, first)
        await wait_all_tasks_blocked()
        await first.tell("boom")
        await trio.sleep(5)
        assert second.incarnation == 2
    errors = [event.error for event in failures if isinstance(event, ChildFailed)]
    assert isinstance(errors[-1], LinkBroken)


async def test_two_links_that_break_at_once_are_one_failure() -> None:
    async def link_both(inbox: Inbox[str], others: list[Ref[str]]) -> None:
        if inbox.incarnation == 1:
            for other in others:
                inbox.link(other)
        await mortal(inbox)

    events = list[Event]()
    async with open_actors(max_restarts=9, on_event=events.append) as actors:
        others = [await actors.spawn(mortal) for _ in range(2)]
        ref = await actors.spawn(link_both, others)
        await wait_all_tasks_blocked()
        for other in others:
            other.tell_nowait("boom")
        await wait_all_tasks_blocked()
        assert [each.incarnation for each in (*others, ref)] == [2, 2, 2]
    (error,) = [
        each.error
        for each in events
        if isinstance(each, ChildFailed) and each.child == ref.name
    ]
    assert isinstance(error, LinkBroken)
    assert error.linked in {each.name for each in others}


async def test_a_link_that_breaks_during_a_stop_changes_nothing(
    autojump_clock: MockClock,
) -> None:
    async with open_actors() as actors:
        first = await actors.spawn(mortal)
        second = await actors.spawn(linked, first, stop=Grace(200))
        await second.tell("sleep")
        await wait_all_tasks_blocked()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(second.stop)
            await wait_all_tasks_blocked()
            await first.tell("boom")
        assert trio.current_time() == 100
        assert (first.incarnation, second.incarnation) == (2, 1)


async def test_a_queued_message_about_an_end_is_not_read_by_the_next_incarnation(
    autojump_clock: MockClock,
) -> None:
    seen = list[object]()

    async def trapper(inbox: Inbox[str | Exited], other: Ref[str]) -> None:
        if inbox.incarnation == 1:
            inbox.link(other, trap=True)
        async for message in inbox:
            seen.append(message)
            if inbox.incarnation == 1:
                await trio.sleep(2)
                raise BOOM

    async with open_actors() as actors:
        other = await actors.spawn(mortal)
        ref = await actors.spawn(trapper, other)
        await ref.tell("slow")
        await wait_all_tasks_blocked()
        await other.stop()
        await trio.sleep(3)
        assert (ref.incarnation, seen) == (2, ["slow"])
