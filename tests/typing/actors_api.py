# Read by type checkers, never run: `test_typing.py` lets mypy and pyright read it.
#
# An ignored error is a claim too: both checkers complain about an ignore that is not
# needed.
# pyright: reportUnnecessaryTypeIgnoreComment=true
"""What the types of mailboxes and actors promise."""

from functools import partial
from typing import TypeVar, assert_type

import attrs

from crew_actors.actors import (
    Actor,
    Actors,
    Exited,
    Group,
    Inbox,
    OnFailure,
    Recipient,
    Redeliver,
    Ref,
    Request,
    Router,
    Terminated,
    least_loaded,
    round_robin,
)
from crew_actors.testing import Probe, open_probe
from crew_mailbox import Address, Mailbox, open_mailbox

T = TypeVar("T")


@attrs.frozen
class Add:
    n: int


@attrs.frozen
class Get(Request[int]):
    """Answered with the total."""


@attrs.frozen
class Name(Request[str]):
    """Answered with a name."""


@attrs.frozen
class Other(Request[bytes]):
    """Not a message of the counter."""


Message = Add | Get | Name


async def counter(inbox: Inbox[Message], start: int) -> None:
    assert_type(inbox.ref, Ref[Message])
    total = start
    async for message in inbox:
        match message:
            case Add(n):
                total += n
            case Get():
                message.reply(total)
                message.reply("many")  # type: ignore[arg-type]
            case Name():
                message.reply("counter")
    assert_type(await inbox.receive(), Message)


class Counter(Actor[Message]):
    def __init__(self, start: int) -> None:
        self.total = start

    async def handle(self, message: Message, inbox: Inbox[Message]) -> None:
        if isinstance(message, Get):
            message.reply(self.total)


class Keeper(Actor[T]):
    def __init__(self, first: T) -> None:
        self.kept = first

    async def handle(self, message: T, inbox: Inbox[T]) -> None:
        self.kept = message


async def spawning(actors: Actors) -> None:
    assert_type(await actors.spawn(counter, 1), Ref[Message])
    assert_type(await actors.spawn(counter, 1, name="c", capacity=8), Ref[Message])
    assert_type(await actors.spawn(Counter, 1), Ref[Message])
    bound: Ref[Message] = await actors.spawn(
        partial(counter, start=1)
    )  # mypy forgets it
    made: Ref[Message] = await actors.spawn(partial(Counter, start=1))
    assert bound != made
    assert_type(await actors.spawn(Keeper[str], "a"), Ref[str])
    assert_type(await actors.spawn(Keeper, 1), Ref[int])
    await actors.spawn(Counter(1))  # type: ignore[call-overload]
    await actors.spawn(counter, "1")  # type: ignore[arg-type]
    await actors.spawn(counter)  # type: ignore[arg-type, call-arg]
    await actors.spawn(Counter, "1")  # type: ignore[arg-type]


async def sending(ref: Ref[Message]) -> None:
    await ref.tell(Add(1))
    await ref.tell(Get())
    ref.tell_nowait(Add(1))
    await ref.tell("add")  # type: ignore[arg-type]
    ref.tell_nowait(Other())  # type: ignore[arg-type]


async def asking(ref: Ref[Message]) -> None:
    assert_type(await ref.ask(Get(), timeout=1.0), int)
    assert_type(await ref.ask(Name(), timeout=1.0), str)
    await ref.ask(Other(), timeout=1.0)  # type: ignore[arg-type]
    await ref.ask(Add(1), timeout=1.0)  # type: ignore[arg-type]


async def taking_answers(ref: Ref[Message], router: Router[Message]) -> None:
    """The type that is wanted may be wider than that of the answer."""
    number: float = await ref.ask(Get(), timeout=1.0)
    perhaps: int | None = await router.ask(Get(), timeout=1.0)
    mixed: dict[str, int | str] = {"n": await ref.ask(Get(), timeout=1.0)}
    print(await ref.ask(Get(), timeout=1.0), number, perhaps, mixed)  # noqa: T201 - it takes anything


