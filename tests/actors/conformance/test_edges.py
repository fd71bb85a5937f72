"""What happens at the very edge: between incarnations, and during a stop."""

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from crew_actors.actors import (
    Actor,
    ActorError,
    AskTimeout,
    Exited,
    Inbox,
    Ref,
    Request,
    Terminated,
    open_actors,
)
from crew_mailbox import Mailbox, Notice, Reason, open_mailbox

BOOM = ValueError("boom")


async def mortal(inbox: Inbox[str]) -> None:
    async for message in inbox:
        if message == "boom":
            raise BOOM


class Reader(Actor[str]):
    """Reads a second message in the middle of the first."""

    async def handle(self, message: str, inbox: Inbox[str]) -> None:
        await inbox.receive()

    async def stopping(self, inbox: Inbox[str], failure: BaseException | None) -> None:
        assert failure is None


async def test_a_class_that_runs_into_the_end_of_its_inbox_ends_in_order() -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(Reader)
        await ref.tell("first")
        await wait_all_tasks_blocked()
        report = await ref.stop()
        assert (report.end, report.error) == ("returned", None)


class Unmade(Actor[str]):
    """Cannot even be constructed the second time."""

    def __init__(self, made: list[int]) -> None:
        made.append(1)
        if len(made) == 2:
            raise BOOM

    async def handle(self, message: str, inbox: Inbox[str]) -> None:
        raise BOOM


async def test_a_constructor_that_raises_is_a_crash() -> None:
    async with open_actors() as actors:
        made = list[int]()
        ref = await actors.spawn(Unmade, made)
        await ref.tell("boom")
        await wait_all_tasks_blocked()
        assert (ref.incarnation, len(made)) == (3, 3)
        assert ref.is_alive


class Late(Actor[str | Terminated | Exited]):
    """Orders things for itself when it has ended already."""

    def __init__(self, other: Ref[str], seen: list[object]) -> None:
        self.other = other
        self.seen = seen

    async def handle(
        self,
        message: str | Terminated | Exited,
        inbox: Inbox[str | Terminated | Exited],
    ) -> None:
        self.seen.append(message)
        if message == "boom":
            raise BOOM

    async def stopping(
        self, inbox: Inbox[str | Terminated | Exited], failure: BaseException | None
    ) -> None:
        inbox.once(0, "tick")
        inbox.watch(self.other)
        inbox.link(self.other)
        inbox.link(self.other, trap=True)
        inbox.pipe_to_self(self.other.wait, then=repr, error=repr)
        assert not inbox.unlink(self.other)


async def test_what_an_incarnation_orders_after_its_end_never_comes(
    autojump_clock: MockClock,
) -> None:
    seen = list[object]()
    async with open_actors() as actors:
        other = await actors.spawn(mortal)
        ref = await actors.spawn(Late, other, seen)
        await ref.tell("boom")
        await trio.sleep(1)
        assert ref.incarnation == 2
        await other.stop()
        await trio.sleep(1)
        assert seen == ["boom"]
        assert ref.is_alive


async def test_a_notice_that_was_stashed_comes_back() -> None:
    seen = list[object]()

    async def body(inbox: Inbox[Terminated | str], other: Ref[str]) -> None:
        inbox.watch(other)
        async for message in inbox:
            seen.append(message)
            if len(seen) == 1:
                inbox.stash()
            elif message == "open":
                inbox.unstash()

    async with open_actors() as actors:
        other = await actors.spawn(mortal)
        ref = await actors.spawn(body, other)
        await wait_all_tasks_blocked()
        await other.stop()
        await wait_all_tasks_blocked()
        await ref.tell("open")
        await wait_all_tasks_blocked()
        notice = Terminated(other, "stopped")
        assert seen == [notice, "open", notice]
        assert ref.statistics().accepted == 2


async def test_who_traps_and_stops_reads_only_what_it_has(
    autojump_clock: MockClock,
) -> None:
    seen = list[object]()

    async def trapper(inbox: Inbox[str | Exited | Terminated], other: Ref[str]) -> None:
        inbox.link(other, trap=True)
        inbox.watch(other)
        async for message in inbox:
            seen.append(message)
            await trio.sleep(2)

    async with open_actors() as actors:
        other = await actors.spawn(mortal)
        ref = await actors.spawn(trapper, other)
        await ref.tell("work")
        await wait_all_tasks_blocked()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ref.stop)
            await wait_all_tasks_blocked()
            await other.tell("boom")
            await trio.sleep(1)
            await other.stop()
        assert seen == ["work"]


async def test_an_error_for_the_actor_is_not_given_to_its_next_incarnation() -> None:
    go_on = trio.Event()

    def broken(_: object) -> str:
        raise LookupError

    async def body(inbox: Inbox[str]) -> None:
        if inbox.incarnation == 1:
            inbox.pipe_to_self(trio.lowlevel.checkpoint, then=broken, error=broken)
        async for _ in inbox:
            await go_on.wait()
            raise BOOM

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        await ref.tell("work")
        await wait_all_tasks_blocked()
        go_on.set()
        await wait_all_tasks_blocked()
        assert ref.incarnation == 2


async def test_a_job_that_returns_in_spite_of_its_cancellation_is_a_dead_letter(
    autojump_clock: MockClock,
) -> None:
    async def stubborn() -> str:
        with trio.CancelScope(shield=True):
            await trio.sleep(3)
        return "late"

    async def body(inbox: Inbox[str]) -> None:
        if inbox.incarnation == 1:
            inbox.pipe_to_self(stubborn, then=str, error=repr)
        await mortal(inbox)

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        await ref.tell("boom")
        await trio.sleep(5)
        assert ref.incarnation == 2
        letters = {each.summary: each.reason for each in actors.dead_letters.newest()}
        assert letters["'late'"] is Reason.UNDELIVERED


