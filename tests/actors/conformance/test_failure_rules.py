"""`on_failure`: what follows an error of a certain type."""

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from crew_actors.actors import (
    Actor,
    ActorRestarted,
    ActorStopped,
    Backoff,
    DeadLetters,
    Inbox,
    LinkBroken,
    OnFailure,
    Reason,
    Ref,
    Request,
    open_actors,
)
from crew_supervisors import BadSpec, FailureEscalated

STOP_AT_KEYS = (OnFailure(KeyError, "stop"),)


@attrs.frozen(eq=False)
class Break(Request[None]):
    """Fails the actor with one error, or with several."""

    errors: tuple[Exception, ...]


async def fragile(inbox: Inbox[Break | str]) -> None:
    async for message in inbox:
        if isinstance(message, Break):
            if len(message.errors) == 1:
                raise message.errors[0]
            raise ExceptionGroup("several", message.errors)


async def broken_by(ref: Ref[Break | str], *errors: Exception) -> type[Exception]:
    """Break the actor; return what its asker is told."""
    with pytest.raises((ActorStopped, ActorRestarted)) as told:
        await ref.ask(Break(errors), timeout=1)
    await wait_all_tasks_blocked()
    return told.type


async def test_a_rule_that_stops_ends_the_actor_for_good() -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(fragile, name="f", on_failure=STOP_AT_KEYS)
        error = KeyError("k")
        assert await broken_by(ref, error) is ActorStopped
        end = await ref.wait()
        assert (end.how, end.failure, ref.is_alive) == ("failed", error, False)
        assert actors.find("f") is None
        await actors.spawn(fragile, name="f")  # the name is free


async def test_an_error_that_no_rule_names_is_for_the_restart_type() -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(fragile, on_failure=STOP_AT_KEYS)
        assert await broken_by(ref, ValueError("v")) is ActorRestarted
        assert (ref.incarnation, ref.is_alive) == (2, True)


async def test_the_first_rule_that_matches_counts() -> None:
    rules = (OnFailure(KeyError, "restart"), OnFailure(LookupError, "stop"))
    async with open_actors() as actors:
        ref = await actors.spawn(fragile, on_failure=rules)
        assert await broken_by(ref, KeyError("k")) is ActorRestarted
        assert await broken_by(ref, IndexError("i")) is ActorStopped
        assert not ref.is_alive


async def test_of_a_group_of_errors_the_strictest_answer_counts() -> None:
    async with open_actors() as actors:
        ref = await actors.spawn(fragile, on_failure=STOP_AT_KEYS)
        told = await broken_by(ref, ValueError("v"), KeyError("k"))
        assert told is ActorStopped
        assert (await ref.wait()).how == "failed"


async def test_a_rule_that_escalates_ends_the_block() -> None:
    rules = (OnFailure(OSError, "escalate"),)
    refs = list[Ref[Break | str]]()
    with pytest.raises(ExceptionGroup) as raised:
        async with open_actors() as actors:
            refs.append(await actors.spawn(fragile, on_failure=rules))
            refs.append(await actors.spawn(fragile))
            await broken_by(refs[0], OSError("disk"))
            await trio.sleep_forever()
    assert raised.group_contains(FailureEscalated)
    assert [(await ref.wait()).how for ref in refs] == ["failed", "stopped"]


async def test_a_rule_has_its_own_backoff(autojump_clock: MockClock) -> None:
    slow = OnFailure(OSError, "restart", backoff=Backoff(first=10, factor=1, jitter=0))
    async with open_actors() as actors:
        ref = await actors.spawn(fragile, on_failure=(slow,))
        await broken_by(ref, ValueError("v"))
        assert ref.incarnation == 2
        await broken_by(ref, OSError("busy"))
        await trio.sleep(9)
        assert ref.incarnation == 2
        await trio.sleep(2)
        assert ref.incarnation == 3


class Keeper(Actor[Break | str]):
    """Tells what was left to it."""

    def __init__(self, left: list[str]) -> None:
        self.left = left

    async def handle(self, message: Break | str, inbox: Inbox[Break | str]) -> None:
        if isinstance(message, Break):
            raise message.errors[0]

    async def undelivered(self, messages: object) -> None:
        self.left.append(repr(messages))


@pytest.mark.parametrize("then", ["stop", "escalate"])
async def test_undelivered_sees_what_a_rule_left(then: str) -> None:
    left = list[str]()
    answer = OnFailure(KeyError, "stop" if then == "stop" else "escalate")
    letters = list[DeadLetters]()
    try:
        async with open_actors() as actors:
            letters.append(actors.dead_letters)
            ref = await actors.spawn(Keeper, left, on_failure=(answer,))
            ref.tell_nowait(Break((KeyError("k"),)))
            ref.tell_nowait("later")
            await ref.wait()
    except* FailureEscalated:
        assert then == "escalate"
    assert left == ["['later']"]
    assert letters[0].counts() == {Reason.HANDLER_FAILED: 1}


async def test_a_temporary_actor_is_restarted_by_no_rule() -> None:
    async with open_actors() as actors:
        with pytest.raises(BadSpec, match="temporary"):
            await actors.spawn(
                fragile,
                name="f",
                restart="temporary",
                on_failure=(OnFailure(OSError, "restart"),),
            )
        assert actors.refs() == ()
        await actors.spawn(fragile, name="f")


async def test_a_rule_of_an_actor_counts_no_restarts() -> None:
    async with open_actors() as actors:
        rules = (OnFailure(OSError, "restart", max_restarts=2),)
        with pytest.raises(ValueError, match=r"open_actors\(max_restarts"):
            await actors.spawn(fragile, on_failure=rules)
        assert actors.refs() == ()


async def test_a_broken_link_is_judged_by_the_rules_too() -> None:
    rules = (OnFailure(LinkBroken, "stop"),)

    async def linked(inbox: Inbox[Break | str], other: Ref[Break | str]) -> None:
        inbox.link(other)
        try:
            async for _ in inbox:
                pass
        except trio.Cancelled:
            raise RuntimeError("while cleaning up") from None

    async with open_actors() as actors:
        other = await actors.spawn(fragile)
        ref = await actors.spawn(linked, other, on_failure=rules)
        await wait_all_tasks_blocked()
        await broken_by(other, ValueError("v"))
        assert not ref.is_alive
        assert (await ref.wait()).how == "failed"
        with pytest.raises(ActorStopped):
            await ref.ask(Break((ValueError(),)), timeout=1)
