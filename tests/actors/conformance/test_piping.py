"""Jobs beside the messages; the cases of Pekko's `ActorContextPipeToSelfSpec`."""

import contextvars
import logging

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from crew_actors.actors import Actor, Inbox, open_actors
from crew_mailbox import Reason
from crew_supervisors import ChildFailed, Event, Grace

BOOM = ValueError("boom")


async def after(seconds: float, value: str) -> str:
    await trio.sleep(seconds)
    return value


async def fail(seconds: float) -> str:
    await trio.sleep(seconds)
    raise BOOM


class Piper:
    """Starts one job for each message that is a number of seconds."""

    def __init__(self) -> None:
        self.seen = list[tuple[float, str]]()

    async def __call__(self, inbox: Inbox[float | str]) -> None:
        async for message in inbox:
            if message == "crash":
                raise BOOM
            if isinstance(message, str):
                self.seen.append((trio.current_time(), message))
            elif message < 0:
                inbox.pipe_to_self(fail, -message, then=str, error=repr)
            else:
                inbox.pipe_to_self(after, message, "done", then=str.upper, error=repr)


async def test_the_result_of_a_job_comes_as_a_message(
    autojump_clock: MockClock,
) -> None:
    piper = Piper()
    async with open_actors() as actors:
        ref = await actors.spawn(piper, name="p")
        await ref.tell(2)
        await ref.tell("meanwhile")
        await trio.sleep(5)
        assert piper.seen == [(0, "meanwhile"), (2, "DONE")]
        assert ref.statistics().accepted == 3


async def test_the_error_of_a_job_comes_as_a_message(autojump_clock: MockClock) -> None:
    piper = Piper()
    async with open_actors() as actors:
        ref = await actors.spawn(piper, name="p")
        await ref.tell(-2)
        await trio.sleep(5)
        assert piper.seen == [(2, "ValueError('boom')")]
        assert ref.incarnation == 1


async def test_jobs_end_in_their_own_order(autojump_clock: MockClock) -> None:
    piper = Piper()
    async with open_actors() as actors:
        ref = await actors.spawn(piper, name="p")
        for seconds in (3, 1, -2):
            await ref.tell(seconds)
        await trio.sleep(5)
        assert [time for time, _ in piper.seen] == [1, 2, 3]


async def test_a_result_needs_no_room(autojump_clock: MockClock) -> None:
    seen = list[str]()

    async def body(inbox: Inbox[str]) -> None:
        inbox.pipe_to_self(after, 1, "result", then=str, error=repr)
        async for message in inbox:
            seen.append(message)
            await trio.sleep(2)

    async with open_actors() as actors:
        ref = await actors.spawn(body, capacity=1)
        for text in ("a", "b", "c"):
            await ref.tell(text)
        await trio.sleep(9)
        assert seen == ["a", "result", "b", "c"]


async def test_a_failure_in_making_the_message_is_a_crash_of_the_actor() -> None:
    events = list[Event]()

    def broken(value: str) -> str:
        raise LookupError(value)

    async def body(inbox: Inbox[str]) -> None:
        if inbox.incarnation == 1:
            inbox.pipe_to_self(after, 0, "result", then=broken, error=repr)
        async for _ in inbox:
            pass

    async with open_actors(on_event=events.append) as actors:
        ref = await actors.spawn(body)
        await wait_all_tasks_blocked(0.01)
        assert ref.incarnation == 2
    (failed,) = [event for event in events if isinstance(event, ChildFailed)]
    assert isinstance(failed.error, LookupError)


async def test_a_restart_waits_until_the_jobs_are_gone(
    autojump_clock: MockClock,
) -> None:
    log = list[tuple[float, str]]()

    async def stubborn() -> str:
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(3)
            log.append((trio.current_time(), "job ended"))

    async def body(inbox: Inbox[str]) -> None:
        log.append((trio.current_time(), f"incarnation {inbox.incarnation}"))
        if inbox.incarnation == 1:
            inbox.pipe_to_self(stubborn, then=str, error=repr)
        async for _ in inbox:
            raise BOOM

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        await wait_all_tasks_blocked()
        await ref.tell("crash")
        await trio.sleep(5)
        assert log == [(0, "incarnation 1"), (3, "job ended"), (3, "incarnation 2")]