async def test_a_dead_letter_is_sent_again_to_the_address_of_an_actor() -> None:
    seen = list[str]()

    async def body(inbox: Inbox[str]) -> None:
        async for message in inbox:
            if inbox.incarnation == 1:
                raise BOOM
            seen.append(message)

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        await ref.tell("x")
        await wait_all_tasks_blocked()
        (letter,) = actors.dead_letters.newest()
        actors.dead_letters.requeue(letter.number, ref.address)
        await wait_all_tasks_blocked()
        assert seen == ["x"]


async def test_urgent_messages_are_read_first_and_low_ones_last() -> None:
    seen = list[str]()

    async def body(inbox: Inbox[str]) -> None:
        async for message in inbox:
            seen.append(message)

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        ref.tell_nowait("low", "low")
        ref.tell_nowait("normal")
        await ref.tell("urgent", priority="urgent")
        await wait_all_tasks_blocked()
        assert seen == ["urgent", "normal", "low"]


@attrs.frozen
class Pass(Request[str]):
    """Sent on to the first of the rest, or answered; asked if *asks* says so."""

    rest: tuple[Ref["Pass"], ...] = ()


async def test_a_cycle_that_is_closed_by_sending_on_ends_by_its_time(
    autojump_clock: MockClock,
) -> None:
    """a asks b, b sends that on to a: a waits for itself, and nobody refuses it."""

    async def asker(inbox: Inbox[Pass]) -> None:
        async for message in inbox:
            with pytest.raises(AskTimeout):
                await message.rest[0].ask(Pass(message.rest[1:]), timeout=5)
            message.reply("late")

    async def sender_on(inbox: Inbox[Pass]) -> None:
        async for message in inbox:
            await message.rest[0].tell(message)

    async with open_actors() as actors, trio.open_nursery() as nursery:
        a = await actors.spawn(asker, restart="temporary")
        b = await actors.spawn(sender_on)
        nursery.start_soon(ignore_end, a, Pass((b, a)))
        await wait_all_tasks_blocked()
        assert trio.current_time() == 0
    assert trio.current_time() == 5


async def ignore_end(ref: Ref[Pass], request: Pass) -> None:
    assert await ref.ask(request, timeout=50) == "late"


def test_a_notice_holds_unless_it_says_otherwise() -> None:
    notice: Notice[str] = Notice()
    assert notice.open()


async def test_a_mailbox_waits_on_when_all_its_notices_were_withdrawn() -> None:
    class Withdrawn(Notice[str]):
        def open(self) -> bool:
            return False

    box: Mailbox[str] = open_mailbox("box", capacity=1)
    got = list[str]()

    async def read() -> None:
        got.append(await box.receive())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        box.send_notice(Withdrawn())
        await wait_all_tasks_blocked()
        assert got == []
        box.send_notice(Withdrawn())
        box.send_nowait("x")
    assert got == ["x"]
    assert box.statistics().accepted == 1
    box.close()


async def test_an_ask_at_a_cycle_of_others_ends_by_its_time(
    autojump_clock: MockClock,
) -> None:
    """a asks b, who sends that to c and asks a; c sends it back: a and b hang."""

    async def first(inbox: Inbox[Pass], other: list[Ref[Pass]]) -> None:
        async for message in inbox:
            with pytest.raises(ActorError):
                await other[0].ask(Pass(), timeout=20)
            message.reply("late")

    async def second(inbox: Inbox[Pass], a: Ref[Pass], c: list[Ref[Pass]]) -> None:
        async for message in inbox:
            await c[0].tell(message)
            with pytest.raises(AskTimeout):
                await a.ask(Pass(), timeout=10)
            return

    async def third(inbox: Inbox[Pass], b: Ref[Pass]) -> None:
        async for message in inbox:
            await trio.sleep(1)
            await b.tell(message)

    others, thirds = list[Ref[Pass]](), list[Ref[Pass]]()
    async with open_actors() as actors, trio.open_nursery() as nursery:
        a = await actors.spawn(first, others, restart="temporary")
        b = await actors.spawn(second, a, thirds)
        others.append(b)
        thirds.append(await actors.spawn(third, b))
        nursery.start_soon(ignore_end, a, Pass())
        await trio.sleep(2)
        with pytest.raises(AskTimeout):
            await a.ask(Pass(), timeout=3)
        assert trio.current_time() == 5
        nursery.cancel_scope.cancel()


async def test_an_inbox_orders_nothing_when_its_incarnation_has_ended(
    autojump_clock: MockClock,
) -> None:
    kept = list[Inbox[str | Terminated]]()
    seen = list[object]()

    async def keeper(inbox: Inbox[str | Terminated]) -> None:
        kept.append(inbox)
        inbox.once(0.1, "up")
        inbox.pipe_to_self(trio.sleep, 0, then=repr, error=repr)
        async for message in inbox:
            seen.append(message)
            if message == "boom":
                raise BOOM

    async def job() -> None:
        seen.append("a job that nobody waits for")

    async with open_actors() as actors:
        other = await actors.spawn(mortal)
        ref = await actors.spawn(keeper)
        await trio.sleep(1)
        await ref.tell("boom")
        await trio.sleep(1)
        seen.clear()
        old = kept[0]
        old.watch(other)
        old.once(1, "once")
        old.every(1, "every")
        old.pipe_to_self(job, then=repr, error=repr)
        await other.stop()
        await trio.sleep(5)
        assert (ref.incarnation, seen) == (2, [])
        assert not old.has_timer("every")
        assert not old.unwatch(other)
