# Read by type checkers, never run: `test_typing.py` lets mypy and pyright read it.
#
# An ignored error is a claim too: both checkers complain about an ignore that is not
# needed.
# pyright: reportUnnecessaryTypeIgnoreComment=true
"""What the types of mailboxes and actors promise."""

from typing import assert_type

import attrs

from crew_actors.actors import Actor, Actors, Inbox, Ref, Request
from crew_mailbox import Address, Mailbox, open_mailbox


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


async def spawning(actors: Actors) -> None:
    assert_type(await actors.spawn(counter, 1), Ref[Message])
    assert_type(await actors.spawn(counter, 1, name="c", capacity=8), Ref[Message])
    assert_type(await actors.spawn(Counter, 1), Ref[Message])
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


def narrowing(ref: Ref[Message], narrow: Ref[Add]) -> None:
    """A ref that takes more may stand for one that takes less, not the reverse."""
    some: Ref[Add] = ref
    all_: Ref[Message] = narrow  # type: ignore[assignment]
    assert some == all_


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