async def test_no_result_reaches_another_incarnation(autojump_clock: MockClock) -> None:
    piper = Piper()
    async with open_actors() as actors:
        ref = await actors.spawn(piper, name="p")
        await ref.tell(2)
        await ref.tell("crash")
        await trio.sleep(5)
        assert ref.incarnation == 2
        assert piper.seen == []


async def test_a_result_that_was_read_is_no_dead_letter(
    autojump_clock: MockClock,
) -> None:
    seen = list[str]()

    async def body(inbox: Inbox[str]) -> None:
        inbox.pipe_to_self(after, 1, "result", then=str, error=repr)
        async for message in inbox:
            seen.append(message)

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        await trio.sleep(2)
        await ref.stop()
        assert seen == ["result"]
        assert actors.dead_letters.total == 0


async def test_a_result_that_the_incarnation_did_not_read_is_a_dead_letter(
    autojump_clock: MockClock,
) -> None:
    async def body(inbox: Inbox[str]) -> None:
        if inbox.incarnation == 1:
            inbox.pipe_to_self(after, 1, "result", then=str, error=repr)
        async for _ in inbox:
            await trio.sleep(2)
            raise BOOM

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        await ref.tell("crash")
        await trio.sleep(5)
        letters = {each.summary: each.reason for each in actors.dead_letters.newest()}
        assert letters == {
            "'result'": Reason.UNDELIVERED,
            "'crash'": Reason.HANDLER_FAILED,
        }


async def test_a_result_that_comes_during_a_stop_is_a_dead_letter(
    autojump_clock: MockClock,
) -> None:
    async def body(inbox: Inbox[str]) -> None:
        inbox.pipe_to_self(after, 1, "result", then=str, error=repr)
        async for _ in inbox:
            await trio.sleep(2)

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        await ref.tell("work")
        await wait_all_tasks_blocked()
        await ref.stop()
        assert actors.dead_letters.counts() == {Reason.UNDELIVERED: 1}


async def test_a_stop_cancels_the_jobs(autojump_clock: MockClock) -> None:
    piper = Piper()
    async with open_actors() as actors:
        ref = await actors.spawn(piper, name="p", stop=Grace(9))
        await ref.tell(100)
        await wait_all_tasks_blocked()
        report = await ref.stop()
        assert trio.current_time() == 0
        assert report.graceful


async def test_a_job_may_stop_its_own_actor(autojump_clock: MockClock) -> None:
    class Suicidal(Actor[str]):
        async def started(self, inbox: Inbox[str]) -> None:
            inbox.pipe_to_self(inbox.ref.stop, then=repr, error=repr)

        async def handle(self, message: str, inbox: Inbox[str]) -> None:
            raise NotImplementedError

    async with open_actors() as actors:
        ref = await actors.spawn(Suicidal)
        assert (await ref.wait()).how == "stopped"


async def test_a_job_sees_the_context_of_its_actor() -> None:
    where = contextvars.ContextVar[str]("where")
    seen = list[str]()

    async def look() -> str:
        await trio.lowlevel.checkpoint()
        return where.get()

    async def body(inbox: Inbox[str]) -> None:
        where.set("here")
        inbox.pipe_to_self(look, then=str, error=repr)
        seen.append(await inbox.receive())

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        await ref.wait()
        assert seen == ["here"]


async def test_a_job_that_fails_while_it_is_cancelled_is_logged(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(error: Exception) -> str:
        raise LookupError from error

    async def messy() -> str:
        try:
            await trio.sleep_forever()
        finally:
            raise BOOM

    async def body(inbox: Inbox[str]) -> None:
        inbox.pipe_to_self(messy, then=str, error=broken)
        async for _ in inbox:
            pass

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        await wait_all_tasks_blocked()
        await ref.stop()
    (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert ref.name in record.getMessage()


async def test_a_job_that_fails_during_a_stop_is_logged(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(value: str) -> str:
        raise LookupError(value)

    async def body(inbox: Inbox[str]) -> None:
        inbox.pipe_to_self(after, 1, "late", then=broken, error=repr)
        async for _ in inbox:
            await trio.sleep(2)

    async with open_actors() as actors:
        ref = await actors.spawn(body)
        await ref.tell("work")
        await wait_all_tasks_blocked()
        await ref.stop()
    assert [each.levelno for each in caplog.records] == [logging.ERROR]