def narrowing(ref: Ref[Message], narrow: Ref[Add]) -> None:
    """A ref that takes more may stand for one that takes less, not the reverse."""
    some: Ref[Add] = ref
    all_: Ref[Message] = narrow  # type: ignore[assignment]
    assert some == all_


async def options(actors: Actors) -> None:
    await actors.spawn(counter, 1, on_crash=Redeliver(3), on_full="drop_old")
    await actors.spawn(Counter, 1, on_crash="resume", restart="temporary")
    await actors.spawn(counter, 1, on_failure=(OnFailure(OSError, "stop"),))
    await actors.spawn(counter, 1, on_failure=OSError)  # type: ignore[call-overload]
    await actors.spawn(counter, 1, size=3)  # type: ignore[call-overload]
    await actors.spawn(counter, 1, on_full="block")  # type: ignore[call-overload]


async def ordering(ref: Ref[Message]) -> None:
    await ref.tell(Add(1), "urgent")
    await ref.tell(Add(1), priority="low")
    ref.tell_nowait(Add(1), priority="normal")
    assert_type(await ref.ask(Get(), timeout=1.0, priority="urgent"), int)
    await ref.tell(Add(1), priority="high")  # type: ignore[arg-type]
    assert_type(await ref.wait(), Terminated)


async def fetch(url: str) -> bytes:
    return url.encode()


async def watching(inbox: Inbox[Add | Terminated], other: Ref[Get]) -> None:
    inbox.watch(other)
    inbox.watch_with(other, Add(1))
    inbox.link(other)
    inbox.link(other, trap=True)  # type: ignore[call-arg]
    inbox.watch_with(other, "gone")  # type: ignore[arg-type]


async def trapping(inbox: Inbox[Add | Exited], other: Ref[Get]) -> None:
    inbox.link(other, trap=True)
    inbox.watch(other)  # type: ignore[misc]


async def timing(inbox: Inbox[Add]) -> None:
    inbox.once(1.0, Add(1))
    inbox.every(1.0, Add(1), key="tick")
    inbox.once(1.0, "tick")  # type: ignore[arg-type]


async def piping(inbox: Inbox[Add | str]) -> None:
    inbox.pipe_to_self(fetch, "x", then=bytes.decode, error=str)
    inbox.pipe_to_self(fetch, "x", then=lambda body: Add(len(body)), error=repr)
    inbox.pipe_to_self(fetch, 1, then=bytes.decode, error=str)  # type: ignore[arg-type]
    inbox.pipe_to_self(fetch, "x", then=bytes.decode)  # type: ignore[call-arg]


async def routing(refs: list[Ref[Message]], narrow: Ref[Add]) -> None:
    router = round_robin(refs)
    assert_type(router, Router[Message])
    assert_type(await router.ask(Get(), timeout=1.0), int)
    await router.tell("add")  # type: ignore[arg-type]
    group: Group[Message] = Group("counters")
    assert_type(least_loaded(group), Router[Message])
    group.join(refs[0])
    group.join(narrow)  # type: ignore[arg-type]
    assert_type(group.members(), tuple[Ref[Message], ...])
    assert_type(await group.broadcast(Add(1)), tuple[Ref[Message], ...])
    for target in (refs[0], router):
        await feeding(target)


async def feeding(target: Recipient[Message]) -> None:
    await target.tell(Add(1))
    assert_type(await target.ask(Name(), timeout=1.0), str)
    await target.tell(1)  # type: ignore[arg-type]


async def probing(actors: Actors) -> None:
    probe: Probe[Message] = await open_probe(actors)
    assert_type(probe.ref, Ref[Message])
    assert_type(await probe.receive(), Message)
    assert_type(await probe.expect_type(Get), Get)
    await probe.expect("add")  # type: ignore[arg-type]


async def mailboxes() -> None:
    box: Mailbox[Message] = open_mailbox("box", capacity=4)
    assert_type(box.address, Address[Message])
    assert_type(await box.receive(), Message)
    assert_type(box.drain(), list[Message])
    await box.send(1)  # type: ignore[arg-type]
    some: Address[Add] = box.address
    await some.send(Add(1))
    async for message in box:
        assert_type(message, Message)
